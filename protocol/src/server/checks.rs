//! What must hold of a backend's params beyond their form.

use super::{ConversationRef, ImportParams, ImportedConversation, Message, PreviousMessage};
use crate::{
    conversation::ConversationType,
    error::{ApiError, ErrorKind},
    group::check_name,
    ids::UserId,
    limits,
    marks::Marks,
    method::too_long,
};
use std::collections::HashSet;

pub(super) fn check_recipients(recipients: &[UserId]) -> Result<(), ApiError> {
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
pub(super) fn check_target(
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

pub(super) fn check_profile(path: &str, show_name: Option<&str>, face_url: Option<&str>) -> Result<(), ApiError> {
    check_bytes(&format!("{path}.showName"), show_name.unwrap_or(""), limits::PROFILE_FIELD_BYTES_MAX)?;
    check_bytes(&format!("{path}.faceUrl"), face_url.unwrap_or(""), limits::PROFILE_FIELD_BYTES_MAX)
}

pub(super) fn check_bytes(field: &str, value: &str, bytes_max: usize) -> Result<(), ApiError> {
    if value.len() > bytes_max { Err(too_long(field, bytes_max, value.len())) } else { Ok(()) }
}

pub(super) fn check_seq(field: &str, seq: u64) -> Result<(), ApiError> {
    if seq == 0 || seq >= limits::SEQ_LIMIT {
        return Err(ApiError::invalid(format!("params.{field}: expected 1 to 2^53 − 1, got {seq}")));
    }
    Ok(())
}

/// The message before a deleted one, checked like any other.
pub(super) fn check_previous(previous: PreviousMessage, deleted: u64) -> Result<PreviousMessage, ApiError> {
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
pub(super) fn check_message(message: &mut Message) -> Result<(), ApiError> {
    check_message_at("message", message)
}

/// `path` is the field that holds the message.
pub(super) fn check_message_at(path: &str, message: &mut Message) -> Result<(), ApiError> {
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
    check_at_users(&format!("{path}.atUserList"), &message.at_user_list)?;
    cut_text(&mut message.text);
    Ok(())
}

fn check_at_users(field: &str, users: &[String]) -> Result<(), ApiError> {
    if users.len() > limits::AT_USERS_MAX {
        let (most, count) = (limits::AT_USERS_MAX, users.len());
        return Err(ApiError::invalid(format!("params.{field}: expected at most {most} users, got {count}")));
    }
    users.iter().try_for_each(|user| check_bytes(field, user, limits::ID_BYTES_MAX))
}

/// Cuts a preview on a character boundary.
fn cut_text(text: &mut String) {
    text.truncate(limits::cut(text, limits::TEXT_BYTES_MAX).len());
}

/// Checks a list to import, and cuts the texts of its previews.
pub(super) fn check_import(params: &mut ImportParams) -> Result<(), ApiError> {
    let rows = params.conversation_list.len();
    if rows > limits::IMPORT_ROWS_MAX {
        return Err(ApiError::invalid(format!(
            "params.conversationList: expected at most {} rows, got {rows}",
            limits::IMPORT_ROWS_MAX
        )));
    }
    if params.conversation_group_list.len() > limits::GROUPS_MAX {
        return Err(ApiError::new(
            ErrorKind::TooManyGroups,
            format!("params.conversationGroupList: expected at most {} names", limits::GROUPS_MAX),
        ));
    }
    for name in &params.conversation_group_list {
        check_name("conversationGroupList", name)?;
    }
    let mut seen = HashSet::with_capacity(rows);
    for (index, row) in params.conversation_list.iter_mut().enumerate() {
        let path = format!("conversationList[{index}]");
        if !seen.insert(row.conversation_id.clone()) {
            return Err(ApiError::invalid(format!("params.{path}.conversationID: expected each id once")));
        }
        check_imported(&path, row)?;
    }
    Ok(())
}

fn check_imported(path: &str, row: &mut ImportedConversation) -> Result<(), ApiError> {
    let invalid = |problem: String| Err(ApiError::invalid(format!("params.{path}.{problem}")));
    check_profile(path, Some(&row.show_name), Some(&row.face_url))?;
    check_bytes(&format!("{path}.draftText"), &row.draft_text, limits::DRAFT_BYTES_MAX)?;
    check_bytes(&format!("{path}.customData"), &row.custom_data, limits::CUSTOM_DATA_BYTES_MAX)?;
    for name in &row.conversation_group_list {
        check_name(&format!("{path}.conversationGroupList"), name)?;
    }
    if row.conversation_group_list.len() > limits::GROUPS_MAX {
        return invalid(format!("conversationGroupList: expected at most {} names", limits::GROUPS_MAX));
    }
    for mark in &row.mark_list {
        if let Err(problem) = Marks::try_from(*mark) {
            return invalid(format!("markList: {problem}"));
        }
    }
    if row.group_at_info_list.len() > limits::AT_INFO_MAX {
        return invalid(format!("groupAtInfoList: expected at most {} mentions", limits::AT_INFO_MAX));
    }
    if row.draft_timestamp >= limits::TIMESTAMP_LIMIT || row.c2c_read_timestamp.unwrap_or(0) >= limits::TIMESTAMP_LIMIT
    {
        return invalid("draftTimestamp, c2cReadTimestamp: expected seconds since 1970".to_owned());
    }
    let newest = match &mut row.last_message {
        None => 0,
        Some(message) => {
            check_seq(&format!("{path}.lastMessage.seq"), message.seq)?;
            if message.timestamp >= limits::TIMESTAMP_LIMIT {
                return invalid("lastMessage.timestamp: expected seconds since 1970".to_owned());
            }
            let field = |name: &str| format!("{path}.lastMessage.{name}");
            check_bytes(&field("nickName"), &message.nick_name, limits::PROFILE_FIELD_BYTES_MAX)?;
            check_bytes(&field("faceURL"), &message.face_url, limits::PROFILE_FIELD_BYTES_MAX)?;
            check_bytes(&field("cloudCustomData"), &message.cloud_custom_data, limits::CLOUD_CUSTOM_DATA_BYTES_MAX)?;
            let reason = message.revoke_reason.as_deref().unwrap_or("");
            check_bytes(&field("revokeReason"), reason, limits::PROFILE_FIELD_BYTES_MAX)?;
            check_at_users(&field("atUserList"), &message.at_user_list)?;
            cut_text(&mut message.text);
            message.seq
        }
    };
    if row.unread_count > newest {
        return invalid(format!("unreadCount: expected at most lastMessage.seq, {newest}, got {}", row.unread_count));
    }
    let read = newest - row.unread_count;
    let is_unread = |seq: u64| seq > read && seq <= newest;
    if !row.group_at_info_list.iter().all(|info| is_unread(info.seq)) {
        return invalid("groupAtInfoList: expected seqs among the unread ones".to_owned());
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
