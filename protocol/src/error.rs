//! How a call fails: the error's kind, and from it, in one place, its code and its HTTP status.

use crate::{
    conversation::Conversation,
    limits::{ERROR_BYTES_MAX, cut},
};
use serde::{Deserialize, Serialize};

/// What went wrong, sorted by what the caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 6017: fix the request.
    InvalidParameter,
    /// 6017 with 404: there is no such method.
    UnknownMethod,
    /// 6017 with 413: the body or frame is over its limit.
    TooLarge,
    /// 6014: no token or key, a wrong or an expired one.
    NotAuthenticated,
    /// 6014 with 403: an Origin or Host that is not allowed.
    Forbidden,
    /// 6004: the conversation is not in the list.
    UnknownConversation,
    /// 7008: try again after [`ApiError::retry_after_ms`].
    TooFrequent,
    /// 50004 with 503: the store, or the address of the token keys, is away; try again.
    StoreUnavailable,
    /// 50004: a fault of the server.
    Internal,
    /// 51006: more than 100 ids.
    TooManyIds,
    /// 51008: more than 1,000 conversations in groups.
    TooManyGroupedConversations,
    /// 51009: no such conversation group.
    UnknownGroup,
    /// 51010: more than 20 conversation groups.
    TooManyGroups,
    /// 51011: a conversation group's name is empty or too long.
    GroupName,
    /// 51012: more than 50 pinned conversations.
    TooManyPinned,
}

impl ErrorKind {
    /// All kinds, for documents and tests.
    pub const ALL: [Self; 15] = [
        Self::InvalidParameter,
        Self::UnknownMethod,
        Self::TooLarge,
        Self::NotAuthenticated,
        Self::Forbidden,
        Self::UnknownConversation,
        Self::TooFrequent,
        Self::StoreUnavailable,
        Self::Internal,
        Self::TooManyIds,
        Self::TooManyGroupedConversations,
        Self::UnknownGroup,
        Self::TooManyGroups,
        Self::GroupName,
        Self::TooManyPinned,
    ];

    /// The code in an error object.
    pub const fn code(self) -> u32 {
        match self {
            Self::InvalidParameter | Self::UnknownMethod | Self::TooLarge => 6017,
            Self::NotAuthenticated | Self::Forbidden => 6014,
            Self::UnknownConversation => 6004,
            Self::TooFrequent => 7008,
            Self::StoreUnavailable | Self::Internal => 50004,
            Self::TooManyIds => 51006,
            Self::TooManyGroupedConversations => 51008,
            Self::UnknownGroup => 51009,
            Self::TooManyGroups => 51010,
            Self::GroupName => 51011,
            Self::TooManyPinned => 51012,
        }
    }

    /// The HTTP status of an answer with this error.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotAuthenticated => 401,
            Self::Forbidden => 403,
            Self::UnknownConversation | Self::UnknownMethod => 404,
            Self::TooLarge => 413,
            Self::TooFrequent => 429,
            Self::Internal => 500,
            Self::StoreUnavailable => 503,
            Self::InvalidParameter
            | Self::TooManyIds
            | Self::TooManyGroupedConversations
            | Self::UnknownGroup
            | Self::TooManyGroups
            | Self::GroupName
            | Self::TooManyPinned => 400,
        }
    }
}

/// The answer to a call that failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} {message}", kind.code())]
pub struct ApiError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Which field, and what was expected.
    pub message: String,
    /// With [`ErrorKind::TooFrequent`]: milliseconds to wait.
    pub retry_after_ms: Option<u64>,
    /// Where `ifVersion` refused the call: the row as it is.
    pub conversation: Option<Box<Conversation>>,
}

impl ApiError {
    /// An error of a kind, with a message that names the field and what was expected; one that is too long, because it
    /// shows what was sent, is cut.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(cut(&message, ERROR_BYTES_MAX).len());
        Self { kind, message, retry_after_ms: None, conversation: None }
    }

    /// 6017.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidParameter, message)
    }

    /// What stands under `error` on the wire.
    pub fn body(&self) -> ErrorBody {
        ErrorBody { code: self.kind.code(), message: self.message.clone(), conversation: self.conversation.clone() }
    }
}

/// `{"code", "message"}` and, where `ifVersion` refused the call, `"conversation"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// What went wrong.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ErrorCode"))]
    pub code: u32,
    /// Which field, and what was expected.
    pub message: String,
    /// The row as it is, where `ifVersion` refused the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Box<Conversation>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_shows_what_was_sent_is_cut_on_a_character_boundary() {
        assert_eq!(ApiError::invalid("é".repeat(5_000)).message, "é".repeat(ERROR_BYTES_MAX / 2));
        let odd = ApiError::invalid(format!("x{}", "é".repeat(5_000)));
        assert_eq!(odd.message.len(), ERROR_BYTES_MAX - 1);
        assert_eq!(ApiError::invalid("short").message, "short");
    }
}
