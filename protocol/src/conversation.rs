//! What a client sees of one conversation: the row of the list (docs/DOMAIN.md, 1).

use crate::ids::{ConversationId, GroupId, MessageId, UserId};
use serde::{Deserialize, Serialize};

/// The bit of an orderKey that lifts a pinned row above all others.
pub const PIN_BIT: u64 = 1 << 52;

/// In `atUserList`: everybody is mentioned. The SDK's own constant, spelling included.
pub const AT_ALL: &str = "__kImSDK_MesssageAtALL__";

/// One row of a user's list. `orderKey` and `version` are microseconds on the user's own clock, below 2^53.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// `c2c_<userID>` or `group_<groupID>`.
    #[serde(rename = "conversationID")]
    pub conversation_id: ConversationId,
    /// 1 C2C, 2 group.
    #[serde(rename = "type")]
    pub conversation_type: ConversationType,
    /// The peer of a C2C conversation.
    #[serde(rename = "userID", default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The group of a group conversation.
    #[serde(rename = "groupID", default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The kind of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_type: Option<GroupType>,
    /// Name to show, as the backend says.
    pub show_name: String,
    /// Picture to show, as the backend says.
    pub face_url: String,
    /// Messages that count as unread.
    pub unread_count: u64,
    /// How messages of this conversation are received; only 0 counts in the total.
    pub recv_opt: RecvOpt,
    /// The newest message that is not excluded from the preview.
    pub last_message: Option<LastMessage>,
    /// Unread mentions of this user, by rising seq.
    pub group_at_info_list: Vec<GroupAtInfo>,
    /// The draft, shared by the user's devices; "" is none.
    pub draft_text: String,
    /// When the draft was set, in seconds; 0 without a draft.
    pub draft_timestamp: u64,
    /// Whether the row is pinned.
    pub is_pinned: bool,
    /// The list is this key, descending.
    pub order_key: u64,
    /// Marks as single bits, by rising value.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::schema::MarkBit>"))]
    pub mark_list: Vec<u64>,
    /// The client's own data.
    pub custom_data: String,
    /// The conversation groups (folders) that hold this row.
    pub conversation_group_list: Vec<String>,
    /// C2C: the time in seconds of the newest message that this user has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c2c_read_timestamp: Option<u64>,
    /// Group: the seq up to which this user has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_read_sequence: Option<u64>,
    /// When the row last changed in any way.
    pub version: u64,
}

macro_rules! numbered {
    ($(#[doc = $doc:literal])* $name:ident as $expected:literal { $($(#[doc = $vdoc:literal])* $variant:ident = $number:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "u8", try_from = "u8")]
        pub enum $name { $($(#[doc = $vdoc])* $variant = $number,)+ }

        impl From<$name> for u8 {
            fn from(value: $name) -> u8 {
                value as u8
            }
        }

        impl TryFrom<u8> for $name {
            type Error = String;
            fn try_from(number: u8) -> Result<Self, String> {
                match number {
                    $($number => Ok(Self::$variant),)+
                    other => Err(format!(concat!("expected ", $expected, ", got {}"), other)),
                }
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::schema::numbers(concat!($($doc),*), &[$(($number, concat!($($vdoc),*))),+])
            }
        }
    };
}

numbered!(
    /// The kind of a conversation.
    ConversationType as "1 (C2C) or 2 (group)" {
        /// Two users.
        C2c = 1,
        /// A chat group.
        Group = 2,
    }
);

numbered!(
    /// How messages of a conversation are received.
    RecvOpt as "a receive option from 0 to 4" {
        /// Received and counted in the total.
        Receive = 0,
        /// Not received.
        NotReceive = 1,
        /// Received without a notification.
        ReceiveNotNotify = 2,
        /// No notification except for mentions.
        NotNotifyExceptAt = 3,
        /// Not received except for mentions.
        NotReceiveExceptAt = 4,
    }
);

numbered!(
    /// Whom a message mentions, seen from this user.
    AtType as "1 (me), 2 (all) or 3 (all and me)" {
        /// This user.
        Me = 1,
        /// Everybody.
        All = 2,
        /// Everybody, and this user by name.
        AllAndMe = 3,
    }
);

numbered!(
    /// The state of a message.
    MessageStatus as "2 (sent) or 6 (revoked)" {
        /// Sent.
        Sent = 2,
        /// Revoked; its text is gone.
        Revoked = 6,
    }
);

/// The kind of a chat group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum GroupType {
    /// A working group.
    Work,
    /// A public group.
    Public,
    /// A meeting.
    Meeting,
    /// A live audience; its messages never count as unread.
    AVChatRoom,
    /// A community.
    Community,
}

/// The preview of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LastMessage {
    /// The message's id.
    #[serde(rename = "msgID")]
    pub msg_id: MessageId,
    /// Its sequence in the conversation.
    pub seq: u64,
    /// Who sent it.
    pub sender: UserId,
    /// The sender's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nick_name: String,
    /// The sender's picture.
    #[serde(rename = "faceURL", default, skip_serializing_if = "String::is_empty")]
    pub face_url: String,
    /// Whether this user sent it.
    pub is_self: bool,
    /// When it was sent, in seconds.
    pub timestamp: u64,
    /// The kind of its content.
    pub elem_type: u32,
    /// The preview that the backend gives; empty once revoked.
    pub text: String,
    /// 2 sent, 6 revoked.
    pub status: MessageStatus,
    /// Who revoked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoker: Option<UserId>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_reason: Option<String>,
    /// Whom it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_user_list: Vec<String>,
    /// Data of the app.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cloud_custom_data: String,
}

/// One unread mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupAtInfo {
    /// The message's sequence.
    pub seq: u64,
    /// Whom it mentions.
    pub at_type: AtType,
}
