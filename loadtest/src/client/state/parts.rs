//! Where a session stands, seen from the client.

use conversation_protocol::SyncMode;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No connection.
    Offline,
    /// Connected, before the first syncServerStart or after a syncServerFailed.
    Waiting,
    /// Between syncServerStart and its end.
    Syncing(SyncMode),
    /// After a syncServerFinish.
    Live,
    /// After kickedOffline, tokenExpired or reconnect: nothing may follow.
    Leaving,
}

/// Why the server said that it ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// For good.
    KickedOffline,
    /// Come back with a new token.
    TokenExpired,
    /// Come back after this many milliseconds.
    Reconnect(u64),
}

/// How far the list below the window of the last full sync is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// No full sync has finished yet.
    Unknown,
    /// The client began with a cursor and without the rows of that time; it never pages.
    Unlisted,
    /// The next page begins here.
    From(u64),
    /// Nothing is below.
    Complete,
}

/// What a session got, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Event frames.
    pub frames: u64,
    /// Rows in newConversation and conversationChanged, and ids in conversationDeleted, outside syncs.
    pub live_rows: u64,
    /// The same, inside syncs.
    pub sync_rows: u64,
    /// Finished full syncs.
    pub full_syncs: u64,
    /// Finished replays.
    pub replays: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Rows that were not newer than what the client had from an earlier session.
    pub known_rows: u64,
}
