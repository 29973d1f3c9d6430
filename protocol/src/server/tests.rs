//! Do calls of backends read as they should, and do refusals say what was expected?

use super::*;
use crate::error::ErrorKind;

fn refusal(method: &str, params: serde_json::Value) -> String {
    ServerCall::parse(method, &params.to_string()).unwrap_err().message
}

fn message() -> serde_json::Value {
    serde_json::json!({"msgID": "m1", "seq": 1, "timestamp": 1, "text": "hi"})
}

#[test]
fn a_c2c_message_has_one_recipient_that_is_not_the_sender() {
    let call = |recipients: &[&str]| serde_json::json!({"conversation": {"type": 1}, "sender": "alice", "recipients": recipients, "message": message()});
    assert!(ServerCall::parse("sendMessage", &call(&["bob"]).to_string()).is_ok());
    assert!(refusal("sendMessage", call(&["bob", "carol"])).contains("the one peer"));
    assert!(refusal("sendMessage", call(&["alice"])).contains("other than the sender"));
    assert!(refusal("sendMessage", call(&[])).contains("1 to 10000 users, got 0"));
}

#[test]
fn a_group_needs_its_id_and_a_seq_its_range() {
    let call = |conversation: serde_json::Value, message: serde_json::Value| serde_json::json!({"conversation": conversation, "sender": "alice", "recipients": ["bob"], "message": message});
    assert!(refusal("sendMessage", call(serde_json::json!({"type": 2}), message())).contains("conversation.groupID"));
    let mut zero = message();
    zero["seq"] = 0.into();
    assert!(refusal("sendMessage", call(serde_json::json!({"type": 1}), zero)).contains("message.seq: expected 1 to"));
    let mut text = message();
    text["seq"] = "1".into();
    assert_eq!(
        refusal("sendMessage", call(serde_json::json!({"type": 1}), text)),
        "params.message.seq: invalid type: string \"1\", expected u64"
    );
}

#[test]
fn the_message_before_a_deleted_one_is_checked_like_any_other() {
    let call = |seq: u64, previous: serde_json::Value| {
        serde_json::json!({"conversation": {"type": 1}, "sender": "a", "recipients": ["b"], "msgID": "m", "seq": seq,
            "previousMessage": previous})
    };
    let mut previous = message();
    assert_eq!(refusal("deleteMessage", call(2, previous.clone())), "params.previousMessage: missing field `sender`");
    previous["sender"] = "b".into();
    previous["isExcludedFromUnreadCount"] = true.into();
    assert!(ServerCall::parse("deleteMessage", &call(2, previous.clone()).to_string()).is_ok());
    let refused = refusal("deleteMessage", call(1, previous.clone()));
    assert!(refused.starts_with("params.previousMessage.seq: expected a seq below"), "{refused}");
    previous["faceURL"] = "x".repeat(1_025).into();
    assert!(refusal("deleteMessage", call(2, previous.clone())).starts_with("params.previousMessage.faceURL"));
    previous["faceURL"] = "".into();
    previous["text"] = "x".repeat(2_000).into();
    let parsed = ServerCall::parse("deleteMessage", &call(2, previous.clone()).to_string()).unwrap();
    let ServerCall::DeleteMessage(params) = parsed else { panic!("not a deleteMessage") };
    assert_eq!(params.previous_message.unwrap().text.len(), 1_024);
    previous["more"] = 1.into();
    assert!(refusal("deleteMessage", call(2, previous)).contains("unknown field `more`"));
}

#[test]
fn a_read_on_behalf_of_a_user_is_the_clients_call() {
    let params = r#"{"userID":"bob","nextSeq":7,"count":5000}"#;
    let call = ServerCall::parse("getConversationList", params).unwrap();
    let ServerCall::Read(user, call) = call else { panic!("not a read") };
    assert_eq!(user.as_str(), "bob");
    assert_eq!(call, ClientCall::parse("getConversationList", r#"{"nextSeq":7,"count":1000}"#).unwrap());
    let params = serde_json::json!({"nextSeq": 0, "count": 1});
    assert_eq!(refusal("getConversationList", params), "params: missing field `userID`");
    let params = serde_json::json!({"userID": "", "conversationID": "c2c_a"});
    assert!(refusal("getConversation", params).starts_with("params.userID: "));
    let params = serde_json::json!({"userID": "bob", "more": 1});
    assert!(refusal("getTotalUnreadMessageCount", params).contains("unknown field `more`"));
}

fn import(rows: serde_json::Value) -> serde_json::Value {
    serde_json::json!({"userID": "bob", "conversationList": rows})
}

/// A row of alice with her seventh message as its preview, and what else is given.
fn imported(more: serde_json::Value) -> serde_json::Value {
    let mut row = serde_json::json!({"conversationID": "c2c_alice", "lastMessage": {"msgID": "m7", "seq": 7, "sender": "alice",
        "isSelf": false, "timestamp": 1, "elemType": 1, "text": "hi", "status": 2}});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

#[test]
fn a_refused_import_names_the_row_and_the_field() {
    let message = |more: serde_json::Value| {
        let mut row = imported(serde_json::json!({}));
        row["lastMessage"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let marks = serde_json::json!({"markList": [1, 16]});
    let mention = |seq: u64| serde_json::json!({"unreadCount": 2, "groupAtInfoList": [{"seq": seq, "atType": 1}]});
    let names: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    let refused = [
        (
            imported(serde_json::json!({"showName": "x".repeat(1_025)})),
            "showName: expected at most 1024 bytes, got 1025",
        ),
        (imported(serde_json::json!({"faceUrl": "x".repeat(1_025)})), "faceUrl: expected at most 1024 bytes"),
        (imported(serde_json::json!({"draftText": "x".repeat(4_097)})), "draftText: expected at most 4096 bytes"),
        (imported(serde_json::json!({"customData": "x".repeat(257)})), "customData: expected at most 256 bytes"),
        (
            imported(serde_json::json!({"conversationGroupList": [""]})),
            "conversationGroupList: expected 1 to 32 bytes, got 0",
        ),
        (
            imported(serde_json::json!({"conversationGroupList": names})),
            "conversationGroupList: expected at most 20 names",
        ),
        (imported(marks), "markList: expected 1, 2, 4, 8 or 2^32 to 2^63, or a sum of them, got 16"),
        (imported(serde_json::json!({"unreadCount": 8})), "unreadCount: expected at most lastMessage.seq, 7, got 8"),
        (imported(mention(5)), "groupAtInfoList: expected seqs among the unread ones"),
        (imported(mention(8)), "groupAtInfoList: expected seqs among the unread ones"),
        (message(serde_json::json!({"seq": 0})), "lastMessage.seq: expected 1 to"),
        (message(serde_json::json!({"timestamp": 1_u64 << 42})), "lastMessage.timestamp: expected seconds since 1970"),
        (
            message(serde_json::json!({"faceURL": "x".repeat(1_025)})),
            "lastMessage.faceURL: expected at most 1024 bytes",
        ),
    ];
    for (row, problem) in refused {
        let good = serde_json::json!({"conversationID": "group_g"});
        let message = refusal("importConversations", import(serde_json::json!([good, row])));
        assert!(message.starts_with(&format!("params.conversationList[1].{problem}")), "{message}");
    }
    let both = imported(mention(6));
    assert!(ServerCall::parse("importConversations", &import(serde_json::json!([both])).to_string()).is_ok());
}

#[test]
fn an_import_has_each_id_once_and_its_bounds() {
    let row = |id: &str| serde_json::json!({"conversationID": id});
    let twice = import(serde_json::json!([row("c2c_a"), row("group_a"), row("c2c_a")]));
    let expected = "params.conversationList[2].conversationID: expected each id once";
    assert_eq!(refusal("importConversations", twice), expected);
    let many = |rows: usize| import((0..rows).map(|n| row(&format!("c2c_u{n}"))).collect());
    assert!(ServerCall::parse("importConversations", &many(5_000).to_string()).is_ok());
    let expected = "params.conversationList: expected at most 5000 rows, got 5001";
    assert_eq!(refusal("importConversations", many(5_001)), expected);
    let named = |names: Vec<String>| {
        let params = serde_json::json!({"userID": "bob", "conversationList": [], "conversationGroupList": names});
        ServerCall::parse("importConversations", &params.to_string()).map(|_| ()).map_err(|error| error.kind)
    };
    assert_eq!(named((0..20).map(|n| n.to_string()).collect()), Ok(()));
    assert_eq!(named((0..21).map(|n| n.to_string()).collect()), Err(ErrorKind::TooManyGroups));
    assert_eq!(named(vec!["x".repeat(33)]), Err(ErrorKind::GroupName));
}

#[test]
fn a_row_as_a_client_sees_it_can_be_imported() {
    let row = serde_json::json!({
        "conversationID": "group_g7", "type": 2, "groupID": "g7", "groupType": "Work", "showName": "Team", "faceUrl": "",
        "unreadCount": 1, "recvOpt": 2, "lastMessage": null, "groupAtInfoList": [], "draftText": "", "draftTimestamp": 0,
        "isPinned": true, "orderKey": 6_298_973_440_370_497_u64, "markList": [1, 1_u64 << 63], "customData": "",
        "conversationGroupList": ["work"], "groupReadSequence": 40, "version": 1_795_373_813_000_001_u64
    });
    let refused = refusal("importConversations", import(serde_json::json!([row])));
    assert!(refused.ends_with("unreadCount: expected at most lastMessage.seq, 0, got 1"), "{refused}");
    let mut read = row;
    read["unreadCount"] = 0.into();
    let call = ServerCall::parse("importConversations", &import(serde_json::json!([read])).to_string()).unwrap();
    let ServerCall::ImportConversations(params) = call else { panic!("not an import") };
    assert_eq!(params.conversation_list[0].mark_list, [1, 1 << 63]);
}

#[test]
fn marks_that_javascript_has_written_can_be_imported() {
    // JSON.stringify([2 ** 57, 2 ** 62, 2 ** 63])
    let row = r#"{"conversationID":"c2c_a","markList":[144115188075855870,4611686018427388000,9223372036854776000]}"#;
    let params = format!(r#"{{"userID":"bob","conversationList":[{row}]}}"#);
    let ServerCall::ImportConversations(params) = ServerCall::parse("importConversations", &params).unwrap() else {
        panic!("not an import")
    };
    assert_eq!(params.conversation_list[0].mark_list, [1 << 57, 1 << 62, 1 << 63]);
}

#[test]
fn a_filtered_read_on_behalf_of_a_user_keeps_its_marks() {
    let params = r#"{"userID":"bob","filter":{"markType":[1,"9223372036854775808"]},"count":5}"#;
    let ServerCall::Read(user, call) = ServerCall::parse("getConversationListByFilter", params).unwrap() else {
        panic!("not a read")
    };
    let same = r#"{"filter":{"markType":"9223372036854775809"},"count":5}"#;
    assert_eq!((user.as_str(), call), ("bob", ClientCall::parse("getConversationListByFilter", same).unwrap()));
    let message = refusal("subscribeUnreadMessageCountByFilter", serde_json::json!({"userID": "bob", "filter": {}}));
    assert!(message.contains("is unknown"), "a backend has no session: {message}");
}

#[test]
fn a_long_text_is_cut_on_a_character_boundary() {
    let mut long = message();
    long["text"] = format!("x{}", "é".repeat(600)).into();
    let params = serde_json::json!({"conversation": {"type": 1}, "sender": "a", "recipients": ["b"], "message": long});
    let ServerCall::SendMessage(params) = ServerCall::parse("sendMessage", &params.to_string()).unwrap() else {
        panic!("not a sendMessage")
    };
    assert_eq!(params.message.text.len(), 1023);
}

#[test]
fn every_listed_method_is_known() {
    for method in SERVER_METHODS {
        let error = ServerCall::parse(method, "7").map(|_| ()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidParameter, "{method}");
    }
}
