//! What the methods of clients answer.

use crate::{conversation::Conversation, cursor::Cursor, ids::ConversationId};
use serde::{Deserialize, Serialize};

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PageResult {
    /// Rows by falling orderKey.
    pub conversation_list: Vec<Conversation>,
    /// What to ask with next.
    pub next_seq: u64,
    /// Whether this was the last page.
    pub is_finished: bool,
    /// For nextSeq 0: the cursor from which changes to this page can be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationResult {
    /// The row.
    pub conversation: Conversation,
}

/// Several rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationsResult {
    /// The rows that are there, in the order asked.
    pub conversation_list: Vec<Conversation>,
    /// One entry per id, in the order asked.
    pub result_list: Vec<IdResult>,
}

/// How a batch did for one id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdResult {
    /// Which conversation.
    #[serde(rename = "conversationID")]
    pub conversation_id: ConversationId,
    /// 0 = done, else an error code.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ResultCode"))]
    pub result_code: u32,
    /// The error's message.
    pub result_info: String,
    /// The row as it is, where `ifVersion` refused the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Box<Conversation>>,
}

/// How a batch did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// One entry per id, in the order asked.
    pub result_list: Vec<IdResult>,
}

/// The total unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TotalResult {
    /// The sum over the rows with receive option 0.
    pub total_unread_count: u64,
    /// The clock at which it held.
    pub version: u64,
}

/// Whether a cursor was the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// If not, a replay follows on a live session.
    pub up_to_date: bool,
}

/// The names of a user's conversation groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupListResult {
    /// In the order in which they were made.
    pub conversation_group_list: Vec<String>,
}
