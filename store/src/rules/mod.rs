//! What each change does to a user's rows: pure functions, the same for every store. One file a family of changes.
//!
//! A step is a function of what a store holds of one user, the changes and the store's time. It has no clock, no
//! randomness and no I/O of its own.

mod message;
mod profile;
mod read;
mod row;
mod sequences;
mod settings;
mod step;
#[cfg(test)]
mod tests;

pub use message::{MessageDeleted, MessageModified, MessageRevoked, MessageSent};
pub use profile::{Joined, ProfileSet};
pub use read::ReadUpTo;
pub use step::{Limits, Outcome, Step, load_for, step, steps_alone};

use conversation_protocol::{Conversation, ConversationId, DeviceId, RecvOpt, marks::Marks, method::ReadScope};
use std::sync::Arc;

/// One change to one user's rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A message was sent.
    Sent(Arc<MessageSent>),
    /// A message was revoked.
    Revoked(Arc<MessageRevoked>),
    /// A message was deleted.
    MessageDeleted(Arc<MessageDeleted>),
    /// A message's content was changed.
    Modified(Arc<MessageModified>),
    /// The user has read one conversation, or all of a kind.
    Read(ReadScope, ReadUpTo),
    /// A conversation is to be pinned or not.
    Pin {
        /// Which one.
        conversation_id: ConversationId,
        /// Pinned or not.
        is_pinned: bool,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// How messages of a conversation are received.
    ReceiveOption {
        /// Which one.
        conversation_id: ConversationId,
        /// The option.
        recv_opt: RecvOpt,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// A draft is set, or cleared with "".
    Draft {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The draft.
        text: String,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// Marks are set or removed.
    Mark {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// The marks.
        marks: Marks,
        /// Set or removed.
        is_set: bool,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// The app's own data is set.
    CustomData {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// The data.
        custom_data: String,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// A conversation goes from the list.
    Delete(ConversationId),
    /// The history of a conversation is forgotten.
    ClearHistory(ConversationId),
    /// How a conversation is shown.
    Profile(Arc<ProfileSet>),
    /// The user joined a group.
    Joined(Arc<Joined>),
    /// The user's sessions end; tokens issued until now are refused.
    Kick {
        /// Only this device.
        device: Option<DeviceId>,
        /// What the client is told.
        reason: String,
    },
}

impl Change {
    /// The one conversation that the change is about; `None`: it is about several, or about the user as a whole.
    pub fn conversation_id(&self) -> Option<&ConversationId> {
        match self {
            Self::Sent(sent) => Some(&sent.conversation_id),
            Self::Revoked(revoked) => Some(&revoked.conversation_id),
            Self::MessageDeleted(deleted) => Some(&deleted.conversation_id),
            Self::Modified(modified) => Some(&modified.conversation_id),
            Self::Read(ReadScope::One(id), _) => Some(id),
            Self::Read(ReadScope::AllC2c | ReadScope::AllGroups | ReadScope::All, _) => None,
            Self::Pin { conversation_id, .. }
            | Self::ReceiveOption { conversation_id, .. }
            | Self::Draft { conversation_id, .. }
            | Self::Mark { conversation_id, .. }
            | Self::CustomData { conversation_id, .. } => Some(conversation_id),
            Self::Delete(id) | Self::ClearHistory(id) => Some(id),
            Self::Profile(set) => Some(&set.conversation_id),
            Self::Joined(joined) => Some(&joined.conversation_id),
            Self::Kick { .. } => None,
        }
    }

    /// Whether the change makes the row if it is not there.
    fn may_make_row(&self) -> bool {
        match self {
            Self::Sent(_) | Self::Joined(_) => true,
            Self::Pin { is_pinned, .. } => *is_pinned,
            Self::Draft { text, .. } => !text.is_empty(),
            Self::Revoked(_)
            | Self::MessageDeleted(_)
            | Self::Modified(_)
            | Self::Read(..)
            | Self::ReceiveOption { .. }
            | Self::Mark { .. }
            | Self::CustomData { .. }
            | Self::Delete(_)
            | Self::ClearHistory(_)
            | Self::Profile(_)
            | Self::Kick { .. } => false,
        }
    }

    /// The version above which the change refuses to act.
    fn if_version(&self) -> Option<u64> {
        match self {
            Self::Pin { if_version, .. }
            | Self::ReceiveOption { if_version, .. }
            | Self::Draft { if_version, .. }
            | Self::Mark { if_version, .. }
            | Self::CustomData { if_version, .. } => *if_version,
            Self::Sent(_)
            | Self::Revoked(_)
            | Self::MessageDeleted(_)
            | Self::Modified(_)
            | Self::Read(..)
            | Self::Delete(_)
            | Self::ClearHistory(_)
            | Self::Profile(_)
            | Self::Joined(_)
            | Self::Kick { .. } => None,
        }
    }
}

/// Why a rule refuses a change; nothing was changed by it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The change needs a row that is not there.
    #[error("conversationID: the conversation is not in the list")]
    UnknownConversation,
    /// There are 50 pinned rows already.
    #[error("at most 50 conversations can be pinned")]
    TooManyPinned,
    /// The row is newer than `ifVersion`; the row as it is.
    #[error("ifVersion: the conversation has changed since")]
    Newer(Box<Conversation>),
    /// The row would be larger than a row may be.
    #[error("the conversation would be larger than 16 KiB")]
    RowTooLarge,
    /// The user's clock has reached its end, 2^52 microseconds.
    #[error("the user's clock has reached its end")]
    ClockExhausted,
}

/// What a rule did to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing at all.
    Nothing,
    /// Perhaps something: what differs decides. The row keeps its place.
    Touched,
    /// The row was made or rises to the top of its block.
    Activated,
}
