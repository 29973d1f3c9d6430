//! What a session does with what happens to it: pure decisions, without I/O, clock or randomness.
//!
//! A driver owns a [`Session`], feeds it [`Input`]s with the time, and performs the [`Output`]s. All faults (a lost
//! hint, a full mailbox, an interrupted relay, a store that went back) become one thing, a gap, and a gap is healed by
//! one thing, a sync.

mod comparison;
mod core;
mod filters;
mod frames;
mod heartbeat;
mod mailbox;
mod notes;
mod subscriptions;
mod sync;
#[cfg(test)]
mod tests;

pub use self::{
    core::Session,
    filters::{TooManyFilters, total_of},
    notes::{GapCause, Note},
    subscriptions::Subscription,
};

use conversation_protocol::{
    ApiError, CloseCode, Cursor, DeviceId, Filter, Frame, Head, Hint, Page, ReplaySlice, UnreadFacets,
};
use std::{sync::Arc, time::Duration};

/// What is known of a session when it begins. Times are durations since one arbitrary start, on a monotonic clock.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The cursor the client came with; `None` if it came with none, or with one that is not ours.
    pub since: Option<Cursor>,
    /// Rows of a full sync, 1 to [`conversation_protocol::limits::PAGE_ROWS_MAX`].
    pub window: u32,
    /// The device, as the client names it.
    pub device: Option<DeviceId>,
    /// Filters whose totals the client is told, at most [`conversation_protocol::limits::FILTERS_MAX`].
    pub filters: Vec<Filter>,
    /// When the token was issued, in microseconds since 1970, if it says so.
    pub token_issued_at_us: Option<u64>,
    /// When the token ends, its leeway included.
    pub token_expires_at: Duration,
    /// How the connection is kept alive.
    pub heartbeat: Heartbeat,
    /// A random number: spreads heartbeats and retries.
    pub jitter: u64,
}

/// How a connection is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// WebSocket: a ping every [`conversation_protocol::limits::PING_INTERVAL_MS`], whose pong must come.
    PingPong,
    /// SSE: a comment every [`conversation_protocol::limits::COMMENT_INTERVAL_MS`].
    Comment,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input {
    /// From now on this user's hints are received, so the session may read. The first time counts.
    Followed,
    /// A hint of this user; late, doubled and out of order is fine.
    Hint(Arc<Hint>),
    /// The answer to [`Output::Read`]; exactly one for each.
    SyncRead(SyncRead),
    /// The answer to [`Output::ReadUnread`], or to a read for a call; exactly one for each.
    UnreadRead {
        /// The number of the read.
        number: u32,
        /// What was read; absent if that failed.
        unread: Option<Arc<UnreadFacets>>,
    },
    /// The user's head is about to be read for a comparison; one at a time. A gap that it finds is put down to this cause.
    Compare(GapCause),
    /// The head that was read after [`Input::Compare`]; absent if that read failed.
    Compared(Arc<Head>),
    /// The transport has taken everything that was sent.
    Writable,
    /// The transport has taken some of what was sent.
    Progress,
    /// Anything came from the client; counts as the pong.
    Received,
    /// The client brought a new token of the same user.
    TokenRefreshed {
        /// When it was issued, in microseconds since 1970, if it says so.
        issued_at_us: Option<u64>,
        /// When it ends, its leeway included.
        expires_at: Duration,
    },
    /// The session must make room.
    Kick {
        /// What the client is told.
        reason: String,
    },
    /// The node is going away.
    Drain {
        /// Milliseconds the client waits before it comes back.
        after_ms: u64,
    },
    /// Time has passed: [`Session::next_tick`] has come.
    Tick,
}

/// What a read gave.
#[derive(Debug)]
pub enum SyncRead {
    /// The answer to [`ReadRequest::Replay`].
    Replay(ReplaySlice),
    /// The answer to [`ReadRequest::Full`].
    Page(Page),
    /// The read failed, or was refused; `retry_after_ms` is kept to.
    Failed(ApiError),
}

/// What a driver must do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send an event; [`Input::Writable`] when this and everything before it was taken.
    Send(Frame),
    /// Read from the store; answered by one [`Input::SyncRead`].
    Read(ReadRequest),
    /// Read what filter totals are summed up from; answered by one [`Input::UnreadRead`].
    ReadUnread {
        /// The number of the read.
        number: u32,
    },
    /// Send a WebSocket ping.
    Ping,
    /// Send an SSE comment.
    Comment,
    /// Close, after what was sent before has gone out or a time of the driver's choice. Nothing follows.
    Close {
        /// Why, for the client.
        code: CloseCode,
        /// Why, in words.
        reason: &'static str,
    },
    /// Nothing to do: something to count.
    Note(Note),
}

/// What to read, in one step with the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRequest {
    /// The first slice of the log after `since.version`, whatever the epoch: the session checks that against the head.
    Replay {
        /// Where the client stands.
        since: Cursor,
    },
    /// The top of the list.
    Full {
        /// How many rows.
        window: u32,
    },
}
