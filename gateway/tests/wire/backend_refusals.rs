//! How are a backend's bad calls refused, and does nothing come of them?

use crate::support::{
    Call, Gateway, Value,
    backend::{but, message},
    c2c, group, json,
    keys::{self, API_KEY},
    padded,
};

/// Calls that must be refused as a whole.
fn bad_calls() -> Vec<(&'static str, Value)> {
    let group = || group("g1", "bob", &["alice"], 2);
    let c2c = || c2c("bob", "alice", 2);
    let send = |params: Value| ("sendMessage", params);
    let many: Vec<String> = (0..10_001).map(|n| format!("u{n}")).collect();
    let entry = json!({"method": "sendMessage", "params": group()});
    let half: Vec<&String> = many.iter().take(5_001).collect();
    let big = json!({"method": "sendMessage", "params": but(group(), "/recipients", json!(half))});
    vec![
        ("nonsense", json!({})),
        send(json!([])),
        send(json!({})),
        send(but(group(), "/recipients", json!([]))),
        send(but(group(), "/recipients", json!(many))),
        send(but(group(), "/recipients", json!("alice"))),
        send(but(group(), "/recipients", json!(["alice", ""]))),
        send(but(group(), "/recipients", json!(["alice", "a b"]))),
        send(but(group(), "/recipients", json!(["alice", "x".repeat(129)]))),
        send(but(group(), "/unknown", json!(1))),
        send(but(group(), "/conversation/type", json!(3))),
        send(but(group(), "/conversation/groupID", json!(null))),
        send(but(group(), "/conversation/userID", json!("alice"))),
        send(but(group(), "/conversation/groupType", json!("Party"))),
        send(but(group(), "/conversation/showName", json!("x".repeat(1_025)))),
        send(but(group(), "/message/msgID", json!(""))),
        send(but(group(), "/message/msgID", json!(null))),
        send(but(group(), "/message/seq", json!(0))),
        send(but(group(), "/message/seq", json!(1_u64 << 53))),
        send(but(group(), "/message/seq", json!("2"))),
        send(but(group(), "/message/timestamp", json!(-1))),
        send(but(group(), "/message/timestamp", json!(1_u64 << 42))),
        send(but(group(), "/message/cloudCustomData", json!("x".repeat(1_025)))),
        send(but(group(), "/message/atUserList", json!(many[..101]))),
        send(but(group(), "/sender", json!(""))),
        send(but(c2c(), "/recipients", json!(["alice", "anna"]))),
        send(but(c2c(), "/recipients", json!(["bob"]))),
        send(but(c2c(), "/conversation/groupID", json!("g1"))),
        ("modifyMessage", but(group(), "/message/seq", json!(0))),
        ("modifyMessage", but(group(), "/revision", json!("one"))),
        ("revokeMessage", group()),
        ("setProfile", json!({"conversation": {"type": 1, "showName": "x"}, "recipients": ["alice"]})),
        ("setProfile", json!({"conversation": {"type": 2, "groupID": "g1"}, "recipients": []})),
        ("joinGroup", json!({"conversation": {"type": 1, "userID": "bob"}, "recipients": ["alice"]})),
        (
            "joinGroup",
            json!({"conversation": {"type": 2, "groupID": "g2"}, "recipients": ["alice"], "message": message(1)}),
        ),
        ("markRead", json!({"userID": "alice", "conversationID": "bob"})),
        ("markRead", json!({"conversationID": "c2c_bob"})),
        ("deleteConversation", json!({"recipients": [], "conversationID": "group_g1"})),
        ("deleteConversation", json!({"recipients": ["alice"], "conversationID": "g1"})),
        ("kickUser", json!({"userID": "alice", "device": "d".repeat(65)})),
        ("kickUser", json!({"userID": ""})),
        ("batch", json!([])),
        ("batch", json!({})),
        ("batch", json!(vec![entry.clone(); 1_001])),
        ("batch", json!([entry, {"method": "sendMessage"}])),
        ("batch", json!([big, big])),
    ]
}

#[tokio::test]
async fn a_bad_call_is_refused_as_a_whole_and_changes_nothing() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let mut session = gateway.live("alice").await;
    let before = gateway.list("alice").await;
    for (method, params) in bad_calls() {
        let call = Call::post(&format!("/server/v1/{method}")).bearer(&API_KEY).json(&params);
        let status = if method == "nonsense" { 404 } else { 400 };
        let shown: String = params.to_string().chars().take(200).collect();
        assert_eq!(call.send(gateway.address).await.refusal(), (status, 6017), "{method} {shown}");
    }
    assert_eq!(gateway.list("alice").await, before);
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_batch_in_a_batch_is_refused_in_its_place() {
    let gateway = Gateway::start().await;
    let inner = json!([{"method": "sendMessage", "params": c2c("bob", "alice", 1)}]);
    let result = gateway.post("batch", json!([{"method": "batch", "params": inner}])).await;
    assert_eq!(result["resultList"][0]["error"]["code"], 6017, "{result}");
    assert_eq!(gateway.list("alice").await.len(), 0);
}

#[tokio::test]
async fn ten_thousand_recipients_are_served_and_counted() {
    let gateway = Gateway::start().await;
    let names: Vec<String> = (0..10_000).map(|n| format!("u{n}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let result = gateway.post("sendMessage", group("g1", "u0", &members, 1)).await;
    assert_eq!(result, json!({"applied": 0, "duplicates": 0, "queued": 10_000, "failed": []}));
    let mut session = gateway.live("u9999").await;
    session.read_until(|list| list.row("group_g1").is_some()).await;
}

#[tokio::test]
async fn a_text_over_1024_bytes_is_cut_on_a_character_boundary() {
    let gateway = Gateway::start().await;
    gateway.send(but(c2c("bob", "alice", 1), "/message/text", json!(format!("x{}", "é".repeat(600))))).await;
    let text = gateway.row("alice", "c2c_bob").await.unwrap()["lastMessage"]["text"].take();
    assert_eq!(text, format!("x{}", "é".repeat(511)));
}

#[tokio::test]
async fn only_a_configured_api_key_opens_the_backends_methods() {
    let gateway = Gateway::start().await;
    let call = || Call::post("/server/v1/sendMessage").json(&c2c("bob", "alice", 1));
    let wrong = [
        call(),
        call().bearer(""),
        call().bearer("wrong"),
        call().bearer("dev"),
        call().bearer(&API_KEY[..API_KEY.len() - 1]),
        call().bearer(&format!("{}x", *API_KEY)),
        call().bearer(&keys::token("bob")),
        call().header("authorization", &API_KEY),
        call().header("authorization", &format!("Basic {}", *API_KEY)),
    ];
    for call in wrong {
        assert_eq!(call.clone().send(gateway.address).await.refusal(), (401, 6014), "{call:?}");
    }
    let by_client = Call::post("/v1/getTotalUnreadMessageCount").bearer(&API_KEY);
    assert_eq!(by_client.send(gateway.address).await.refusal(), (401, 6014), "an API key is no token");
    assert_eq!(gateway.list("alice").await.len(), 0);
    assert_eq!(call().bearer(&API_KEY).send(gateway.address).await.status, 200);
}

#[tokio::test]
async fn a_body_over_8_mib_is_413() {
    let gateway = Gateway::start().await;
    let body = padded("{}", 8 * 1024 * 1024 + 1);
    let call = Call::post("/server/v1/sendMessage").bearer(&API_KEY).body(body);
    assert_eq!(call.send(gateway.address).await.refusal(), (413, 6017));
}

#[tokio::test]
async fn an_unknown_key_is_refused_before_its_body_is_read() {
    let gateway = Gateway::start().await;
    let call = Call::post("/server/v1/sendMessage").bearer("wrong").body("x".repeat(2_000_000));
    assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014));
}
