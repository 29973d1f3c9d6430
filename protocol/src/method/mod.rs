//! What a client can ask: methods, their params and their results. The same over WebSocket and HTTP.

mod params;
mod request;
mod results;
#[cfg(test)]
mod tests;

pub use params::*;
pub use request::{Reply, Request, RequestId, encode_reply, parse_params};
pub use results::*;

pub(crate) use request::parse_json;

use crate::{
    error::{ApiError, ErrorKind},
    group::check_name,
    ids::ConversationId,
    limits,
};

/// Which conversations a clean-unread is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadScope {
    /// One conversation.
    One(ConversationId),
    /// All C2C conversations.
    AllC2c,
    /// All groups.
    AllGroups,
    /// Everything.
    All,
}

impl std::str::FromStr for ReadScope {
    type Err = ApiError;
    fn from_str(text: &str) -> Result<Self, ApiError> {
        match text {
            "" => Ok(Self::All),
            "c2c" => Ok(Self::AllC2c),
            "group" => Ok(Self::AllGroups),
            id => id.parse().map(Self::One).map_err(|error| {
                ApiError::invalid(format!("params.conversationID: {error}, or \"c2c\", \"group\" or \"\""))
            }),
        }
    }
}

/// A client's call, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientCall {
    /// A page of the list.
    GetConversationList(PageParams),
    /// A page of the rows that pass a filter.
    GetConversationListByFilter(FilteredPageParams),
    /// One row.
    GetConversation(ConversationParams),
    /// Several rows.
    GetConversations(ConversationsParams),
    /// Drop a row.
    DeleteConversation(ConversationParams),
    /// Drop several rows.
    DeleteConversationList(ConversationsParams),
    /// Pin or unpin a row.
    PinConversation(PinParams),
    /// Set or clear a draft.
    SetConversationDraft(DraftParams),
    /// Set how messages are received.
    SetReceiveMessageOpt(RecvOptParams),
    /// Set or remove marks.
    MarkConversation(MarkParams),
    /// Set the app's own data.
    SetConversationCustomData(CustomDataParams),
    /// Forget the history of a row.
    ClearHistoryMessage(ConversationParams),
    /// Mark as read.
    CleanConversationUnreadMessageCount(ReadScope, CleanUnreadParams),
    /// The total.
    GetTotalUnreadMessageCount,
    /// The total of the rows that pass a filter.
    GetUnreadMessageCountByFilter(FilterParams),
    /// Tell this session when the total of a filter changes.
    SubscribeUnreadMessageCountByFilter(FilterParams),
    /// Tell it no more.
    UnsubscribeUnreadMessageCountByFilter(FilterParams),
    /// Make a conversation group, or add to one that is there.
    CreateConversationGroup(GroupParams),
    /// Delete a conversation group.
    DeleteConversationGroup(GroupNameParams),
    /// Rename a conversation group.
    RenameConversationGroup(RenameGroupParams),
    /// Put conversations into a conversation group.
    AddConversationsToGroup(GroupParams),
    /// Take conversations out of a conversation group.
    DeleteConversationsFromGroup(GroupParams),
    /// The names of the conversation groups.
    GetConversationGroupList,
    /// Nothing; shows that the session is alive.
    Ping,
    /// Whether a cursor is the newest.
    Probe(ProbeParams),
    /// A new token for this session.
    RefreshToken(RefreshTokenParams),
}

/// The names of all client methods.
pub const CLIENT_METHODS: [&str; 26] = [
    "getConversationList",
    "getConversationListByFilter",
    "getConversation",
    "getConversations",
    "deleteConversation",
    "deleteConversationList",
    "pinConversation",
    "setConversationDraft",
    "setReceiveMessageOpt",
    "markConversation",
    "setConversationCustomData",
    "clearHistoryMessage",
    "cleanConversationUnreadMessageCount",
    "getTotalUnreadMessageCount",
    "getUnreadMessageCountByFilter",
    "subscribeUnreadMessageCountByFilter",
    "unsubscribeUnreadMessageCountByFilter",
    "createConversationGroup",
    "deleteConversationGroup",
    "renameConversationGroup",
    "addConversationsToGroup",
    "deleteConversationsFromGroup",
    "getConversationGroupList",
    "ping",
    "probe",
    "refreshToken",
];

impl ClientCall {
    /// Reads a method's params; `params` is a JSON object.
    pub fn parse(method: &str, params: &str) -> Result<Self, ApiError> {
        let call = match method {
            "getConversationList" => Self::GetConversationList(parse_params(params)?),
            "getConversationListByFilter" => Self::GetConversationListByFilter(parse_params(params)?),
            "getConversation" => Self::GetConversation(parse_params(params)?),
            "getConversations" => Self::GetConversations(parse_ids(params)?),
            "deleteConversation" => Self::DeleteConversation(parse_params(params)?),
            "deleteConversationList" => Self::DeleteConversationList(parse_ids(params)?),
            "pinConversation" => Self::PinConversation(parse_params(params)?),
            "setConversationDraft" => {
                let draft: DraftParams = parse_params(params)?;
                if draft.draft_text.len() > limits::DRAFT_BYTES_MAX {
                    return Err(too_long("draftText", limits::DRAFT_BYTES_MAX, draft.draft_text.len()));
                }
                Self::SetConversationDraft(draft)
            }
            "setReceiveMessageOpt" => {
                let params: RecvOptParams = parse_params(params)?;
                check_ids(&params.conversation_id_list)?;
                Self::SetReceiveMessageOpt(params)
            }
            "markConversation" => {
                let params: MarkParams = parse_params(params)?;
                check_ids(&params.conversation_id_list)?;
                Self::MarkConversation(params)
            }
            "setConversationCustomData" => {
                let params: CustomDataParams = parse_params(params)?;
                check_ids(&params.conversation_id_list)?;
                if params.custom_data.len() > limits::CUSTOM_DATA_BYTES_MAX {
                    return Err(too_long("customData", limits::CUSTOM_DATA_BYTES_MAX, params.custom_data.len()));
                }
                Self::SetConversationCustomData(params)
            }
            "clearHistoryMessage" => Self::ClearHistoryMessage(parse_params(params)?),
            "cleanConversationUnreadMessageCount" => {
                let params: CleanUnreadParams = parse_params(params)?;
                Self::CleanConversationUnreadMessageCount(params.conversation_id.parse()?, params)
            }
            "getTotalUnreadMessageCount" => {
                parse_params::<NoParams>(params).map(|_| Self::GetTotalUnreadMessageCount)?
            }
            "getUnreadMessageCountByFilter" => Self::GetUnreadMessageCountByFilter(parse_params(params)?),
            "subscribeUnreadMessageCountByFilter" => Self::SubscribeUnreadMessageCountByFilter(parse_params(params)?),
            "unsubscribeUnreadMessageCountByFilter" => {
                Self::UnsubscribeUnreadMessageCountByFilter(parse_params(params)?)
            }
            "createConversationGroup" => {
                let params: GroupParams = parse_params(params)?;
                check_name("groupName", &params.group_name)?;
                if !params.conversation_id_list.is_empty() {
                    check_ids(&params.conversation_id_list)?;
                }
                Self::CreateConversationGroup(params)
            }
            "deleteConversationGroup" => {
                let params: GroupNameParams = parse_params(params)?;
                check_name("groupName", &params.group_name)?;
                Self::DeleteConversationGroup(params)
            }
            "renameConversationGroup" => {
                let params: RenameGroupParams = parse_params(params)?;
                check_name("oldName", &params.old_name)?;
                check_name("newName", &params.new_name)?;
                Self::RenameConversationGroup(params)
            }
            "addConversationsToGroup" => Self::AddConversationsToGroup(parse_grouped(params)?),
            "deleteConversationsFromGroup" => Self::DeleteConversationsFromGroup(parse_grouped(params)?),
            "getConversationGroupList" => parse_params::<NoParams>(params).map(|_| Self::GetConversationGroupList)?,
            "ping" => parse_params::<NoParams>(params).map(|_| Self::Ping)?,
            "probe" => Self::Probe(parse_params(params)?),
            "refreshToken" => Self::RefreshToken(parse_params(params)?),
            unknown => return Err(unknown_method(unknown, &CLIENT_METHODS)),
        };
        Ok(call)
    }

    /// What the call costs in units of the rate limit.
    pub fn units(&self) -> u32 {
        match self {
            Self::GetConversations(params) | Self::DeleteConversationList(params) => {
                batch_units(&params.conversation_id_list)
            }
            Self::SetReceiveMessageOpt(params) => batch_units(&params.conversation_id_list),
            Self::MarkConversation(params) => batch_units(&params.conversation_id_list),
            Self::SetConversationCustomData(params) => batch_units(&params.conversation_id_list),
            Self::GetUnreadMessageCountByFilter(_) | Self::SubscribeUnreadMessageCountByFilter(_) => {
                limits::FILTER_TOTAL_UNITS
            }
            Self::GetConversationListByFilter(_) => limits::FILTERED_PAGE_UNITS,
            Self::CreateConversationGroup(params)
            | Self::AddConversationsToGroup(params)
            | Self::DeleteConversationsFromGroup(params) => batch_units(&params.conversation_id_list).max(1),
            // Each may change every row of a group.
            Self::DeleteConversationGroup(_) | Self::RenameConversationGroup(_) => limits::GROUP_UNITS,
            Self::GetConversationList(_)
            | Self::GetConversation(_)
            | Self::DeleteConversation(_)
            | Self::PinConversation(_)
            | Self::SetConversationDraft(_)
            | Self::ClearHistoryMessage(_)
            | Self::CleanConversationUnreadMessageCount(..)
            | Self::GetTotalUnreadMessageCount
            | Self::UnsubscribeUnreadMessageCountByFilter(_)
            | Self::GetConversationGroupList
            | Self::Ping
            | Self::Probe(_)
            | Self::RefreshToken(_) => 1,
        }
    }
}

pub(crate) fn unknown_method(method: &str, known: &[&str]) -> ApiError {
    let shown: String = method.chars().take(64).collect();
    ApiError::new(
        ErrorKind::UnknownMethod,
        format!("method: {shown:?} is unknown, expected one of {}", known.join(", ")),
    )
}

pub(crate) fn too_long(field: &str, bytes_max: usize, bytes: usize) -> ApiError {
    ApiError::invalid(format!("params.{field}: expected at most {bytes_max} bytes, got {bytes}"))
}

fn parse_ids(params: &str) -> Result<ConversationsParams, ApiError> {
    let params: ConversationsParams = parse_params(params)?;
    check_ids(&params.conversation_id_list)?;
    Ok(params)
}

fn parse_grouped(params: &str) -> Result<GroupParams, ApiError> {
    let params: GroupParams = parse_params(params)?;
    check_name("groupName", &params.group_name)?;
    check_ids(&params.conversation_id_list)?;
    Ok(params)
}

/// One unit per 10 ids.
fn batch_units(ids: &[ConversationId]) -> u32 {
    ids.len().div_ceil(10) as u32
}

fn check_ids(ids: &[ConversationId]) -> Result<(), ApiError> {
    match ids.len() {
        0 => Err(ApiError::invalid("params.conversationIDList: expected 1 to 100 ids, got none")),
        count if count > limits::IDS_MAX => Err(ApiError::new(
            ErrorKind::TooManyIds,
            format!("params.conversationIDList: expected at most {} ids, got {count}", limits::IDS_MAX),
        )),
        _ => Ok(()),
    }
}
