//! What a backend can ask: methods, their params and their results.

mod checks;
mod params;
mod results;
#[cfg(test)]
mod tests;

pub use checks::too_many_recipients;
pub use params::*;
pub use results::*;

use crate::{
    conversation::ConversationType,
    error::ApiError,
    ids::UserId,
    limits,
    method::{CleanUnreadParams, ClientCall, ReadScope, parse_json, parse_params, unknown_method},
};
use checks::{
    check_bytes, check_import, check_message, check_previous, check_profile, check_recipients, check_seq, check_target,
};

/// A backend's call, read and checked.
#[derive(Debug)]
pub enum ServerCall {
    /// A message was sent.
    SendMessage(SendMessageParams),
    /// A message's content changed.
    ModifyMessage(ModifyMessageParams),
    /// A message was revoked.
    RevokeMessage(RevokeMessageParams),
    /// A message was deleted.
    DeleteMessage(DeleteMessageParams),
    /// A profile changed.
    SetProfile(SetProfileParams),
    /// Users joined a group.
    JoinGroup(JoinGroupParams),
    /// A user has read something.
    MarkRead(UserId, ReadScope, CleanUnreadParams),
    /// A row goes.
    DeleteConversation(DeleteConversationParams),
    /// What a client could read, on behalf of a user.
    Read(UserId, ClientCall),
    /// A whole list comes in.
    ImportConversations(ImportParams),
    /// A whole list goes out.
    ExportUser(UserParams),
    /// Everything that is kept of a user goes.
    DeleteUser(UserParams),
    /// Which sessions a user has.
    GetUserSessions(UserParams),
    /// Sessions end.
    KickUser(KickUserParams),
    /// Several calls, in order.
    Batch(Vec<BatchEntry>),
}

/// The names of all backend methods.
pub const SERVER_METHODS: [&str; 21] = [
    "sendMessage",
    "modifyMessage",
    "revokeMessage",
    "deleteMessage",
    "setProfile",
    "joinGroup",
    "markRead",
    "deleteConversation",
    "importConversations",
    "exportUser",
    "deleteUser",
    "getConversationList",
    "getConversationListByFilter",
    "getConversation",
    "getConversations",
    "getTotalUnreadMessageCount",
    "getUnreadMessageCountByFilter",
    "getConversationGroupList",
    "getUserSessions",
    "kickUser",
    "batch",
];

impl ServerCall {
    /// Reads a method's params and checks what one field alone does not show.
    pub fn parse(method: &str, params: &str) -> Result<Self, ApiError> {
        let call = match method {
            "sendMessage" => {
                let mut params: SendMessageParams = parse_params(params)?;
                check_target(&params.conversation, Some(&params.sender), &params.recipients)?;
                check_message(&mut params.message)?;
                for profile in params.profiles.values() {
                    check_profile("profiles", profile.show_name.as_deref(), profile.face_url.as_deref())?;
                }
                Self::SendMessage(params)
            }
            "modifyMessage" => {
                let mut params: ModifyMessageParams = parse_params(params)?;
                check_target(&params.conversation, Some(&params.sender), &params.recipients)?;
                check_message(&mut params.message)?;
                Self::ModifyMessage(params)
            }
            "revokeMessage" => {
                let params: RevokeMessageParams = parse_params(params)?;
                check_target(&params.conversation, Some(&params.sender), &params.recipients)?;
                check_seq("seq", params.seq)?;
                check_bytes(
                    "revokeReason",
                    params.revoke_reason.as_deref().unwrap_or(""),
                    limits::PROFILE_FIELD_BYTES_MAX,
                )?;
                Self::RevokeMessage(params)
            }
            "deleteMessage" => {
                let mut params: DeleteMessageParams = parse_params(params)?;
                check_target(&params.conversation, Some(&params.sender), &params.recipients)?;
                check_seq("seq", params.seq)?;
                params.previous_message = match params.previous_message {
                    Some(previous) => Some(check_previous(previous, params.seq)?),
                    None => None,
                };
                Self::DeleteMessage(params)
            }
            "setProfile" => {
                let params: SetProfileParams = parse_params(params)?;
                check_target(&params.conversation, None, &params.recipients)?;
                Self::SetProfile(params)
            }
            "joinGroup" => {
                let mut params: JoinGroupParams = parse_params(params)?;
                if params.conversation.conversation_type != ConversationType::Group {
                    return Err(ApiError::invalid("params.conversation.type: expected 2 (group), got 1"));
                }
                check_target(&params.conversation, None, &params.recipients)?;
                if let Some(seq) = params.seq {
                    check_seq("seq", seq)?;
                }
                if let Some(message) = &mut params.message {
                    check_message(message)?;
                    if params.sender.is_none() {
                        return Err(ApiError::invalid("params.sender: expected the message's sender, got none"));
                    }
                }
                Self::JoinGroup(params)
            }
            "markRead" => {
                let params: MarkReadParams = parse_params(params)?;
                let scope = params.conversation_id.parse()?;
                Self::MarkRead(
                    params.user_id,
                    scope,
                    CleanUnreadParams {
                        conversation_id: params.conversation_id,
                        clean_timestamp: params.clean_timestamp,
                        clean_sequence: params.clean_sequence,
                    },
                )
            }
            "deleteConversation" => {
                let params: DeleteConversationParams = parse_params(params)?;
                check_recipients(&params.recipients)?;
                Self::DeleteConversation(params)
            }
            "importConversations" => {
                let mut params: ImportParams = parse_params(params)?;
                check_import(&mut params)?;
                Self::ImportConversations(params)
            }
            "exportUser" => Self::ExportUser(parse_params(params)?),
            "deleteUser" => Self::DeleteUser(parse_params(params)?),
            "getConversationList"
            | "getConversationListByFilter"
            | "getConversation"
            | "getConversations"
            | "getTotalUnreadMessageCount"
            | "getUnreadMessageCountByFilter"
            | "getConversationGroupList" => read_on_behalf(method, params)?,
            "getUserSessions" => Self::GetUserSessions(parse_params(params)?),
            "kickUser" => {
                let params: KickUserParams = parse_params(params)?;
                check_bytes("reason", &params.reason, limits::PROFILE_FIELD_BYTES_MAX)?;
                Self::KickUser(params)
            }
            "batch" => {
                let entries: Vec<BatchEntry> = parse_json(params)?;
                if entries.is_empty() || entries.len() > limits::BATCH_ENTRIES_MAX {
                    return Err(ApiError::invalid(format!(
                        "params: expected 1 to {} entries, got {}",
                        limits::BATCH_ENTRIES_MAX,
                        entries.len()
                    )));
                }
                Self::Batch(entries)
            }
            unknown => return Err(unknown_method(unknown, &SERVER_METHODS)),
        };
        Ok(call)
    }

    /// How many recipients the call names; those of a batch are known once its entries are read.
    pub fn recipients(&self) -> usize {
        match self {
            Self::SendMessage(params) => params.recipients.len(),
            Self::ModifyMessage(params) => params.recipients.len(),
            Self::RevokeMessage(params) => params.recipients.len(),
            Self::DeleteMessage(params) => params.recipients.len(),
            Self::SetProfile(params) => params.recipients.len(),
            Self::JoinGroup(params) => params.recipients.len(),
            Self::DeleteConversation(params) => params.recipients.len(),
            Self::MarkRead(..)
            | Self::ImportConversations(_)
            | Self::ExportUser(_)
            | Self::DeleteUser(_)
            | Self::KickUser(_)
            | Self::Read(..)
            | Self::GetUserSessions(_) => 1,
            Self::Batch(_) => 0,
        }
    }
}

/// A client's method with the user's id among its params.
fn read_on_behalf(method: &str, params: &str) -> Result<ServerCall, ApiError> {
    let mut params: serde_json::Map<String, serde_json::Value> = parse_params(params)?;
    let user = params.remove("userID").ok_or_else(|| ApiError::invalid("params: missing field `userID`"))?;
    let user: UserId =
        serde_json::from_value(user).map_err(|error| ApiError::invalid(format!("params.userID: {error}")))?;
    let call = ClientCall::parse(method, &serde_json::Value::Object(params).to_string())?;
    Ok(ServerCall::Read(user, call))
}
