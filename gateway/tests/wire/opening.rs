//! How does a client say who it is?

use crate::support::{Gateway, PATIENCE, Transport, c2c, json, keys};
use conversation_protocol::CloseCode;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn the_subprotocol_is_agreed_on_if_it_is_offered() {
    let gateway = Gateway::start().await;
    for (offered, agreed) in [
        ("conversations.v1", Some("conversations.v1")),
        ("chat, conversations.v1", Some("conversations.v1")),
        ("chat", None),
    ] {
        let opening = gateway.opening(Transport::WebSocket, "alice").header("sec-websocket-protocol", offered);
        if agreed.is_some() {
            let (mut session, protocol) = opening.open_websocket().await;
            assert_eq!(protocol.as_deref(), agreed);
            session.sync().await;
        }
    }
    let (mut session, protocol) = gateway.opening(Transport::WebSocket, "alice").open_websocket().await;
    assert_eq!(protocol, None);
    session.sync().await;
}

#[tokio::test]
async fn a_token_may_stand_in_the_url() {
    let gateway = Gateway::start().await;
    for transport in [Transport::WebSocket, Transport::Events] {
        let opening = gateway.opening(transport, "alice").anonymous().query("token", &keys::token("alice"));
        assert_eq!(opening.open().await.sync().await.mode, "full");
    }
    assert!(!gateway.log().contains("eyJ"), "a token is never logged");
}

#[tokio::test]
async fn a_websocket_may_authenticate_with_its_first_message_and_give_its_cursor_there() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    gateway.send(c2c("carol", "alice", 1)).await;
    for since in [None, Some(cursor.as_str())] {
        let mut session = gateway.opening(Transport::WebSocket, "alice").anonymous().open().await;
        let mut params = json!({"token": keys::token("alice")});
        if let Some(since) = since {
            params["since"] = json!(since);
        }
        assert_eq!(session.done("authenticate", params).await, json!({}));
        let sync = session.sync().await;
        assert_eq!(
            (sync.mode.as_str(), sync.created().len()),
            if since.is_some() { ("replay", 1) } else { ("full", 2) }
        );
    }
}

#[tokio::test]
async fn what_is_not_a_good_authenticate_closes_with_4001() {
    let gateway = Gateway::start().await;
    let firsts = [
        json!({"id": 1, "method": "getConversationList", "params": {"nextSeq": 0, "count": 1}}).to_string(),
        json!({"id": 1, "method": "ping", "params": {}}).to_string(),
        json!({"id": 1, "method": "authenticate", "params": {"token": "garbage"}}).to_string(),
        json!({"id": 1, "method": "authenticate", "params": {}}).to_string(),
        json!({"id": 1, "method": "authenticate", "params": {"token": 7}}).to_string(),
        json!({"id": 1, "method": "authenticate"}).to_string(),
        json!({"id": 1, "method": "authenticate", "params": {"token": keys::token_until("alice", -60)}}).to_string(),
        "{".to_owned(),
    ];
    for first in firsts.into_iter().map(Message::text).chain([Message::binary(vec![1, 2])]) {
        let mut session = gateway.opening(Transport::WebSocket, "alice").anonymous().open().await;
        session.send(first.clone()).await;
        let (code, events) = session.closed().await;
        assert_eq!((code, events), (Some(CloseCode::Unauthenticated.code()), Vec::new()), "{first}");
    }
}

#[tokio::test]
async fn a_websocket_that_does_not_authenticate_is_closed_after_ten_seconds() {
    let gateway = Gateway::start().await;
    let mut session = gateway.opening(Transport::WebSocket, "alice").anonymous().open().await;
    let early = tokio::time::timeout(Duration::from_secs(9), session.closed()).await;
    assert!(early.is_err(), "it has ten seconds");
    let (code, _) = tokio::time::timeout(PATIENCE, session.closed()).await.expect("then it is closed");
    assert_eq!(code, Some(CloseCode::Unauthenticated.code()));
}

#[tokio::test]
async fn a_bad_token_closes_a_websocket_with_4001_and_is_401_elsewhere() {
    let gateway = Gateway::start().await;
    for token in ["", "garbage", "a.b.c", &keys::token_until("alice", -60)] {
        gateway.opening(Transport::WebSocket, "alice").token(token).refused_websocket(CloseCode::Unauthenticated).await;
        let answer = gateway.opening(Transport::Events, "alice").token(token).refused_events().await;
        assert_eq!(answer.refusal(), (401, 6014), "{token}");
    }
    let answer = gateway.opening(Transport::Events, "alice").anonymous().refused_events().await;
    assert_eq!(answer.refusal(), (401, 6014));
}

#[tokio::test]
async fn a_client_that_closes_gets_its_close_back() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    session.send(Message::Close(None)).await;
    assert_eq!(session.closed().await.0, Some(CloseCode::Normal.code()));
    crate::support::until("the session is gone", async || {
        gateway.metric("gateway_sessions{transport=\"websocket\"}").await == 0
    })
    .await;
}
