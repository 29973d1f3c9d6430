//! What happens to who calls or connects too often, and to a list that gets too long?

use super::sync::fill;
use crate::support::{BOTH, Call, Gateway, Transport, c2c, group, json, keys};
use conversation_protocol::CloseCode;

/// Calls at once, fewer than may be under way.
const VOLLEY: usize = 8;

#[tokio::test]
async fn a_session_that_calls_too_often_is_told_7008_and_survives() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let mut done = 0;
    let refusal = loop {
        assert!(done < 2_000, "nothing is refused");
        for _ in 0..VOLLEY {
            session.ask("ping", json!({})).await;
        }
        let mut refused = None;
        for _ in 0..VOLLEY {
            let reply = session.reply().await;
            match reply.get("error") {
                Some(error) => refused = Some(error.clone()),
                None => done += 1,
            }
        }
        if let Some(error) = refused {
            break error;
        }
    };
    assert_eq!(refusal["code"], 7008);
    assert!(done >= 100, "a burst of 100 is allowed, {done} were done");
    gateway.send(c2c("bob", "alice", 1)).await;
    session.expect("newConversation").await;
    crate::support::until("a call succeeds again", async || session.call("ping", json!({})).await.is_ok()).await;
}

#[tokio::test]
async fn a_user_that_calls_too_often_over_http_is_told_429_and_when_to_come_back() {
    let gateway = Gateway::with(&["--call-units-per-second", "1"]).await;
    let token = keys::token("alice");
    let call = || Call::post("/v1/getTotalUnreadMessageCount").bearer(&token).send(gateway.address);
    for n in 0..100 {
        assert_eq!(call().await.status, 200, "call {n} of a burst of 100");
    }
    let mut answer = call().await;
    for _ in 0..20 {
        if answer.status == 429 {
            break;
        }
        answer = call().await;
    }
    assert_eq!(answer.refusal(), (429, 7008));
    let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=2).contains(&wait), "{wait}");
    let other = Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("bob")).send(gateway.address).await;
    assert_eq!(other.status, 200, "others are not concerned");
    gateway.live("alice").await.done("ping", json!({})).await;
}

#[tokio::test]
async fn a_batch_costs_a_unit_for_every_ten_ids() {
    let gateway = Gateway::with(&["--call-units-per-second", "1"]).await;
    let ids: Vec<String> = (0..100).map(|n| format!("c2c_u{n}")).collect();
    let params = json!({"conversationIDList": ids, "recvOpt": 2});
    let mut session = gateway.live("alice").await;
    for _ in 0..10 {
        session.done("setReceiveMessageOpt", params.clone()).await;
    }
    let mut refused = 0;
    for _ in 0..3 {
        refused += u64::from(
            session.call("setReceiveMessageOpt", params.clone()).await.is_err_and(|error| error["code"] == 7008),
        );
    }
    assert!(refused >= 2, "ten batches of 100 ids are a burst");
}

#[tokio::test]
async fn who_sends_many_calls_without_waiting_gets_an_answer_to_each() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let mut asked = std::collections::BTreeSet::new();
    for n in 0..60 {
        let draft = json!({"conversationID": "c2c_bob", "draftText": format!("{n}")});
        asked.insert(session.ask("setConversationDraft", draft).await);
    }
    while !asked.is_empty() {
        let reply = session.reply().await;
        assert!(reply.get("error").is_none_or(|error| error["code"] == 7008), "{reply}");
        assert!(asked.remove(&reply["id"].as_u64().unwrap()), "answered once: {reply}");
    }
    session.converge(&gateway).await;
}

#[tokio::test]
async fn a_user_that_connects_too_often_is_told_to_back_off() {
    let gateway = Gateway::with(&["--connects-per-user", "1"]).await;
    for _ in 0..4 {
        gateway.live("alice").await;
    }
    let mut codes = Vec::new();
    for _ in 0..3 {
        let mut session = gateway.open(Transport::WebSocket, "alice").await;
        let first = tokio::time::timeout(crate::support::PATIENCE, session.first()).await.expect("something comes");
        codes.push(first);
    }
    assert!(codes.contains(&Some(CloseCode::Overloaded.code())), "{codes:?}");
    gateway.live("bob").await;
}

#[tokio::test]
async fn a_node_that_is_full_tells_new_clients_to_back_off() {
    let gateway = Gateway::with(&["--max-sessions", "2"]).await;
    let mut first = gateway.live("alice").await;
    let second = gateway.live("bob").await;
    gateway.opening(Transport::WebSocket, "carol").refused_websocket(CloseCode::Overloaded).await;
    let answer = gateway.opening(Transport::Events, "carol").refused_events().await;
    assert_eq!((answer.refusal(), answer.header("retry-after").is_some()), ((429, 7008), true));
    first.expect_silence_until_marker(&gateway).await;
    drop(second);
    crate::support::until("there is room again", async || {
        gateway.open(Transport::WebSocket, "carol").await.first().await.is_none()
    })
    .await;
}

#[tokio::test]
async fn past_the_limit_of_rows_the_lowest_is_deleted_live_and_in_a_replay() {
    let gateway = Gateway::with(&["--rows-per-user", "100"]).await;
    fill(&gateway, "alice", 100).await;
    gateway.call("alice", "pinConversation", json!({"conversationID": "group_g0", "isPinned": true})).await.unwrap();
    let mut sessions = Vec::new();
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        sessions.push(session);
    }
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    gateway.send(c2c("bob", "alice", 1)).await;
    for session in &mut sessions {
        assert_eq!(session.expect("newConversation").await.ids(), ["c2c_bob"]);
        let deleted = session.expect("conversationDeleted").await;
        assert_eq!(deleted.ids(), ["group_g1"], "the lowest that is not pinned");
        session.converge(&gateway).await;
        assert_eq!((session.list.rows().len(), session.list.total()), (100, Some(100)));
    }
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").since(&cursor).open().await.sync().await;
        assert_eq!(sync.mode, "replay");
        assert_eq!((sync.created(), sync.deleted()), (vec!["c2c_bob".to_owned()], vec!["group_g1".to_owned()]));
        assert_eq!(sync.finish["conversationCount"], 100);
    }
    // The backend repeats the message of the row that went, then sends the next one.
    let repeat = gateway.post("sendMessage", group("g1", "zoe", &["alice"], 1)).await;
    assert_eq!((&repeat["applied"], &repeat["duplicates"]), (&json!(0), &json!(1)));
    gateway.send(group("g1", "zoe", &["alice"], 2)).await;
    for session in &mut sessions {
        let fresh = session.expect("newConversation").await;
        assert_eq!((fresh.ids(), &fresh.row()["unreadCount"]), (vec!["group_g1".to_owned()], &json!(1)));
        assert_eq!(session.expect("conversationDeleted").await.ids(), ["group_g2"]);
        session.converge(&gateway).await;
    }
}
