//! Which params the methods of clients take.

use crate::{conversation::RecvOpt, filter::Filter, ids::ConversationId, limits, marks::Marks};
use serde::{Deserialize, Serialize};

/// Reads any JSON integer (INT_MAX and beyond included) as a page size of 1 to 1,000.
fn page_count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let count = u64::deserialize(deserializer)?;
    Ok(count.clamp(1, u64::from(limits::PAGE_ROWS_MAX)) as u32)
}

params!(
    /// A method without params.
    NoParams {}
);
params!(
    /// A page of the list.
    PageParams {
        /// 0 first, then the one returned.
        #[serde(default)]
        next_seq: u64,
        /// Rows of the page, clamped to 1…1,000.
        #[serde(deserialize_with = "page_count")]
        count: u32 [with = "u64"],
    }
);
params!(
    /// A page of the rows that pass a filter.
    FilteredPageParams {
        /// The filter.
        filter: Filter,
        /// 0 first, then the one returned.
        #[serde(default)]
        next_seq: u64,
        /// Rows of the page, clamped to 1…1,000.
        #[serde(deserialize_with = "page_count")]
        count: u32 [with = "u64"],
    }
);
params!(
    /// A filter.
    FilterParams {
        /// The filter.
        filter: Filter,
    }
);
params!(
    /// A conversation group (folder) and conversations.
    GroupParams {
        /// The group's name, 1 to 32 bytes.
        group_name: String [length(min = 1, max = limits::GROUP_NAME_BYTES_MAX)],
        /// Conversations, 1 to 100; to make a group also none.
        #[serde(rename = "conversationIDList", default)]
        conversation_id_list: Vec<ConversationId> [length(max = limits::IDS_MAX)],
    }
);
params!(
    /// A conversation group (folder).
    GroupNameParams {
        /// Its name, 1 to 32 bytes.
        group_name: String [length(min = 1, max = limits::GROUP_NAME_BYTES_MAX)],
    }
);
params!(
    /// Another name for a conversation group (folder).
    RenameGroupParams {
        /// What it is called.
        old_name: String [length(min = 1, max = limits::GROUP_NAME_BYTES_MAX)],
        /// What it is to be called, 1 to 32 bytes.
        new_name: String [length(min = 1, max = limits::GROUP_NAME_BYTES_MAX)],
    }
);
params!(
    /// One conversation.
    ConversationParams {
        /// Which one.
        #[serde(rename = "conversationID")]
        conversation_id: ConversationId,
    }
);
params!(
    /// Several conversations, 1 to 100.
    ConversationsParams {
        /// Which ones.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId> [length(min = 1, max = limits::IDS_MAX)],
    }
);
params!(
    /// Pin or unpin.
    PinParams {
        /// Which one.
        #[serde(rename = "conversationID")]
        conversation_id: ConversationId,
        /// Pinned or not.
        is_pinned: bool,
        /// Refuse when the row is newer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    }
);
params!(
    /// Set or clear a draft.
    DraftParams {
        /// Which one.
        #[serde(rename = "conversationID")]
        conversation_id: ConversationId,
        /// The draft, at most 4,096 bytes; "" clears it.
        draft_text: String [length(max = limits::DRAFT_BYTES_MAX)],
        /// Refuse when the row is newer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    }
);
params!(
    /// How messages of some conversations are received.
    RecvOptParams {
        /// Which ones, 1 to 100.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId> [length(min = 1, max = limits::IDS_MAX)],
        /// 0 to 4.
        recv_opt: RecvOpt,
        /// Refuse when a row is newer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    }
);
params!(
    /// Set or remove marks of some conversations.
    MarkParams {
        /// Which ones, 1 to 100.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId> [length(min = 1, max = limits::IDS_MAX)],
        /// The marks: a number, a decimal string or an array of bits.
        mark_type: Marks,
        /// Set or removed.
        enable_mark: bool,
        /// Refuse when a row is newer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    }
);
params!(
    /// Set the app's own data of some conversations.
    CustomDataParams {
        /// Which ones, 1 to 100.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId> [length(min = 1, max = limits::IDS_MAX)],
        /// The data, at most 256 bytes; "" is none.
        custom_data: String [length(max = limits::CUSTOM_DATA_BYTES_MAX)],
        /// Refuse when a row is newer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    }
);
params!(
    /// Mark as read.
    CleanUnreadParams {
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
    /// Whether a cursor is the newest.
    ProbeParams {
        /// The client's cursor, as it was given.
        cursor: String,
    }
);
params!(
    /// A new token for this session.
    RefreshTokenParams {
        /// A token of the same user.
        token: String,
    }
);
params!(
    /// The first message of a WebSocket that was opened without a token.
    AuthenticateParams {
        /// The token.
        token: String,
        /// The client's cursor; absent: that of the URL.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<String>,
    }
);
