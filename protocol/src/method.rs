//! What a client can ask: methods, their params and their results. The same over WebSocket and HTTP.

use crate::{
    conversation::{Conversation, RecvOpt},
    cursor::Cursor,
    error::{ApiError, ErrorBody, ErrorKind},
    ids::ConversationId,
    limits,
    marks::Marks,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Reads params that are one JSON object; an error names the field and what was expected.
pub fn parse_params<T: DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    // Serde would read a struct from an array too.
    if !json.trim_start().starts_with('{') {
        return Err(ApiError::invalid("params: expected a JSON object"));
    }
    parse_json(json)
}

/// Reads params of any form; an error names the field and what was expected.
pub(crate) fn parse_json<T: DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let params = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        // The position is that inside the params, which helps nobody who built them with a library.
        let message = message.split(" at line ").next().unwrap_or_default();
        if path == "." {
            ApiError::invalid(format!("params: {message}"))
        } else {
            ApiError::invalid(format!("params.{path}: {message}"))
        }
    })?;
    reader.end().map_err(|_| ApiError::invalid("params: expected one JSON value and nothing behind it"))?;
    Ok(params)
}

/// The id of a request; the answer carries it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(u64),
    /// A text of at most 64 bytes.
    Text(String),
}

/// `{"id":7,"method":"pinConversation","params":{…}}`: a call over WebSocket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The caller's own id.
    pub id: RequestId,
    /// The method's name.
    pub method: String,
    /// The method's params; absent: `{}`.
    #[serde(default)]
    pub params: Option<Box<RawValue>>,
}

impl Request {
    /// Reads a text frame.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let malformed = |problem: String| {
            ApiError::invalid(format!(
                "expected a JSON object like {{\"id\":1,\"method\":\"ping\",\"params\":{{}}}}: {problem}"
            ))
        };
        if !text.trim_start().starts_with('{') {
            return Err(malformed("not an object".to_owned()));
        }
        let request: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        match &request.id {
            RequestId::Text(text) if text.len() > 64 => {
                Err(ApiError::invalid("id: expected a whole number or a text of at most 64 bytes"))
            }
            RequestId::Text(_) | RequestId::Number(_) => Ok(request),
        }
    }
}

/// Encodes the answer to a call over WebSocket; `id` is absent where the request had none to read.
pub fn encode_reply(id: Option<&RequestId>, outcome: &Result<Box<RawValue>, ApiError>) -> String {
    #[derive(Serialize)]
    struct Reply<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorBody>,
    }
    let reply = match outcome {
        Ok(result) => Reply { id, result: Some(result), error: None },
        Err(error) => Reply { id, result: None, error: Some(error.body()) },
    };
    serde_json::to_string(&reply).expect("a reply is always JSON")
}

/// An answer as a client reads it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reply {
    /// The request's id.
    #[serde(default)]
    pub id: Option<RequestId>,
    /// What the method answers.
    #[serde(default)]
    pub result: Option<serde_json::Value>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ErrorBody>,
}

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
        count: u32,
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
        conversation_id_list: Vec<ConversationId>,
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
        draft_text: String,
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
        conversation_id_list: Vec<ConversationId>,
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
        conversation_id_list: Vec<ConversationId>,
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
        conversation_id_list: Vec<ConversationId>,
        /// The data, at most 256 bytes; "" is none.
        custom_data: String,
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
        conversation_id: String,
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

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageResult {
    /// Rows by falling orderKey.
    pub conversation_list: Vec<Conversation>,
    /// What to ask with next.
    pub next_seq: u64,
    /// Whether this was the last page.
    pub is_finished: bool,
    /// For nextSeq 0: the cursor from which changes to this page can be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationResult {
    /// The row.
    pub conversation: Conversation,
}

/// Several rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationsResult {
    /// The rows that are there, in the order asked.
    pub conversation_list: Vec<Conversation>,
    /// One entry per id, in the order asked.
    pub result_list: Vec<IdResult>,
}

/// How a batch did for one id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdResult {
    /// Which conversation.
    #[serde(rename = "conversationID")]
    pub conversation_id: ConversationId,
    /// 0 = done, else an error code.
    pub result_code: u32,
    /// The error's message.
    pub result_info: String,
    /// The row as it is, where `ifVersion` refused the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Box<Conversation>>,
}

/// How a batch did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// One entry per id, in the order asked.
    pub result_list: Vec<IdResult>,
}

/// The total unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TotalResult {
    /// The sum over the rows with receive option 0.
    pub total_unread_count: u64,
    /// The clock at which it held.
    pub version: u64,
}

/// Whether a cursor was the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// If not, a replay follows on a live session.
    pub up_to_date: bool,
}

/// A client's call, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientCall {
    /// A page of the list.
    GetConversationList(PageParams),
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
    /// Nothing; shows that the session is alive.
    Ping,
    /// Whether a cursor is the newest.
    Probe(ProbeParams),
    /// A new token for this session.
    RefreshToken(RefreshTokenParams),
}

/// The names of all client methods.
pub const CLIENT_METHODS: [&str; 16] = [
    "getConversationList",
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
    "ping",
    "probe",
    "refreshToken",
];

impl ClientCall {
    /// Reads a method's params; `params` is a JSON object.
    pub fn parse(method: &str, params: &str) -> Result<Self, ApiError> {
        let call = match method {
            "getConversationList" => Self::GetConversationList(parse_params(params)?),
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
            Self::GetConversationList(_)
            | Self::GetConversation(_)
            | Self::DeleteConversation(_)
            | Self::PinConversation(_)
            | Self::SetConversationDraft(_)
            | Self::ClearHistoryMessage(_)
            | Self::CleanConversationUnreadMessageCount(..)
            | Self::GetTotalUnreadMessageCount
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(method: &str, params: &str) -> (u32, String) {
        let error = ClientCall::parse(method, params).unwrap_err();
        (error.kind.code(), error.message)
    }

    #[test]
    fn a_refusal_names_the_field_and_what_was_expected() {
        let (code, message) = refusal("pinConversation", r#"{"conversationID":"c2c_bob","isPinned":"yes"}"#);
        assert_eq!(
            (code, message.as_str()),
            (6017, "params.isPinned: invalid type: string \"yes\", expected a boolean")
        );
        let (_, message) = refusal("pinConversation", r#"{"conversationID":"c2c_bob"}"#);
        assert_eq!(message, "params: missing field `isPinned`");
        let (_, message) = refusal("setReceiveMessageOpt", r#"{"conversationIDList":["x"],"recvOpt":0}"#);
        assert!(
            message.starts_with("params.conversationIDList[0]: a conversationID must be c2c_<userID>"),
            "{message}"
        );
        let (_, message) = refusal("setReceiveMessageOpt", r#"{"conversationIDList":["c2c_a"],"recvOpt":9}"#);
        assert_eq!(message, "params.recvOpt: expected a receive option from 0 to 4, got 9");
        let (_, message) = refusal("deleteConversation", r#"{"conversationID":"c2c_bob","force":true}"#);
        assert!(message.contains("unknown field `force`"), "{message}");
    }

    #[test]
    fn an_unknown_method_is_404_and_lists_the_known_ones() {
        let error = ClientCall::parse("getList", "{}").unwrap_err();
        assert_eq!((error.kind.code(), error.kind.status()), (6017, 404));
        assert!(error.message.contains("getConversationList"));
    }

    #[test]
    fn more_than_100_ids_is_51006_and_none_is_6017() {
        let ids: Vec<String> = (0..101).map(|n| format!("\"c2c_u{n}\"")).collect();
        let (code, _) =
            refusal("setReceiveMessageOpt", &format!(r#"{{"conversationIDList":[{}],"recvOpt":0}}"#, ids.join(",")));
        assert_eq!(code, 51006);
        assert_eq!(refusal("setReceiveMessageOpt", r#"{"conversationIDList":[],"recvOpt":0}"#).0, 6017);
    }

    #[test]
    fn marks_and_custom_data_have_their_bounds() {
        let mark =
            |mark_type: &str| format!(r#"{{"conversationIDList":["c2c_a"],"markType":{mark_type},"enableMark":true}}"#);
        let call = ClientCall::parse("markConversation", &mark("[1,\"9223372036854775808\"]")).unwrap();
        let ClientCall::MarkConversation(params) = call else { panic!("not a mark") };
        assert_eq!(u64::from(params.mark_type), 1 << 63 | 1);
        let (code, message) = refusal("markConversation", &mark("16"));
        assert_eq!(code, 6017);
        assert_eq!(message, "params.markType: expected 1, 2, 4, 8 or 2^32 to 2^63, or a sum of them, got 16");
        let data = |bytes: usize| format!(r#"{{"conversationIDList":["c2c_a"],"customData":"{}"}}"#, "x".repeat(bytes));
        assert!(ClientCall::parse("setConversationCustomData", &data(256)).is_ok());
        let (_, message) = refusal("setConversationCustomData", &data(257));
        assert_eq!(message, "params.customData: expected at most 256 bytes, got 257");
    }

    #[test]
    fn a_batch_costs_one_unit_per_10_ids() {
        let call = |ids: usize| {
            let ids: Vec<String> = (0..ids).map(|n| format!("\"c2c_u{n}\"")).collect();
            let params = format!(r#"{{"conversationIDList":[{}],"customData":""}}"#, ids.join(","));
            ClientCall::parse("setConversationCustomData", &params).unwrap().units()
        };
        assert_eq!([1, 10, 11, 100].map(call), [1, 1, 2, 10]);
    }

    #[test]
    fn a_page_size_is_clamped_and_int_max_is_fine() {
        for (count, expected) in [("0", 1), ("1", 1), ("2147483647", 1000), ("4294967296", 1000)] {
            let call =
                ClientCall::parse("getConversationList", &format!(r#"{{"nextSeq":0,"count":{count}}}"#)).unwrap();
            assert_eq!(call, ClientCall::GetConversationList(PageParams { next_seq: 0, count: expected }));
        }
    }

    #[test]
    fn a_request_without_an_id_says_what_one_looks_like() {
        let error = Request::parse(r#"{"method":"ping"}"#).unwrap_err();
        assert!(error.message.contains(r#"{"id":1,"method":"ping","params":{}}"#), "{}", error.message);
        assert!(Request::parse("[1]").is_err() && Request::parse("").is_err());
        assert!(Request::parse(r#"{"id":"a","method":"ping"}"#).unwrap().params.is_none());
    }

    #[test]
    fn every_listed_method_is_known() {
        for method in CLIENT_METHODS {
            let error = ClientCall::parse(method, "[]").map(|_| ()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidParameter, "{method}");
        }
    }
}
