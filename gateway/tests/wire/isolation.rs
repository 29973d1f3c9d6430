//! Does a user ever see what is another's?

use crate::support::{BOTH, Gateway, Transport, Value, c2c, group, ids, json};

/// Alice and bob with rows of their own, and with one group in common.
async fn two_users() -> Gateway {
    let gateway = Gateway::start().await;
    gateway.send(c2c("carol", "alice", 1)).await;
    gateway.send(c2c("dora", "bob", 1)).await;
    gateway.send(group("common", "carol", &["alice", "bob"], 1)).await;
    gateway
}

#[tokio::test]
async fn every_way_to_read_gives_a_users_own_rows_alone() {
    let gateway = two_users().await;
    let own = ["group_common", "c2c_carol"];
    let mut session = gateway.live("alice").await;
    let page = session.done("getConversationList", json!({"nextSeq": 0, "count": 10})).await;
    assert_eq!(ids(page["conversationList"].as_array().unwrap()), own);
    assert_eq!(ids(&gateway.list("alice").await), own);
    let foreign = json!({"conversationID": "c2c_dora"});
    assert_eq!(session.call("getConversation", foreign.clone()).await.unwrap_err()["code"], 6004);
    assert_eq!(gateway.call("alice", "getConversation", foreign).await.unwrap_err()["code"], 6004);
    assert_eq!(gateway.total("alice").await, 2);
}

#[tokio::test]
async fn another_users_cursor_gives_a_full_sync_of_the_own_rows() {
    let gateway = two_users().await;
    let of_bob = gateway.open(Transport::WebSocket, "bob").await.sync().await.cursor;
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").since(&of_bob).open().await;
        let sync = session.sync().await;
        assert_eq!(
            (sync.mode.as_str(), sync.created()),
            ("full", vec!["group_common".to_owned(), "c2c_carol".to_owned()])
        );
        session.converge(&gateway).await;
    }
    let mut session = gateway.live("alice").await;
    assert_eq!(session.done("probe", json!({"cursor": of_bob})).await, json!({"upToDate": false}));
    let sync = session.sync().await;
    assert_eq!((sync.mode.as_str(), sync.created().len()), ("full", 2));
}

#[tokio::test]
async fn a_session_hears_of_its_own_users_changes_alone() {
    let gateway = two_users().await;
    let (mut alice, mut bob) = (gateway.live("alice").await, gateway.live("bob").await);
    gateway
        .call("bob", "setConversationDraft", json!({"conversationID": "group_common", "draftText": "secret"}))
        .await
        .unwrap();
    gateway.call("bob", "cleanConversationUnreadMessageCount", json!({"conversationID": ""})).await.unwrap();
    gateway.send(c2c("dora", "bob", 2)).await;
    alice.expect_silence_until_marker(&gateway).await;
    bob.converge(&gateway).await;
    let rows: Vec<Value> = alice.list.rows();
    assert!(!json!(rows).to_string().contains("secret"));
}

#[tokio::test]
async fn names_that_look_like_keys_or_channels_stay_apart() {
    let gateway = Gateway::start().await;
    let users = ["a", "a:b", "a:head", "{a}", "a*", "a?", "A", "conv:{0}:a", "ä", "a\u{301}", "a_b", "../a", "a%3Ab"];
    let mut sessions = Vec::new();
    for user in users {
        sessions.push(gateway.live(user).await);
    }
    for (n, user) in users.iter().enumerate() {
        gateway.send(group(&format!("g{n}"), "bob", &[user], 1)).await;
    }
    for (n, session) in sessions.iter_mut().enumerate() {
        assert_eq!(session.expect("newConversation").await.ids(), [format!("group_g{n}")], "{}", users[n]);
        session.converge(&gateway).await;
    }
}
