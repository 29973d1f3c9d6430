//! What happens when Redis forgets, dies, falls silent or holds what is not ours.

use super::{
    book::{Book, commit_all, commit_one, id, user},
    hints::{next, works},
    paths,
    redis_server::RedisServer,
};
use conversation_protocol::{Head, UserId};
use conversation_store::{Committed, HintReceiver, Load, RowSelection, ShardId, Store, StoreError, Told, Wakes, open};
use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Seconds within which every call must have answered, however broken the server is.
const ANSWER_S: u64 = 5;
/// Seconds within which everything works again after the server does.
const RECOVERY_S: u64 = 10;

async fn connect(server: &RedisServer) -> Arc<dyn Store> {
    open(&server.url()).await.unwrap()
}

/// A connection beside the store's.
async fn beside(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    // A busy machine takes its time for much that is asked at once.
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(60)));
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

pub(super) async fn ask<T: redis::FromRedisValue>(server: &RedisServer, command: &[&str]) -> T {
    let (name, arguments) = command.split_first().unwrap();
    redis::cmd(name).arg(arguments).query_async(&mut beside(server).await).await.unwrap()
}

async fn soon<T>(what: &str, call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(ANSWER_S), call).await.unwrap_or_else(|_| panic!("{what} hangs"))
}

async fn recovers(store: &dyn Store) {
    let working = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(RECOVERY_S), working).await.expect("the store works again by itself");
}

fn is_unavailable<T>(result: Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Unavailable(_)) => true,
        Ok(_) | Err(StoreError::Corrupt(_)) => false,
    }
}

/// Every call fails, and none hangs.
async fn is_away(store: &dyn Store, book: &Book) {
    let alice = std::slice::from_ref(&book.user);
    let load = Load { user: book.user.clone(), rows: RowSelection::Unread(1), tombstones: 1, lowest: None };
    let commits = vec![book.step(|step| step.put("c2c_x", 1, true)).0; 3];
    let (outcomes, loaded, heads, page, replay, rows, sessions, pinged) = soon("a call", async {
        tokio::join!(
            commit_all(store, commits),
            async { store.load(std::slice::from_ref(&load)).await.remove(0) },
            async { store.heads(alice).await.remove(0) },
            store.page(&book.user, 0, 1),
            store.replay(&book.user, 0, 1, 1),
            store.rows(&book.user, &[]),
            store.sessions(std::slice::from_ref(&book.user)),
            store.ping(),
        )
    })
    .await;
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.into_iter().all(is_unavailable));
    assert!(is_unavailable(loaded) && is_unavailable(heads) && is_unavailable(page) && is_unavailable(replay));
    assert!(is_unavailable(rows) && is_unavailable(sessions) && is_unavailable(pinged));
    assert!(soon("a new path for hints", paths::open(store)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_may_be_flushed_at_any_time() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let flush = async || assert_eq!(ask::<String>(&server, &["SCRIPT", "FLUSH"]).await, "OK");
    let mut books: Vec<Book> = (0..300).map(|number| Book::new(user(&format!("user{number}")))).collect();
    for round in 1..=3 {
        flush().await;
        let steps = books.iter().map(|book| book.step(|step| step.put("c2c_bob", round, true)));
        let (commits, afters): (Vec<_>, Vec<_>) = steps.unzip();
        for outcome in commit_all(&*store, commits).await {
            assert_eq!(outcome.unwrap(), Committed::Done);
        }
        books = afters;
        flush().await;
        let load =
            |book: &Book| Load { user: book.user.clone(), rows: RowSelection::Unread(9), tombstones: 0, lowest: None };
        let loads: Vec<Load> = books.iter().map(load).collect();
        for (loaded, (book, load)) in store.load(&loads).await.into_iter().zip(books.iter().zip(&loads)) {
            let loaded = loaded.unwrap();
            assert_eq!(loaded, book.loaded(load, loaded.now_us));
        }
    }
    for book in &books[..3] {
        flush().await;
        book.check(&*store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_is_unavailable_until_it_is_back() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    let (book, mut sink, mut stream) = works(&*store).await;
    server.kill();
    assert_eq!(next(&mut stream).await, None, "the path says that it is broken");
    assert!(soon("following", sink.follow(&[user("bob")])).await.is_err());
    assert!(soon("a ping", sink.ping()).await.is_err());
    for _ in 0..3 {
        is_away(&*store, &book).await;
    }

    server.restart();
    recovers(&*store).await;
    assert_eq!(store.heads(&[user("alice")]).await.remove(0).unwrap(), Head::empty(), "the server came back empty");
    works(&*store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_unavailable_until_it_speaks() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (book, mut sink, mut stream) = works(&*store).await;

    server.pause(true);
    is_away(&*store, &book).await;
    assert!(soon("a ping", sink.ping()).await.is_err());
    assert_eq!(next(&mut stream).await, None, "a path whose ping is not answered ends");
    server.pause(false);
    recovers(&*store).await;
    let head = store.heads(std::slice::from_ref(&book.user)).await.remove(0).unwrap();
    assert!(head.cursor.version >= book.clock, "what was answered is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_made_again() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let mut book = Book::new(user("alice"));
    for _ in 0..3 {
        ask::<u64>(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        recovers(&*store).await;
        book.commit(&*store, |step| step.put("c2c_bob", 1, true)).await;
        book.check(&*store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_type_is_corrupt_and_harms_nobody_else() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let (mut alice, mut bob) = (Book::new(user("alice")), Book::new(user("bob")));
    for book in [&mut alice, &mut bob] {
        book.commit(&*store, |step| step.put("c2c_x", 1, true)).await;
    }
    let heads: Vec<String> = ask(&server, &["KEYS", "conv:{*}:alice:head"]).await;
    ask::<String>(&server, &["SET", &heads[0], "not ours"]).await;
    let users = [alice.user.clone(), bob.user.clone()];
    match store.heads(&users).await.as_slice() {
        [Err(StoreError::Corrupt(_)), Ok(head)] => assert_eq!(*head, bob.head()),
        other => panic!("expected one corrupt head and one whole, got {other:?}"),
    }
    let (late, after) = bob.step(|step| step.put("c2c_x", 2, true));
    let outcomes = commit_all(&*store, vec![alice.step(|step| step.put("c2c_x", 2, true)).0, late]).await;
    match outcomes.as_slice() {
        [Err(StoreError::Corrupt(_)), Ok(Committed::Done)] => after.check(&*store).await,
        other => panic!("expected one corrupt user and one done, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_those_that_other_versions_will_look_for() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let mut book = Book::new(user("alice"));
    book.commit(&*store, |step| {
        step.put("c2c_x", 1, true);
        step.bury("c2c_y");
    })
    .await;
    let lease = serde_json::json!(
        {"userID": "alice", "node": "n", "session": 1, "transport": "sse", "connectedAt": 2});
    store.renew_sessions(&[serde_json::from_value(lease).unwrap()], 60_000).await.unwrap();
    let mut keys: Vec<String> = ask(&server, &["KEYS", "*"]).await;
    keys.sort();
    let names = ["head", "log", "order", "rows", "sessions", "tombstones", "unread"];
    assert_eq!(keys.pop().as_deref(), Some("layout:{3560}"));
    assert_eq!(keys, names.map(|name| format!("conv:{{4686}}:alice:{name}")));
    let left_ms: i64 = ask(&server, &["PTTL", "conv:{4686}:alice:sessions"]).await;
    assert!((50_000..=60_000).contains(&left_ms), "leases end even if nobody looks, not in {left_ms} ms");
    let fields: Vec<String> = ask(&server, &["HMGET", "conv:{4686}:alice:head", "clock", "head"]).await;
    assert_eq!(fields, [book.clock.to_string(), book.head_value()]);

    book.commit(&*store, |step| {
        step.bury("c2c_x");
        step.purge("c2c_y");
    })
    .await;
    let left: Vec<String> = ask(&server, &["ZRANGE", "conv:{4686}:alice:log", "0", "-1"]).await;
    assert_eq!(left, [id("c2c_x").as_str()]);
    let others: Vec<String> = ask(&server, &["KEYS", "*:{order,unread}"]).await;
    assert_eq!(others, Vec::<String>::new(), "nothing is left of what went");
}

/// A receiver that stands still until its gate is opened.
struct Gated {
    closed: Mutex<std::sync::mpsc::Receiver<()>>,
    delivered: AtomicUsize,
}

impl HintReceiver for Gated {
    fn told(&self, _: Told, _: &mut Wakes) {
        // Nothing is ever sent: it ends when the other side goes.
        let _ = tokio::task::block_in_place(|| self.closed.lock().unwrap().recv());
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Publishes one payload many times on the channel of a followed user, whose receiver is slow; how many hints arrive
/// before the path ends.
async fn delivered_before_the_end(server: &RedisServer, store: &dyn Store, payload: &str, messages: usize) -> usize {
    let (gate, closed) = std::sync::mpsc::channel();
    let receiver = Arc::new(Gated { closed: Mutex::new(closed), delivered: AtomicUsize::new(0) });
    let (mut sink, end) = store.hints(ShardId::ONLY, receiver.clone()).await.unwrap();
    sink.follow(&[user("alice")]).await.unwrap();
    let channel: Vec<String> = ask(server, &["PUBSUB", "SHARDCHANNELS"]).await;
    let mut flood = redis::pipe();
    for _ in 0..messages {
        flood.cmd("SPUBLISH").arg(&channel[0]).arg(payload).ignore();
    }
    flood.exec_async(&mut beside(server).await).await.unwrap();
    // The answer comes behind all that was published, or not at all.
    let _ = soon("a ping", sink.ping()).await;
    drop(gate);
    soon("the end", end.reached()).await;
    receiver.delivered.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_path_that_is_flooded_or_told_nonsense_ends() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let hint = Book::new(user("alice")).step(|step| step.put("c2c_x", 1, true)).0.hint.encode();
    assert!(delivered_before_the_end(&server, &*store, &hint, 40_000).await < 40_000);
    assert_eq!(delivered_before_the_end(&server, &*store, "?", 1).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_cannot_be_used_is_named_without_its_password() {
    let mut server = RedisServer::start();
    let url = server.url();
    server.kill();
    for url in [url.replace("redis://", "redis://user:secret@"), "redis://[::secret".to_owned()] {
        let error = soon("connecting", open(&url)).await.err().expect("nobody is there").to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_race_on_redis_is_one_round_trip() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let mut book = Book::new(user("alice"));
    let (late, _) = book.step(|step| step.put("c2c_late", 1, true));
    book.commit(&*store, |step| step.put("c2c_x", 1, true)).await;
    let calls = async || -> usize {
        let statistics: String = ask(&server, &["INFO", "commandstats"]).await;
        let line = statistics.lines().find(|line| line.starts_with("cmdstat_evalsha:calls=")).unwrap_or_default();
        line.split(['=', ',']).nth(1).and_then(|calls| calls.parse().ok()).unwrap_or(0)
    };
    let before = calls().await;
    assert_ne!(commit_one(&*store, late).await, Committed::Done);
    assert_eq!(calls().await, before + 1);
    let users: Vec<UserId> = vec![book.user.clone()];
    assert_eq!(store.heads(&users).await[0].as_ref().unwrap().cursor.version, book.clock);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_of_two_prefixes_in_one_server_know_nothing_of_each_other() {
    let server = RedisServer::start();
    let plain = connect(&server).await;
    let other = open(&format!("{}?prefix=other", server.url())).await.unwrap();
    let (mut alice, mut other_alice) = (Book::new(user("alice")), Book::new(user("alice")));
    let (mut sink, mut stream) = paths::open(&*other).await.unwrap();
    sink.follow(std::slice::from_ref(&alice.user)).await.unwrap();
    for number in 1..=3 {
        alice.commit(&*plain, |step| step.put("c2c_plain", number, true)).await;
    }
    let hint = other_alice.commit(&*other, |step| step.put("c2c_other", 1, true)).await;
    assert_eq!(next(&mut stream).await, Some((user("alice"), hint)), "the first that comes");
    alice.check(&*plain).await;
    other_alice.check(&*other).await;
    let again = open(&format!("{}/5?prefix=other", server.url())).await.unwrap();
    Book::new(user("alice")).check(&*again).await;
}
