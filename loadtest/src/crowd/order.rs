//! What sessions are asked to do, and what they answer.

use super::{Expected, arrivals::Received, returns::Returned};
use crate::{target::Target, violations::Violations};
use conversation_protocol::UserId;
use serde::{Deserialize, Serialize};

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Server {
    /// The gateway: a session syncs, and is checked.
    Gateway,
    /// The floor: a session is a connection that gets texts.
    Floor,
}

/// A session that is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seat {
    /// Its number in the whole run, which chooses its node and the address that it connects from.
    pub(crate) number: usize,
    pub(crate) user: UserId,
    /// Over SSE instead of WebSocket; the floor has WebSocket only.
    pub(crate) is_sse: bool,
}

impl Seat {
    /// One WebSocket for each user.
    pub(crate) fn of(users: &[UserId]) -> Vec<Self> {
        users.iter().enumerate().map(|(number, user)| Self { number, user: user.clone(), is_sse: false }).collect()
    }
}

/// The sessions that are to be, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opening {
    pub(crate) target: Target,
    pub(crate) server: Server,
    /// What tells this run from others on this machine.
    pub(crate) run: u32,
    pub(crate) seats: Vec<Seat>,
}

/// A session that comes back, by its place among the seats, and after how many milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Return {
    pub(crate) place: usize,
    pub(crate) after_ms: u64,
}

/// What is asked; the first is always an opening.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Order {
    Open(Opening),
    WaitForRows(usize),
    Leave { places: Vec<usize>, forget: bool },
    ComeBack { returns: Vec<Return>, at_once: Option<usize> },
    ForgetReceived,
    CountReceived,
    Received,
    Returned,
    Compare(Vec<Expected>),
    Close,
}

impl Order {
    /// What it is called where it takes long.
    pub(super) fn long_name(&self) -> Option<&'static str> {
        match self {
            Self::Open(_) => Some("opening sessions"),
            Self::Leave { .. } => Some("dropping sessions"),
            Self::ComeBack { .. } => Some("coming back"),
            Self::Compare(_) => Some("comparing users"),
            Self::WaitForRows(_)
            | Self::ForgetReceived
            | Self::CountReceived
            | Self::Received
            | Self::Returned
            | Self::Close => None,
        }
    }
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Answer {
    Done,
    Count(u64),
    Received(Received),
    Returned(Returned),
    Broken(Violations),
}
