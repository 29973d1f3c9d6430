//! When a connection shows that it is alive, and when it counts as dead.

use super::Heartbeat;
use conversation_protocol::limits::{COMMENT_INTERVAL_MS, PING_INTERVAL_MS, PONG_TIMEOUT_MS};
use std::time::Duration;

const PING_INTERVAL: Duration = Duration::from_millis(PING_INTERVAL_MS);
const PONG_TIMEOUT: Duration = Duration::from_millis(PONG_TIMEOUT_MS);
const COMMENT_INTERVAL: Duration = Duration::from_millis(COMMENT_INTERVAL_MS);

/// Where the heartbeat stands.
#[derive(Debug)]
pub(super) enum Pulse {
    /// The next ping.
    PingAt(Duration),
    /// A ping went out; its pong comes until then.
    PongUntil(Duration),
    /// The next comment.
    CommentAt(Duration),
}

/// What the heartbeat wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing yet.
    Nothing,
    /// A ping.
    Ping,
    /// A comment.
    Comment,
    /// The connection is dead.
    Dead,
}

impl Pulse {
    /// The first beat comes within the second half of the interval, so that sessions that began together spread.
    pub(super) fn new(heartbeat: Heartbeat, jitter: u64, now: Duration) -> Self {
        let first = |interval_ms: u64| now + Duration::from_millis(interval_ms / 2 + jitter % (interval_ms / 2));
        match heartbeat {
            Heartbeat::PingPong => Self::PingAt(first(PING_INTERVAL_MS)),
            Heartbeat::Comment => Self::CommentAt(first(COMMENT_INTERVAL_MS)),
        }
    }

    /// When something is due.
    pub(super) fn due(&self) -> Duration {
        match self {
            Self::PingAt(at) | Self::PongUntil(at) | Self::CommentAt(at) => *at,
        }
    }

    /// The client showed that it is alive.
    pub(super) fn received(&mut self) {
        if let Self::PongUntil(until) = self {
            *self = Self::PingAt(*until + PING_INTERVAL - PONG_TIMEOUT);
        }
    }

    /// Time has passed. A busy transport has the ping behind other output, so only its progress tells life.
    pub(super) fn tick(&mut self, busy: bool, now: Duration) -> Beat {
        if now < self.due() {
            return Beat::Nothing;
        }
        match self {
            Self::PingAt(_) => {
                *self = Self::PongUntil(now + PONG_TIMEOUT);
                Beat::Ping
            }
            Self::PongUntil(until) if busy => {
                *until = now + PONG_TIMEOUT;
                Beat::Nothing
            }
            Self::PongUntil(_) => Beat::Dead,
            Self::CommentAt(at) => {
                *at = now + COMMENT_INTERVAL;
                if busy { Beat::Nothing } else { Beat::Comment }
            }
        }
    }
}
