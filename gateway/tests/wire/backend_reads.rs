//! What can a backend read of its users?

use crate::support::{Call, Gateway, Transport, c2c, group, json, keys::API_KEY, until};

#[tokio::test]
async fn a_backend_reads_what_the_users_client_would_read() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let reads = [
        ("getConversationList", json!({"nextSeq": 0, "count": 1})),
        ("getConversation", json!({"conversationID": "c2c_bob"})),
        ("getConversations", json!({"conversationIDList": ["c2c_bob", "c2c_nobody"]})),
        ("getTotalUnreadMessageCount", json!({})),
    ];
    for (method, params) in reads {
        let expected = gateway.call("alice", method, params.clone()).await.unwrap();
        let mut params = params;
        params["userID"] = json!("alice");
        assert_eq!(gateway.post(method, params.clone()).await, expected, "{method}");
        params["userID"] = json!("");
        assert_eq!(gateway.backend(method, params).await.unwrap_err()["code"], 6017, "{method}");
    }
    let absent = json!({"userID": "bob", "conversationID": "c2c_nobody"});
    assert_eq!(gateway.backend("getConversation", absent).await.unwrap_err()["code"], 6004);
    let call = Call::post("/server/v1/getTotalUnreadMessageCount").json(&json!({"userID": "alice"}));
    assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014), "without the key");
}

#[tokio::test]
async fn a_read_in_a_batch_sees_what_was_done_before_it_and_not_what_comes_after() {
    let gateway = Gateway::start().await;
    let total = json!({"method": "getTotalUnreadMessageCount", "params": {"userID": "alice"}});
    let send = |seq| json!({"method": "sendMessage", "params": c2c("bob", "alice", seq)});
    let result = gateway.post("batch", json!([total, send(1), total, send(2), send(3), total])).await;
    let totals = [0, 2, 5].map(|entry| result["resultList"][entry]["result"]["totalUnreadCount"].clone());
    assert_eq!(totals, [json!(0), json!(1), json!(3)]);
}

#[tokio::test]
async fn a_users_sessions_are_listed_with_their_device_and_transport_while_they_live() {
    let gateway = Gateway::start().await;
    let sessions = async || gateway.post("getUserSessions", json!({"userID": "alice"})).await["sessionList"].clone();
    assert_eq!(sessions().await, json!([]));
    let websocket = gateway.opening(Transport::WebSocket, "alice").device("phone").open().await;
    let sse = gateway.open(Transport::Events, "alice").await;
    until("both sessions are listed", async || sessions().await.as_array().unwrap().len() == 2).await;
    let list = sessions().await;
    let mut transports: Vec<&str> = list.as_array().unwrap().iter().map(|s| s["transport"].as_str().unwrap()).collect();
    transports.sort_unstable();
    assert_eq!(transports, ["sse", "websocket"]);
    for session in list.as_array().unwrap() {
        assert!(session["connectedAt"].as_u64() > Some(1_700_000_000), "{session}");
        assert_eq!((&session["node"], session.get("userID")), (&list[0]["node"], None));
    }
    assert!(list.as_array().unwrap().iter().any(|s| s["device"] == "phone" && s["transport"] == "websocket"), "{list}");
    assert!(list.as_array().unwrap().iter().any(|s| s.get("device").is_none() && s["transport"] == "sse"), "{list}");
    drop(websocket);
    until("one is gone", async || sessions().await.as_array().unwrap().len() == 1).await;
    assert_eq!(sessions().await[0]["transport"], "sse");
    drop(sse);
    let call = Call::post("/server/v1/getUserSessions").bearer(&API_KEY).json(&json!({}));
    assert_eq!(call.send(gateway.address).await.refusal(), (400, 6017));
}
