//! Do the devices of one user show the same, and does nothing come twice?

use crate::support::{BOTH, Gateway, Session, Transport, Value, c2c, group, json, keys};

/// Alice with two rows on two devices, one over each transport.
async fn two_devices(gateway: &Gateway) -> (Session, Session) {
    gateway.send(c2c("bob", "alice", 1)).await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let mut other = gateway.open(Transport::Events, "alice").await;
    other.sync().await;
    (gateway.live("alice").await, other)
}

const CHANGES: [(&str, &str); 6] = [
    ("cleanConversationUnreadMessageCount", r#"{"conversationID": "c2c_bob"}"#),
    ("pinConversation", r#"{"conversationID": "c2c_bob", "isPinned": true}"#),
    ("setReceiveMessageOpt", r#"{"conversationIDList": ["group_g1"], "recvOpt": 2}"#),
    ("setConversationDraft", r#"{"conversationID": "group_g1", "draftText": "hello"}"#),
    ("clearHistoryMessage", r#"{"conversationID": "group_g1"}"#),
    ("deleteConversation", r#"{"conversationID": "c2c_bob"}"#),
];

#[tokio::test]
async fn what_one_device_does_both_devices_show() {
    let gateway = Gateway::start().await;
    let (mut one, mut other) = two_devices(&gateway).await;
    for (method, params) in CHANGES {
        one.done(method, serde_json::from_str(params).unwrap()).await;
        let name = if method == "deleteConversation" { "conversationDeleted" } else { "conversationChanged" };
        for session in [&mut one, &mut other] {
            session.expect(name).await;
            session.converge(&gateway).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_is_repeated_succeeds_and_sends_nothing() {
    let gateway = Gateway::start().await;
    let (mut one, mut other) = two_devices(&gateway).await;
    for (method, params) in CHANGES {
        let params: Value = serde_json::from_str(params).unwrap();
        let first = one.done(method, params.clone()).await;
        for session in [&mut one, &mut other] {
            session.converge(&gateway).await;
        }
        let before = gateway.total_version("alice").await;
        assert_eq!(one.done(method, params).await, first, "{method}");
        assert_eq!(gateway.total_version("alice").await, before, "{method} moves no clock");
        for session in [&mut one, &mut other] {
            session.expect_silence_until_marker(&gateway).await;
        }
        for session in [&mut one, &mut other] {
            session.converge(&gateway).await;
        }
    }
}

impl Gateway {
    async fn total_version(&self, user: &str) -> Value {
        self.call(user, "getTotalUnreadMessageCount", json!({})).await.expect("a total")["version"].take()
    }
}

#[tokio::test]
async fn a_message_that_is_posted_again_sends_nothing() {
    let gateway = Gateway::start().await;
    let (mut one, mut other) = two_devices(&gateway).await;
    let mut again = c2c("bob", "alice", 1);
    again["profiles"] = json!({"bob": {"showName": "Another name"}});
    let result = gateway.post("sendMessage", again).await;
    assert_eq!((&result["applied"], &result["duplicates"]), (&json!(0), &json!(2)));
    for session in [&mut one, &mut other] {
        session.expect_silence_until_marker(&gateway).await;
    }
}

#[tokio::test]
async fn a_probe_that_is_not_up_to_date_is_followed_by_a_replay_from_its_cursor() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut session = gateway.live("alice").await;
    let old = session.list.cursor.clone().unwrap();
    gateway.send(c2c("bob", "alice", 2)).await;
    session.converge(&gateway).await;
    let newest = session.list.cursor.clone().unwrap();
    assert_eq!(session.done("probe", json!({"cursor": newest})).await, json!({"upToDate": true}));
    session.expect_silence_until_marker(&gateway).await;
    assert_eq!(session.done("probe", json!({"cursor": old})).await, json!({"upToDate": false}));
    // The client that asks has only what it had at that cursor.
    session.list = crate::support::list::List::default();
    let sync = session.sync().await;
    assert_eq!((sync.mode.as_str(), sync.changed()), ("replay", vec!["c2c_bob".to_owned()]));
    assert_eq!(session.done("probe", json!({"cursor": "garbage"})).await, json!({"upToDate": false}));
    assert_eq!(session.sync().await.mode, "full");
    session.converge(&gateway).await;
}

#[tokio::test]
async fn a_new_token_keeps_a_session_beyond_the_end_of_its_old_one() {
    let gateway = Gateway::start().await;
    let short = keys::token_until("alice", -3);
    let mut session = gateway.opening(Transport::WebSocket, "alice").token(&short).open().await;
    let mut control = gateway.opening(Transport::WebSocket, "alice").token(&short).open().await;
    session.sync().await;
    assert_eq!(session.done("refreshToken", json!({"token": keys::token("alice")})).await, json!({}));
    let (code, _) = control.closed().await;
    assert_eq!(code, Some(4202), "the old token has ended");
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_refresh_with_another_users_or_a_bad_token_is_6014_and_the_session_stays() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    for token in [keys::token("bob"), "garbage".to_owned(), keys::token_until("alice", -60)] {
        let error = session.call("refreshToken", json!({"token": token})).await.unwrap_err();
        assert_eq!(error["code"], 6014, "{error}");
    }
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn ping_and_refresh_are_for_sessions_alone() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.live("alice").await.done("ping", json!({})).await, json!({}));
    for (method, params) in [("ping", json!({})), ("refreshToken", json!({"token": keys::token("alice")}))] {
        let call = crate::support::Call::post(&format!("/v1/{method}")).bearer(&keys::token("alice")).json(&params);
        assert_eq!(call.send(gateway.address).await.refusal(), (404, 6017), "{method}");
    }
}

#[tokio::test]
async fn an_own_message_is_shown_on_all_devices_and_counts_on_none() {
    let gateway = Gateway::start().await;
    let mut sessions = Vec::new();
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        sessions.push(session);
    }
    gateway.send(c2c("alice", "bob", 1)).await;
    for session in &mut sessions {
        let event = session.expect("newConversation").await;
        assert!(event.cursor.is_some(), "no total follows");
        assert_eq!((&event.row()["unreadCount"], &event.row()["lastMessage"]["isSelf"]), (&json!(0), &json!(true)));
    }
}
