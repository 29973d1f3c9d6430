//! What is told of conversation groups (folders): notices, while membership is in the rows and the names in the head.

use crate::{
    error::{ApiError, ErrorKind},
    event::Event,
    ids::ConversationId,
    limits::GROUP_NAME_BYTES_MAX,
};
use serde::{Deserialize, Serialize};

/// What a step did to a user's conversation groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupEvent {
    /// A group was made, with these conversations.
    Created(String, Vec<ConversationId>),
    /// A group was deleted.
    Deleted(String),
    /// A group has another name: the old one, the new one.
    Renamed(String, String),
    /// Conversations were put into a group.
    Added(String, Vec<ConversationId>),
    /// Conversations were taken out of a group.
    Removed(String, Vec<ConversationId>),
}

impl From<GroupEvent> for Event {
    fn from(event: GroupEvent) -> Self {
        match event {
            GroupEvent::Created(group_name, conversation_id_list) => {
                Self::ConversationGroupCreated { group_name, conversation_id_list }
            }
            GroupEvent::Deleted(group_name) => Self::ConversationGroupDeleted { group_name },
            GroupEvent::Renamed(old_name, new_name) => Self::ConversationGroupNameChanged { old_name, new_name },
            GroupEvent::Added(group_name, conversation_id_list) => {
                Self::ConversationsAddedToGroup { group_name, conversation_id_list }
            }
            GroupEvent::Removed(group_name, conversation_id_list) => {
                Self::ConversationsDeletedFromGroup { group_name, conversation_id_list }
            }
        }
    }
}

/// Checks the name of a conversation group; `field` names it in the error, 51011.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), ApiError> {
    match name.len() {
        1..=GROUP_NAME_BYTES_MAX => Ok(()),
        bytes => {
            let message = format!("params.{field}: expected 1 to {GROUP_NAME_BYTES_MAX} bytes, got {bytes}");
            Err(ApiError::new(ErrorKind::GroupName, message))
        }
    }
}
