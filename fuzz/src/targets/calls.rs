//! What clients say: requests, methods with their params, cursors, filters.

use crate::{check_error, check_round_trip, two_parts};
use conversation_protocol::{
    Cursor, Facets, Filter, RecvOpt,
    limits::{CALL_UNITS_BURST, ID_BYTES_MAX},
    method::{ClientCall, NoParams, Request, RequestId, encode_reply},
};
use serde::Serialize;

/// A request is a call with an id that comes back, or an error.
pub(crate) fn requests(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Request::parse(text) {
        Ok(request) => {
            if let RequestId::Text(id) = &request.id {
                assert!(id.len() <= 64);
            }
            let params = request.params.as_deref().map_or("{}", |raw| raw.get());
            let outcome = match ClientCall::parse(&request.method, params) {
                Ok(call) => return check_call(&call),
                Err(error) => Err(error),
            };
            let reply = encode_reply(Some(&request.id), &outcome);
            let reply: serde_json::Value = serde_json::from_str(&reply).expect("a reply is JSON");
            assert_eq!(reply["id"], serde_json::to_value(&request.id).expect("an id is JSON"));
        }
        Err(error) => check_error(&error),
    }
}

/// A method and params are a call within its bounds, or an error.
pub(crate) fn methods(bytes: &[u8]) {
    let Some((method, params)) = two_parts(bytes) else { return };
    match ClientCall::parse(method, params) {
        Ok(call) => check_call(&call),
        Err(error) => check_error(&error),
    }
}

pub(super) fn check_call(call: &ClientCall) {
    assert!((1..=CALL_UNITS_BURST).contains(&call.units()), "{call:?}");
    let (method, params) = printed(call);
    assert_eq!(ClientCall::parse(method, &params).as_ref(), Ok(call), "{params}");
}

/// The method and the params that make a call.
fn printed(call: &ClientCall) -> (&'static str, String) {
    use ClientCall as Call;
    fn json(params: &impl Serialize) -> String {
        serde_json::to_string(params).expect("params can be written")
    }
    match call {
        Call::GetConversationList(params) => ("getConversationList", json(params)),
        Call::GetConversationListByFilter(params) => ("getConversationListByFilter", json(params)),
        Call::GetConversation(params) => ("getConversation", json(params)),
        Call::GetConversations(params) => ("getConversations", json(params)),
        Call::DeleteConversation(params) => ("deleteConversation", json(params)),
        Call::DeleteConversationList(params) => ("deleteConversationList", json(params)),
        Call::PinConversation(params) => ("pinConversation", json(params)),
        Call::SetConversationDraft(params) => ("setConversationDraft", json(params)),
        Call::SetReceiveMessageOpt(params) => ("setReceiveMessageOpt", json(params)),
        Call::MarkConversation(params) => ("markConversation", json(params)),
        Call::SetConversationCustomData(params) => ("setConversationCustomData", json(params)),
        Call::ClearHistoryMessage(params) => ("clearHistoryMessage", json(params)),
        Call::CleanConversationUnreadMessageCount(_, params) => ("cleanConversationUnreadMessageCount", json(params)),
        Call::GetTotalUnreadMessageCount => ("getTotalUnreadMessageCount", json(&NoParams {})),
        Call::GetUnreadMessageCountByFilter(params) => ("getUnreadMessageCountByFilter", json(params)),
        Call::SubscribeUnreadMessageCountByFilter(params) => ("subscribeUnreadMessageCountByFilter", json(params)),
        Call::UnsubscribeUnreadMessageCountByFilter(params) => ("unsubscribeUnreadMessageCountByFilter", json(params)),
        Call::CreateConversationGroup(params) => ("createConversationGroup", json(params)),
        Call::DeleteConversationGroup(params) => ("deleteConversationGroup", json(params)),
        Call::RenameConversationGroup(params) => ("renameConversationGroup", json(params)),
        Call::AddConversationsToGroup(params) => ("addConversationsToGroup", json(params)),
        Call::DeleteConversationsFromGroup(params) => ("deleteConversationsFromGroup", json(params)),
        Call::GetConversationGroupList => ("getConversationGroupList", json(&NoParams {})),
        Call::Ping => ("ping", json(&NoParams {})),
        Call::Probe(params) => ("probe", json(params)),
        Call::RefreshToken(params) => ("refreshToken", json(params)),
    }
}

/// A cursor has one form.
pub(crate) fn cursors(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
        check_round_trip(&cursor);
    }
}

/// A filter is read as it is written, and decides on every row.
pub(crate) fn filters(bytes: &[u8]) {
    let Ok(filter) = serde_json::from_slice::<Filter>(bytes) else { return };
    check_round_trip(&filter);
    let ids = ["c2c_a".to_owned(), format!("group_{}", "g".repeat(ID_BYTES_MAX))];
    for id in ids.map(|id| id.parse().expect("an id")) {
        for (unread_count, marks) in [(0, 0), (u64::MAX, u64::MAX), (1, 1 << 63)] {
            let groups = filter.conversation_group.clone().into_iter().collect();
            let facets = Facets { unread_count, recv_opt: RecvOpt::Receive, marks, has_at_info: marks > 0, groups };
            let share = filter.share(&id, &facets);
            assert!(share == 0 || filter.matches(&id, &facets));
        }
    }
}
