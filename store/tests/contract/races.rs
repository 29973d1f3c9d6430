//! Does every acknowledged step stand exactly once when several connections write one user?

use super::{
    book::{Book, commit_one, id, load_one, user},
    hints::next,
    paths::{self, HintQueue},
    stores::Stores,
};
use conversation_protocol::{
    Conversation, UserId,
    server::{Message, Profile},
};
use conversation_store::{
    Committed, Indexed, IndexedKind, Limits, Load, RowSelection, Store, WriteError, Writer,
    record::StoredHead,
    rules::{Change, MessageSent},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

const TASKS_PER_STORE: u64 = 4;
const STEPS_PER_TASK: u64 = 25;

/// The book after so many steps, each of which replaces the one row.
fn counted(steps: u64) -> Book {
    let mut book = Book::new(user("alice"));
    book.clock = steps;
    if steps > 0 {
        let kind = IndexedKind::Row { order_key: steps, has_unread: steps % 2 == 1, is_grouped: false };
        book.entries.insert(id("c2c_counter"), Indexed { version: steps, kind });
    }
    book
}

async fn count_up(store: Arc<dyn Store>) {
    let load = Load { user: user("alice"), rows: RowSelection::Unread(1), tombstones: 0, lowest: None };
    for _ in 0..STEPS_PER_TASK {
        let mut found = load_one(&*store, &load).await;
        loop {
            let clock = found.head.map_or(0, |head| StoredHead::decode(&head).unwrap().cursor.version);
            let (mut commit, after) =
                counted(clock).step(|step| step.put("c2c_counter", clock + 1, (clock + 1) % 2 == 1));
            assert_eq!(after.clock, clock + 1);
            commit.load = load.clone();
            match commit_one(&*store, commit).await {
                Committed::Done => break,
                Committed::Conflict(now) => found = now,
            }
        }
    }
}

pub(super) async fn a_counter_in_a_head_loses_no_step(stores: &Stores) {
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    sink.follow(&[user("alice")]).await.unwrap();
    let mut tasks = Vec::new();
    for store in [&stores.first, &stores.second] {
        tasks.extend((0..TASKS_PER_STORE).map(|_| tokio::spawn(count_up(store.clone()))));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let steps = 2 * TASKS_PER_STORE * STEPS_PER_TASK;
    counted(steps).check(&*stores.first).await;
    assert_eq!(follow_chain(&mut stream, 0, steps).await, steps);
}

/// Reads hints from one clock to another; each must begin where the last one ended. How many there were.
async fn follow_chain(stream: &mut HintQueue, from: u64, to: u64) -> u64 {
    let (mut clock, mut hints) = (from, 0);
    while clock != to {
        let (_, hint) = next(stream).await.unwrap();
        assert_eq!(hint.previous, clock, "a hint begins where the last one ended");
        assert!(hint.clock > clock);
        (clock, hints) = (hint.clock, hints + 1);
    }
    hints
}

pub(super) fn message(group: u64, seq: u64) -> Change {
    Change::Sent(Arc::new(MessageSent {
        conversation_id: id(&format!("group_{group}")),
        group_type: None,
        profile: Profile { show_name: None, face_url: None },
        sender: user("bob"),
        message: Message {
            msg_id: format!("m{group}-{seq}").parse().unwrap(),
            seq,
            timestamp: 1_000 + seq,
            elem_type: 1,
            text: String::new(),
            nick_name: String::new(),
            face_url: String::new(),
            at_user_list: Vec::new(),
            cloud_custom_data: String::new(),
            is_excluded_from_last_message: false,
            is_excluded_from_unread_count: false,
        },
    }))
}

/// Sends until the writer says that it is done.
async fn send(writer: Writer, user: UserId, group: u64, seqs: impl Iterator<Item = u64>) {
    for seq in seqs {
        loop {
            match writer.apply(user.clone(), message(group, seq)).await {
                Ok(outcome) => break assert_eq!(outcome.changed, 1, "group {group}, seq {seq}"),
                Err(WriteError::Contended) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub(super) async fn writers_of_one_user_lose_no_message(stores: &Stores) {
    const GROUPS: u64 = 3;
    const SEQS: u64 = 40;
    let alice = user("alice");
    let (mut sink, mut stream) = paths::open(&*stores.first).await.unwrap();
    sink.follow(std::slice::from_ref(&alice)).await.unwrap();
    let mut tasks = Vec::new();
    for (number, store) in [&stores.first, &stores.second].into_iter().enumerate() {
        let writer = Writer::new(store.clone(), Limits::default());
        for group in 0..GROUPS {
            // Each writer has every other message of every group.
            let seqs = (1..=SEQS).filter(move |seq| *seq as usize % 2 == number);
            tasks.push(tokio::spawn(send(writer.clone(), alice.clone(), group, seqs)));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let page = stores.second.page(&alice, 0, 100).await.unwrap();
    assert_eq!((page.head.total_unread, page.head.row_count), (GROUPS * SEQS, GROUPS));
    for row in &page.rows {
        let row: Conversation = serde_json::from_str(&row.json).unwrap();
        assert_eq!((row.unread_count, row.last_message.unwrap().seq), (SEQS, SEQS));
    }
    let hints = follow_chain(&mut stream, 0, page.head.cursor.version).await;
    assert!(hints <= GROUPS * SEQS);
}

pub(super) async fn what_a_writer_remembers_of_a_user_may_be_out_of_date(stores: &Stores) {
    const ROUNDS: u64 = 12;
    const GROUPS: u64 = 6;
    let alice = user("alice");
    let writers = [&stores.first, &stores.second].map(|store| Writer::new(store.clone(), Limits::default()));
    for data_set in 0..2 {
        // Each writer comes back to what it wrote, one conversation or several at a time, after the other one has.
        for seq in 1..=ROUNDS {
            let writer = &writers[seq as usize / 2 % 2];
            let groups = if seq % 3 == 0 { 0..GROUPS } else { 0..2 };
            let changes: Vec<_> = groups.map(|group| (alice.clone(), message(group, seq))).collect();
            for outcome in writer.apply_all(changes).await {
                assert_eq!(outcome.unwrap().changed, 1);
            }
        }
        let page = stores.second.page(&alice, 0, 100).await.unwrap();
        let unread = 2 * ROUNDS + (GROUPS - 2) * (ROUNDS / 3);
        assert_eq!((page.head.total_unread, page.head.row_count), (unread, GROUPS), "data set {data_set}");
        for row in &page.rows {
            let row: Conversation = serde_json::from_str(&row.json).unwrap();
            assert_eq!(row.last_message.unwrap().seq, ROUNDS);
        }
        // Nobody's memory outlives the data.
        stores.first.delete_user(&alice).await.unwrap();
    }
    for writer in &writers {
        assert_eq!(writer.counts().conflicts.load(Ordering::Relaxed), 0, "nobody raced");
    }
}

pub(super) async fn writers_of_one_user_keep_the_list_within_its_limit(stores: &Stores) {
    const ROWS: u64 = 6;
    const GROUPS: u64 = 30;
    let alice = user("alice");
    let (mut sink, mut stream) = paths::open(&*stores.first).await.unwrap();
    sink.follow(std::slice::from_ref(&alice)).await.unwrap();
    let mut tasks = Vec::new();
    for (number, store) in [&stores.first, &stores.second].into_iter().enumerate() {
        let writer = Writer::new(store.clone(), Limits { rows_per_user: ROWS });
        let alice = alice.clone();
        tasks.push(tokio::spawn(async move {
            for group in (0..GROUPS).filter(|group| *group as usize % 2 == number) {
                send(writer.clone(), alice.clone(), group, 1..=1).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let head = stores.second.heads(std::slice::from_ref(&alice)).await.remove(0).unwrap();
    let (mut clock, mut told) = (0, BTreeMap::new());
    while clock != head.cursor.version {
        let (_, hint) = next(&mut stream).await.unwrap();
        assert_eq!(hint.previous, clock, "a hint begins where the last one ended");
        clock = hint.clock;
        for row in hint.rows {
            told.insert(row.version, row.conversation_id);
        }
        for (gone, version) in hint.deleted {
            assert!(version <= hint.clock);
            let (lowest, id) = told.pop_first().unwrap();
            assert_eq!(id, gone, "of rows that changed once, the oldest goes");
            assert!(lowest < version);
        }
        assert!(told.len() as u64 <= ROWS, "no step leaves the list too long");
    }
    let page = stores.second.page(&alice, 0, 100).await.unwrap();
    let listed: Vec<_> = page.rows.iter().map(|row| &row.conversation_id).collect();
    assert_eq!(listed, told.values().rev().collect::<Vec<_>>());
    assert_eq!((page.head.row_count, page.head.total_unread), (ROWS, ROWS));
    let replay = stores.first.replay(&alice, 0, 100, usize::MAX).await.unwrap();
    assert_eq!((replay.changed, replay.entries.len() as u64), (GROUPS, GROUPS), "every row that went left a tombstone");
}
