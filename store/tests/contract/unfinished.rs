//! Are operations on more rows than a step writes completed, whoever dies in their middle?

use super::{
    book::{commit_one, load_one, user},
    hints::next,
    paths::{self, HintQueue},
    stores::Stores,
};
use conversation_protocol::{Conversation, GroupEvent, Hint, UserId, limits::STEP_ROWS_MAX, method::ReadScope};
use conversation_store::{
    Committed, Limits, Store, Writer,
    record::Unfinished,
    rules::{Change, Decided, ReadUpTo, load_for, step},
};
use serde_json::json;
use std::sync::Arc;

pub(super) const ROWS: usize = 600;

/// A list of rows, each with one unread message and in the conversation group "work".
pub(super) async fn listed(store: &Arc<dyn Store>) -> UserId {
    let alice = user("alice");
    let writer = Writer::new(store.clone(), Limits::default());
    let outcomes = writer.apply_all(list().map(|change| (alice.clone(), change))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    alice
}

/// What makes that list, the last row first.
pub(super) fn list() -> impl Iterator<Item = Change> {
    let rows = (0..ROWS).map(|number| {
        let row = json!({"conversationID": format!("group_{number:03}"), "unreadCount": 1, "conversationGroupList": ["work"],
            "lastMessage": {"msgID": "m", "seq": 1, "sender": "bob", "isSelf": false, "timestamp": 5, "elemType": 1,
                "text": "", "status": 2}});
        Change::Import(Arc::new(serde_json::from_value(row).unwrap()))
    });
    std::iter::once(Change::CreateGroup("work".to_owned())).chain(rows)
}

pub(super) async fn rows(store: &dyn Store, user: &UserId) -> Vec<Conversation> {
    let page = store.page(user, 0, u32::MAX).await.unwrap();
    let rows: Vec<Conversation> = page.rows.iter().map(|row| serde_json::from_str(&row.json).unwrap()).collect();
    assert_eq!(page.head.total_unread, rows.iter().map(|row| row.unread_count).sum::<u64>(), "total = sum");
    rows
}

/// The first step of a change, as a writer leaves it that dies right after.
async fn begin(store: &dyn Store, user: &UserId, change: Change) -> Unfinished {
    let (changes, limits) = ([change], Limits::default());
    let load = load_for(user, &changes, limits);
    let loaded = load_one(store, &load).await;
    let Decided::Step(step) = step(load, &loaded, &changes, limits, 7, store.replication_id(user)).unwrap() else {
        panic!("nothing is unfinished")
    };
    assert_eq!(commit_one(store, step.commit.unwrap()).await, Committed::Done);
    step.unfinished.expect("more than a step writes")
}

/// All hints up to the present clock.
pub(super) async fn hints(stream: &mut HintQueue, store: &dyn Store, user: &UserId) -> Vec<Hint> {
    let head = store.heads(std::slice::from_ref(user)).await.remove(0).unwrap();
    let mut hints: Vec<Hint> = Vec::new();
    while hints.last().is_none_or(|hint| hint.clock < head.cursor.version) {
        hints.push(next(stream).await.unwrap().1);
    }
    hints
}

pub(super) async fn a_renamed_group_of_600_rows_is_told_once_and_at_the_end(stores: &Stores) {
    let alice = listed(&stores.first).await;
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    sink.follow(std::slice::from_ref(&alice)).await.unwrap();
    let writer = Writer::new(stores.first.clone(), Limits::default());
    let rename = Change::RenameGroup { old_name: "work".to_owned(), new_name: "office".to_owned() };
    let outcome = writer.apply(alice.clone(), rename).await.unwrap();
    assert_eq!(outcome.changed, ROWS as u64, "the changes of all steps count");
    let hints = hints(&mut stream, &*stores.first, &alice).await;
    assert_eq!(hints.len(), ROWS.div_ceil(STEP_ROWS_MAX));
    let (last, before) = hints.split_last().unwrap();
    assert_eq!(last.groups, [GroupEvent::Renamed("work".to_owned(), "office".to_owned())]);
    assert!(before.iter().all(|hint| hint.groups.is_empty()));
    assert!(rows(&*stores.second, &alice).await.iter().all(|row| row.conversation_group_list == ["office"]));
}

pub(super) async fn whoever_writes_next_completes_what_a_dead_writer_left(stores: &Stores) {
    let alice = listed(&stores.first).await;
    let unfinished = begin(&*stores.first, &alice, Change::DeleteGroup("work".to_owned())).await;
    assert_eq!(unfinished, Unfinished::DeleteGroup("work".to_owned()));
    let in_group = |rows: &[Conversation]| rows.iter().filter(|row| !row.conversation_group_list.is_empty()).count();
    assert_eq!(in_group(&rows(&*stores.first, &alice).await), ROWS - STEP_ROWS_MAX);
    let writer = Writer::new(stores.second.clone(), Limits::default());
    let group = Change::CreateGroup("work".to_owned());
    writer.apply(alice.clone(), group).await.unwrap();
    assert_eq!(in_group(&rows(&*stores.first, &alice).await), 0, "a new group of the name begins empty");

    let all = Change::Read(ReadScope::AllGroups, ReadUpTo { timestamp: 0, sequence: 0 });
    begin(&*stores.second, &alice, all).await;
    let message = json!({"conversationID": "c2c_bob", "unreadCount": 1,
        "lastMessage": {"msgID": "m", "seq": 1, "sender": "bob", "isSelf": false, "timestamp": 5, "elemType": 1,
            "text": "", "status": 2}});
    let import = Change::Import(Arc::new(serde_json::from_value(message).unwrap()));
    let outcome = writer.apply(alice.clone(), import).await.unwrap();
    assert_eq!((outcome.changed, outcome.total_unread), (1, 1), "what came later is not read");
    rows(&*stores.first, &alice).await;
}

pub(super) async fn two_writers_complete_what_both_began(stores: &Stores) {
    let alice = listed(&stores.first).await;
    let writers = [&stores.first, &stores.second].map(|store| Writer::new(store.clone(), Limits::default()));
    let all = || Change::Read(ReadScope::All, ReadUpTo { timestamp: 0, sequence: 0 });
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    sink.follow(std::slice::from_ref(&alice)).await.unwrap();
    let delete = writers[1].apply(alice.clone(), Change::DeleteGroup("work".to_owned()));
    let (read, deleted) = tokio::join!(writers[0].apply(alice.clone(), all()), delete);
    assert!(read.is_ok() && deleted.is_ok(), "{read:?}, {deleted:?}");
    let rows = rows(&*stores.first, &alice).await;
    assert!(rows.iter().all(|row| row.unread_count == 0 && row.conversation_group_list.is_empty()));
    let hints = hints(&mut stream, &*stores.first, &alice).await;
    let notices: Vec<&GroupEvent> = hints.iter().flat_map(|hint| &hint.groups).collect();
    assert_eq!(notices, [&GroupEvent::Deleted("work".to_owned())]);
}
