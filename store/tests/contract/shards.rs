//! What becomes of a cluster's users when a slot moves, a primary dies, or Sentinels choose another one?

use super::{
    book::user,
    paths::{self, HintQueue},
    redis_cluster::{RedisCluster, Sentinels, ask, until},
};
use conversation_protocol::UserId;
use conversation_store::{Limits, ShardId, Store, StoreError, Told, Writer, open, rules::Change};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Users, enough for each of three shards to have some.
const USERS: usize = 24;

fn users() -> Vec<UserId> {
    (0..USERS).map(|number| user(&format!("user{number}"))).collect()
}

fn draft(text: String) -> Change {
    Change::Draft { conversation_id: "c2c_bob".parse().unwrap(), text, if_version: None }
}

/// Writes every user again and again, each time something else; what was answered as written last, of each.
struct Load {
    is_over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<(UserId, u64, u64)>>,
}

impl Load {
    fn begin(store: &Arc<dyn Store>) -> Self {
        let (is_over, writer) = (Arc::new(AtomicBool::new(false)), Writer::new(store.clone(), Limits::default()));
        let tasks =
            users().into_iter().map(|user| tokio::spawn(write(writer.clone(), user, is_over.clone()))).collect();
        Self { is_over, tasks }
    }

    /// Ends; what each user's draft is now, and how many changes failed.
    async fn end(self) -> (BTreeMap<UserId, u64>, u64) {
        self.is_over.store(true, Ordering::Relaxed);
        let (mut last, mut failed) = (BTreeMap::new(), 0);
        for task in self.tasks {
            let (user, number, failures) = task.await.unwrap();
            last.insert(user, number);
            failed += failures;
        }
        (last, failed)
    }
}

async fn write(writer: Writer, user: UserId, is_over: Arc<AtomicBool>) -> (UserId, u64, u64) {
    let (mut number, mut failures) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        // A change that failed may have been made; the next one says something else.
        match writer.apply(user.clone(), draft(format!("{}", number + 1))).await {
            Ok(_) => {}
            Err(_) => failures += 1,
        }
        number += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    loop {
        if writer.apply(user.clone(), draft(format!("{number}"))).await.is_ok() {
            return (user, number, failures);
        }
    }
}

/// Every user's row is what was answered last.
async fn holds(store: &dyn Store, last: &BTreeMap<UserId, u64>) {
    for (user, number) in last {
        let page = store.page(user, 0, 10).await.unwrap();
        assert_eq!(page.rows.len(), 1);
        let row: conversation_protocol::Conversation = serde_json::from_str(&page.rows[0].json).unwrap();
        assert_eq!(row.draft_text, number.to_string(), "{user}");
    }
}

/// The slot in which a user's data lie.
async fn slot_of(cluster: &RedisCluster, user: &UserId) -> u16 {
    for server in &cluster.primaries {
        let keys: Vec<String> = ask(server, &format!("KEYS conv:*:{user}:head")).await;
        if let Some(key) = keys.first() {
            return ask(server, &format!("CLUSTER KEYSLOT {key}")).await;
        }
    }
    panic!("{user} has no data");
}

/// Reads what comes until a user's hint, or the news that the user has moved.
async fn hint_or_move(queue: &mut HintQueue, user: &UserId) -> Told {
    loop {
        let told = tokio::time::timeout(Duration::from_secs(10), queue.next()).await.expect("nothing comes");
        match told.expect("the path stands") {
            Told::Hint(of, hint) if of == *user => return Told::Hint(of, hint),
            Told::Moved(of) if of == *user => return Told::Moved(of),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_spread_over_the_shards_and_each_knows_its_own() {
    let cluster = RedisCluster::start(3).await;
    let store = open(&cluster.url()).await.unwrap();
    let topology = store.topology().borrow().clone();
    let ids: Vec<ShardId> = topology.shards().iter().map(|shard| shard.id).collect();
    assert_eq!(ids, [ShardId(0), ShardId(1), ShardId(2)]);
    for shard in topology.shards() {
        assert!(users().iter().any(|user| topology.shard_of(user) == shard.id));
        assert!(cluster.primaries.iter().any(|primary| primary.address() == shard.place));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_under_load_lose_no_change_and_refuse_none() {
    let cluster = RedisCluster::start(3).await;
    let store = open(&cluster.url()).await.unwrap();
    let load = Load::begin(&store);
    until("data", async || ask::<u64>(&cluster.primaries[0], "DBSIZE").await > 0).await;
    // Each user of the first shard goes to the second, and back.
    let topology = store.topology().borrow().clone();
    let first = cluster.primaries.iter().position(|primary| primary.address() == topology.shards()[0].place).unwrap();
    let (from, to) = (&cluster.primaries[first], &cluster.primaries[(first + 1) % 3]);
    let of_first: Vec<UserId> =
        users().into_iter().filter(|user| topology.shard_of(user) == topology.shards()[0].id).take(4).collect();
    for user in &of_first {
        let slot = slot_of(&cluster, user).await;
        cluster.move_slot(slot, from, to).await;
    }
    until("the store to know", async || {
        let now = store.topology().borrow().clone();
        of_first.iter().all(|user| now.shard_of(user) != topology.shard_of(user))
    })
    .await;
    for user in &of_first {
        cluster.move_slot(slot_of(&cluster, user).await, to, from).await;
    }
    let (last, failed) = load.end().await;
    assert_eq!(failed, 0);
    holds(&*store, &last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_hears_what_is_written_while_a_slot_moves_and_is_told_when_it_has() {
    let cluster = RedisCluster::start(3).await;
    let store = open(&cluster.url()).await.unwrap();
    let writer = Writer::new(store.clone(), Limits::default());
    let alice = user("alice");
    // A list with a row of each kind has all its keys; without some of them a moving slot refuses it for the moment.
    let changes = [
        Change::CreateGroup("work".to_owned()),
        draft("before".to_owned()),
        Change::AddToGroup { conversation_id: "c2c_bob".parse().unwrap(), name: "work".to_owned() },
        Change::Pin { conversation_id: "c2c_gone".parse().unwrap(), is_pinned: true, if_version: None },
        Change::Delete("c2c_gone".parse().unwrap()),
        super::races::message(1, 1),
    ];
    for change in changes {
        writer.apply(alice.clone(), change).await.unwrap();
    }
    let slot = slot_of(&cluster, &alice).await;
    let topology = store.topology().borrow().clone();
    let at = |place: &str| cluster.primaries.iter().position(|primary| primary.address() == place).unwrap();
    let shard = topology.shard_of(&alice);
    let from = at(&topology.shards()[usize::from(shard.0)].place);
    let (from, to) = (&cluster.primaries[from], &cluster.primaries[(from + 1) % 3]);

    let (mut sink, mut queue) = paths::open(&*store).await.unwrap();
    assert_eq!(sink.follow(std::slice::from_ref(&alice)).await.unwrap(), []);
    cluster.begin_move(slot, from, to).await;
    writer.apply(alice.clone(), draft("on its way".to_owned())).await.unwrap();
    let Told::Hint(_, hint) = hint_or_move(&mut queue, &alice).await else { panic!("the slot has not arrived") };
    assert!(hint.rows[0].json.contains("on its way"));
    cluster.finish_move(slot, from, to).await;
    assert_eq!(hint_or_move(&mut queue, &alice).await, Told::Moved(alice.clone()));
    writer.apply(alice.clone(), draft("arrived".to_owned())).await.unwrap();
    until("the store to know", async || store.topology().borrow().shard_of(&alice) != shard).await;
    assert_eq!(sink.follow(std::slice::from_ref(&alice)).await.unwrap(), [], "on the path of the other shard");
    writer.apply(alice.clone(), draft("heard".to_owned())).await.unwrap();
    let Told::Hint(_, hint) = hint_or_move(&mut queue, &alice).await else { panic!("nothing moves any more") };
    assert!(hint.rows[0].json.contains("heard"));
    let head = store.heads(&[alice]).await.remove(0).unwrap();
    assert!(
        head.can_replay(conversation_protocol::Cursor { version: hint.previous, ..head.cursor }, 1),
        "a move loses nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_is_followed_by_its_replica_and_the_other_shards_go_on() {
    let mut cluster = RedisCluster::start_with_replicas(3).await;
    let store = open(&cluster.url()).await.unwrap();
    let writer = Writer::new(store.clone(), Limits::default());
    for user in users() {
        writer.apply(user, draft("0".to_owned())).await.unwrap();
    }
    let topology = store.topology().borrow().clone();
    let dead = topology.shards().iter().find(|shard| shard.place == cluster.primaries[0].address()).unwrap().clone();
    ask::<u64>(&cluster.primaries[0], "WAIT 1 5000").await;
    let (_sink, end) = store.hints(dead.id, Arc::new(Deaf)).await.unwrap();
    cluster.primaries[0].kill();
    tokio::time::timeout(Duration::from_secs(10), end.reached()).await.expect("the path ends");
    for user in users().into_iter().filter(|user| topology.shard_of(user) != dead.id) {
        writer.apply(user, draft("1".to_owned())).await.expect("the other shards go on");
    }
    store.ping().await.expect("somebody is there to serve");
    until("the replica to be the shard's primary", async || {
        let now = store.topology().borrow().clone();
        now.shards().iter().any(|shard| shard.id == dead.id && shard.place == cluster.replicas[0].address())
    })
    .await;
    for user in users() {
        until("a change", async || writer.apply(user.clone(), draft("2".to_owned())).await.is_ok()).await;
    }
    holds(&*store, &users().into_iter().map(|user| (user, 2)).collect()).await;
    until("a path for hints", async || store.hints(dead.id, Arc::new(Deaf)).await.is_ok()).await;
}

struct Deaf;

impl conversation_store::HintReceiver for Deaf {
    fn told(&self, _: Told, _: &mut conversation_store::Wakes) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_is_followed_by_the_one_that_sentinels_choose() {
    let mut sentinels = Sentinels::start().await;
    let store = open(&sentinels.url()).await.unwrap();
    let load = Load::begin(&store);
    until("data", async || ask::<u64>(&sentinels.replica, "DBSIZE").await > 10).await;
    let alice = user("user0");
    let id = store.replication_id(&alice);
    sentinels.primary.kill();
    until("another primary", async || store.replication_id(&alice) != id).await;
    let (last, failed) = load.end().await;
    assert!(failed > 0, "the store was away for a while");
    holds(&*store, &last).await;
    assert_eq!(store.topology().borrow().shards().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_all_its_slots_is_no_store() {
    let cluster = RedisCluster::start(1).await;
    ask::<String>(&cluster.primaries[0], "CLUSTER DELSLOTS 8").await;
    match open(&cluster.url()).await {
        Err(StoreError::Unavailable(message)) => assert!(message.contains("every slot"), "{message}"),
        other => panic!("expected a refusal, got {:?}", other.is_ok()),
    }
}
