//! What the methods of backends answer.

use crate::{
    conversation::{Conversation, RecvOpt},
    error::ErrorBody,
    ids::{DeviceId, UserId},
    method::IdResult,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What happened to the rows of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyResult {
    /// Rows that changed.
    pub applied: u64,
    /// Rows that had it already.
    pub duplicates: u64,
    /// Rows that will change, the change being safe in the queue.
    pub queued: u64,
    /// Users whose row did not change, and why.
    pub failed: Vec<FailedUser>,
    /// Where `wantTotals` asked for it: the users whose rows are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<BTreeMap<UserId, UserTotals>>,
}

/// What an offline push needs to know of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserTotals {
    /// The sum of the unread counts of the rows with receive option 0.
    pub total_unread_count: u64,
    /// Whether the user has a live session on any node.
    pub online: bool,
    /// How messages of this conversation are received.
    pub recv_opt: RecvOpt,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportResult {
    /// Rows that were made.
    pub applied: u64,
    /// Rows that were there already, or were deleted since.
    pub duplicates: u64,
    /// Rows that were not made, and why.
    pub failed: Vec<IdResult>,
}

/// Everything that is kept of a user and could be imported elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExportResult {
    /// The whole list, in its order.
    pub conversation_list: Vec<Conversation>,
    /// The names of the conversation groups, in the order in which they were made.
    pub conversation_group_list: Vec<String>,
}

/// A user whose row did not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailedUser {
    /// Who.
    #[serde(rename = "userID")]
    pub user_id: UserId,
    /// An error code.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ErrorCode"))]
    pub code: u32,
    /// What went wrong.
    pub message: String,
}

/// A user's live sessions on all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionsResult {
    /// The longest connected first.
    pub session_list: Vec<SessionInfo>,
}

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The client's device, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// "websocket" or "sse".
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["websocket", "sse"])))]
    pub transport: String,
    /// The node that holds it.
    pub node: String,
    /// When it connected, in seconds since 1970.
    pub connected_at: u64,
}

/// Sessions that a kick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KickResult {
    /// Sessions gone within two seconds.
    pub kicked: u64,
    /// Sessions not seen to go; they go when their node compares.
    pub unconfirmed: u64,
}

/// One entry of a batch's answer.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum BatchOutcome {
    /// The method's result.
    Result(
        #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))] Box<RawValue>,
    ),
    /// Why it failed.
    Error(ErrorBody),
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ServerBatchResult"))]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// One entry per call, in order.
    pub result_list: Vec<BatchOutcome>,
}
