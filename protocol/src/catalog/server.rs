//! The methods of backends, with their types and errors.

use super::{MANY_ROWS, MESSAGES, Method, READS, USERS, of};
use crate::{
    error::ErrorKind,
    limits,
    method::{
        ConversationParams, ConversationResult, ConversationsParams, ConversationsResult, FilterParams,
        FilteredPageParams, GroupListResult, PageParams, PageResult, TotalResult,
    },
    schema::OfUser,
    server::{
        ApplyResult, BatchResult, DeleteConversationParams, DeleteMessageParams, ExportResult, ImportParams,
        ImportResult, JoinGroupParams, KickResult, KickUserParams, MarkReadParams, ModifyMessageParams,
        RevokeMessageParams, SendMessageParams, SessionsResult, SetProfileParams, UserParams,
    },
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The methods of backends, in the order of [`crate::server::SERVER_METHODS`].
pub const SERVER: [Method; 21] = {
    use ErrorKind::{
        GroupName, InvalidParameter, TooFrequent, TooManyGroupedConversations, TooManyGroups, TooManyIds,
        TooManyPinned, UnknownConversation,
    };
    /// What may stand in `failed` of every change.
    const FAILED: &[ErrorKind] = &[InvalidParameter, TooFrequent, ErrorKind::StoreUnavailable];
    [
        Method::of_backend("sendMessage", MESSAGES, "A message was sent.", of::<SendMessageParams>, of::<ApplyResult>)
            .fails_within(FAILED),
        Method::of_backend(
            "modifyMessage",
            MESSAGES,
            "A message's content changed.",
            of::<ModifyMessageParams>,
            of::<ApplyResult>,
        )
        .fails_within(FAILED),
        Method::of_backend(
            "revokeMessage",
            MESSAGES,
            "A message was revoked.",
            of::<RevokeMessageParams>,
            of::<ApplyResult>,
        )
        .fails_within(FAILED),
        Method::of_backend(
            "deleteMessage",
            MESSAGES,
            "A message was deleted.",
            of::<DeleteMessageParams>,
            of::<ApplyResult>,
        )
        .fails_within(FAILED),
        Method::of_backend(
            "setProfile",
            MANY_ROWS,
            "A user or a group is shown differently.",
            of::<SetProfileParams>,
            of::<ApplyResult>,
        )
        .fails_within(FAILED),
        Method::of_backend("joinGroup", MANY_ROWS, "Users joined a group.", of::<JoinGroupParams>, of::<ApplyResult>)
            .fails_within(FAILED),
        Method::of_backend(
            "markRead",
            MANY_ROWS,
            "A user has read something elsewhere.",
            of::<MarkReadParams>,
            of::<ApplyResult>,
        )
        .fails(&[UnknownConversation]),
        Method::of_backend(
            "deleteConversation",
            MANY_ROWS,
            "A row goes from some lists.",
            of::<DeleteConversationParams>,
            of::<ApplyResult>,
        )
        .fails_within(FAILED),
        Method::of_backend(
            "importConversations",
            USERS,
            "A whole list comes from elsewhere.",
            of::<ImportParams>,
            of::<ImportResult>,
        )
        .fails(&[TooManyGroups, GroupName])
        .fails_within(&[TooManyGroupedConversations, TooManyGroups, TooManyPinned]),
        Method::of_backend(
            "exportUser",
            USERS,
            "Everything that is kept of a user.",
            of::<UserParams>,
            of::<ExportResult>,
        ),
        Method::of_backend(
            "deleteUser",
            USERS,
            "Everything that is kept of a user goes.",
            of::<UserParams>,
            of::<KickResult>,
        ),
        Method::of_backend(
            "getConversationList",
            READS,
            "A page of a user's list.",
            of::<OfUser<PageParams>>,
            of::<PageResult>,
        ),
        Method::of_backend(
            "getConversationListByFilter",
            READS,
            "A page of a user's rows that pass a filter.",
            of::<OfUser<FilteredPageParams>>,
            of::<PageResult>,
        ),
        Method::of_backend(
            "getConversation",
            READS,
            "One row of a user.",
            of::<OfUser<ConversationParams>>,
            of::<ConversationResult>,
        )
        .fails(&[UnknownConversation]),
        Method::of_backend(
            "getConversations",
            READS,
            "Several rows of a user.",
            of::<OfUser<ConversationsParams>>,
            of::<ConversationsResult>,
        )
        .fails(&[TooManyIds])
        .fails_within(&[UnknownConversation]),
        Method::of_backend("getTotalUnreadMessageCount", READS, "A user's total.", of::<UserParams>, of::<TotalResult>),
        Method::of_backend(
            "getUnreadMessageCountByFilter",
            READS,
            "A user's total of the rows that pass a filter.",
            of::<OfUser<FilterParams>>,
            of::<TotalResult>,
        ),
        Method::of_backend(
            "getConversationGroupList",
            READS,
            "The names of a user's conversation groups.",
            of::<UserParams>,
            of::<GroupListResult>,
        ),
        Method::of_backend(
            "getUserSessions",
            USERS,
            "Which live sessions a user has.",
            of::<UserParams>,
            of::<SessionsResult>,
        ),
        Method::of_backend("kickUser", USERS, "A user's sessions end.", of::<KickUserParams>, of::<KickResult>),
        Method::of_backend("batch", USERS, "Several calls, in order.", of::<BatchParams>, of::<BatchResult>),
    ]
};

/// The entries of a batch, each a method with its params.
struct BatchParams;

impl JsonSchema for BatchParams {
    fn schema_name() -> Cow<'static, str> {
        "BatchParams".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let entry = |method: &Method| {
            json!({
                "type": "object",
                "description": method.summary,
                "properties": { "method": { "const": method.name }, "params": (method.params)(generator) },
                "required": ["method", "params"],
                "additionalProperties": false,
            })
        };
        let entries: Vec<Value> = SERVER.iter().filter(|method| method.name != "batch").map(entry).collect();
        json_schema!({
            "type": "array",
            "description": "Calls in their order, whose recipients add up to at most 10,000.",
            "minItems": 1,
            "maxItems": limits::BATCH_ENTRIES_MAX,
            "items": { "oneOf": entries },
        })
    }
}
