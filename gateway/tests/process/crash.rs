//! What is left after a gateway was killed in the middle of its work?

use crate::support::{BOTH, Call, Gateway, Session, c2c, group, json, keys::API_KEY, soon};
use std::collections::BTreeMap;

/// Posts messages to three conversations of alice until there is no answer; answers the seqs that were answered.
async fn post_until_it_dies(gateway: &Gateway, lane: u64) -> Vec<u64> {
    let mut answered = Vec::new();
    for seq in (lane..).step_by(4) {
        let message = group(&format!("g{}", seq % 3), "bob", &["alice"], seq);
        let call = Call::post("/server/v1/sendMessage").bearer(&API_KEY).json(&message);
        match soon("an answer or none", call.try_send(gateway.address)).await {
            Ok(answer) if answer.status == 200 => answered.push(seq),
            Ok(_) | Err(_) => return answered,
        }
    }
    unreachable!("it dies before the seqs end")
}

#[tokio::test]
async fn every_message_that_was_answered_survives_a_kill_and_clients_resume_where_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("embedded:{}", directory.path().display());
    let mut gateway = Gateway::with(&["--store", &store]).await;
    for n in 0..3 {
        gateway.send(group(&format!("g{n}"), "bob", &["alice"], 1)).await;
    }
    gateway.send(c2c("dora", "alice", 1)).await;
    let mut sessions: Vec<Session> = Vec::new();
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        sessions.push(session);
    }
    let kill = async {
        while gateway.total("alice").await < 40 {
            tokio::time::sleep(crate::support::LOOK).await;
        }
        gateway.signal("KILL");
    };
    let posting = async {
        let lanes = (4..8).map(|lane| post_until_it_dies(&gateway, lane));
        futures_util::future::join_all(lanes).await.concat()
    };
    let (answered, ()) = tokio::join!(posting, kill);
    for session in &mut sessions {
        let (code, events) = session.closed().await;
        assert_eq!(code, None);
        events.iter().for_each(|event| session.list.apply(event));
    }
    gateway.restart().await;
    let mut unread: BTreeMap<String, u64> = BTreeMap::new();
    for row in gateway.list("alice").await {
        unread.insert(row["conversationID"].as_str().unwrap().to_owned(), row["unreadCount"].as_u64().unwrap());
    }
    for n in 0..3 {
        let posted = 1 + answered.iter().filter(|seq| *seq % 3 == n).count() as u64;
        let kept = unread[&format!("group_g{n}")];
        // Of each lane one message may have been kept without an answer.
        assert!((posted..=posted + 4).contains(&kept), "{posted} were answered, {kept} were kept");
    }
    for seq in &answered {
        let again = gateway.post("sendMessage", group(&format!("g{}", seq % 3), "bob", &["alice"], *seq)).await;
        assert_eq!(again["duplicates"], 1, "{seq} was answered and is not there");
    }
    for (session, transport) in sessions.into_iter().zip(BOTH) {
        let cursor = session.list.cursor.clone().expect("a cursor");
        let mut resumed = gateway.opening(transport, "alice").since(&cursor).open().await;
        resumed.list = session.list;
        let sync = resumed.sync().await;
        assert_eq!(sync.mode, "replay", "the data set is the same");
        assert!(!sync.changed().contains(&"c2c_dora".to_owned()), "it did not change");
        resumed.converge(&gateway).await;
    }
}

#[tokio::test]
async fn settings_pins_and_a_kick_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("embedded:{}", directory.path().display());
    let mut gateway = Gateway::with(&["--store", &store]).await;
    for n in 0..51 {
        let pin = json!({"conversationID": format!("group_g{n}"), "isPinned": true});
        let pinned = gateway.call("alice", "pinConversation", pin).await;
        assert_eq!(pinned.is_ok(), n < 50, "{pinned:?}");
    }
    let draft = json!({"conversationID": "group_g7", "draftText": "unfinished"});
    gateway.call("alice", "setConversationDraft", draft).await.unwrap();
    let before = gateway.list("alice").await;
    gateway.post("kickUser", json!({"userID": "bob", "reason": "x"})).await;
    gateway.restart().await;
    assert_eq!(gateway.list("alice").await, before);
    let pin = json!({"conversationID": "group_g50", "isPinned": true});
    assert_eq!(gateway.call("alice", "pinConversation", pin).await.unwrap_err()["code"], 51012);
    let iat = crate::support::keys::now_s() - 60;
    let old = crate::support::keys::sign(&json!({"sub": "bob", "iat": iat, "exp": iat + 3_600}));
    let answer = gateway.opening(BOTH[1], "bob").token(&old).refused_events().await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn a_directory_that_another_gateway_uses_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("embedded:{}", directory.path().display());
    let gateway = Gateway::with(&["--store", &store]).await;
    let message = crate::support::gateway::refused_start(&["--store", &store, "--listen", "127.0.0.1:0"]).await;
    assert!(message.contains("gateway: ") && !message.contains("panicked"), "{message}");
    assert_eq!(gateway.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_store_in_memory_is_gone_after_a_restart_and_its_cursors_give_a_full_sync() {
    let mut gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let cursor = gateway.live("alice").await.list.cursor.expect("a cursor");
    gateway.restart().await;
    gateway.send(c2c("carol", "alice", 1)).await;
    let mut session = gateway.opening(BOTH[0], "alice").since(&cursor).open().await;
    let sync = session.sync().await;
    assert_eq!((sync.mode.as_str(), sync.created()), ("full", vec!["c2c_carol".to_owned()]));
}
