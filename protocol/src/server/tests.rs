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
