//! Which params the methods of backends take.

#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    conversation::{ConversationType, GroupAtInfo, GroupType, LastMessage, RecvOpt},
    ids::{ConversationId, DeviceId, GroupId, MessageId, UserId},
    marks::Bits,
};
use serde::{Deserialize, Deserializer, Serialize};
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
        show_name: Option<String> [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// Picture to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        face_url: Option<String> [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
    }
);
params!(
    /// How a user or a group is shown.
    Profile {
        /// Name to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        show_name: Option<String> [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// Picture to show; absent: unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        face_url: Option<String> [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
    }
);
params!(
    /// A message as the backend sends it.
    Message {
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence in the conversation, 1 to 2^53 − 1.
        seq: u64 [range(min = 1, max = limits::SEQ_LIMIT - 1)],
        /// When it was sent, in seconds.
        timestamp: u64 [range(max = limits::TIMESTAMP_LIMIT - 1)],
        /// The kind of its content; 1 is text.
        #[serde(default = "text_elem")]
        elem_type: u32,
        /// The preview; cut at 1,024 bytes on a character boundary.
        #[serde(default)]
        text: String,
        /// The sender's name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        nick_name: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// The sender's picture.
        #[serde(rename = "faceURL", default, skip_serializing_if = "String::is_empty")]
        face_url: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// Users it mentions, and [`crate::conversation::AT_ALL`] for everybody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at_user_list: Vec<String> [length(max = limits::AT_USERS_MAX), inner(length(max = limits::ID_BYTES_MAX))],
        /// Data of the app, at most 1,024 bytes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cloud_custom_data: String [length(max = limits::CLOUD_CUSTOM_DATA_BYTES_MAX)],
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
        /// The message.
        message: Message,
        /// C2C: how each side is shown to the other.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        profiles: BTreeMap<UserId, Profile>,
        /// True: the answer says what an offline push needs to know of each recipient.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        want_totals: bool,
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence.
        seq: u64 [range(min = 1, max = limits::SEQ_LIMIT - 1)],
        /// Who revoked it; absent: the sender.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revoker: Option<UserId>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revoke_reason: Option<String> [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
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
        seq: u64 [range(min = 1, max = limits::SEQ_LIMIT - 1)],
        /// When it was sent, in seconds.
        timestamp: u64 [range(max = limits::TIMESTAMP_LIMIT - 1)],
        /// The kind of its content; 1 is text.
        #[serde(default = "text_elem")]
        elem_type: u32,
        /// The preview; cut at 1,024 bytes on a character boundary.
        #[serde(default)]
        text: String,
        /// The sender's name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        nick_name: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// The sender's picture.
        #[serde(rename = "faceURL", default, skip_serializing_if = "String::is_empty")]
        face_url: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// Users it mentions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at_user_list: Vec<String> [length(max = limits::AT_USERS_MAX), inner(length(max = limits::ID_BYTES_MAX))],
        /// Data of the app, at most 1,024 bytes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cloud_custom_data: String [length(max = limits::CLOUD_CUSTOM_DATA_BYTES_MAX)],
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
        /// Its id.
        #[serde(rename = "msgID")]
        msg_id: MessageId,
        /// Its sequence.
        seq: u64 [range(min = 1, max = limits::SEQ_LIMIT - 1)],
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
        /// Messages up to this one do not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64> [range(min = 1, max = limits::SEQ_LIMIT - 1)],
        /// The preview of the new row; it needs `sender`.
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
        conversation_id: String [with = "crate::schema::ReadScope"],
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
        recipients: Vec<UserId> [length(min = 1, max = limits::RECIPIENTS_MAX)],
        /// Which one.
        #[serde(rename = "conversationID")]
        conversation_id: ConversationId,
    }
);
params!(
    /// A row to import. What [`crate::Conversation`] says, so that an export can be imported; what is left out is empty.
    ImportedConversation {
        /// `c2c_<userID>` or `group_<groupID>`.
        #[serde(rename = "conversationID")]
        conversation_id: ConversationId,
        /// As the conversationID says; taken and not used.
        #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
        conversation_type: Option<ConversationType>,
        /// As the conversationID says; taken and not used.
        #[serde(rename = "userID", default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        /// As the conversationID says; taken and not used.
        #[serde(rename = "groupID", default, skip_serializing_if = "Option::is_none")]
        group_id: Option<GroupId>,
        /// The kind of the group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group_type: Option<GroupType>,
        /// Name to show.
        #[serde(default)]
        show_name: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// Picture to show.
        #[serde(default)]
        face_url: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
        /// Unread messages: the last so many seqs up to that of `lastMessage`.
        #[serde(default)]
        unread_count: u64,
        /// How messages are received.
        #[serde(default = "receive")]
        recv_opt: RecvOpt,
        /// The preview.
        #[serde(default)]
        last_message: Option<LastMessage>,
        /// Unread mentions.
        #[serde(default)]
        group_at_info_list: Vec<GroupAtInfo> [length(max = limits::AT_INFO_MAX)],
        /// The draft.
        #[serde(default)]
        draft_text: String [length(max = limits::DRAFT_BYTES_MAX)],
        /// When the draft was set, in seconds.
        #[serde(default)]
        draft_timestamp: u64 [range(max = limits::TIMESTAMP_LIMIT - 1)],
        /// Pinned or not.
        #[serde(default)]
        is_pinned: bool,
        /// Taken and not used: the order of the list decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_key: Option<u64>,
        /// Marks; a number of 2^53 or more is its nearest double, as a JavaScript backend writes it.
        #[serde(default, deserialize_with = "mark_list")]
        mark_list: Vec<u64> [with = "Vec<crate::schema::ImportedMark>"],
        /// The app's own data.
        #[serde(default)]
        custom_data: String [length(max = limits::CUSTOM_DATA_BYTES_MAX)],
        /// Conversation groups (folders) that hold the row; made where they are not there.
        #[serde(default)]
        conversation_group_list: Vec<String> [length(max = limits::GROUPS_MAX), inner(length(min = 1, max = limits::GROUP_NAME_BYTES_MAX))],
        /// C2C: how far this user has read, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        c2c_read_timestamp: Option<u64> [range(max = limits::TIMESTAMP_LIMIT - 1)],
        /// Group: taken and not used; `unreadCount` says how far this user has read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group_read_sequence: Option<u64>,
        /// Taken and not used: the row's version is the tick of its import.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
    }
);

fn receive() -> RecvOpt {
    RecvOpt::Receive
}

fn mark_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let marks = Vec::<Bits>::deserialize(deserializer)?;
    Ok(marks.into_iter().map(|Bits(bits)| bits).collect())
}

params!(
    /// A whole list of a user.
    ImportParams {
        /// Whose.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// The rows, from the top of the list to its end, at most 5,000; those that are there already are left as they are.
        conversation_list: Vec<ImportedConversation> [length(max = limits::IMPORT_ROWS_MAX)],
        /// Conversation groups (folders) to make, also empty ones, in this order.
        #[serde(default)]
        conversation_group_list: Vec<String> [length(max = limits::GROUPS_MAX), inner(length(min = 1, max = limits::GROUP_NAME_BYTES_MAX))],
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
        reason: String [length(max = limits::PROFILE_FIELD_BYTES_MAX)],
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
