//! What do users notice of a shard of a Redis Cluster that is away, or whose slots move?

use crate::support::{BOTH, Gateway, Session, c2c, json, until};
use conversation_loadtest::{
    processes::Programs,
    redis_shards::{RedisCluster, is_promoted},
};
use std::path::PathBuf;

/// Users, enough for each of three shards to have some.
const USERS: usize = 12;

fn users() -> Vec<String> {
    (0..USERS).map(|number| format!("user{number}")).collect()
}

async fn cluster() -> RedisCluster {
    let gateway = PathBuf::from(env!("CARGO_BIN_EXE_gateway"));
    RedisCluster::start(&Programs { gateway, redis: "redis-server".into() }).await.expect("a cluster")
}

/// A session of each user, on either transport, which has been told everything.
async fn sessions(gateway: &Gateway) -> Vec<(String, Session)> {
    let mut sessions = Vec::new();
    for (number, user) in users().into_iter().enumerate() {
        let mut session = gateway.open(BOTH[number % 2], &user).await;
        session.sync().await;
        sessions.push((user, session));
    }
    sessions
}

/// Whether a message to a user was made.
async fn arrives(gateway: &Gateway, user: &str, seq: u64) -> bool {
    let result = gateway.backend("sendMessage", c2c("bob", user, seq)).await;
    result.is_ok_and(|result| result["failed"] == json!([]))
}

#[tokio::test]
async fn a_shard_that_is_away_takes_only_its_own_users_with_it_until_its_replica_takes_over() {
    let mut cluster = cluster().await;
    let gateway = Gateway::with(&["--store", &cluster.url(), "--compare-interval-ms", "1000"]).await;
    // What bob sends is kept in his own list too; he has to be in a shard that stays.
    let mut sessions = sessions(&gateway).await;
    for (user, session) in &mut sessions {
        assert!(arrives(&gateway, user, 1).await);
        session.converge(&gateway).await;
    }
    assert_eq!(gateway.metric("gateway_relay_connected").await, 3);
    let bobs = cluster.slot_of("bob").await.expect("bob's slot");
    let dead = (0..3).find(|at| !cluster.slots_of(*at).contains(&bobs)).expect("a primary without bob");
    let of_dead: Vec<String> = {
        let mut of_dead = Vec::new();
        for user in users() {
            if cluster.slots_of(dead).contains(&cluster.slot_of(&user).await.expect("a slot")) {
                of_dead.push(user);
            }
        }
        of_dead
    };
    assert!(!of_dead.is_empty() && of_dead.len() < USERS);
    // A replica that stands still takes no place over.
    cluster.replicas[dead].signal("STOP").expect("a signal");
    cluster.primaries[dead].kill();
    until("the path of the shard to be missed", async || gateway.metric("gateway_relay_connected").await == 2).await;
    let ready = gateway.get("/readyz").await;
    let (status, text) = (ready.status, ready.text());
    let address = cluster.primaries[dead].address.to_string();
    assert!(status == 200 && text.starts_with("ready; shard ") && text.contains(&address), "{status} {text}");
    for (user, session) in &mut sessions {
        if !of_dead.contains(user) {
            assert!(arrives(&gateway, user, 2).await, "{user} is in another shard");
            session.converge(&gateway).await;
        }
    }
    let refused = gateway.backend("sendMessage", c2c("bob", &of_dead[0], 2)).await.expect("bob's part is made");
    assert_eq!(refused["failed"][0]["userID"], json!(of_dead[0]));
    assert_eq!(refused["failed"][0]["code"], 50004);

    cluster.replicas[dead].signal("CONT").expect("a signal");
    is_promoted(&cluster.replicas[dead]).await.expect("the replica takes over");
    for (user, session) in &mut sessions {
        until("a message", async || arrives(&gateway, user, 3).await).await;
        session.converge(&gateway).await;
    }
    until("all paths", async || gateway.get("/readyz").await.text() == "ready\n").await;
    assert_eq!(gateway.metric("gateway_relay_connected").await, 3);
}

#[tokio::test]
async fn sessions_follow_their_users_to_another_shard_without_waiting_for_a_comparison() {
    let cluster = cluster().await;
    let gateway = Gateway::with(&["--store", &cluster.url()]).await;
    let mut sessions = sessions(&gateway).await;
    for (user, _) in &sessions {
        assert!(arrives(&gateway, user, 1).await);
    }
    for slot in cluster.slots_in_use().await.expect("the slots") {
        cluster.move_slot(slot, 0, 1).await.expect("a move");
    }
    for (user, session) in &mut sessions {
        assert!(arrives(&gateway, user, 2).await);
        session.converge(&gateway).await;
    }
}
