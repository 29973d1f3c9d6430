//! Are data of a newer layout refused, and those of the layout before there was a mark served?
//!
//! fixtures/unmarked holds what a gateway without marks wrote: Bob's row with Alice is pinned and has three unread messages, that
//! with Carol one and is in the folder Work, that with Dave was deleted.

use super::{book::user, redis_cluster::RedisCluster, redis_faults::ask, redis_server::RedisServer};
use conversation_protocol::{Conversation, RowState};
use conversation_store::{Limits, Store, StoreError, Writer, open, rules::Change};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/unmarked");
const FILE: &str = "conversations.redb";
/// The names of what is kept: they stay, so that every later version finds them.
const KEY: &str = "layout:{3560}";
const TABLE: TableDefinition<'_, (), u64> = TableDefinition::new("layout");

async fn open_in(directory: &Path) -> Result<Arc<dyn Store>, StoreError> {
    open(&format!("embedded:{}", directory.display())).await
}

/// A directory with the fixture.
fn unmarked() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new(FIXTURES).join(FILE), directory.path().join(FILE)).unwrap();
    directory
}

fn mark_in(directory: &Path) -> u64 {
    let database = Database::open(directory.join(FILE)).unwrap();
    database.begin_read().unwrap().open_table(TABLE).unwrap().get(()).unwrap().unwrap().value()
}

fn is_refused(opened: Result<Arc<dyn Store>, StoreError>) {
    match opened.map(|_| "open") {
        Err(StoreError::Corrupt(why)) => {
            assert!(why.contains("layout 2") && why.contains("newer version"), "{why}");
        }
        other => panic!("data of a newer layout: {other:?}"),
    }
}

fn shown_as(row: &RowState) -> Conversation {
    serde_json::from_str(&row.json).unwrap()
}

/// Bob's list is as it was left, and goes on.
async fn is_served(store: &Arc<dyn Store>) {
    let (bob, before) = (user("bob"), store.page(&user("bob"), 0, 10).await.unwrap());
    let shown: Vec<_> = before.rows.iter().map(shown_as).collect();
    assert_eq!(before.head.total_unread, 4);
    assert_eq!(shown.len(), 2);
    assert_eq!((shown[0].show_name.as_str(), shown[0].unread_count, shown[0].is_pinned), ("Alice", 3, true));
    assert_eq!((shown[1].show_name.as_str(), shown[1].unread_count, shown[1].is_pinned), ("Carol", 1, false));
    assert_eq!(shown[1].conversation_group_list.len(), 1);
    assert_eq!(store.replay(&bob, 0, 10, usize::MAX).await.unwrap().changed, 3, "the deleted row too");
    assert_eq!(store.unread(&bob).await.unwrap().rows.len(), 2);

    let writer = Writer::new(store.clone(), Limits::default());
    let conversation_id = "c2c_carol".parse().unwrap();
    let draft = Change::Draft { conversation_id, text: "On my way".to_owned(), if_version: None };
    writer.apply(bob.clone(), draft).await.unwrap();
    let after = store.page(&bob, 0, 10).await.unwrap();
    assert!(after.head.cursor.version > before.head.cursor.version);
    assert_eq!(after.head.cursor.epoch, before.head.cursor.epoch);
    assert_eq!(shown_as(&after.rows[1]).draft_text, "On my way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_a_mark_is_served_and_marked() {
    let directory = unmarked();
    is_served(&open_in(directory.path()).await.unwrap()).await;
    assert_eq!(mark_in(directory.path()), 1);
    assert_eq!(open_in(directory.path()).await.unwrap().page(&user("bob"), 0, 10).await.unwrap().rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_newer_layout_is_refused_and_left_as_it_is() {
    let directory = unmarked();
    let database = Database::open(directory.path().join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TABLE).unwrap().insert((), 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    is_refused(open_in(directory.path()).await);
    assert_eq!(mark_in(directory.path()), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_without_a_mark_is_served_and_marked() {
    let server = RedisServer::start();
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("redis.json")).unwrap();
    for command in serde_json::from_str::<Vec<Vec<String>>>(&text).unwrap() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        ask::<i64>(&server, &words).await;
    }
    is_served(&open(&server.url()).await.unwrap()).await;
    assert_eq!(ask::<u64>(&server, &["GET", KEY]).await, 1);
    assert_eq!(open(&server.url()).await.unwrap().page(&user("bob"), 0, 10).await.unwrap().rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_of_a_newer_layout_is_refused_and_left_as_it_is() {
    let server = RedisServer::start();
    ask::<()>(&server, &["SET", KEY, "2"]).await;
    is_refused(open(&server.url()).await);
    assert_eq!(ask::<u64>(&server, &["GET", KEY]).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_moves_with_its_slot_to_another_shard() {
    let cluster = RedisCluster::start(2).await;
    let [first, second] = &cluster.primaries[..] else { panic!("two primaries") };
    open(&cluster.url()).await.unwrap();
    assert_eq!(ask::<u64>(first, &["GET", KEY]).await, 1);
    ask::<()>(first, &["SET", KEY, "2"]).await;
    cluster.move_slot(0, first, second).await;
    is_refused(open(&cluster.url()).await);
}
