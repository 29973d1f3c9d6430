//! The methods of clients, with their types, costs and errors.

use super::{Cost, EmptyResult, GROUPS, LIST, Method, ROWS, SESSION, UNREAD, of};
use crate::{
    error::ErrorKind,
    limits,
    method::{
        AuthenticateParams, BatchResult, CleanUnreadParams, ConversationParams, ConversationResult,
        ConversationsParams, ConversationsResult, CustomDataParams, DraftParams, FilterParams, FilteredPageParams,
        GroupListResult, GroupNameParams, GroupParams, MarkParams, NoParams, PageParams, PageResult, PinParams,
        ProbeParams, ProbeResult, RecvOptParams, RefreshTokenParams, RenameGroupParams, TotalResult,
    },
};

/// The first message of a WebSocket that was opened without a token; not a method of a live session.
pub const AUTHENTICATE: Method = Method::of_client(
    "authenticate",
    SESSION,
    "The token, where the URL and the headers had none.",
    of::<AuthenticateParams>,
    of::<EmptyResult>,
)
.over_websocket();

/// The methods of clients, in the order of [`crate::method::CLIENT_METHODS`].
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
            of::<BatchResult>,
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
            of::<BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds])
        .fails_within(ID_CHANGES),
        Method::of_client("markConversation", ROWS, "Set or remove marks.", of::<MarkParams>, of::<BatchResult>)
            .costs(Cost::PerTenIds)
            .fails(&[TooManyIds])
            .fails_within(ID_CHANGES),
        Method::of_client(
            "setConversationCustomData",
            ROWS,
            "Set the app's own data.",
            of::<CustomDataParams>,
            of::<BatchResult>,
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
            of::<BatchResult>,
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
            of::<BatchResult>,
        )
        .costs(Cost::PerTenIds)
        .fails(&[TooManyIds, UnknownGroup, GroupName])
        .fails_within(&[UnknownConversation, TooManyGroupedConversations]),
        Method::of_client(
            "deleteConversationsFromGroup",
            GROUPS,
            "Take conversations out of a conversation group.",
            of::<GroupParams>,
            of::<BatchResult>,
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
