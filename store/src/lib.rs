//! Where conversation lists are kept: the rules of every change, and the stores that keep the rows.
//!
//! A store keeps values that it does not understand: what a change does to a user's rows is decided by [`rules`],
//! the same for every store, and committed only if nobody else wrote the user meanwhile ([`Writer`]).

mod bucket;
pub mod embedded;
mod filtered;
mod in_process;
pub mod lanes;
mod layout;
pub mod memory;
pub mod record;
pub mod redis;
pub mod rules;
mod topology;
pub mod writer;

use async_trait::async_trait;
use conversation_protocol::{
    ConversationId, DeviceId, Facets, Head, Hint, Page, ReplaySlice, RowState, UnreadFacets, UserId,
};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc, task::Waker, time::Duration};
use tokio::sync::{oneshot, watch};

pub use filtered::filtered_page;
pub use rules::Limits;
pub use topology::{Shard, ShardId, Topology};
pub use writer::{WriteError, Writer};

/// Why a store could not answer, sorted by what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Try again later; whether a commit took place is unknown.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Give up: what lies in the store is not what this version writes.
    #[error("the store holds what cannot be read: {0}")]
    Corrupt(String),
}

/// Which rows a step needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowSelection {
    /// These.
    Ids(Vec<ConversationId>),
    /// Those with something to read, be it counted or not, at most this many.
    Unread(usize),
    /// Those in conversation groups (folders), at most this many.
    Grouped(usize),
}

/// What a step reads of one user, all at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Whose.
    pub user: UserId,
    /// Which rows.
    pub rows: RowSelection,
    /// How many of the oldest tombstones to name.
    pub tombstones: usize,
    /// What to read besides if the list is long.
    pub lowest: Option<Lowest>,
}

/// What a step that may make a row reads of a list that may get too long by it; of a shorter one, nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lowest {
    /// How many rows a list has at least for this to be read.
    pub rows_at_least: u64,
    /// How many rows to read from the end of the list, at least 1.
    pub count: usize,
    /// How many of the oldest tombstones to name then, in place of [`Load::tombstones`].
    pub tombstones: usize,
}

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The store's own time, in microseconds since 1970.
    pub now_us: u64,
    /// The user's head as it was committed; `None` for a user without data.
    pub head: Option<String>,
    /// The rows asked for, as they were committed; `None` where there is neither row nor tombstone.
    pub rows: Vec<(ConversationId, Option<String>)>,
    /// The oldest tombstones, by rising version.
    pub tombstones: Vec<(ConversationId, u64)>,
    /// The last rows of the list, as they were committed, by rising orderKey; none if [`Load::lowest`] does not apply.
    pub lowest: Vec<(ConversationId, String)>,
}

/// One step on a user, to be committed as a whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Whose.
    pub user: UserId,
    /// The server it is for, as [`Store::replication_id`] named it; on another one it conflicts, whatever the clock.
    pub replication_id: u64,
    /// The clock the step was computed from; 0 for a user without data. Another one in the store: a conflict.
    pub expected_clock: u64,
    /// The clock after the step.
    pub clock: u64,
    /// The new head, as a value.
    pub head: String,
    /// What is written, at most one entry per conversation.
    pub writes: Vec<Write>,
    /// Told to every node once committed.
    pub hint: Hint,
    /// What to read in case of a conflict.
    pub load: Load,
}

/// What a step writes for one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Which one.
    pub conversation_id: ConversationId,
    /// Where it stood in the indexes before; `None` if there was nothing, not even a tombstone.
    pub before: Option<Indexed>,
    /// Where it stands now, and its value; `None` purges a tombstone without a trace.
    pub after: Option<(Indexed, String)>,
}

/// Where a value stands in the indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indexed {
    /// Its place in the log of changes.
    pub version: u64,
    /// A row or a tombstone.
    pub kind: IndexedKind,
}

/// A row stands in the list, a tombstone in the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexedKind {
    /// A row.
    Row {
        /// Its place in the list.
        order_key: u64,
        /// Whether [`RowSelection::Unread`] finds it.
        has_unread: bool,
        /// Whether [`RowSelection::Grouped`] finds it.
        is_grouped: bool,
    },
    /// A tombstone.
    Tombstone,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    /// It stands, and its hint is on the way.
    Done,
    /// Somebody else wrote the user; nothing was changed. What [`Commit::load`] asked for, as it is now.
    Conflict(Loaded),
}

/// A live session as every node can see it; lives as long as its lease is renewed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionLease {
    /// Whose session.
    #[serde(rename = "userID")]
    pub user: UserId,
    /// The node that holds it.
    pub node: String,
    /// Its number on that node.
    pub session: u64,
    /// The client's device, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// "websocket" or "sse".
    pub transport: String,
    /// When it connected, in seconds since 1970.
    pub connected_at: u64,
}

/// What filters need to know of a part of the list, read in one step with its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetPage {
    /// The head at the time of reading.
    pub head: Head,
    /// Rows by falling orderKey.
    pub rows: Vec<FacetRow>,
    /// Whether nothing lies below.
    pub is_finished: bool,
}

/// What filters need to know of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetRow {
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// Its place in the list.
    pub order_key: u64,
    /// What filters ask for.
    pub facets: Facets,
}

/// Says whose hints come on a path, which ends with this value.
#[async_trait]
pub trait HintSink: Send {
    /// Follows users; once this returns, every later commit's hint arrives, but for those of the users it answers: they
    /// are in another shard by now.
    async fn follow(&mut self, users: &[UserId]) -> Result<Vec<UserId>, StoreError>;
    /// Follows users no more.
    async fn unfollow(&mut self, users: &[UserId]) -> Result<(), StoreError>;
    /// Shows that the path is alive.
    async fn ping(&mut self) -> Result<(), StoreError>;
}

/// What comes on a path for hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A followed user's hint.
    Hint(UserId, Arc<Hint>),
    /// A followed user is in another shard by now; no hint of that user comes on this path any more.
    Moved(UserId),
    /// The number of a probe of this store: what was published up to it has come.
    Probe(u64),
}

/// Takes what comes on a path for hints, on whatever thread the store learns of it; so it must not wait for anything.
pub trait HintReceiver: Send + Sync + 'static {
    /// Something came. What becomes of it on other threads goes on once `wakes` is dropped.
    fn told(&self, told: Told, wakes: &mut Wakes);
}

/// Tasks that are woken when this is dropped, after everything has been told that is told together. One that is woken at
/// once would run beside the telling, and be done and have to be woken again many times.
#[derive(Debug, Default)]
pub struct Wakes(Vec<Waker>);

impl Wakes {
    /// Adds a task.
    pub fn add(&mut self, waker: Waker) {
        self.0.push(waker);
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

/// The end of a path for hints.
#[derive(Debug)]
pub struct HintsEnd(oneshot::Receiver<Infallible>);

impl HintsEnd {
    /// An end, which comes when what stands beside it is dropped.
    pub(crate) fn new() -> (oneshot::Sender<Infallible>, Self) {
        let (alive, end) = oneshot::channel();
        (alive, Self(end))
    }

    /// Waits until the path is broken, or its [`HintSink`] was dropped; nothing comes from then on.
    pub async fn reached(self) {
        let Err(_) = self.0.await;
    }
}

/// A place where conversation lists are kept. Every read is one consistent step.
#[async_trait]
pub trait Store: lanes::LaneQueue + 'static {
    /// The shards there are and whose data are where; told anew when that changes.
    fn topology(&self) -> watch::Receiver<Topology>;

    /// Reads what steps on several users need; one answer per entry, in order. An entry's error says nothing about the
    /// others.
    async fn load(&self, loads: &[Load]) -> Vec<Result<Loaded, StoreError>>;

    /// The time of a user's server in microseconds since 1970, as far as it is known without asking; `None` where it is
    /// not.
    fn now_us(&self, user: &UserId) -> Option<u64>;

    /// Names the server that takes a user's commits: another id after a failover, which may have lost writes. 0 in a
    /// store that is one server for ever.
    fn replication_id(&self, user: &UserId) -> u64;

    /// Commits steps on several users, each on its own; one answer per entry, in order. An entry's error says
    /// nothing about the others. Answered only once it is as durable as the store makes it.
    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>>;

    /// The heads of several users, in order, each on its own; [`Head::empty`] for users without data.
    async fn heads(&self, users: &[UserId]) -> Vec<Result<Head, StoreError>>;

    /// The log after a version: at most `rows_max` entries, and no further entry once `bytes_max` is reached.
    async fn replay(
        &self,
        user: &UserId,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<ReplaySlice, StoreError>;

    /// The `count` rows of the list below an orderKey (exclusive); 0: from the top.
    async fn page(&self, user: &UserId, below: u64, count: u32) -> Result<Page, StoreError>;

    /// Single rows, in the order asked; `None` where there is no row.
    async fn rows(
        &self,
        user: &UserId,
        conversation_ids: &[ConversationId],
    ) -> Result<(Head, Vec<Option<RowState>>), StoreError>;

    /// What filters need to know of the `count` rows of the list below an orderKey (exclusive); 0: from the top.
    async fn facets(&self, user: &UserId, below: u64, count: u32) -> Result<FacetPage, StoreError>;

    /// What filter totals are summed up from.
    async fn unread(&self, user: &UserId) -> Result<UnreadFacets, StoreError>;

    /// Forgets everything about a user but the sessions.
    async fn delete_user(&self, user: &UserId) -> Result<(), StoreError>;

    /// Forgets users for whom nothing was committed for so long, each as a whole; answers how many. To be asked again and again; a
    /// store that notices by itself answers 0, and forgets those who are written from now on.
    async fn forget_idle(&self, idle: Duration) -> Result<u64, StoreError>;

    /// A new path for the hints of a shard; each node uses one, and makes a new one when it breaks.
    async fn hints(
        &self,
        shard: ShardId,
        receiver: Arc<dyn HintReceiver>,
    ) -> Result<(Box<dyn HintSink>, HintsEnd), StoreError>;

    /// Publishes a probe in the way in which commits publish hints: the path that [`Store::hints`] of this very value
    /// last gave for the shard must bring it, and those of other nodes do not. An error also where commits would now
    /// reach another server than [`Store::replication_id`] says; the next one finds it.
    async fn probe(&self, shard: ShardId, number: u64) -> Result<(), StoreError>;

    /// Makes or renews leases of live sessions; they end by themselves after `lease_ms`.
    async fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) -> Result<(), StoreError>;

    /// Ends leases.
    async fn end_sessions(&self, leases: &[SessionLease]) -> Result<(), StoreError>;

    /// The live sessions of several users on all nodes, in order.
    async fn sessions(&self, users: &[UserId]) -> Result<Vec<Vec<SessionLease>>, StoreError>;

    /// Whether the store answers, for the users of one shard at least.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Opens the store that a URL names: `embedded:DIR`, `memory:`, `redis://…`, `redis+sentinel://…` or `redis+cluster://…`, the last
/// three also with `rediss`.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    if url == "memory:" {
        return Ok(Arc::new(memory::MemoryStore::default()));
    }
    if let Some(directory) = url.strip_prefix("embedded:") {
        return Ok(Arc::new(embedded::EmbeddedStore::open(directory.as_ref())?));
    }
    if redis::is_redis(url) {
        return Ok(Arc::new(redis::RedisStore::connect(url).await?));
    }
    // Only the scheme is shown: what follows it may hold a password.
    let scheme = url.split(':').next().unwrap_or_default();
    Err(StoreError::Unavailable(format!(
        "expected embedded:DIR, memory: or redis://HOST:PORT, redis+sentinel://… or redis+cluster://…, got {scheme}:…"
    )))
}
