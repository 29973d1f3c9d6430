//! Do calls of clients read as they should, and do refusals say what was expected?

use super::*;

fn refusal(method: &str, params: &str) -> (u32, String) {
    let error = ClientCall::parse(method, params).unwrap_err();
    (error.kind.code(), error.message)
}

#[test]
fn a_refusal_names_the_field_and_what_was_expected() {
    let (code, message) = refusal("pinConversation", r#"{"conversationID":"c2c_bob","isPinned":"yes"}"#);
    assert_eq!((code, message.as_str()), (6017, "params.isPinned: invalid type: string \"yes\", expected a boolean"));
    let (_, message) = refusal("pinConversation", r#"{"conversationID":"c2c_bob"}"#);
    assert_eq!(message, "params: missing field `isPinned`");
    let (_, message) = refusal("setReceiveMessageOpt", r#"{"conversationIDList":["x"],"recvOpt":0}"#);
    assert!(message.starts_with("params.conversationIDList[0]: a conversationID must be c2c_<userID>"), "{message}");
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
        let call = ClientCall::parse("getConversationList", &format!(r#"{{"nextSeq":0,"count":{count}}}"#)).unwrap();
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
