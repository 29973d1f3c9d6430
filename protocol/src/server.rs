//! What a backend can ask: methods, their params and their results.

use crate::{
    conversation::{ConversationType, GroupType},
    error::{ApiError, ErrorBody, ErrorKind},
    ids::{ConversationId, DeviceId, GroupId, MessageId, UserId},
    limits,
    method::{CleanUnreadParams, ClientCall, ReadScope, parse_json, parse_params, too_long, unknown_method},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

params!(
    /// The conversation of a message or a profile, and how it is shown.
    ConversationRef {
        /// 1 C2C, 2 group.
        #[serde(rename = "type")]
        conversation_type: ConversationType,
        /// setProfile of a C2C conversation: whose profile.
        #[serde(rename = "userID", default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        /// The group.
        #[serde(rename = "groupID", default, skip_serializing_if = "Option::is_none")]
        group_id: Option<GroupId>,
        /// The kind of the group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group_type: Option<GroupType>,
        /// Name to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        show_name: Option<String>,
        /// Picture to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        face_url: Option<String>,
    }
);
params!(
    /// How a user or a group is shown.
    Profile {
        /// Name to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        show_name: Option<String>,
        /// Picture to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        face_url: Option<String>,
    }
);
params!(
    /// A message as the backend sends it.
    Message {
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence in the conversation, 1 to 2^53 − 1.
        seq: u64,
        /// When it was sent, in seconds.
        timestamp: u64,
        /// The kind of its content; 1 is text.
        #[serde(default = "text_elem")]
        elem_type: u32,
        /// The preview; cut at 1,024 bytes on a character boundary.
        #[serde(default)]
        text: String,
        /// The sender's name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        nick_name: String,
        /// The sender's picture.
        #[serde(rename = "faceURL", default, skip_serializing_if = "String::is_empty")]
        face_url: String,
        /// Users it mentions, and [`crate::conversation::AT_ALL`] for everybody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at_user_list: Vec<String>,
        /// Data of the app, at most 1,024 bytes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cloud_custom_data: String,
        /// True: it does not become the preview and does not activate the row.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_excluded_from_last_message: bool,
        /// True: it does not count as unread.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_excluded_from_unread_count: bool,
    }
);

fn text_elem() -> u32 {
    1
}

params!(
    /// A message was sent.
    SendMessageParams {
        /// Where.
        conversation: ConversationRef,
        /// By whom.
        sender: UserId,
        /// Whose rows change: in a C2C conversation the one peer, in a group up to 10,000 members.
        recipients: Vec<UserId>,
        /// The message.
        message: Message,
        /// C2C: how each side is shown to the other.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        profiles: BTreeMap<UserId, Profile>,
    }
);
params!(
    /// A message's content changed.
    ModifyMessageParams {
        /// Where.
        conversation: ConversationRef,
        /// Who had sent it.
        sender: UserId,
        /// Whose rows change.
        recipients: Vec<UserId>,
        /// The message with its new content.
        message: Message,
        /// Not greater than the last one: ignored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<u64>,
    }
);
params!(
    /// A message was revoked.
    RevokeMessageParams {
        /// Where.
        conversation: ConversationRef,
        /// Who had sent it.
        sender: UserId,
        /// Whose rows change.
        recipients: Vec<UserId>,
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence.
        seq: u64,
        /// Who revoked it; absent: the sender.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revoker: Option<UserId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revoke_reason: Option<String>,
    }
);
params!(
    /// The message before a deleted one, as the backend knows it: all fields of [`Message`], and its sender.
    PreviousMessage {
        /// Who sent it.
        sender: UserId,
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence, below that of the deleted message.
        seq: u64,
        /// When it was sent, in seconds.
        timestamp: u64,
        /// The kind of its content; 1 is text.
        #[serde(default = "text_elem")]
        elem_type: u32,
        /// The preview; cut at 1,024 bytes on a character boundary.
        #[serde(default)]
        text: String,
        /// The sender's name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        nick_name: String,
        /// The sender's picture.
        #[serde(rename = "faceURL", default, skip_serializing_if = "String::is_empty")]
        face_url: String,
        /// Users it mentions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at_user_list: Vec<String>,
        /// Data of the app, at most 1,024 bytes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cloud_custom_data: String,
        /// Taken and not used: the backend names the preview.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_excluded_from_last_message: bool,
        /// Taken and not used: the message does not count again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_excluded_from_unread_count: bool,
    }
);

impl PreviousMessage {
    /// The sender and the message.
    pub fn into_parts(self) -> (UserId, Message) {
        let message = Message {
            msg_id: self.msg_id,
            seq: self.seq,
            timestamp: self.timestamp,
            elem_type: self.elem_type,
            text: self.text,
            nick_name: self.nick_name,
            face_url: self.face_url,
            at_user_list: self.at_user_list,
            cloud_custom_data: self.cloud_custom_data,
            is_excluded_from_last_message: self.is_excluded_from_last_message,
            is_excluded_from_unread_count: self.is_excluded_from_unread_count,
        };
        (self.sender, message)
    }

    /// A message of somebody.
    pub fn new(sender: UserId, message: Message) -> Self {
        Self {
            sender,
            msg_id: message.msg_id,
            seq: message.seq,
            timestamp: message.timestamp,
            elem_type: message.elem_type,
            text: message.text,
            nick_name: message.nick_name,
            face_url: message.face_url,
            at_user_list: message.at_user_list,
            cloud_custom_data: message.cloud_custom_data,
            is_excluded_from_last_message: message.is_excluded_from_last_message,
            is_excluded_from_unread_count: message.is_excluded_from_unread_count,
        }
    }
}

params!(
    /// A message was deleted for the recipients.
    DeleteMessageParams {
        /// Where.
        conversation: ConversationRef,
        /// Who had sent it.
        sender: UserId,
        /// Whose rows change.
        recipients: Vec<UserId>,
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence.
        seq: u64,
        /// What the preview becomes where the deleted message was the preview; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_message: Option<PreviousMessage>,
    }
);
params!(
    /// How a user or a group is shown to some users.
    SetProfileParams {
        /// Whose profile, with the new values.
        conversation: ConversationRef,
        /// Whose rows change.
        recipients: Vec<UserId>,
        /// Not greater than the last one: ignored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<u64>,
    }
);
params!(
    /// Users joined a group or were pulled into it.
    JoinGroupParams {
        /// The group.
        conversation: ConversationRef,
        /// Who joined.
        recipients: Vec<UserId>,
        /// Messages up to this one do not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// The preview of the new row; its sender is the group's own notice unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Message>,
        /// Who sent `message`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<UserId>,
    }
);
params!(
    /// A user has read something elsewhere.
    MarkReadParams {
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// A conversation, or "c2c", "group" or "" for all of a kind.
        #[serde(rename = "conversationID")]
        conversation_id: String,
        /// C2C: up to this time in seconds; 0 = all.
        #[serde(default)]
        clean_timestamp: u64,
        /// Up to this seq; 0 = all (C2C: by the time).
        #[serde(default)]
        clean_sequence: u64,
    }
);
params!(
    /// A row goes from some users' lists.
    DeleteConversationParams {
        /// Whose rows.
        recipients: Vec<UserId>,
        /// Which one.
        #[serde(rename = "conversationID")]
        conversation_id: ConversationId,
    }
);
params!(
    /// A user.
    UserParams {
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
    }
);
params!(
    /// A user's sessions end, and the tokens issued until now with them.
    KickUserParams {
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// Only this device; absent: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<DeviceId>,
        /// What the client is told.
        #[serde(default)]
        reason: String,
    }
);

/// One entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchEntry {
    /// The method; a batch in a batch is refused.
    pub method: String,
    /// Its params.
    pub params: Box<RawValue>,
}

/// What happened to the rows of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ApplyResult {
    /// Rows that changed.
    pub applied: u64,
    /// Rows that had it already.
    pub duplicates: u64,
    /// Rows that will change, the change being safe in the queue.
    pub queued: u64,
    /// Users whose row did not change, and why.
    pub failed: Vec<FailedUser>,
}

/// A user whose row did not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedUser {
    /// Who.
    #[serde(rename = "userID")]
    pub user_id: UserId,
    /// An error code.
    pub code: u32,
    /// What went wrong.
    pub message: String,
}

/// A user's live sessions on all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsResult {
    /// The longest connected first.
    pub session_list: Vec<SessionInfo>,
}

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The client's device, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// "websocket" or "sse".
    pub transport: String,
    /// The node that holds it.
    pub node: String,
    /// When it connected, in seconds since 1970.
    pub connected_at: u64,
}

/// Sessions that a kick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KickResult {
    /// Sessions gone within two seconds.
    pub kicked: u64,
    /// Sessions not seen to go; they go when their node compares.
    pub unconfirmed: u64,
}

/// One entry of a batch's answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BatchOutcome {
    /// The method's result.
    Result(Box<RawValue>),
    /// Why it failed.
    Error(ErrorBody),
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// One entry per call, in order.
    pub result_list: Vec<BatchOutcome>,
}

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
    /// Which sessions a user has.
    GetUserSessions(UserParams),
    /// Sessions end.
    KickUser(KickUserParams),
    /// Several calls, in order.
    Batch(Vec<BatchEntry>),
}

/// The names of all backend methods.
pub const SERVER_METHODS: [&str; 15] = [
    "sendMessage",
    "modifyMessage",
    "revokeMessage",
    "deleteMessage",
    "setProfile",
    "joinGroup",
    "markRead",
    "deleteConversation",
    "getConversationList",
    "getConversation",
    "getConversations",
    "getTotalUnreadMessageCount",
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
            "getConversationList" | "getConversation" | "getConversations" | "getTotalUnreadMessageCount" => {
                read_on_behalf(method, params)?
            }
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
            Self::MarkRead(..) | Self::KickUser(_) | Self::Read(..) | Self::GetUserSessions(_) => 1,
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

fn check_recipients(recipients: &[UserId]) -> Result<(), ApiError> {
    if recipients.is_empty() || recipients.len() > limits::RECIPIENTS_MAX {
        return Err(ApiError::invalid(format!(
            "params.recipients: expected 1 to {} users, got {}",
            limits::RECIPIENTS_MAX,
            recipients.len()
        )));
    }
    Ok(())
}

/// With a sender it is a message, and a C2C conversation is named by its two sides; without, by `userID`.
fn check_target(
    conversation: &ConversationRef,
    sender: Option<&UserId>,
    recipients: &[UserId],
) -> Result<(), ApiError> {
    check_recipients(recipients)?;
    check_profile("conversation", conversation.show_name.as_deref(), conversation.face_url.as_deref())?;
    let invalid = |message: &str| Err(ApiError::invalid(format!("params.{message}")));
    match (conversation.conversation_type, sender) {
        (ConversationType::Group, _) => {
            if conversation.user_id.is_some() {
                return invalid("conversation.userID: expected none in a group (type 2)");
            }
            if conversation.group_id.is_none() {
                return invalid("conversation.groupID: expected the group's id (type 2), got none");
            }
        }
        (ConversationType::C2c, sender) => {
            if conversation.group_id.is_some() || conversation.group_type.is_some() {
                return invalid("conversation: expected no groupID and no groupType in a C2C conversation (type 1)");
            }
            match sender {
                None if conversation.user_id.is_none() => {
                    return invalid("conversation.userID: expected whose profile it is (type 1), got none");
                }
                Some(_) if conversation.user_id.is_some() => {
                    return invalid("conversation.userID: expected none, the two sides are sender and recipients");
                }
                Some(_) if recipients.len() != 1 => {
                    return invalid("recipients: expected the one peer of a C2C conversation (type 1)");
                }
                Some(sender) if recipients[0] == *sender => {
                    return invalid("recipients: expected somebody other than the sender");
                }
                None | Some(_) => {}
            }
        }
    }
    Ok(())
}

fn check_profile(path: &str, show_name: Option<&str>, face_url: Option<&str>) -> Result<(), ApiError> {
    check_bytes(&format!("{path}.showName"), show_name.unwrap_or(""), limits::PROFILE_FIELD_BYTES_MAX)?;
    check_bytes(&format!("{path}.faceUrl"), face_url.unwrap_or(""), limits::PROFILE_FIELD_BYTES_MAX)
}

fn check_bytes(field: &str, value: &str, bytes_max: usize) -> Result<(), ApiError> {
    if value.len() > bytes_max { Err(too_long(field, bytes_max, value.len())) } else { Ok(()) }
}

fn check_seq(field: &str, seq: u64) -> Result<(), ApiError> {
    if seq == 0 || seq >= limits::SEQ_LIMIT {
        return Err(ApiError::invalid(format!("params.{field}: expected 1 to 2^53 − 1, got {seq}")));
    }
    Ok(())
}

/// The message before a deleted one, checked like any other.
fn check_previous(previous: PreviousMessage, deleted: u64) -> Result<PreviousMessage, ApiError> {
    let (sender, mut message) = previous.into_parts();
    check_message_at("previousMessage", &mut message)?;
    if message.seq >= deleted {
        return Err(ApiError::invalid(format!(
            "params.previousMessage.seq: expected a seq below that of the deleted message, {deleted}, got {}",
            message.seq
        )));
    }
    Ok(PreviousMessage::new(sender, message))
}

/// Checks a message and cuts its text.
fn check_message(message: &mut Message) -> Result<(), ApiError> {
    check_message_at("message", message)
}

/// `path` is the field that holds the message.
fn check_message_at(path: &str, message: &mut Message) -> Result<(), ApiError> {
    check_seq(&format!("{path}.seq"), message.seq)?;
    if message.timestamp >= limits::TIMESTAMP_LIMIT {
        return Err(ApiError::invalid(format!(
            "params.{path}.timestamp: expected seconds since 1970, got {}",
            message.timestamp
        )));
    }
    check_bytes(&format!("{path}.nickName"), &message.nick_name, limits::PROFILE_FIELD_BYTES_MAX)?;
    check_bytes(&format!("{path}.faceURL"), &message.face_url, limits::PROFILE_FIELD_BYTES_MAX)?;
    check_bytes(&format!("{path}.cloudCustomData"), &message.cloud_custom_data, limits::CLOUD_CUSTOM_DATA_BYTES_MAX)?;
    if message.at_user_list.len() > limits::AT_USERS_MAX {
        return Err(ApiError::invalid(format!(
            "params.{path}.atUserList: expected at most {} users, got {}",
            limits::AT_USERS_MAX,
            message.at_user_list.len()
        )));
    }
    for user in &message.at_user_list {
        check_bytes(&format!("{path}.atUserList"), user, limits::ID_BYTES_MAX)?;
    }
    if message.text.len() > limits::TEXT_BYTES_MAX {
        let end = (0..=limits::TEXT_BYTES_MAX).rev().find(|end| message.text.is_char_boundary(*end)).unwrap_or(0);
        message.text.truncate(end);
    }
    Ok(())
}

/// The refusal of more recipients in a batch than one call may have.
pub fn too_many_recipients(recipients: usize) -> ApiError {
    ApiError::new(
        ErrorKind::InvalidParameter,
        format!(
            "params: expected at most {} recipients in all entries together, got {recipients}",
            limits::RECIPIENTS_MAX
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(method: &str, params: serde_json::Value) -> String {
        ServerCall::parse(method, &params.to_string()).unwrap_err().message
    }

    fn message() -> serde_json::Value {
        serde_json::json!({"msgID": "m1", "seq": 1, "timestamp": 1, "text": "hi"})
    }

    #[test]
    fn a_c2c_message_has_one_recipient_that_is_not_the_sender() {
        let call = |recipients: &[&str]| serde_json::json!({"conversation": {"type": 1}, "sender": "alice", "recipients": recipients, "message": message()});
        assert!(ServerCall::parse("sendMessage", &call(&["bob"]).to_string()).is_ok());
        assert!(refusal("sendMessage", call(&["bob", "carol"])).contains("the one peer"));
        assert!(refusal("sendMessage", call(&["alice"])).contains("other than the sender"));
        assert!(refusal("sendMessage", call(&[])).contains("1 to 10000 users, got 0"));
    }

    #[test]
    fn a_group_needs_its_id_and_a_seq_its_range() {
        let call = |conversation: serde_json::Value, message: serde_json::Value| serde_json::json!({"conversation": conversation, "sender": "alice", "recipients": ["bob"], "message": message});
        assert!(
            refusal("sendMessage", call(serde_json::json!({"type": 2}), message())).contains("conversation.groupID")
        );
        let mut zero = message();
        zero["seq"] = 0.into();
        assert!(
            refusal("sendMessage", call(serde_json::json!({"type": 1}), zero)).contains("message.seq: expected 1 to")
        );
        let mut text = message();
        text["seq"] = "1".into();
        assert_eq!(
            refusal("sendMessage", call(serde_json::json!({"type": 1}), text)),
            "params.message.seq: invalid type: string \"1\", expected u64"
        );
    }

    #[test]
    fn the_message_before_a_deleted_one_is_checked_like_any_other() {
        let call = |seq: u64, previous: serde_json::Value| {
            serde_json::json!({"conversation": {"type": 1}, "sender": "a", "recipients": ["b"], "msgID": "m", "seq": seq,
                "previousMessage": previous})
        };
        let mut previous = message();
        assert_eq!(
            refusal("deleteMessage", call(2, previous.clone())),
            "params.previousMessage: missing field `sender`"
        );
        previous["sender"] = "b".into();
        previous["isExcludedFromUnreadCount"] = true.into();
        assert!(ServerCall::parse("deleteMessage", &call(2, previous.clone()).to_string()).is_ok());
        let refused = refusal("deleteMessage", call(1, previous.clone()));
        assert!(refused.starts_with("params.previousMessage.seq: expected a seq below"), "{refused}");
        previous["faceURL"] = "x".repeat(1_025).into();
        assert!(refusal("deleteMessage", call(2, previous.clone())).starts_with("params.previousMessage.faceURL"));
        previous["faceURL"] = "".into();
        previous["text"] = "x".repeat(2_000).into();
        let parsed = ServerCall::parse("deleteMessage", &call(2, previous.clone()).to_string()).unwrap();
        let ServerCall::DeleteMessage(params) = parsed else { panic!("not a deleteMessage") };
        assert_eq!(params.previous_message.unwrap().text.len(), 1_024);
        previous["more"] = 1.into();
        assert!(refusal("deleteMessage", call(2, previous)).contains("unknown field `more`"));
    }

    #[test]
    fn a_read_on_behalf_of_a_user_is_the_clients_call() {
        let params = r#"{"userID":"bob","nextSeq":7,"count":5000}"#;
        let call = ServerCall::parse("getConversationList", params).unwrap();
        let ServerCall::Read(user, call) = call else { panic!("not a read") };
        assert_eq!(user.as_str(), "bob");
        assert_eq!(call, ClientCall::parse("getConversationList", r#"{"nextSeq":7,"count":1000}"#).unwrap());
        let params = serde_json::json!({"nextSeq": 0, "count": 1});
        assert_eq!(refusal("getConversationList", params), "params: missing field `userID`");
        let params = serde_json::json!({"userID": "", "conversationID": "c2c_a"});
        assert!(refusal("getConversation", params).starts_with("params.userID: "));
        let params = serde_json::json!({"userID": "bob", "more": 1});
        assert!(refusal("getTotalUnreadMessageCount", params).contains("unknown field `more`"));
    }

    #[test]
    fn a_long_text_is_cut_on_a_character_boundary() {
        let mut long = message();
        long["text"] = format!("x{}", "é".repeat(600)).into();
        let params =
            serde_json::json!({"conversation": {"type": 1}, "sender": "a", "recipients": ["b"], "message": long});
        let ServerCall::SendMessage(params) = ServerCall::parse("sendMessage", &params.to_string()).unwrap() else {
            panic!("not a sendMessage")
        };
        assert_eq!(params.message.text.len(), 1023);
    }

    #[test]
    fn every_listed_method_is_known() {
        for method in SERVER_METHODS {
            let error = ServerCall::parse(method, "7").map(|_| ()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidParameter, "{method}");
        }
    }
}
