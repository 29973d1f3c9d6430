//! What each change does to a user's rows: pure functions, the same for every store. One file a family of changes.
//!
//! A step is a function of what a store holds of one user, the changes and the store's time. It has no clock, no
//! randomness and no I/O of its own.

mod groups;
mod import;
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
pub use step::{Decided, Limits, Outcome, Remembered, Step, load_for, step, step_on, steps_alone};

use crate::{lanes::EntryId, record::Unfinished};
use conversation_protocol::{
    Conversation, ConversationId, DeviceId, ErrorKind, RecvOpt, marks::Marks, method::ReadScope,
    server::ImportedConversation,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One change to one user's rows. What can be told to many users at once has a text, so that it can wait in a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(skip)]
    Read(ReadScope, ReadUpTo),
    /// A conversation is to be pinned or not.
    #[serde(skip)]
    Pin {
        /// Which one.
        conversation_id: ConversationId,
        /// Pinned or not.
        is_pinned: bool,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// How messages of a conversation are received.
    #[serde(skip)]
    ReceiveOption {
        /// Which one.
        conversation_id: ConversationId,
        /// The option.
        recv_opt: RecvOpt,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// A draft is set, or cleared with "".
    #[serde(skip)]
    Draft {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The draft.
        text: String,
        /// Refuse when the row is newer.
        if_version: Option<u64>,
    },
    /// Marks are set or removed.
    #[serde(skip)]
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
    #[serde(skip)]
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
    #[serde(skip)]
    ClearHistory(ConversationId),
    /// How a conversation is shown.
    Profile(Arc<ProfileSet>),
    /// The user joined a group.
    Joined(Arc<Joined>),
    /// A row comes in from elsewhere.
    #[serde(skip)]
    Import(Arc<ImportedConversation>),
    /// A conversation group (folder) of this name is made, if it is not there.
    #[serde(skip)]
    CreateGroup(String),
    /// A conversation group goes; its rows stay.
    #[serde(skip)]
    DeleteGroup(String),
    /// A conversation group gets another name.
    #[serde(skip)]
    RenameGroup {
        /// What it is called.
        old_name: String,
        /// What it is to be called.
        new_name: String,
    },
    /// A conversation is put into a conversation group.
    #[serde(skip)]
    AddToGroup {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The group's name.
        name: String,
    },
    /// A conversation is taken out of a conversation group.
    #[serde(skip)]
    RemoveFromGroup {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The group's name.
        name: String,
    },
    /// An earlier change that was too large for one step goes on.
    #[serde(skip)]
    Continue(Unfinished),
    /// The user's sessions end; tokens issued until now are refused.
    #[serde(skip)]
    Kick {
        /// Only this device.
        device: Option<DeviceId>,
        /// What the client is told.
        reason: String,
    },
    /// A change that comes from a lane; nothing, where the user's head says that it was made already.
    #[serde(skip)]
    Queued {
        /// Its entry.
        entry: EntryId,
        /// What is to be done.
        change: Arc<Change>,
        /// Where the call is traced: its W3C traceparent.
        trace: Option<Arc<str>>,
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
            | Self::CustomData { conversation_id, .. }
            | Self::AddToGroup { conversation_id, .. }
            | Self::RemoveFromGroup { conversation_id, .. } => Some(conversation_id),
            Self::Import(imported) => Some(&imported.conversation_id),
            Self::Delete(id) | Self::ClearHistory(id) => Some(id),
            Self::Profile(set) => Some(&set.conversation_id),
            Self::Joined(joined) => Some(&joined.conversation_id),
            Self::CreateGroup(_)
            | Self::DeleteGroup(_)
            | Self::RenameGroup { .. }
            | Self::Continue(_)
            | Self::Kick { .. } => None,
            Self::Queued { change, .. } => change.conversation_id(),
        }
    }

    /// When the change was put into a lane, in microseconds of the store's time.
    pub(crate) fn queued_us(&self) -> Option<u64> {
        match self {
            Self::Queued { entry, .. } => Some(entry.0.saturating_mul(1_000)),
            _ => None,
        }
    }

    /// Where the call is traced that put the change into a lane.
    pub(crate) fn queued_trace(&self) -> Option<&Arc<str>> {
        match self {
            Self::Queued { trace, .. } => trace.as_ref(),
            _ => None,
        }
    }

    /// What is to be done, wherever it comes from.
    fn plain(&self) -> &Self {
        match self {
            Self::Queued { change, .. } => change,
            other => other,
        }
    }

    /// Whether the change makes the row if it is not there.
    fn may_make_row(&self) -> bool {
        match self {
            Self::Sent(_) | Self::Joined(_) | Self::Import(_) => true,
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
            | Self::CreateGroup(_)
            | Self::DeleteGroup(_)
            | Self::RenameGroup { .. }
            | Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::Continue(_)
            | Self::Kick { .. } => false,
            Self::Queued { change, .. } => change.may_make_row(),
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
            | Self::Import(_)
            | Self::CreateGroup(_)
            | Self::DeleteGroup(_)
            | Self::RenameGroup { .. }
            | Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::Continue(_)
            | Self::Kick { .. } => None,
            Self::Queued { change, .. } => change.if_version(),
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
    /// There is no conversation group of this name.
    #[error("there is no conversation group of this name")]
    UnknownGroup,
    /// There is a conversation group of this name already.
    #[error("newName: there is a conversation group of this name already")]
    GroupNameTaken,
    /// There are 20 conversation groups already.
    #[error("at most 20 conversation groups can be made")]
    TooManyGroups,
    /// There are 1,000 conversations in conversation groups already.
    #[error("at most 1000 conversations can be in conversation groups")]
    TooManyGrouped,
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

impl Refusal {
    /// How the refusal is told to the caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownConversation => ErrorKind::UnknownConversation,
            Self::TooManyPinned => ErrorKind::TooManyPinned,
            Self::UnknownGroup => ErrorKind::UnknownGroup,
            Self::TooManyGroups => ErrorKind::TooManyGroups,
            Self::TooManyGrouped => ErrorKind::TooManyGroupedConversations,
            Self::Newer(_) | Self::RowTooLarge | Self::GroupNameTaken => ErrorKind::InvalidParameter,
            Self::ClockExhausted => ErrorKind::Internal,
        }
    }
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
