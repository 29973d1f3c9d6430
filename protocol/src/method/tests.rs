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
fn a_group_name_has_1_to_32_bytes_or_is_51011() {
    let long = "é".repeat(16) + "x"; // 33 bytes, 17 characters.
    for name in ["", long.as_str()] {
        let refused = |method: &str, params: serde_json::Value, field: &str| {
            let (code, message) = refusal(method, &params.to_string());
            assert_eq!(code, 51011, "{method} {name:?}");
            let expected = format!("params.{field}: expected 1 to 32 bytes, got {}", name.len());
            assert_eq!(message, expected, "{method}");
        };
        for method in ["createConversationGroup", "addConversationsToGroup", "deleteConversationsFromGroup"] {
            let params = serde_json::json!({"groupName": name, "conversationIDList": ["c2c_a"]});
            refused(method, params, "groupName");
        }
        refused("deleteConversationGroup", serde_json::json!({"groupName": name}), "groupName");
        let rename = |old: &str, new: &str| serde_json::json!({"oldName": old, "newName": new});
        refused("renameConversationGroup", rename(name, "a"), "oldName");
        refused("renameConversationGroup", rename("a", name), "newName");
    }
    let name = "é".repeat(16);
    let params = serde_json::json!({"groupName": name});
    assert!(ClientCall::parse("createConversationGroup", &params.to_string()).is_ok());
}

#[test]
fn a_group_may_be_made_empty_but_not_changed_by_no_ids_or_by_more_than_100() {
    let params = |ids: usize| {
        let ids: Vec<String> = (0..ids).map(|n| format!("c2c_u{n}")).collect();
        serde_json::json!({"groupName": "work", "conversationIDList": ids}).to_string()
    };
    assert!(ClientCall::parse("createConversationGroup", &params(0)).is_ok());
    for method in ["addConversationsToGroup", "deleteConversationsFromGroup"] {
        assert_eq!(refusal(method, &params(0)).0, 6017, "{method}");
        assert_eq!(refusal(method, r#"{"groupName":"work"}"#).0, 6017, "{method}");
    }
    for method in ["createConversationGroup", "addConversationsToGroup", "deleteConversationsFromGroup"] {
        assert!(ClientCall::parse(method, &params(100)).is_ok(), "{method}");
        assert_eq!(refusal(method, &params(101)).0, 51006, "{method}");
    }
}

#[test]
fn a_filtered_call_needs_its_filter_and_a_wrong_one_names_its_condition() {
    let methods = [
        "getConversationListByFilter",
        "getUnreadMessageCountByFilter",
        "subscribeUnreadMessageCountByFilter",
        "unsubscribeUnreadMessageCountByFilter",
    ];
    for method in methods {
        let paged = if method == "getConversationListByFilter" { r#","count":9"# } else { "" };
        let with = |filter: &str| format!(r#"{{"filter":{filter}{paged}}}"#);
        assert!(ClientCall::parse(method, &with("{}")).is_ok(), "{method}");
        let (code, message) = refusal(method, &with(r#"{"type":3}"#));
        assert_eq!(
            (code, message.as_str()),
            (6017, "params.filter.type: expected 0 (any), 1 (C2C) or 2 (group), got 3")
        );
        let (_, message) = refusal(method, &with(r#"{"unread":true}"#));
        assert!(message.contains("unknown field `unread`"), "{message}");
        let (_, message) = refusal(method, &with("null").replace(r#""filter":null"#, r#""more":1"#));
        assert!(message.contains("unknown field `more`"), "{message}");
    }
    let (_, message) = refusal("getUnreadMessageCountByFilter", "{}");
    assert_eq!(message, "params: missing field `filter`");
}

#[test]
fn what_looks_at_or_changes_many_rows_costs_more_units() {
    let units = |method: &str, params: &str| ClientCall::parse(method, params).unwrap().units();
    let filter = r#"{"filter":{"type":1}}"#;
    assert_eq!(units("getConversationListByFilter", r#"{"filter":{"type":1},"count":1}"#), limits::FILTERED_PAGE_UNITS);
    for method in ["getUnreadMessageCountByFilter", "subscribeUnreadMessageCountByFilter"] {
        assert_eq!(units(method, filter), limits::FILTER_TOTAL_UNITS, "{method}");
    }
    assert_eq!(units("unsubscribeUnreadMessageCountByFilter", filter), 1);
    assert_eq!(units("deleteConversationGroup", r#"{"groupName":"a"}"#), limits::GROUP_UNITS);
    assert_eq!(units("renameConversationGroup", r#"{"oldName":"a","newName":"b"}"#), limits::GROUP_UNITS);
    assert_eq!(units("createConversationGroup", r#"{"groupName":"a"}"#), 1);
    let ids: Vec<String> = (0..25).map(|n| format!("c2c_u{n}")).collect();
    let params = serde_json::json!({"groupName": "a", "conversationIDList": ids}).to_string();
    for method in ["createConversationGroup", "addConversationsToGroup", "deleteConversationsFromGroup"] {
        assert_eq!(units(method, &params), 3, "{method}");
    }
    // One call must always fit into the burst, or it could never be made.
    let dearest = limits::FILTERED_PAGE_UNITS.max(limits::FILTER_TOTAL_UNITS).max(limits::GROUP_UNITS);
    assert!(dearest <= limits::CALL_UNITS_BURST);
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
