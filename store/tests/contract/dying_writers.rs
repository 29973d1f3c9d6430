//! What becomes of a change of many rows whose writer dies, or is overtaken, between two of its steps?

use super::{
    book::id,
    paths,
    stores::Stores,
    unfinished::{ROWS, hints, list, listed, rows},
};
use async_trait::async_trait;
use conversation_protocol::{
    ConversationId, GroupEvent, Head, Page, ReplaySlice, RowState, UnreadFacets, UserId, method::ReadScope,
};
use conversation_store::{
    Commit, Committed, FacetPage, HintReceiver, HintSink, HintsEnd, Limits, Load, Loaded, SessionLease, ShardId, Store,
    StoreError, Topology, Writer,
    lanes::{Backlog, Enqueued, EntryId, Lane, LaneQueue, LaneWakes},
    rules::{Change, ReadUpTo},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{Notify, watch},
};

/// When a store's writer meets its fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The commit of this number never reaches the store.
    Before(usize),
    /// It stands, but its answer never comes.
    After(usize),
    /// Each commit up to this number comes too late.
    BeforeEach(usize),
}

/// A store that lets go through what its writer asks for, up to a moment.
struct Fated {
    store: Arc<dyn Store>,
    commits: AtomicUsize,
    when: When,
    fate: Fate,
}

/// What happens then.
enum Fate {
    /// The writer waits for ever, and this is told.
    Death(Arc<Notify>),
    /// Another node makes a change of the same user first: what this gives for the number of the commit.
    Overtaken(Writer, UserId, fn(usize) -> Change),
}

impl Fated {
    async fn meet(&self, moment: When) {
        let number = match (moment, self.when) {
            (When::Before(number), When::BeforeEach(last)) if number <= last => number,
            (When::Before(number) | When::After(number), when) if moment == when => number,
            _ => return,
        };
        match &self.fate {
            Fate::Death(told) => {
                told.notify_one();
                std::future::pending().await
            }
            Fate::Overtaken(writer, user, change) => {
                writer.apply(user.clone(), change(number)).await.unwrap();
            }
        }
    }
}

#[async_trait]
impl LaneQueue for Fated {
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>> {
        self.store.enqueue(entries).await
    }

    async fn count_nodes(&self, node: &str, lease_ms: u64) -> Result<u64, StoreError> {
        self.store.count_nodes(node, lease_ms).await
    }

    async fn hold_lanes(&self, node: &str, lanes: &[Lane], lease_ms: u64) -> Result<Vec<Lane>, StoreError> {
        self.store.hold_lanes(node, lanes, lease_ms).await
    }

    async fn release_lanes(&self, node: &str, lanes: &[Lane]) -> Result<(), StoreError> {
        self.store.release_lanes(node, lanes).await
    }

    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
        self.store.lane_entries(lane, count_max).await
    }

    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError> {
        self.store.backlogs(lanes).await
    }

    async fn finish_entries(&self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StoreError> {
        self.store.finish_entries(lane, done, dead).await
    }

    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError> {
        self.store.lane_wakes().await
    }
}

#[async_trait]
impl Store for Fated {
    fn topology(&self) -> watch::Receiver<Topology> {
        self.store.topology()
    }

    async fn load(&self, loads: &[Load]) -> Vec<Result<Loaded, StoreError>> {
        self.store.load(loads).await
    }

    fn now_us(&self, user: &UserId) -> Option<u64> {
        self.store.now_us(user)
    }

    fn replication_id(&self, user: &UserId) -> u64 {
        self.store.replication_id(user)
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>> {
        let number = 1 + self.commits.fetch_add(1, Ordering::Relaxed);
        self.meet(When::Before(number)).await;
        let committed = self.store.commit(commits).await;
        self.meet(When::After(number)).await;
        committed
    }

    async fn heads(&self, users: &[UserId]) -> Vec<Result<Head, StoreError>> {
        self.store.heads(users).await
    }

    async fn replay(
        &self,
        user: &UserId,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<ReplaySlice, StoreError> {
        self.store.replay(user, after, rows_max, bytes_max).await
    }

    async fn page(&self, user: &UserId, below: u64, count: u32) -> Result<Page, StoreError> {
        self.store.page(user, below, count).await
    }

    async fn rows(
        &self,
        user: &UserId,
        conversation_ids: &[ConversationId],
    ) -> Result<(Head, Vec<Option<RowState>>), StoreError> {
        self.store.rows(user, conversation_ids).await
    }

    async fn facets(&self, user: &UserId, below: u64, count: u32) -> Result<FacetPage, StoreError> {
        self.store.facets(user, below, count).await
    }

    async fn unread(&self, user: &UserId) -> Result<UnreadFacets, StoreError> {
        self.store.unread(user).await
    }

    async fn delete_user(&self, user: &UserId) -> Result<(), StoreError> {
        self.store.delete_user(user).await
    }

    async fn forget_idle(&self, idle: Duration) -> Result<u64, StoreError> {
        self.store.forget_idle(idle).await
    }

    async fn hints(
        &self,
        shard: ShardId,
        receiver: Arc<dyn HintReceiver>,
    ) -> Result<(Box<dyn HintSink>, HintsEnd), StoreError> {
        self.store.hints(shard, receiver).await
    }

    async fn probe(&self, shard: ShardId, number: u64) -> Result<(), StoreError> {
        self.store.probe(shard, number).await
    }

    async fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) -> Result<(), StoreError> {
        self.store.renew_sessions(leases, lease_ms).await
    }

    async fn end_sessions(&self, leases: &[SessionLease]) -> Result<(), StoreError> {
        self.store.end_sessions(leases).await
    }

    async fn sessions(&self, users: &[UserId]) -> Result<Vec<Vec<SessionLease>>, StoreError> {
        self.store.sessions(users).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

/// Makes changes by a writer that dies at a moment of them, with everything that it had in hand.
async fn die(store: &Arc<dyn Store>, user: &UserId, changes: impl Iterator<Item = Change>, when: When) {
    let died = Arc::new(Notify::new());
    let fated = Fated { store: store.clone(), commits: AtomicUsize::new(0), when, fate: Fate::Death(died.clone()) };
    let runtime = Runtime::new().unwrap();
    let writer = Writer::new(Arc::new(fated), Limits::default());
    let changes: Vec<_> = changes.map(|change| (user.clone(), change)).collect();
    let mut work = runtime.spawn(async move { writer.apply_all(changes).await });
    tokio::select! {
        outcomes = &mut work => panic!("it was to die {when:?}, and answered {outcomes:?}"),
        () = died.notified() => {}
    }
    runtime.shutdown_background();
}

pub(super) async fn a_change_of_many_rows_whose_writer_dies_is_completed_by_the_next(stores: &Stores) {
    let alice = listed(&stores.first).await;
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    sink.follow(std::slice::from_ref(&alice)).await.unwrap();
    let next = Writer::new(stores.second.clone(), Limits::default());
    let touch = |text: &str| Change::Draft {
        conversation_id: "group_000".parse().unwrap(),
        text: text.to_owned(),
        if_version: None,
    };
    let read_all = Change::Read(ReadScope::All, ReadUpTo { timestamp: 0, sequence: 0 });
    let renamed = Change::RenameGroup { old_name: "work".to_owned(), new_name: "office".to_owned() };
    let deleted = Change::DeleteGroup("office".to_owned());
    let deaths = [
        (renamed, When::Before(2), ["work", "office"]),
        (read_all, When::After(1), ["office", "office"]),
        (deleted, When::After(2), ["office", ""]),
    ];
    for (number, (change, when, [before, after])) in deaths.into_iter().enumerate() {
        die(&stores.first, &alice, std::iter::once(change.clone()), when).await;
        // In the middle: each row is as it was or as it is to be, and the total is their sum.
        let list = rows(&*stores.second, &alice).await;
        let names = |row: &conversation_protocol::Conversation| row.conversation_group_list.concat();
        let done = list.iter().filter(|row| names(row) == after && before != after).count();
        let left = list.iter().filter(|row| names(row) == before).count();
        assert_eq!(done + left, ROWS);
        let unread = list.iter().filter(|row| row.unread_count > 0).count();
        assert!(
            ![done, unread].contains(&0) || number > 0,
            "{change:?} was in its middle: {done} done, {unread} unread"
        );
        next.apply(alice.clone(), touch(&format!("draft {number}"))).await.unwrap();
        let list = rows(&*stores.first, &alice).await;
        assert!(list.iter().all(|row| names(row) == after), "{change:?} is completed");
        assert!(number == 0 || list.iter().all(|row| row.unread_count == 0), "{change:?} is completed");
    }
    let hints = hints(&mut stream, &*stores.first, &alice).await;
    let told: Vec<GroupEvent> = hints.into_iter().flat_map(|hint| hint.groups).collect();
    let renamed = GroupEvent::Renamed("work".to_owned(), "office".to_owned());
    assert_eq!(told, [renamed, GroupEvent::Deleted("office".to_owned())], "each is told once, though its writer died");
}

pub(super) async fn an_import_whose_writer_dies_is_repeated_to_the_same_list(stores: &Stores) {
    let alice: UserId = "alice".parse().unwrap();
    // What is there takes no step again, so that each gets one further.
    for when in [When::After(1), When::Before(2), When::Before(1)] {
        die(&stores.first, &alice, list(), when).await;
        assert!(rows(&*stores.second, &alice).await.len() < ROWS);
    }
    listed(&stores.second).await;
    let ids: Vec<String> =
        rows(&*stores.first, &alice).await.iter().map(|row| row.conversation_id.to_string()).collect();
    assert_eq!(ids, (0..ROWS).rev().map(|number| format!("group_{number:03}")).collect::<Vec<_>>());
}

/// The conflict is one of a step that loads what is in groups, and so is what it finds.
pub(super) async fn a_change_of_a_group_that_is_overtaken_is_made_of_the_rows_that_came_meanwhile(stores: &Stores) {
    let alice = listed(&stores.first).await;
    let other = Writer::new(stores.second.clone(), Limits::default());
    let draft = Change::Draft { conversation_id: id("c2c_late"), text: "draft".to_owned(), if_version: None };
    other.apply(alice.clone(), draft).await.unwrap();
    let joins = |_| Change::AddToGroup { conversation_id: id("c2c_late"), name: "work".to_owned() };
    let fated = Fated {
        store: stores.first.clone(),
        commits: AtomicUsize::new(0),
        when: When::Before(1),
        fate: Fate::Overtaken(other, alice.clone(), joins),
    };
    let writer = Writer::new(Arc::new(fated), Limits::default());
    let rename = Change::RenameGroup { old_name: "work".to_owned(), new_name: "office".to_owned() };
    let outcome = writer.apply(alice.clone(), rename).await.unwrap();
    assert_eq!(outcome.changed, ROWS as u64 + 1);
    assert_eq!(writer.counts().conflicts.load(Ordering::Relaxed), 1);
    let rows = rows(&*stores.first, &alice).await;
    assert!(rows.iter().all(|row| row.conversation_group_list == ["office"]));
}

pub(super) async fn a_writer_that_loses_many_races_makes_its_change_once_it_wins_one(stores: &Stores) {
    const RACES: usize = 20;
    let alice: UserId = "alice".parse().unwrap();
    let draft = |number: usize| Change::Draft {
        conversation_id: id("c2c_other"),
        text: format!("draft {number}"),
        if_version: None,
    };
    let other = Writer::new(stores.second.clone(), Limits::default());
    let fated = Fated {
        store: stores.first.clone(),
        commits: AtomicUsize::new(0),
        when: When::BeforeEach(RACES),
        fate: Fate::Overtaken(other, alice.clone(), draft),
    };
    let writer = Writer::new(Arc::new(fated), Limits::default());
    let pin = Change::Pin { conversation_id: id("c2c_mine"), is_pinned: true, if_version: None };
    assert_eq!(writer.apply(alice.clone(), pin).await.unwrap().changed, 1);
    assert_eq!(writer.counts().conflicts.load(Ordering::Relaxed), RACES as u64);
    let rows = rows(&*stores.second, &alice).await;
    assert_eq!(rows.iter().map(|row| row.draft_text.as_str()).collect::<Vec<_>>(), ["", "draft 20"]);
}
