//! Does the head tell where a server that took the place of another had lost writes?

use super::{book::user, redis_faults::ask, redis_server::RedisServer};
use conversation_protocol::{Cursor, Fork, Head, UserId};
use conversation_store::{Limits, ShardId, Store, Writer, open, rules::Change};
use std::{sync::Arc, time::Duration};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looks = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}

/// Makes a server take everything from another, which it then has.
async fn copy(from: &RedisServer, to: &RedisServer) {
    let port = from.url().rsplit_once(':').unwrap().1.to_owned();
    ask::<String>(to, &["REPLICAOF", "127.0.0.1", &port]).await;
    until("a replica that has everything", async || {
        ask::<String>(to, &["INFO", "replication"]).await.contains("master_link_status:up")
    })
    .await;
}

async fn promote(server: &RedisServer) {
    ask::<String>(server, &["REPLICAOF", "NO", "ONE"]).await;
}

struct Scene {
    primary: RedisServer,
    /// As the primary was some writes ago.
    lagging: RedisServer,
    store: Arc<dyn Store>,
    writer: Writer,
    alice: UserId,
    kept: Cursor,
    lost: Cursor,
}

impl Scene {
    async fn new() -> Self {
        let (primary, lagging) = (RedisServer::start(), RedisServer::start());
        let store = open(&primary.url()).await.unwrap();
        let writer = Writer::new(store.clone(), Limits::default());
        let (alice, nowhere) = (user("alice"), Cursor::EMPTY);
        let mut scene = Self { primary, lagging, store, writer, alice, kept: nowhere, lost: nowhere };
        scene.kept = scene.write("kept").await.cursor;
        copy(&scene.primary, &scene.lagging).await;
        promote(&scene.lagging).await;
        scene.lost = scene.write("lost").await.cursor;
        assert_eq!(scene.head().await.forks, []);
        scene
    }

    async fn head(&self) -> Head {
        self.store.heads(std::slice::from_ref(&self.alice)).await.remove(0).unwrap()
    }

    /// A change that is made, whatever it takes; the head after it.
    async fn write(&self, text: &str) -> Head {
        let change = || Change::CreateGroup(text.to_owned());
        until("a write", async || self.writer.apply(self.alice.clone(), change()).await.is_ok()).await;
        self.head().await
    }

    /// What the first write after the failover leaves, and the cursors that are served then.
    async fn check(&self, id_before: u64) {
        let head = self.write("new").await;
        assert_ne!(self.store.replication_id(&self.alice), id_before);
        assert_eq!(head.group_names, ["kept", "new"]);
        assert_eq!(head.forks, [Fork { from: self.kept.version, to: head.cursor.version }]);
        assert!(head.can_replay(self.kept, 1) && head.can_replay(head.cursor, 0));
        assert!(self.lost.version < head.cursor.version && !head.can_replay(self.lost, 1));
        let next = self.write("next").await;
        assert_eq!(next.forks, head.forks);
        assert!(next.can_replay(head.cursor, 1) && !next.can_replay(self.lost, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_a_replica_lost_before_it_took_over_are_a_fork() {
    let mut scene = Scene::new().await;
    let id = scene.store.replication_id(&scene.alice);
    scene.primary.restart();
    copy(&scene.lagging, &scene.primary).await;
    promote(&scene.primary).await;
    scene.check(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_becomes_another_one_behind_an_open_connection_is_noticed_by_the_probe() {
    let scene = Scene::new().await;
    let id = scene.store.replication_id(&scene.alice);
    copy(&scene.lagging, &scene.primary).await;
    assert!(scene.store.probe(ShardId::ONLY, 1).await.is_err(), "a replica takes no commits");
    promote(&scene.primary).await;
    until("the new server to be known", async || scene.store.probe(ShardId::ONLY, 2).await.is_ok()).await;
    scene.check(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_a_replica_refuses_finds_the_primary_again() {
    let scene = Scene::new().await;
    let id = scene.store.replication_id(&scene.alice);
    copy(&scene.lagging, &scene.primary).await;
    let refused = scene.writer.apply(scene.alice.clone(), Change::CreateGroup("refused".to_owned())).await;
    assert!(refused.is_err(), "{refused:?}");
    promote(&scene.primary).await;
    scene.check(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_again_with_its_data_loses_nothing_and_serves_every_cursor() {
    let mut scene = Scene::new().await;
    until("the end of the copy for the replica", async || {
        ask::<String>(&scene.primary, &["INFO", "persistence"]).await.contains("rdb_bgsave_in_progress:0")
    })
    .await;
    ask::<String>(&scene.primary, &["SAVE"]).await;
    scene.primary.restart();
    let head = scene.write("new").await;
    assert_eq!(head.group_names, ["kept", "lost", "new"]);
    assert_eq!(head.forks, [Fork { from: scene.lost.version, to: head.cursor.version }]);
    assert!(head.can_replay(scene.kept, 2) && head.can_replay(scene.lost, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_no_store() {
    let scene = Scene::new().await;
    copy(&scene.primary, &scene.lagging).await;
    let error = open(&scene.lagging.url()).await.err().expect("a replica takes no writes").to_string();
    assert!(error.contains("is a replica"), "{error}");
}
