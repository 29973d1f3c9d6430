//! Is a path of hints that is there, and does not deliver, noticed and replaced?

use crate::support::{
    BOTH, Gateway, Session, group,
    redis_proxy::{RedisProxy, Rule},
    redis_server::RedisServer,
    until,
};
use std::time::Duration;

/// So long that no comparison but that of a new path can have healed anything.
const NEVER_MS: &str = "3600000";
const READY: (u16, &str) = (200, "ready\n");
const NOT_PROVEN: (u16, &str) = (503, "not ready: hints do not arrive\n");
const INTERRUPTED: (u16, &str) = (503, "not ready: the path of hints is interrupted\n");

async fn gateway_behind_a_proxy() -> (RedisServer, RedisProxy, Gateway) {
    let redis = RedisServer::start().await;
    let proxy = RedisProxy::start(redis.address()).await;
    let gateway = Gateway::with(&["--store", &proxy.url(), "--compare-interval-ms", NEVER_MS]).await;
    (redis, proxy, gateway)
}

async fn ready(gateway: &Gateway) -> (u16, String) {
    let answer = gateway.get("/readyz").await;
    (answer.status, answer.text())
}

async fn is_ready_as(gateway: &Gateway, (status, text): (u16, &str)) -> bool {
    ready(gateway).await == (status, text.to_owned())
}

async fn probe_age(gateway: &Gateway) -> f64 {
    let text = gateway.get("/metrics").await.text();
    let age =
        text.lines().find_map(|line| line.strip_prefix("gateway_relay_probe_age_seconds{shard=\"0\"} ")?.parse().ok());
    age.expect("the age of the newest probe")
}

/// Sessions on both transports, which have been told everything.
async fn sessions(gateway: &Gateway) -> Vec<Session> {
    gateway.send(group("g", "bob", &["alice"], 1)).await;
    let mut sessions = Vec::new();
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        sessions.push(session);
    }
    sessions
}

#[tokio::test]
async fn a_path_that_answers_pings_and_delivers_nothing_is_noticed_and_given_up() {
    let (_redis, proxy, gateway) = gateway_behind_a_proxy().await;
    let mut sessions = sessions(&gateway).await;
    proxy.set(Rule::Deaf);
    gateway.send(group("g", "bob", &["alice"], 2)).await;
    until("hints to be missed", async || is_ready_as(&gateway, NOT_PROVEN).await).await;
    // The new path is as deaf as the old one; what was missed is found all the same.
    for session in &mut sessions {
        let sync = session.sync().await;
        assert_eq!((sync.mode.as_str(), sync.changed()), ("replay", vec!["group_g".to_owned()]));
    }
    assert!(gateway.metric("gateway_relay_silences_total").await > 0);
    assert!(gateway.metric("gateway_relay_interruptions_total").await > 0);
    assert_eq!(gateway.metric("gateway_relay_probes_refused_total").await, 0, "the store took them all");
    assert!(probe_age(&gateway).await > 6.0);
    proxy.set(Rule::Pass);
    until("a proven path", async || is_ready_as(&gateway, READY).await).await;
    gateway.send(group("g", "bob", &["alice"], 3)).await;
    for session in &mut sessions {
        session.expect("conversationChanged").await;
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn a_hint_that_was_lost_between_two_probes_that_came_is_found_and_the_path_stays() {
    let (_redis, proxy, gateway) = gateway_behind_a_proxy().await;
    let mut sessions = sessions(&gateway).await;
    proxy.set(Rule::Deaf);
    gateway.send(group("g", "bob", &["alice"], 2)).await;
    until("a probe to be missed", async || probe_age(&gateway).await > 2.8).await;
    proxy.set(Rule::Pass);
    for session in &mut sessions {
        assert_eq!(session.sync().await.mode, "replay");
        session.converge(&gateway).await;
    }
    assert_eq!(gateway.metric("gateway_relay_silences_total").await, 1);
    assert_eq!(gateway.metric("gateway_relay_interruptions_total").await, 0);
    assert_eq!(ready(&gateway).await, (READY.0, READY.1.to_owned()), "it was soon enough");
}

#[tokio::test]
async fn a_path_that_falls_silent_is_given_up_and_a_hint_that_it_lost_is_replayed() {
    let (_redis, proxy, gateway) = gateway_behind_a_proxy().await;
    let mut sessions = sessions(&gateway).await;
    proxy.set(Rule::Silent);
    gateway.send(group("g", "bob", &["alice"], 2)).await;
    until("the silence to be noticed", async || is_ready_as(&gateway, INTERRUPTED).await).await;
    assert_eq!(gateway.row("alice", "group_g").await.unwrap()["unreadCount"], 2, "calls work as ever");
    proxy.set(Rule::Pass);
    for session in &mut sessions {
        assert_eq!(session.sync().await.mode, "replay");
        session.converge(&gateway).await;
    }
    until("a proven path", async || is_ready_as(&gateway, READY).await).await;
}

#[tokio::test]
async fn a_store_that_takes_no_probe_makes_a_node_unready_and_leaves_its_path_alone() {
    let (redis, _proxy, gateway) = gateway_behind_a_proxy().await;
    let mut sessions = sessions(&gateway).await;
    let paths = gateway.metric("gateway_relay_interruptions_total").await;
    assert!(redis.command("ACL SETUSER default -spublish").await.starts_with("+OK"));
    until("probes to be missed", async || is_ready_as(&gateway, NOT_PROVEN).await).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(gateway.metric("gateway_relay_probes_refused_total").await > 2);
    assert_eq!(gateway.metric("gateway_relay_interruptions_total").await, paths, "the path is as good as before");
    assert!(redis.command("ACL SETUSER default +spublish").await.starts_with("+OK"));
    until("a proven path", async || is_ready_as(&gateway, READY).await).await;
    gateway.send(group("g", "bob", &["alice"], 2)).await;
    for session in &mut sessions {
        session.converge(&gateway).await;
    }
}
