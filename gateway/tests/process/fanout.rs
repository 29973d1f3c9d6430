//! Does a message to many users that was answered as queued reach all of them, whatever happens to the nodes?

use crate::support::{Answer, BOTH, Call, Gateway, group, json, keys::API_KEY, redis_server::RedisServer, until};

fn users(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number}")).collect()
}

/// Posts a message of group g to so many users.
async fn post(gateway: &Gateway, count: usize, seq: u64) -> Answer {
    let users = users(count);
    let recipients: Vec<&str> = users.iter().map(String::as_str).collect();
    let message = group("g", "bob", &recipients, seq);
    Call::post("/server/v1/sendMessage").bearer(&API_KEY).json(&message).send(gateway.address).await
}

async fn queued(gateway: &Gateway, count: usize, seq: u64) {
    let result = post(gateway, count, seq).await.json();
    assert_eq!(result, json!({"applied": 0, "duplicates": 0, "queued": count, "failed": []}));
}

/// The totals of so many users.
async fn totals(gateway: &Gateway, count: usize) -> Vec<u64> {
    let mut totals = Vec::with_capacity(count);
    for users in users(count).chunks(1_000) {
        let call = |user: &String| json!({"method": "getTotalUnreadMessageCount", "params": {"userID": user}});
        let result = gateway.post("batch", json!(users.iter().map(call).collect::<Vec<_>>())).await;
        let of = |entry: &serde_json::Value| entry["result"]["totalUnreadCount"].as_u64().expect("a total");
        totals.extend(result["resultList"].as_array().expect("results").iter().map(of));
    }
    totals
}

async fn all_have(gateway: &Gateway, count: usize, total: u64) {
    until("every user's row", async || totals(gateway, count).await.iter().all(|of_user| *of_user == total)).await;
}

async fn two_nodes(redis: &RedisServer) -> (Gateway, Gateway) {
    let settings = ["--store", &redis.url(), "--compare-interval-ms", "1000"];
    let nodes = tokio::join!(Gateway::with(&settings), Gateway::with(&settings));
    until("an even share of the lanes", async || {
        nodes.0.metric("gateway_fanout_lanes").await == 32 && nodes.1.metric("gateway_fanout_lanes").await == 32
    })
    .await;
    nodes
}

#[tokio::test]
async fn a_message_to_many_is_answered_as_queued_and_reaches_rows_and_sessions_once() {
    let directory = tempfile::tempdir().unwrap();
    let redis = RedisServer::start().await;
    for store in ["memory:".to_owned(), format!("embedded:{}", directory.path().display()), redis.url()] {
        let gateway = Gateway::with(&["--store", &store]).await;
        let mut sessions = Vec::new();
        for transport in BOTH {
            let mut session = gateway.open(transport, "user7").await;
            session.sync().await;
            sessions.push(session);
        }
        assert_eq!(post(&gateway, 100, 1).await.json()["applied"], 100, "a few are done at once");
        queued(&gateway, 300, 2).await;
        queued(&gateway, 300, 2).await;
        queued(&gateway, 300, 3).await;
        for (user, total) in totals_once(&gateway, 300, 3).await {
            assert_eq!(total, if user < 100 { 3 } else { 2 });
        }
        for session in &mut sessions {
            session.converge(&gateway).await;
            assert_eq!(session.list.total(), Some(3));
        }
        assert_eq!(gateway.metric("gateway_fanout_dead_total").await, 0);
    }
}

/// The totals, once the user with the highest number has that many.
async fn totals_once(gateway: &Gateway, count: usize, of_first: u64) -> Vec<(usize, u64)> {
    until("the last message", async || {
        let totals = totals(gateway, count).await;
        totals[0] == of_first && totals.iter().skip(100).all(|total| *total == of_first - 1)
    })
    .await;
    totals(gateway, count).await.into_iter().enumerate().collect()
}

#[tokio::test]
async fn what_was_queued_outlives_a_node_on_its_own_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::with(&["--store", &format!("embedded:{}", directory.path().display())]).await;
    for seq in 1..=3 {
        queued(&gateway, 3_000, seq).await;
    }
    gateway.restart().await;
    all_have(&gateway, 3_000, 3).await;
}

#[tokio::test]
async fn another_node_takes_over_the_lanes_of_a_dead_one() {
    let redis = RedisServer::start().await;
    let (mut a, b) = two_nodes(&redis).await;
    for seq in 1..=3 {
        queued(&a, 3_000, seq).await;
    }
    a.kill();
    all_have(&b, 3_000, 3).await;
    until("all lanes", async || b.metric("gateway_fanout_lanes").await == 64).await;
    queued(&b, 3_000, 4).await;
    all_have(&b, 3_000, 4).await;
}

#[tokio::test]
async fn a_holder_that_was_frozen_changes_nothing_when_it_thaws() {
    let redis = RedisServer::start().await;
    let (a, b) = two_nodes(&redis).await;
    queued(&b, 1_000, 1).await;
    a.signal("STOP");
    // Of a lane that a frozen node holds, all this waits for another holder.
    queued(&b, 1_000, 2).await;
    let delete = json!({"recipients": users(1_000), "conversationID": "group_g"});
    assert_eq!(b.post("deleteConversation", delete).await["queued"], 1_000);
    queued(&b, 1_000, 3).await;
    all_have(&b, 1_000, 1).await;
    a.signal("CONT");
    queued(&b, 1_000, 4).await;
    all_have(&b, 1_000, 2).await;
    until("an even share", async || a.metric("gateway_fanout_lanes").await == 32).await;
    queued(&a, 1_000, 5).await;
    all_have(&a, 1_000, 3).await;
    assert_eq!(b.metric("gateway_fanout_dead_total").await + a.metric("gateway_fanout_dead_total").await, 0);
}

#[tokio::test]
async fn a_node_that_stops_gives_its_lanes_up_at_once() {
    let redis = RedisServer::start().await;
    let (mut a, b) = two_nodes(&redis).await;
    a.signal("INT");
    a.ended().await;
    let mut holders = std::collections::BTreeSet::new();
    for key in keys(&redis.command("KEYS lane:*:holder").await) {
        holders.insert(redis.command(&format!("GET {key}")).await);
    }
    assert_eq!(holders.len(), 1, "only the other node's, though no lease has ended: {holders:?}");
    queued(&b, 1_000, 1).await;
    all_have(&b, 1_000, 1).await;
}

/// The words of an answer that look like keys.
fn keys(answer: &str) -> Vec<String> {
    answer.split_whitespace().filter(|word| word.contains("lane:")).map(str::to_owned).collect()
}

#[tokio::test]
async fn an_entry_that_cannot_be_made_is_kept_aside_and_stops_nothing() {
    let redis = RedisServer::start().await;
    let gateway = Gateway::with(&["--store", &redis.url()]).await;
    queued(&gateway, 200, 1).await;
    all_have(&gateway, 200, 1).await;
    let rows = redis.command("KEYS conv:*:user7:rows").await;
    let rows = rows.split_whitespace().find(|word| word.starts_with("conv:")).expect("a key").to_owned();
    redis.command(&format!("HSET {rows} group_g nonsense")).await;
    // Whoever writes moves the clock, else what the node remembers of the user would be written over it.
    redis.command(&format!("HSET {} clock 1", rows.replace(":rows", ":head"))).await;
    let lanes: Vec<String> = keys(&redis.command("KEYS lane:*:holder").await);
    redis.command(&format!("XADD {} * entry nonsense", lanes[0].trim_end_matches(":holder"))).await;
    queued(&gateway, 200, 2).await;
    until("all others", async || {
        let totals = totals(&gateway, 200).await;
        totals.iter().enumerate().all(|(user, total)| *total == if user == 7 { 1 } else { 2 })
    })
    .await;
    until("both kept aside", async || gateway.metric("gateway_fanout_dead_total").await == 2).await;
    let mut kept = String::new();
    for key in keys(&redis.command("KEYS lane:*:dead").await) {
        kept += &redis.command(&format!("XRANGE {key} - +")).await;
    }
    assert!(kept.contains("nonsense") && kept.contains("user7") && !kept.contains("user8"), "{kept}");
    assert!(!gateway.log().contains("nonsense"), "what is in an entry is for nobody's eyes");
}

#[tokio::test]
async fn what_waits_in_lanes_is_told_and_goes() {
    let gateway = Gateway::start().await;
    let mut seq = 0;
    until("something that waits when it is looked at", async || {
        seq += 1;
        queued(&gateway, 1_000, seq).await;
        gateway.metric("gateway_fanout_waiting").await > 0
    })
    .await;
    all_have(&gateway, 1_000, seq).await;
    until("nothing that waits", async || {
        gateway.metric("gateway_fanout_waiting").await == 0
            && gateway.metric("gateway_fanout_oldest_age_seconds").await == 0
    })
    .await;
}

#[tokio::test]
async fn lanes_that_are_full_are_told_with_a_time_to_come_back() {
    let redis = RedisServer::start().await;
    let mut gateway = Gateway::with(&["--store", &redis.url()]).await;
    until("all lanes", async || gateway.metric("gateway_fanout_lanes").await == 64).await;
    let holders = keys(&redis.command("KEYS lane:*:holder").await);
    assert_eq!(holders.len(), 64);
    gateway.kill();
    for holder in &holders {
        // Held by one who does nothing, with an entry that has waited for long.
        redis.command(&format!("SET {holder} another PX 600000")).await;
        redis.command(&format!("XADD {} 1-1 entry old", holder.trim_end_matches(":holder"))).await;
    }
    gateway.restart().await;
    let refused = post(&gateway, 300, 1).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["error"]["code"], 7008);
    assert_eq!(post(&gateway, 100, 1).await.json()["applied"], 100, "a few are not queued");
    for holder in &holders[..32] {
        redis.command(&format!("XDEL {} 1-1", holder.trim_end_matches(":holder"))).await;
    }
    let result = post(&gateway, 300, 2).await.json();
    let failed = result["failed"].as_array().expect("a list");
    assert_eq!(result["queued"].as_u64().unwrap() + failed.len() as u64, 300, "{result}");
    assert!(!failed.is_empty() && failed.iter().all(|user| user["code"] == 7008), "{result}");
}
