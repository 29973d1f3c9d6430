//! Do two nodes on one Redis behave as one, also while Redis or the way to it fails?

mod support;

use std::time::Duration;
use support::{
    BOTH, Gateway, Session, Transport, c2c, group, json,
    keys::{self, now_s},
    redis_server::RedisServer,
    until,
};

/// A Redis and two nodes on it, which compare clocks often.
async fn two_nodes() -> (RedisServer, Gateway, Gateway) {
    let redis = RedisServer::start().await;
    let url = redis.url();
    let settings = ["--store", &url, "--compare-interval-ms", "1000"];
    let (a, b) = tokio::join!(Gateway::with(&settings), Gateway::with(&settings));
    (redis, a, b)
}

/// A live session of a user on each node, one over each transport.
async fn on_both(a: &Gateway, b: &Gateway, user: &str) -> [Session; 2] {
    let mut sessions = [a.open(BOTH[0], user).await, b.open(BOTH[1], user).await];
    for session in &mut sessions {
        session.sync().await;
    }
    sessions
}

#[tokio::test]
async fn what_is_posted_to_one_node_reaches_the_sessions_on_both() {
    let (_redis, a, b) = two_nodes().await;
    let mut sessions = on_both(&a, &b, "alice").await;
    for seq in 1..=20 {
        let node = if seq % 2 == 0 { &a } else { &b };
        node.send(c2c("bob", "alice", seq)).await;
        node.send(group(&format!("g{}", seq % 3), "bob", &["alice", "bob"], seq)).await;
    }
    sessions[0].done("cleanConversationUnreadMessageCount", json!({"conversationID": "group_g0"})).await;
    a.call("alice", "deleteConversation", json!({"conversationID": "group_g1"})).await.unwrap();
    b.call("alice", "pinConversation", json!({"conversationID": "group_g2", "isPinned": true})).await.unwrap();
    for (session, node) in sessions.iter_mut().zip([&b, &a]) {
        session.converge(node).await;
    }
    assert_eq!(a.total("alice").await, 27);
}

#[tokio::test]
async fn what_one_node_has_answered_the_other_shows_at_once() {
    let (_redis, a, b) = two_nodes().await;
    for seq in 1..=30 {
        let (writer, reader) = if seq % 2 == 0 { (&a, &b) } else { (&b, &a) };
        writer.send(c2c("bob", "alice", seq)).await;
        assert_eq!(reader.total("alice").await, seq);
    }
}

#[tokio::test]
async fn both_nodes_may_write_one_user_at_once_and_nothing_is_lost() {
    let (_redis, a, b) = two_nodes().await;
    let mut sessions = on_both(&a, &b, "alice").await;
    let write = async |node: &Gateway, first: u64| {
        for seq in (first..200).step_by(2) {
            node.send(group("g1", "bob", &["alice"], seq)).await;
        }
    };
    tokio::join!(write(&a, 1), write(&b, 2));
    assert_eq!(a.total("alice").await, 199);
    for session in &mut sessions {
        session.converge(&a).await;
    }
}

#[tokio::test]
async fn a_client_that_is_cut_from_one_node_resumes_on_the_other_with_exactly_what_changed() {
    let (_redis, mut a, b) = two_nodes().await;
    for peer in ["bob", "carol", "dora"] {
        a.send(c2c(peer, "alice", 1)).await;
    }
    for transport in BOTH {
        let mut session = a.open(transport, "alice").await;
        let cursor = session.sync().await.cursor;
        drop(session);
        let seq = if transport == BOTH[0] { 2 } else { 3 };
        b.send(c2c("carol", "alice", seq)).await;
        let sync = b.opening(transport, "alice").since(&cursor).open().await.sync().await;
        assert_eq!(
            (sync.mode.as_str(), sync.changed(), sync.created().len()),
            ("replay", vec!["c2c_carol".to_owned()], 0)
        );
    }
    let mut session = a.live("alice").await;
    let cursor = session.list.cursor.clone().unwrap();
    a.kill();
    assert_eq!(session.closed().await.0, None, "a node that dies says nothing");
    b.send(c2c("bob", "alice", 2)).await;
    let sync = b.opening(Transport::WebSocket, "alice").since(&cursor).open().await.sync().await;
    assert_eq!((sync.mode.as_str(), sync.changed()), ("replay", vec!["c2c_bob".to_owned()]));
}

#[tokio::test]
async fn a_kick_on_one_node_ends_the_sessions_on_both_and_refuses_old_tokens_on_both() {
    let (_redis, a, b) = two_nodes().await;
    let sessions = on_both(&a, &b, "alice").await;
    let mut bystander = b.live("bob").await;
    let result = a.post("kickUser", json!({"userID": "alice", "reason": "bye"})).await;
    assert_eq!(result, json!({"kicked": 2, "unconfirmed": 0}));
    for (mut session, code) in sessions.into_iter().zip([Some(4003), None]) {
        let (closed_with, events) = session.closed().await;
        assert_eq!((closed_with, events.len()), (code, 1));
        assert_eq!(events[0].data, json!({"reason": "bye"}));
    }
    let old = keys::sign(&json!({"sub": "alice", "iat": now_s() - 60, "exp": now_s() + 60}));
    for node in [&a, &b] {
        let answer = node.opening(Transport::Events, "alice").token(&old).refused_events().await;
        assert_eq!(answer.status, 204);
    }
    bystander.expect_silence_until_marker(&a).await;
}

#[tokio::test]
async fn a_killed_pub_sub_connection_loses_nothing_and_no_session() {
    let (redis, a, b) = two_nodes().await;
    let mut sessions = Vec::new();
    for user in ["alice", "bob", "carol"] {
        sessions.extend(on_both(&a, &b, user).await);
    }
    for seq in 1..=60 {
        if seq % 10 == 0 {
            let killed = redis.command("CLIENT KILL TYPE pubsub").await;
            assert!(killed.starts_with(':'), "{killed}");
        }
        let node = if seq % 2 == 0 { &a } else { &b };
        node.send(group(&format!("g{}", seq % 7), "zoe", &["alice", "bob", "carol"], seq)).await;
    }
    redis.command("CLIENT KILL TYPE pubsub").await;
    for session in &mut sessions {
        session.converge(&a).await;
    }
    assert!(a.metric("gateway_relay_interruptions_total").await > 0, "the path was cut");
}

/// Puts copies of a user's keys in the place of others; no hint tells anybody.
async fn copy_keys(redis: &RedisServer, user: &str, from: &str, to: &str) {
    let answer = redis.command(&format!("KEYS *:{user}:*")).await;
    let keys = answer.lines().filter(|line| line.starts_with("conv:"));
    let of_data = keys.filter(|key| key.ends_with(from) && (!from.is_empty() || !key.contains('#')));
    for key in of_data {
        let name = key.strip_suffix(from).expect("filtered by it");
        let copied = redis.command(&format!("COPY {key} {name}{to} REPLACE")).await;
        assert!(copied.starts_with(":1"), "{copied}");
    }
}

#[tokio::test]
async fn what_changes_without_a_hint_forward_or_back_is_found_by_the_comparison() {
    let (redis, a, b) = two_nodes().await;
    a.send(c2c("bob", "alice", 1)).await;
    let mut sessions = on_both(&a, &b, "alice").await;
    copy_keys(&redis, "alice", "", "#1").await;
    a.send(c2c("bob", "alice", 2)).await;
    a.send(c2c("carol", "alice", 1)).await;
    for session in &mut sessions {
        session.converge(&a).await;
    }
    copy_keys(&redis, "alice", "", "#2").await;
    for (state, total) in [("#1", 1), ("#2", 3)] {
        copy_keys(&redis, "alice", state, "").await;
        for session in &mut sessions {
            session.converge(&b).await;
            assert_eq!(session.list.total(), Some(total));
        }
    }
}

#[tokio::test]
async fn a_redis_that_restarts_with_its_data_is_found_again_and_sessions_go_on() {
    let (mut redis, a, b) = two_nodes().await;
    a.send(c2c("bob", "alice", 1)).await;
    let mut sessions = on_both(&a, &b, "alice").await;
    redis.command("SAVE").await;
    redis.stop();
    until("both nodes are not ready", async || {
        a.get("/readyz").await.status == 503 && b.get("/readyz").await.status == 503
    })
    .await;
    let error = a.backend("sendMessage", c2c("bob", "alice", 2)).await;
    assert!(
        error.as_ref().is_err_and(|error| error["code"] == 50004)
            || error.is_ok_and(|result| result["failed"][0]["code"] == 50004)
    );
    assert_eq!(a.get("/healthz").await.status, 200, "the process is alive");
    redis.go_on().await;
    until("both nodes are ready", async || {
        a.get("/readyz").await.status == 200 && b.get("/readyz").await.status == 200
    })
    .await;
    b.send(c2c("bob", "alice", 2)).await;
    for session in &mut sessions {
        session.converge(&a).await;
        assert_eq!(session.list.total(), Some(2));
    }
}

#[tokio::test]
async fn a_redis_that_lost_its_data_leaves_no_client_with_rows_that_are_gone() {
    let (mut redis, a, b) = two_nodes().await;
    for peer in ["bob", "carol"] {
        a.send(c2c(peer, "alice", 1)).await;
    }
    let mut sessions = on_both(&a, &b, "alice").await;
    let cursor = sessions[0].list.cursor.clone().unwrap();
    redis.stop();
    redis.go_on().await;
    until("both nodes are ready", async || {
        a.get("/readyz").await.status == 200 && b.get("/readyz").await.status == 200
    })
    .await;
    for session in &mut sessions {
        session.converge(&a).await;
        assert_eq!(session.list.rows().len(), 0);
    }
    b.send(c2c("dora", "alice", 1)).await;
    for session in &mut sessions {
        session.converge(&a).await;
        assert_eq!(session.list.rows().len(), 1);
    }
    let sync = b.opening(Transport::WebSocket, "alice").since(&cursor).open().await.sync().await;
    assert_eq!((sync.mode.as_str(), sync.created()), ("full", vec!["c2c_dora".to_owned()]));
}

#[tokio::test]
async fn a_client_that_connects_while_redis_is_away_is_told_and_syncs_when_it_is_back() {
    let (mut redis, a, _b) = two_nodes().await;
    a.send(c2c("bob", "alice", 1)).await;
    redis.command("SAVE").await;
    redis.stop();
    until("the node is not ready", async || a.get("/readyz").await.status == 503).await;
    let answer = a.opening(Transport::Events, "alice").refused_events().await;
    assert_eq!(answer.refusal(), (503, 50004));
    let mut session = a.open(Transport::WebSocket, "alice").await;
    assert!(tokio::time::timeout(Duration::from_millis(300), session.next()).await.is_err_and(|_| true), "it waits");
    redis.go_on().await;
    session.read_until(|list| list.rows().len() == 1 && list.cursor.is_some()).await;
    session.converge(&a).await;
}

#[tokio::test]
async fn a_node_without_its_redis_does_not_start() {
    let address = support::gateway::free_address();
    let url = format!("redis://{address}");
    let message =
        support::gateway::refused_start(&["--store", &url, "--jwt-secret", &keys::SECRET, "--api-key", "k"]).await;
    assert!(message.contains("gateway: "), "{message}");
}
