//! Does every follower get every later hint of the users followed, and nobody anything else?

use super::{
    book::{Book, commit_all, commit_one, user},
    paths::{self, HintQueue},
    stores::Stores,
};
use conversation_protocol::{Hint, UserId, limits::HINT_BYTES_MAX};
use conversation_store::{Committed, HintSink, ShardId, Store, Told};
use std::time::Duration;

/// Seconds after which a hint that has not come is missing.
const PATIENCE_S: u64 = 10;

/// The next hint of a path.
pub(super) async fn next(stream: &mut HintQueue) -> Option<(UserId, Hint)> {
    match told(stream).await? {
        Told::Hint(user, hint) => Some((user, (*hint).clone())),
        other => panic!("expected a hint, got {other:?}"),
    }
}

async fn told(stream: &mut HintQueue) -> Option<Told> {
    let next = tokio::time::timeout(Duration::from_secs(PATIENCE_S), stream.next()).await;
    next.expect("nothing comes")
}

/// A store in which alice has no data takes a commit of hers, tells it, and has what it took.
pub(super) async fn works(store: &dyn Store) -> (Book, Box<dyn HintSink>, HintQueue) {
    let mut book = Book::new(user("alice"));
    let (mut sink, mut stream) = paths::open(store).await.unwrap();
    sink.follow(std::slice::from_ref(&book.user)).await.unwrap();
    let hint = book.commit(store, |step| step.put("c2c_bob", 1, true)).await;
    assert_eq!(next(&mut stream).await, Some((book.user.clone(), hint)));
    book.check(store).await;
    (book, sink, stream)
}

pub(super) async fn a_follower_gets_every_later_hint_as_it_was_encoded(stores: &Stores) {
    let mut book = Book::new(user("alice:{x}"));
    book.commit(&*stores.first, |step| step.put("c2c_before", 1, true)).await;
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    sink.follow(std::slice::from_ref(&book.user)).await.unwrap();
    for padding in [0, 700, HINT_BYTES_MAX / 2, HINT_BYTES_MAX - 2_000, HINT_BYTES_MAX, 3 * HINT_BYTES_MAX] {
        book.padding = padding;
        let hint = book
            .commit(&*stores.first, |step| {
                step.put("c2c_bob", 2, true);
                step.put("group_ü", 3, true);
                step.bury("c2c_before");
            })
            .await;
        let expected = Hint::decode(&hint.encode()).unwrap();
        assert_eq!(expected.truncated, padding >= HINT_BYTES_MAX / 2);
        assert_eq!(next(&mut stream).await, Some((book.user.clone(), expected)));
    }
    let (mut late, _) = Book::new(book.user.clone()).step(|step| step.put("c2c_late", 1, true));
    late.clock = 99;
    assert_ne!(commit_one(&*stores.first, late).await, Committed::Done);
    let hint = book.commit(&*stores.first, |step| step.bury("c2c_bob")).await;
    assert_eq!(next(&mut stream).await, Some((book.user, hint)), "a lost race is not told");
}

pub(super) async fn nobody_gets_what_he_does_not_follow(stores: &Stores) {
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    let mut books: Vec<Book> = ["alice", "alic", "alice2", "bob"].map(|name| Book::new(user(name))).into();
    sink.follow(&[user("alice"), user("bob"), user("alice")]).await.unwrap();
    for book in &mut books {
        book.commit(&*stores.first, |step| step.put("c2c_x", 1, true)).await;
    }
    assert_eq!(next(&mut stream).await.unwrap().0.as_str(), "alice");
    assert_eq!(next(&mut stream).await.unwrap().0.as_str(), "bob");
    sink.unfollow(&[user("alice"), user("never-followed")]).await.unwrap();
    sink.ping().await.unwrap();
    for book in &mut books {
        book.commit(&*stores.first, |step| step.put("c2c_x", 2, true)).await;
    }
    assert_eq!(next(&mut stream).await.unwrap().0.as_str(), "bob");
    sink.follow(&[user("alice")]).await.unwrap();
    let hint = books[0].commit(&*stores.first, |step| step.put("c2c_x", 3, true)).await;
    assert_eq!(next(&mut stream).await, Some((user("alice"), hint)));
}

pub(super) async fn two_paths_get_each_hint_both(stores: &Stores) {
    let (mut sink_a, mut stream_a) = paths::open(&*stores.first).await.unwrap();
    let (mut sink_b, mut stream_b) = paths::open(&*stores.second).await.unwrap();
    let mut book = Book::new(user("alice"));
    sink_a.follow(std::slice::from_ref(&book.user)).await.unwrap();
    sink_b.follow(std::slice::from_ref(&book.user)).await.unwrap();
    let mut sent = Vec::new();
    for order_key in 1..=20 {
        let store = if order_key % 2 == 0 { &stores.first } else { &stores.second };
        sent.push(book.commit(&**store, |step| step.put("c2c_x", order_key, true)).await);
    }
    for stream in [&mut stream_a, &mut stream_b] {
        for hint in &sent {
            assert_eq!(next(stream).await, Some((book.user.clone(), hint.clone())));
        }
    }
    drop((sink_a, stream_a));
    let hint = book.commit(&*stores.first, |step| step.put("c2c_x", 1, true)).await;
    assert_eq!(next(&mut stream_b).await, Some((book.user, hint)), "a path that went takes no other with it");
}

pub(super) async fn thousands_can_be_followed_at_once(stores: &Stores) {
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    let users: Vec<UserId> = (0..2_500).map(|number| user(&format!("user{number}"))).collect();
    sink.follow(&users).await.unwrap();
    let commits = users.iter().map(|user| Book::new(user.clone()).step(|step| step.put("c2c_x", 1, true)).0);
    for outcome in commit_all(&*stores.first, commits.collect()).await {
        assert_eq!(outcome.unwrap(), Committed::Done);
    }
    let mut told = Vec::new();
    for _ in &users {
        told.push(next(&mut stream).await.unwrap().0);
    }
    // Of each shard in the order of the commits.
    let in_order = |mut users: Vec<UserId>| {
        users.sort_by_key(|user| paths::shard_of(&*stores.first, user));
        users
    };
    assert_eq!(in_order(told), in_order(users.clone()));
    sink.unfollow(&users).await.unwrap();
}

pub(super) async fn a_path_ends_for_good(stores: &Stores) {
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    let mut book = Book::new(user("alice"));
    sink.follow(std::slice::from_ref(&book.user)).await.unwrap();
    drop(sink);
    assert_eq!(told(&mut stream).await, None);
    book.commit(&*stores.first, |step| step.put("c2c_x", 1, true)).await;
    assert_eq!(told(&mut stream).await, None);
}

pub(super) async fn a_probe_comes_on_every_path_behind_what_was_published_before_it(stores: &Stores) {
    let (mut sink_a, mut stream_a) = paths::open(&*stores.first).await.unwrap();
    let (mut sink_b, mut stream_b) = paths::open(&*stores.first).await.unwrap();
    let mut book = Book::new(user("alice"));
    let shard = paths::shard_of(&*stores.first, &book.user);
    for number in [1, 2, u64::MAX] {
        stores.first.probe(shard, number).await.unwrap();
        assert_eq!(told(&mut stream_a).await, Some(Told::Probe(number)), "also while nobody is followed");
        assert_eq!(told(&mut stream_b).await, Some(Told::Probe(number)));
    }
    assert!(stores.first.now_us(&book.user).is_some(), "who probes knows the time");
    sink_a.follow(std::slice::from_ref(&book.user)).await.unwrap();
    let hint = book.commit(&*stores.first, |step| step.put("c2c_x", 1, true)).await;
    stores.first.probe(shard, 3).await.unwrap();
    assert_eq!(told(&mut stream_a).await, Some(Told::Hint(book.user, hint.into())));
    assert_eq!(told(&mut stream_a).await, Some(Told::Probe(3)));
    assert_eq!(told(&mut stream_b).await, Some(Told::Probe(3)));
    drop((sink_a, stream_a));
    stores.first.probe(shard, 4).await.unwrap();
    assert_eq!(told(&mut stream_b).await, Some(Told::Probe(4)), "a path that went takes no other with it");
    sink_b.ping().await.unwrap();
}

pub(super) async fn a_probe_is_of_its_own_node(stores: &Stores) {
    let (_sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    stores.first.probe(ShardId::ONLY, 1).await.unwrap();
    stores.second.probe(ShardId::ONLY, 2).await.unwrap();
    assert_eq!(told(&mut stream).await, Some(Told::Probe(2)));
}
