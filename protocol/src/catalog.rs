//! Which methods and events there are, and with which types: what documents are made from.

use crate::{
    error::ErrorKind,
    event::Event,
    limits,
    method::{
        self, AuthenticateParams, CleanUnreadParams, ConversationParams, ConversationResult, ConversationsParams,
        ConversationsResult, CustomDataParams, DraftParams, FilterParams, FilteredPageParams, GroupListResult,
        GroupNameParams, GroupParams, MarkParams, NoParams, PageParams, PageResult, PinParams, ProbeParams,
        ProbeResult, RecvOptParams, RefreshTokenParams, RenameGroupParams, TotalResult,
    },
    schema::OfUser,
    server::{
        self, ApplyResult, DeleteConversationParams, DeleteMessageParams, ExportResult, ImportParams, ImportResult,
        JoinGroupParams, KickResult, KickUserParams, MarkReadParams, ModifyMessageParams, RevokeMessageParams,
        SendMessageParams, SessionsResult, SetProfileParams, UserParams,
    },
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Makes the schema of a type: a reference to it, where it has a name.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Over what a method can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP alone.
    Http,
    /// WebSocket alone.
    WebSocket,
    /// Both.
    Any,
}

/// What a call costs in units of the rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing: backends are not limited.
    Nothing,
    /// The same whatever the params.
    Units(u32),
    /// One for each 10 ids, and at least one.
    PerTenIds,
}

/// A method with its types.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// The name on the wire.
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Among which methods a reader looks for it.
    pub topic: &'static str,
    /// Over what it can be called.
    pub transport: Transport,
    /// What a call costs.
    pub cost: Cost,
    /// The errors of its own, besides those of every method.
    pub errors: &'static [ErrorKind],
    /// Those that stand in its result, for one id or one user.
    pub inner_errors: &'static [ErrorKind],
    /// Its params.
    pub params: SchemaOf,
    /// Its result.
    pub result: SchemaOf,
}

impl Method {
    const fn of_client(
        name: &'static str,
        topic: &'static str,
        summary: &'static str,
        params: SchemaOf,
        result: SchemaOf,
    ) -> Self {
        let (transport, cost) = (Transport::Any, Cost::Units(1));
        Self { name, summary, topic, transport, cost, errors: &[], inner_errors: &[], params, result }
    }

    const fn of_backend(
        name: &'static str,
        topic: &'static str,
        summary: &'static str,
        params: SchemaOf,
        result: SchemaOf,
    ) -> Self {
        let (transport, cost) = (Transport::Http, Cost::Nothing);
        Self { name, summary, topic, transport, cost, errors: &[], inner_errors: &[], params, result }
    }

    const fn over_websocket(self) -> Self {
        Self { transport: Transport::WebSocket, ..self }
    }

    const fn costs(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }

    const fn fails(self, errors: &'static [ErrorKind]) -> Self {
        Self { errors, ..self }
    }

    const fn fails_within(self, inner_errors: &'static [ErrorKind]) -> Self {
        Self { inner_errors, ..self }
    }
}

/// Done, and nothing to tell.
#[derive(JsonSchema)]
struct EmptyResult {}

const LIST: &str = "List";
const ROWS: &str = "Rows";
const UNREAD: &str = "Unread";
const GROUPS: &str = "Conversation groups";
const SESSION: &str = "Session";
const MESSAGES: &str = "Backend: messages";
const MANY_ROWS: &str = "Backend: rows";
const USERS: &str = "Backend: users";
const READS: &str = "Backend: reads";

/// Among what a reader looks for methods, in this order.
pub const TOPICS: [(&str, &str); 9] = [
    (LIST, "Pages of the list, whole or filtered, and single rows."),
    (ROWS, "What a user does to rows of the list."),
    (UNREAD, "Reading, and unread totals."),
    (GROUPS, "Folders of the user's own."),
    (SESSION, "The connection, and where it stands."),
    (MESSAGES, "What happens to messages."),
    (MANY_ROWS, "What happens to rows of many users."),
    (USERS, "Users, their sessions, and lists as a whole."),
    (READS, "What a user's client would read."),
];

/// The first message of a WebSocket that was opened without a token; not a method of a live session.
pub const AUTHENTICATE: Method = Method::of_client(
    "authenticate",
    SESSION,
    "The token, where the URL and the headers had none.",
    of::<AuthenticateParams>,
    of::<EmptyResult>,
)
.over_websocket();

/// The methods of clients, in the order of [`method::CLIENT_METHODS`].
pub const CLIENT: [Method; 26] = {
    use ErrorKind::{
        GroupName, InvalidParameter, NotAuthenticated, TooManyGroupedConversations, TooManyGroups, TooManyIds,
        TooManyPinned, UnknownConversation, UnknownGroup,
    };
    const ID_CHANGES: &[ErrorKind] = &[UnknownConversation, InvalidParameter];
    const FILTERED_PAGE: Cost = Cost::Units(limits::FILTERED_PAGE_UNITS);
    const FILTER_TOTAL: Cost = Cost::Units(limits::FILTER_TOTAL_UNITS);
    const GROUP: Cost = Cost::Units(limits::GROUP_UNITS);
    [
        Method::of_client("getConversationList", LIST, "A page of the list.", of::<PageParams>, of::<PageResult>),
        Method::of_client(
            "getConversationListByFilter",
            LIST,
            "A page of the rows that pass a filter.",
            of::<FilteredPageParams>,
            of::<PageResult>,
        )
        .costs(FILTERED_PAGE),
        Method::of_client("getConversation", LIST, "One row.", of::<ConversationParams>, of::<ConversationResult>)
            .fails(&[UnknownConversation]),
        Method::of_client(
            "getConversations",
            LIST,
            "Several rows.",
            of::<ConversationsParams>,
            of::<ConversationsResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds])
        .fails_within(&[UnknownConversation]),
        Method::of_client("deleteConversation", ROWS, "Drop a row.", of::<ConversationParams>, of::<EmptyResult>),
        Method::of_client(
            "deleteConversationList",
            ROWS,
            "Drop several rows.",
            of::<ConversationsParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds]),
        Method::of_client("pinConversation", ROWS, "Pin or unpin a row.", of::<PinParams>, of::<EmptyResult>)
            .fails(&[TooManyPinned, InvalidParameter]),
        Method::of_client("setConversationDraft", ROWS, "Set or clear a draft.", of::<DraftParams>, of::<EmptyResult>)
            .fails(&[InvalidParameter]),
        Method::of_client(
            "setReceiveMessageOpt",
            ROWS,
            "Set how messages are received.",
            of::<RecvOptParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds])
        .fails_within(ID_CHANGES),
        Method::of_client(
            "markConversation",
            ROWS,
            "Set or remove marks.",
            of::<MarkParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds])
        .fails_within(ID_CHANGES),
        Method::of_client(
            "setConversationCustomData",
            ROWS,
            "Set the app's own data.",
            of::<CustomDataParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds])
        .fails_within(ID_CHANGES),
        Method::of_client(
            "clearHistoryMessage",
            ROWS,
            "Forget the history of a row.",
            of::<ConversationParams>,
            of::<EmptyResult>,
        )
        .fails(&[UnknownConversation]),
        Method::of_client(
            "cleanConversationUnreadMessageCount",
            UNREAD,
            "Mark as read.",
            of::<CleanUnreadParams>,
            of::<EmptyResult>,
        )
        .fails(&[UnknownConversation]),
        Method::of_client("getTotalUnreadMessageCount", UNREAD, "The total.", of::<NoParams>, of::<TotalResult>),
        Method::of_client(
            "getUnreadMessageCountByFilter",
            UNREAD,
            "The total of the rows that pass a filter.",
            of::<FilterParams>,
            of::<TotalResult>,
        )
        .costs(FILTER_TOTAL),
        Method::of_client(
            "subscribeUnreadMessageCountByFilter",
            UNREAD,
            "Tell this session when the total of a filter changes.",
            of::<FilterParams>,
            of::<TotalResult>,
        )
        .costs(FILTER_TOTAL)
        .fails(&[InvalidParameter])
        .over_websocket(),
        Method::of_client(
            "unsubscribeUnreadMessageCountByFilter",
            UNREAD,
            "Tell it no more.",
            of::<FilterParams>,
            of::<EmptyResult>,
        )
        .over_websocket(),
        Method::of_client(
            "createConversationGroup",
            GROUPS,
            "Make a conversation group, or add to one that is there.",
            of::<GroupParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds, TooManyGroups, GroupName])
        .fails_within(&[UnknownConversation, TooManyGroupedConversations]),
        Method::of_client(
            "deleteConversationGroup",
            GROUPS,
            "Delete a conversation group.",
            of::<GroupNameParams>,
            of::<EmptyResult>,
        )
        .costs(GROUP)
        .fails(&[UnknownGroup, GroupName]),
        Method::of_client(
            "renameConversationGroup",
            GROUPS,
            "Rename a conversation group.",
            of::<RenameGroupParams>,
            of::<EmptyResult>,
        )
        .costs(GROUP)
        .fails(&[UnknownGroup, GroupName, InvalidParameter]),
        Method::of_client(
            "addConversationsToGroup",
            GROUPS,
            "Put conversations into a conversation group.",
            of::<GroupParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds, UnknownGroup, GroupName])
        .fails_within(&[UnknownConversation, TooManyGroupedConversations]),
        Method::of_client(
            "deleteConversationsFromGroup",
            GROUPS,
            "Take conversations out of a conversation group.",
            of::<GroupParams>,
            of::<method::BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds, UnknownGroup, GroupName])
        .fails_within(&[UnknownConversation]),
        Method::of_client(
            "getConversationGroupList",
            GROUPS,
            "The names of the conversation groups.",
            of::<NoParams>,
            of::<GroupListResult>,
        ),
        Method::of_client("ping", SESSION, "Show that the session is alive.", of::<NoParams>, of::<EmptyResult>)
            .over_websocket(),
        Method::of_client("probe", SESSION, "Whether a cursor is the newest.", of::<ProbeParams>, of::<ProbeResult>),
        Method::of_client(
            "refreshToken",
            SESSION,
            "A new token for this session.",
            of::<RefreshTokenParams>,
            of::<EmptyResult>,
        )
        .fails(&[NotAuthenticated])
        .over_websocket(),
    ]
};

/// The methods of backends, in the order of [`server::SERVER_METHODS`].
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
        Method::of_backend("batch", USERS, "Several calls, in order.", of::<BatchParams>, of::<server::BatchResult>),
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

/// The schema of all events: for each of them a variant with the constant `event` and its `data`.
pub fn events(generator: &mut SchemaGenerator) -> Schema {
    Event::json_schema(generator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::EventName,
        method::{CLIENT_METHODS, ClientCall},
        server::SERVER_METHODS,
    };

    #[test]
    fn every_method_is_in_the_catalog() {
        assert_eq!(CLIENT.map(|method| method.name), CLIENT_METHODS);
        assert_eq!(SERVER.map(|method| method.name), SERVER_METHODS);
    }

    #[test]
    fn every_event_has_a_schema_of_its_own() {
        let schema = events(&mut SchemaGenerator::default());
        let variants = schema.get("oneOf").and_then(Value::as_array).expect("variants");
        let mut names: Vec<&str> =
            variants.iter().map(|variant| variant["properties"]["event"]["const"].as_str().expect("a name")).collect();
        let mut expected = EventName::ALL.map(EventName::as_str);
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn every_topic_is_described() {
        for method in CLIENT.iter().chain(&SERVER).chain([&AUTHENTICATE]) {
            assert!(TOPICS.iter().any(|(topic, _)| *topic == method.topic), "{}", method.name);
        }
    }

    /// The params of a method as they could be, with so many ids where it takes ids.
    fn params(method: &str, ids: usize) -> String {
        let (id, filter) = (r#""conversationID":"c2c_a""#, r#""filter":{}"#);
        let ids: Vec<String> = (0..ids).map(|number| format!("\"c2c_u{number}\"")).collect();
        let ids = format!(r#""conversationIDList":[{}]"#, ids.join(","));
        let fields = match method {
            "getConversationList" => r#""count":1"#.to_owned(),
            "getConversationListByFilter" => format!(r#"{filter},"count":1"#),
            "getUnreadMessageCountByFilter"
            | "subscribeUnreadMessageCountByFilter"
            | "unsubscribeUnreadMessageCountByFilter" => filter.to_owned(),
            "getConversations" | "deleteConversationList" => ids,
            "pinConversation" => format!(r#"{id},"isPinned":true"#),
            "setConversationDraft" => format!(r#"{id},"draftText":"""#),
            "setReceiveMessageOpt" => format!(r#"{ids},"recvOpt":0"#),
            "markConversation" => format!(r#"{ids},"markType":1,"enableMark":true"#),
            "setConversationCustomData" => format!(r#"{ids},"customData":"""#),
            "createConversationGroup" | "addConversationsToGroup" | "deleteConversationsFromGroup" => {
                format!(r#"{ids},"groupName":"a""#)
            }
            "deleteConversationGroup" => r#""groupName":"a""#.to_owned(),
            "renameConversationGroup" => r#""oldName":"a","newName":"b""#.to_owned(),
            "probe" => r#""cursor":"0:0""#.to_owned(),
            "refreshToken" => r#""token":"a""#.to_owned(),
            "getTotalUnreadMessageCount" | "getConversationGroupList" | "ping" => String::new(),
            _ => id.to_owned(),
        };
        format!("{{{fields}}}")
    }

    #[test]
    fn the_costs_are_those_of_the_calls() {
        for method in CLIENT {
            for ids in [1, 10, 11, 100] {
                let call = ClientCall::parse(method.name, &params(method.name, ids));
                let units = call.unwrap_or_else(|error| panic!("{}: {error}", method.name)).units();
                let expected = match method.cost {
                    Cost::Nothing => 0,
                    Cost::Units(units) => units,
                    Cost::PerTenIds => (ids as u32).div_ceil(10),
                };
                assert_eq!(units, expected, "{} with {ids} ids", method.name);
            }
        }
    }
}
