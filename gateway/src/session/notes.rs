//! What of a session is worth counting?

use conversation_protocol::SyncMode;
use std::time::Duration;

/// Something that happened, for whoever counts; nothing has to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Changes were sent as they came.
    Changes {
        /// Rows and deletions among them.
        count: usize,
        /// Changes that a newer one of the same row replaced while the client was busy.
        coalesced: u32,
        /// When the oldest of the steps was accepted, in microseconds of the store's time, if that is known.
        accepted_us: Option<u64>,
    },
    /// A gap was found; a sync heals it.
    Gap(GapCause),
    /// The mailbox was full and has forgotten what it held.
    Overflow,
    /// A sync began.
    SyncStarted(SyncMode),
    /// A sync sent so many rows and deletions.
    SyncRows(SyncMode, usize),
    /// A sync brought the client up to date.
    SyncFinished {
        /// Which one.
        mode: SyncMode,
        /// Since its first read was asked for.
        took: Duration,
    },
    /// A sync failed, and is tried again.
    SyncFailed(SyncMode),
}

/// How a gap was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// A hint begins later than what was seen.
    LostHint,
    /// A hint was too large to tell what changed.
    TruncatedHint,
    /// More changed than the mailbox holds.
    Overflow,
    /// The store has lost what was seen.
    LostWrites,
    /// The store has another data set.
    OtherData,
    /// The store is ahead though no hint said so, a regular comparison found.
    Comparison,
    /// The same, found after the path of hints was interrupted or doubtful.
    Interruption,
    /// The client says that it has less than it was given.
    Probe,
    /// The first changes of a client without data do not fit into one frame.
    FirstChanges,
    /// Between a sync and the hints that came meanwhile, something is missing.
    UnsettledSync,
}

impl GapCause {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::LostHint,
        Self::TruncatedHint,
        Self::Overflow,
        Self::LostWrites,
        Self::OtherData,
        Self::Comparison,
        Self::Interruption,
        Self::Probe,
        Self::FirstChanges,
        Self::UnsettledSync,
    ];

    /// A short name, as a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostHint => "lost_hint",
            Self::TruncatedHint => "truncated_hint",
            Self::Overflow => "mailbox_overflow",
            Self::LostWrites => "lost_writes",
            Self::OtherData => "other_data",
            Self::Comparison => "comparison",
            Self::Interruption => "interruption",
            Self::Probe => "client_probe",
            Self::FirstChanges => "first_changes",
            Self::UnsettledSync => "unsettled_sync",
        }
    }
}
