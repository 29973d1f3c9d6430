//! Does every client follow the store where a replica took over that had not got the newest writes?
//!
//! The new primary is written before any session of the first node can see it, so that its clock is ahead of what was
//! lost, and no comparison of clocks alone could tell.

use crate::support::{
    BOTH, Gateway, Session, group, json, list::List, redis_proxy::RedisProxy, redis_server::RedisServer, until,
};

/// Where nobody listens: a replica of it keeps what it has.
const NOWHERE: &str = "REPLICAOF 127.0.0.1 1";

struct Scene {
    primary: RedisServer,
    replica: RedisServer,
    proxy: RedisProxy,
    /// Reaches the primary through the proxy.
    first: Gateway,
}

impl Scene {
    async fn new() -> Self {
        let (primary, replica) = (RedisServer::start().await, RedisServer::start().await);
        let proxy = RedisProxy::start(primary.address()).await;
        let first = Gateway::with(&["--store", &proxy.url(), "--compare-interval-ms", "3600000"]).await;
        Self { primary, replica, proxy, first }
    }

    /// Lets the replica have everything, and nothing from then on.
    async fn let_the_replica_lag(&self) {
        let follow = format!("REPLICAOF 127.0.0.1 {}", self.primary.address().port());
        assert!(self.replica.command(&follow).await.starts_with("+OK"));
        until("a replica that has everything", async || {
            let of = |info: &str, name: &str| info.lines().find_map(|line| Some(line.strip_prefix(name)?.to_owned()));
            let (primary, replica) =
                (self.primary.command("INFO replication").await, self.replica.command("INFO replication").await);
            let written = of(&primary, "master_repl_offset:");
            replica.contains("master_link_status:up") && written == of(&replica, "slave_repl_offset:")
        })
        .await;
        assert!(self.replica.command(NOWHERE).await.starts_with("+OK"));
    }

    /// The primary dies, and the replica takes its place, at first for a node that starts only now.
    async fn fail_over(&mut self) -> Gateway {
        self.primary.stop();
        assert!(self.replica.command("REPLICAOF NO ONE").await.starts_with("+OK"));
        Gateway::with(&["--store", &self.replica.url()]).await
    }

    async fn first_follows(&self) {
        self.proxy.lead_to(self.replica.address());
        until("the first node to be ready", async || self.first.get("/readyz").await.status == 200).await;
    }
}

/// Opened on each transport with what a client had; the mode of its sync, and the rows that this brought.
async fn resume(gateway: &Gateway, user: &str, had: &List, mode: &str) -> Vec<Vec<String>> {
    let mut changed = Vec::new();
    for transport in BOTH {
        let mut session = gateway.opening(transport, user).since(had.cursor.as_deref().expect("a cursor")).open().await;
        session.list = had.clone();
        let sync = session.sync().await;
        assert_eq!(sync.mode, mode);
        session.converge(gateway).await;
        changed.push(sync.changed());
    }
    changed
}

#[tokio::test]
async fn domain_5_2_a_cursor_among_writes_that_the_store_lost_is_a_full_sync() {
    let mut scene = Scene::new().await;
    for name in ["kept", "touched"] {
        scene.first.send(group(name, "bob", &["alice"], 1)).await;
    }
    let before = scene.first.live("alice").await.list;
    scene.let_the_replica_lag().await;
    let mut live: Vec<Session> = Vec::new();
    for transport in BOTH {
        let mut session = scene.first.open(transport, "alice").await;
        session.sync().await;
        live.push(session);
    }
    scene.first.send(group("touched", "bob", &["alice"], 2)).await;
    scene.first.send(group("lost", "bob", &["alice"], 1)).await;
    let delete = json!({"recipients": ["alice"], "conversationID": "group_kept"});
    scene.first.post("deleteConversation", delete).await;
    for session in &mut live {
        session.converge(&scene.first).await;
        assert_eq!(session.list.rows().len(), 2, "{:?}", session.list.rows());
    }
    let among = scene.first.live("alice").await.list;
    assert!(among.row("group_lost").is_some() && among.row("group_kept").is_none());

    let second = scene.fail_over().await;
    second.send(group("new", "bob", &["alice"], 1)).await;
    assert_eq!(second.list("alice").await.len(), 3);
    let after = second.live("alice").await.list;
    resume(&second, "alice", &among, "full").await;
    scene.first_follows().await;
    for session in &mut live {
        let sync = session.sync().await;
        assert_eq!(sync.mode, "full", "a live session that has seen what is lost");
        session.converge(&second).await;
    }
    resume(&scene.first, "alice", &among, "full").await;
    assert_eq!(resume(&scene.first, "alice", &before, "replay").await, vec![Vec::<String>::new(); 2], "only a new row");
    resume(&scene.first, "alice", &after, "replay").await;
    second.send(group("touched", "bob", &["alice"], 3)).await;
    for session in &mut live {
        session.converge(&second).await;
    }
    resume(&second, "alice", &among, "full").await;
    assert_eq!(resume(&second, "alice", &before, "replay").await, vec![vec!["group_touched"]; 2]);
}

#[tokio::test]
async fn a_loss_is_told_also_where_the_next_change_comes_through_a_lane() {
    let mut scene = Scene::new().await;
    let members: Vec<String> = (0..150).map(|n| format!("user{n}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let to_all = |seq| group("many", "bob", &members, seq);
    let sent = async |gateway: &Gateway, seq: u64| {
        assert_eq!(gateway.post("sendMessage", to_all(seq)).await["queued"], 150);
        until("the lanes", async || {
            // As a backend, whose calls are not limited.
            let row = json!({"userID": "user149", "conversationID": "group_many"});
            let row = gateway.backend("getConversation", row).await;
            row.is_ok_and(|row| row["conversation"]["lastMessage"]["seq"] == seq)
        })
        .await;
    };
    sent(&scene.first, 1).await;
    let before = scene.first.live("user149").await.list;
    scene.let_the_replica_lag().await;
    scene.first.send(group("lost", "bob", &["user149"], 1)).await;
    let among = scene.first.live("user149").await.list;
    let second = scene.fail_over().await;
    sent(&second, 2).await;
    resume(&second, "user149", &among, "full").await;
    assert_eq!(resume(&second, "user149", &before, "replay").await, vec![vec!["group_many"]; 2]);
}
