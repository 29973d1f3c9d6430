//! How a device is connected: its session, what the transport still holds, and whether session and transport keep to
//! their contract.

use crate::client::Client;
use conversation_gateway::session::{Output, Session};
use conversation_protocol::{EventName, Frame};
use std::{collections::VecDeque, time::Duration};

/// A connection: which device, and its how manyth.
pub(crate) type Link = (usize, u64);

/// One device of a user.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) user: usize,
    pub(crate) client: Client,
    pub(crate) connection: Option<Connection>,
    /// Rises with each connection: what was meant for an earlier one is dropped.
    pub(crate) generation: u64,
    pub(crate) token_issued_at_us: u64,
}

/// How fast a client takes what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Fast,
    Slow,
    Never,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) session: Session,
    pub(crate) token_is_short: bool,
    pub(crate) token_issued_at_us: u64,
    pub(crate) is_subscribed: bool,
    pub(crate) is_followed: bool,
    pub(crate) is_reading: bool,
    pub(crate) pace: Pace,
    /// Answers no ping.
    pub(crate) is_mute: bool,
    pub(crate) outbox: VecDeque<Frame>,
    /// When the next hint that overtakes nothing may come.
    pub(crate) hints_until: Duration,
    pub(crate) tick_at: Option<Duration>,
}

impl Connection {
    /// Whether the outputs of one call of the session may be so.
    pub(crate) fn check(&mut self, outputs: &[Output]) {
        let frames: Vec<&Frame> = outputs.iter().filter_map(sent).collect();
        let closes = outputs.iter().position(|output| matches!(output, Output::Close { .. }));
        if let Some(closes) = closes {
            assert_eq!(closes, outputs.len() - 1, "nothing follows a close");
            assert!(self.session.is_closed() && self.session.next_tick().is_none());
        } else if !frames.is_empty() {
            assert!(self.outbox.is_empty(), "events are sent to a busy transport");
        }
        for output in outputs {
            if let Output::Read(_) = output {
                assert!(self.is_followed, "a read before the hints are followed");
                assert!(!std::mem::replace(&mut self.is_reading, true), "two reads at once");
                assert!(self.outbox.is_empty() && frames.is_empty(), "a read for a busy transport");
            }
        }
        if closes.is_none() && !frames.is_empty() && frames.iter().all(|frame| is_live(frame.event)) {
            let (last, before) = frames.split_last().expect("there are frames");
            assert!(last.cursor.is_some(), "the last frame of a flush or slice has a cursor: {frames:?}");
            assert!(before.iter().all(|frame| frame.cursor.is_none()), "only the last frame has a cursor");
        }
    }
}

fn sent(output: &Output) -> Option<&Frame> {
    match output {
        Output::Send(frame) => Some(frame),
        Output::Read(_)
        | Output::ReadUnread { .. }
        | Output::Ping
        | Output::Comment
        | Output::Close { .. }
        | Output::Note(_) => None,
    }
}

fn is_live(event: EventName) -> bool {
    match event {
        EventName::NewConversation
        | EventName::ConversationChanged
        | EventName::ConversationDeleted
        | EventName::TotalUnreadMessageCountChanged
        | EventName::UnreadMessageCountChangedByFilter
        | EventName::ConversationGroupCreated
        | EventName::ConversationGroupDeleted
        | EventName::ConversationGroupNameChanged
        | EventName::ConversationsAddedToGroup
        | EventName::ConversationsDeletedFromGroup => true,
        EventName::SyncServerStart
        | EventName::SyncServerFinish
        | EventName::SyncServerFailed
        | EventName::KickedOffline
        | EventName::TokenExpired
        | EventName::Reconnect => false,
    }
}
