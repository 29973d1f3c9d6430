//! How are a client's bad calls refused, and does nothing come of them?

use super::sync::fill;
use crate::support::{Call, Gateway, Value, c2c, json, keys, padded};

/// Calls with the code they must be refused with.
fn bad_calls() -> Vec<(&'static str, Value, u64)> {
    let many: Vec<String> = (0..101).map(|n| format!("c2c_u{n}")).collect();
    let id = |id: &str| json!({"conversationID": id});
    vec![
        ("getList", json!({}), 6017),
        ("", json!({}), 6017),
        ("getConversation", json!([]), 6017),
        ("getConversation", json!("c2c_bob"), 6017),
        ("getConversation", json!(null), 6017),
        ("getConversation", json!({}), 6017),
        ("getConversation", id(""), 6017),
        ("getConversation", id("bob"), 6017),
        ("getConversation", id("c2c_"), 6017),
        ("getConversation", id("room_1"), 6017),
        ("getConversation", id("c2c_a b"), 6017),
        ("getConversation", id("c2c_a\u{0}"), 6017),
        ("getConversation", id(&format!("c2c_{}", "x".repeat(129))), 6017),
        ("getConversation", json!({"conversationID": 7}), 6017),
        ("getConversation", json!({"conversationID": "c2c_bob", "userID": "bob"}), 6017),
        ("getConversationList", json!({"nextSeq": 0}), 6017),
        ("getConversationList", json!({"nextSeq": "0", "count": 1}), 6017),
        ("getConversationList", json!({"nextSeq": -1, "count": 1}), 6017),
        ("getConversationList", json!({"nextSeq": 0, "count": -1}), 6017),
        ("getConversationList", json!({"nextSeq": 0, "count": 1.5}), 6017),
        ("getTotalUnreadMessageCount", json!({"userID": "bob"}), 6017),
        ("pinConversation", json!({"conversationID": "c2c_bob"}), 6017),
        ("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": "yes"}), 6017),
        ("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true, "force": true}), 6017),
        ("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true, "ifVersion": "1"}), 6017),
        ("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true, "ifVersion": 1}), 6017),
        ("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": 1}), 6017),
        ("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": "d".repeat(4_097)}), 6017),
        ("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": "é".repeat(2_049)}), 6017),
        ("setReceiveMessageOpt", json!({"conversationIDList": [], "recvOpt": 1}), 6017),
        ("setReceiveMessageOpt", json!({"conversationIDList": many, "recvOpt": 1}), 51006),
        ("setReceiveMessageOpt", json!({"conversationIDList": ["c2c_bob"], "recvOpt": 5}), 6017),
        ("setReceiveMessageOpt", json!({"conversationIDList": ["c2c_bob", "bob"], "recvOpt": 1}), 6017),
        ("setReceiveMessageOpt", json!({"conversationIDList": "c2c_bob", "recvOpt": 1}), 6017),
        ("cleanConversationUnreadMessageCount", id("everything"), 6017),
        ("cleanConversationUnreadMessageCount", json!({"conversationID": "c2c_bob", "cleanSequence": -1}), 6017),
        ("clearHistoryMessage", json!({}), 6017),
        ("deleteConversation", json!({"conversationID": ["c2c_bob"]}), 6017),
        ("probe", json!({}), 6017),
        ("authenticate", json!({"token": "x"}), 6017),
    ]
}

#[tokio::test]
async fn a_bad_call_is_refused_over_websocket_with_its_id_and_changes_nothing() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut session = gateway.live("alice").await;
    let before = gateway.list("alice").await;
    for (method, params, code) in bad_calls() {
        let error = session.call(method, params.clone()).await.unwrap_err();
        assert_eq!(error["code"], code, "{method} {params}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    assert_eq!(gateway.list("alice").await, before);
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_bad_call_is_refused_over_http_with_a_status_and_changes_nothing() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut session = gateway.live("alice").await;
    let before = gateway.list("alice").await;
    for (method, params, code) in bad_calls().into_iter().filter(|(method, ..)| !method.is_empty()) {
        let call = Call::post(&format!("/v1/{method}")).bearer(&keys::token("alice")).json(&params);
        let status = if ["getList", "authenticate"].contains(&method) { 404 } else { 400 };
        assert_eq!(call.send(gateway.address).await.refusal(), (status, code), "{method} {params}");
    }
    assert_eq!(gateway.list("alice").await, before);
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let gateway = Gateway::start().await;
    let bodies: [&[u8]; 6] =
        [b"{", b"nonsense", b"{} {}", b"\xff\xfe", b"{\"conversationID\":\"c2c_\xff\"}", b"{\"a\":1,}"];
    for body in bodies {
        let call = Call::post("/v1/getConversation").bearer(&keys::token("alice")).body(body);
        assert_eq!(call.send(gateway.address).await.refusal(), (400, 6017), "{body:?}");
    }
    let deep = format!("{{\"conversationID\":{}", "[".repeat(10_000));
    let call = Call::post("/v1/getConversation").bearer(&keys::token("alice")).body(deep);
    assert_eq!(call.send(gateway.address).await.refusal(), (400, 6017));
    let empty = Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice"));
    assert_eq!(empty.send(gateway.address).await.status, 200, "no body is no params");
}

#[tokio::test]
async fn a_body_over_64_kib_is_413_and_one_of_64_kib_is_read() {
    let gateway = Gateway::start().await;
    let call = |bytes: usize| {
        Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice")).body(padded("{}", bytes))
    };
    assert_eq!(call(65_536).send(gateway.address).await.status, 200);
    for bytes in [65_537, 1_000_000, 20_000_000] {
        assert_eq!(call(bytes).send(gateway.address).await.refusal(), (413, 6017), "{bytes}");
    }
}

#[tokio::test]
async fn the_51st_pin_is_refused_and_room_is_made_by_unpinning_or_deleting() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 60).await;
    let mut session = gateway.live("alice").await;
    let pin = |n: u64, is_pinned: bool| json!({"conversationID": format!("group_g{n}"), "isPinned": is_pinned});
    for n in 0..50 {
        session.done("pinConversation", pin(n, true)).await;
    }
    let list = gateway.list("alice").await;
    for params in [pin(50, true), json!({"conversationID": "c2c_new", "isPinned": true})] {
        assert_eq!(session.call("pinConversation", params).await.unwrap_err()["code"], 51012);
    }
    assert_eq!(gateway.list("alice").await, list, "no row was made either");
    session.done("pinConversation", pin(7, true)).await;
    session.done("pinConversation", pin(7, false)).await;
    session.done("pinConversation", pin(50, true)).await;
    session.done("deleteConversation", json!({"conversationID": "group_g8"})).await;
    session.done("pinConversation", pin(51, true)).await;
    assert_eq!(session.call("pinConversation", pin(52, true)).await.unwrap_err()["code"], 51012);
    session.converge(&gateway).await;
}

#[tokio::test]
async fn a_draft_of_4096_bytes_is_kept_whole() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let text = "é".repeat(2_048);
    session.done("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": text})).await;
    assert_eq!(session.expect("newConversation").await.row()["draftText"], text);
}

#[tokio::test]
async fn what_is_no_method_or_no_address_is_404() {
    let gateway = Gateway::start().await;
    for path in ["/v1/nonsense", "/v1/getconversationlist"] {
        let call = Call::post(path).bearer(&keys::token("alice"));
        assert_eq!(call.send(gateway.address).await.refusal(), (404, 6017), "{path}");
    }
    for path in ["/v1", "/v2/ws", "/nonsense", "/v1/getConversationList", "/server/v1/sendMessage", "/demo/../main.rs"]
    {
        assert_eq!(gateway.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_url_that_cannot_be_read_is_refused_like_any_other_call() {
    let gateway = Gateway::start().await;
    for path in ["/v1/events?since=a&since=b", "/v1/ws"] {
        let call = Call::get(path).bearer(&keys::token("alice"));
        assert_eq!(call.send(gateway.address).await.refusal(), (400, 6017), "{path}");
    }
    let call = Call::post("/v1/getTotalUnreadMessageCount?token=a&token=b").send(gateway.address);
    assert_eq!(call.await.refusal(), (400, 6017));
}
