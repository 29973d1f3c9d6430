//! What a session is told: events, and the frames that carry them.

use crate::{conversation::Conversation, cursor::Cursor, filter::Filter, ids::ConversationId};
use serde::{Deserialize, Serialize};

/// The name of an event: the SDK's listener method without "on".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventName {
    /// A sync begins.
    SyncServerStart,
    /// Rows that the client cannot know.
    NewConversation,
    /// Rows that changed.
    ConversationChanged,
    /// Rows that went.
    ConversationDeleted,
    /// The total.
    TotalUnreadMessageCountChanged,
    /// The total of one filter.
    UnreadMessageCountChangedByFilter,
    /// A conversation group was made.
    ConversationGroupCreated,
    /// A conversation group was deleted.
    ConversationGroupDeleted,
    /// A conversation group was renamed.
    ConversationGroupNameChanged,
    /// Conversations were put into a conversation group.
    ConversationsAddedToGroup,
    /// Conversations were taken out of a conversation group.
    ConversationsDeletedFromGroup,
    /// A sync is complete.
    SyncServerFinish,
    /// A sync was given up; the server tries again.
    SyncServerFailed,
    /// The session ends for good.
    KickedOffline,
    /// The session ends until there is a new token.
    TokenExpired,
    /// The session ends; come back after a while.
    Reconnect,
}

impl EventName {
    /// All events, in the order of PROTOCOL.md.
    pub const ALL: [Self; 16] = [
        Self::SyncServerStart,
        Self::NewConversation,
        Self::ConversationChanged,
        Self::ConversationDeleted,
        Self::TotalUnreadMessageCountChanged,
        Self::SyncServerFinish,
        Self::SyncServerFailed,
        Self::KickedOffline,
        Self::TokenExpired,
        Self::Reconnect,
        Self::UnreadMessageCountChangedByFilter,
        Self::ConversationGroupCreated,
        Self::ConversationGroupDeleted,
        Self::ConversationGroupNameChanged,
        Self::ConversationsAddedToGroup,
        Self::ConversationsDeletedFromGroup,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SyncServerStart => "syncServerStart",
            Self::NewConversation => "newConversation",
            Self::ConversationChanged => "conversationChanged",
            Self::ConversationDeleted => "conversationDeleted",
            Self::TotalUnreadMessageCountChanged => "totalUnreadMessageCountChanged",
            Self::UnreadMessageCountChangedByFilter => "unreadMessageCountChangedByFilter",
            Self::ConversationGroupCreated => "conversationGroupCreated",
            Self::ConversationGroupDeleted => "conversationGroupDeleted",
            Self::ConversationGroupNameChanged => "conversationGroupNameChanged",
            Self::ConversationsAddedToGroup => "conversationsAddedToGroup",
            Self::ConversationsDeletedFromGroup => "conversationsDeletedFromGroup",
            Self::SyncServerFinish => "syncServerFinish",
            Self::SyncServerFailed => "syncServerFailed",
            Self::KickedOffline => "kickedOffline",
            Self::TokenExpired => "tokenExpired",
            Self::Reconnect => "reconnect",
        }
    }
}

/// How a sync brings the client up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// The list from its top; the client drops what the sync did not confirm.
    Full,
    /// Only what changed since the client's cursor.
    Replay,
}

/// An event with its data, typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", content = "data", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A sync begins; a client keeps showing its old list until the finish of a full sync.
    SyncServerStart {
        /// Full or replay.
        mode: SyncMode,
    },
    /// Rows that the client cannot know, at most 100.
    NewConversation {
        /// Full rows, to replace or insert by id.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::FRAME_ROWS_MAX)))]
        conversation_list: Vec<Conversation>,
    },
    /// Rows that changed, at most 100.
    ConversationChanged {
        /// Full rows, to replace or insert by id.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::FRAME_ROWS_MAX)))]
        conversation_list: Vec<Conversation>,
    },
    /// Rows that went, at most 100.
    ConversationDeleted {
        /// Their ids.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::FRAME_ROWS_MAX)))]
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId>,
        /// The largest tick of these deletions; rows of these ids up to it stay out.
        version: u64,
    },
    /// The sum of the unread counts of the rows with receive option 0.
    TotalUnreadMessageCountChanged {
        /// The sum.
        total_unread_count: u64,
        /// The clock at which it held; not newer than one the client has: dropped.
        version: u64,
    },
    /// The sum over the rows with receive option 0 that pass a filter.
    UnreadMessageCountChangedByFilter {
        /// The filter that was subscribed to.
        filter: Filter,
        /// The sum.
        total_unread_count: u64,
        /// The clock at which it held; not newer than one the client has for this filter: dropped.
        version: u64,
    },
    /// A conversation group was made; the rows came by conversationChanged before.
    ConversationGroupCreated {
        /// Its name.
        group_name: String,
        /// The conversations it was made with.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId>,
    },
    /// A conversation group was deleted; its rows came by conversationChanged before.
    ConversationGroupDeleted {
        /// Its name.
        group_name: String,
    },
    /// A conversation group was renamed; its rows came by conversationChanged before.
    ConversationGroupNameChanged {
        /// What it was called.
        old_name: String,
        /// What it is called.
        new_name: String,
    },
    /// Conversations were put into a conversation group; the rows came by conversationChanged before.
    ConversationsAddedToGroup {
        /// The group's name.
        group_name: String,
        /// Which ones.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId>,
    },
    /// Conversations were taken out of a conversation group; the rows came by conversationChanged before.
    ConversationsDeletedFromGroup {
        /// The group's name.
        group_name: String,
        /// Which ones.
        #[serde(rename = "conversationIDList")]
        conversation_id_list: Vec<ConversationId>,
    },
    /// A sync is complete.
    SyncServerFinish {
        /// Full or replay.
        mode: SyncMode,
        /// After a full sync: where to page on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_seq: Option<u64>,
        /// After a full sync: whether there is nothing more to page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        is_finished: Option<bool>,
        /// The names of all conversation groups (folders).
        conversation_group_list: Vec<String>,
        /// How many rows the user has.
        conversation_count: u64,
    },
    /// A sync was given up; the session stays and the server tries again.
    SyncServerFailed {
        /// An error code.
        #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ErrorCode"))]
        code: u32,
        /// What went wrong.
        message: String,
        /// Milliseconds until the server tries again.
        retry_after_ms: u64,
    },
    /// The last event before a close with 4003.
    KickedOffline {
        /// Why.
        reason: String,
    },
    /// The last event before a close with 4202.
    TokenExpired {},
    /// The last event before a close with 4200.
    Reconnect {
        /// Milliseconds to wait before coming back.
        after_ms: u64,
    },
}

impl Event {
    /// The event's name.
    pub fn name(&self) -> EventName {
        match self {
            Self::SyncServerStart { .. } => EventName::SyncServerStart,
            Self::NewConversation { .. } => EventName::NewConversation,
            Self::ConversationChanged { .. } => EventName::ConversationChanged,
            Self::ConversationDeleted { .. } => EventName::ConversationDeleted,
            Self::TotalUnreadMessageCountChanged { .. } => EventName::TotalUnreadMessageCountChanged,
            Self::UnreadMessageCountChangedByFilter { .. } => EventName::UnreadMessageCountChangedByFilter,
            Self::ConversationGroupCreated { .. } => EventName::ConversationGroupCreated,
            Self::ConversationGroupDeleted { .. } => EventName::ConversationGroupDeleted,
            Self::ConversationGroupNameChanged { .. } => EventName::ConversationGroupNameChanged,
            Self::ConversationsAddedToGroup { .. } => EventName::ConversationsAddedToGroup,
            Self::ConversationsDeletedFromGroup { .. } => EventName::ConversationsDeletedFromGroup,
            Self::SyncServerFinish { .. } => EventName::SyncServerFinish,
            Self::SyncServerFailed { .. } => EventName::SyncServerFailed,
            Self::KickedOffline { .. } => EventName::KickedOffline,
            Self::TokenExpired {} => EventName::TokenExpired,
            Self::Reconnect { .. } => EventName::Reconnect,
        }
    }

    /// The JSON of the event's data alone.
    fn data(&self) -> String {
        let mut json = serde_json::to_string(self).expect("an event is always JSON");
        // The tag comes first: {"event":"NAME","data":DATA}.
        let before_data = r#"{"event":"","data":"#.len() + self.name().as_str().len();
        json.pop();
        json.drain(..before_data);
        json
    }
}

const ROWS_BEGIN: &str = r#"{"conversationList":["#;
const ROWS_END: &str = "]}";

/// One event as it goes out. `data` is JSON that is already encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The event's name.
    pub event: EventName,
    /// Where the client stands once it has this frame; absent on all frames but the last of their kind.
    pub cursor: Option<Cursor>,
    /// The JSON of the event's data.
    pub data: String,
}

impl Frame {
    /// A frame without a cursor.
    pub fn new(event: &Event) -> Self {
        Self { event: event.name(), cursor: None, data: event.data() }
    }

    /// A frame of rows that are already encoded.
    pub fn rows(event: EventName, rows: &[&str]) -> Self {
        let bytes: usize = rows.iter().map(|row| row.len() + 1).sum();
        let mut data = String::with_capacity(ROWS_BEGIN.len() + bytes + ROWS_END.len());
        data.push_str(ROWS_BEGIN);
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                data.push(',');
            }
            data.push_str(row);
        }
        data.push_str(ROWS_END);
        Self { event, cursor: None, data }
    }

    /// The frame as a WebSocket message.
    pub fn to_json(&self) -> String {
        let mut text = String::with_capacity(self.data.len() + 96);
        text.push_str(r#"{"event":""#);
        text.push_str(self.event.as_str());
        if let Some(cursor) = self.cursor {
            text.push_str(r#"","cursor":""#);
            text.push_str(&cursor.to_string());
        }
        text.push_str(r#"","data":"#);
        text.push_str(&self.data);
        text.push('}');
        text
    }
}

/// A frame as a client reads it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReceivedFrame {
    /// Where the client stands once it has this frame.
    #[serde(default)]
    pub cursor: Option<Cursor>,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_as_its_event() {
        let event = Event::ConversationDeleted { conversation_id_list: vec!["c2c_bob".parse().unwrap()], version: 9 };
        let mut frame = Frame::new(&event);
        frame.cursor = Some(Cursor::new(10, 9));
        assert_eq!(
            frame.to_json(),
            r#"{"event":"conversationDeleted","cursor":"a:9","data":{"conversationIDList":["c2c_bob"],"version":9}}"#
        );
        let received: ReceivedFrame = serde_json::from_str(&frame.to_json()).unwrap();
        assert_eq!(received, ReceivedFrame { cursor: frame.cursor, event });
    }

    #[test]
    fn a_filter_with_marks_survives_its_event() {
        for filter in [r#"{"markType":1}"#, r#"{"markType":[1,9223372036854775808]}"#, r#"{"markType":0}"#] {
            let event = Event::UnreadMessageCountChangedByFilter {
                filter: serde_json::from_str(filter).unwrap(),
                total_unread_count: 1,
                version: 9,
            };
            let received: ReceivedFrame = serde_json::from_str(&Frame::new(&event).to_json()).unwrap();
            assert_eq!(received.event, event, "{filter}");
        }
    }

    #[test]
    fn an_event_without_data_has_an_empty_object() {
        assert_eq!(Frame::new(&Event::TokenExpired {}).to_json(), r#"{"event":"tokenExpired","data":{}}"#);
    }
}
