//! docs/DOMAIN.md, 2: what a backend reads of its users, whom it kicks, and several calls in one.

use super::lists::{CHANGED, DELETED, Devices, NEW, codes, devices, known_sessions, refused, three_rows};
use crate::support::{Gateway, Transport, Value, c2c, group, ids, json, keys};

/// A backend reads what alice's client reads, names her, and sends nothing by it.
async fn reads_as_her_client(gateway: &Gateway, method: &str, params: Value) -> Value {
    let mut devices = devices(gateway).await;
    let group = json!({"groupName": "work", "conversationIDList": ["c2c_bob"]});
    devices.done("createConversationGroup", group).await;
    devices.flush([CHANGED, "conversationGroupCreated"]).await;
    let expected = gateway.call("alice", method, params.clone()).await.unwrap();
    let mut of_alice = params.clone();
    of_alice["userID"] = json!("alice");
    assert_eq!(gateway.post(method, of_alice).await, expected);
    devices.silence(gateway).await;
    refused(gateway.backend(method, params).await, 6017, "userID");
    expected
}

scenario!(domain_2_server_get_conversation_list_is_what_the_users_client_reads, async |gateway: &Gateway| {
    let page = reads_as_her_client(gateway, "getConversationList", json!({"nextSeq": 0, "count": 2})).await;
    assert_eq!(ids(page["conversationList"].as_array().unwrap()), ["group_g", "c2c_carol"]);
});

scenario!(domain_2_server_get_conversation_list_by_filter_is_what_the_users_client_reads, async |gateway: &Gateway| {
    let params = json!({"filter": {"conversationGroup": "work"}, "nextSeq": 0, "count": 2});
    let page = reads_as_her_client(gateway, "getConversationListByFilter", params).await;
    assert_eq!(ids(page["conversationList"].as_array().unwrap()), ["c2c_bob"]);
});

scenario!(domain_2_server_get_conversation_is_what_the_users_client_reads, async |gateway: &Gateway| {
    let result = reads_as_her_client(gateway, "getConversation", json!({"conversationID": "c2c_bob"})).await;
    assert_eq!(result["conversation"]["conversationGroupList"], json!(["work"]));
    let absent = json!({"userID": "alice", "conversationID": "c2c_nobody"});
    refused(gateway.backend("getConversation", absent).await, 6004, "the conversation is not in the list");
});

scenario!(domain_2_server_get_conversations_is_what_the_users_client_reads, async |gateway: &Gateway| {
    let params = json!({"conversationIDList": ["c2c_bob", "c2c_nobody"]});
    let result = reads_as_her_client(gateway, "getConversations", params).await;
    assert_eq!(codes(&result), [0, 6004]);
});

scenario!(domain_2_server_get_total_unread_message_count_is_what_the_users_client_reads, async |gateway: &Gateway| {
    let result = reads_as_her_client(gateway, "getTotalUnreadMessageCount", json!({})).await;
    assert_eq!(result["totalUnreadCount"], 6);
});

scenario!(
    domain_2_server_get_unread_message_count_by_filter_is_what_the_users_client_reads,
    async |gateway: &Gateway| {
        let params = json!({"filter": {"conversationGroup": "work"}});
        let result = reads_as_her_client(gateway, "getUnreadMessageCountByFilter", params).await;
        assert_eq!(result["totalUnreadCount"], 2);
    }
);

scenario!(domain_2_server_get_conversation_group_list_is_what_the_users_client_reads, async |gateway: &Gateway| {
    let result = reads_as_her_client(gateway, "getConversationGroupList", json!({})).await;
    assert_eq!(result, json!({"conversationGroupList": ["work"]}));
});

scenario!(domain_2_server_get_user_sessions_tells_device_transport_and_time_of_each, async |gateway: &Gateway| {
    let nobody = gateway.post("getUserSessions", json!({"userID": "alice"})).await;
    assert_eq!(nobody, json!({"sessionList": []}));
    let websocket = gateway.opening(Transport::WebSocket, "alice").device("phone").open().await;
    known_sessions(gateway, "alice", 1).await;
    let _events = gateway.open(Transport::Events, "alice").await;
    let mut list = known_sessions(gateway, "alice", 2).await;
    assert_eq!(list[0]["node"], list[1]["node"]);
    assert!(list.iter().all(|session| session["connectedAt"].as_u64() > Some(1_700_000_000)), "in seconds: {list:?}");
    list.sort_by_key(|session| session["transport"].as_str().map(str::to_owned));
    assert_eq!((list[0].get("device"), &list[0]["transport"]), (None, &json!("sse")));
    assert_eq!((&list[1]["device"], &list[1]["transport"]), (&json!("phone"), &json!("websocket")));
    drop(websocket);
    assert_eq!(known_sessions(gateway, "alice", 1).await[0]["transport"], "sse");
    refused(gateway.backend("getUserSessions", json!({})).await, 6017, "userID");
});

scenario!(domain_2_server_kick_user_ends_all_sessions_of_the_user_with_the_reason, async |gateway: &Gateway| {
    let Devices { mut websocket, mut events, .. } = devices(gateway).await;
    let mut bystander = gateway.live("bob").await;
    known_sessions(gateway, "alice", 2).await;
    let result = gateway.post("kickUser", json!({"userID": "alice", "reason": "signed in elsewhere"})).await;
    assert_eq!(result, json!({"kicked": 2, "unconfirmed": 0}));
    for (device, code) in [(&mut websocket, Some(4003)), (&mut events, None)] {
        let (closed_with, told) = device.closed().await;
        assert_eq!((closed_with, told.len()), (code, 1));
        assert_eq!(told[0].data, json!({"reason": "signed in elsewhere"}));
    }
    bystander.expect_silence_until_marker(gateway).await;
    let again = gateway.post("kickUser", json!({"userID": "alice"})).await;
    assert_eq!(again, json!({"kicked": 0, "unconfirmed": 0}));
});

/// A token issued so many seconds from now.
fn issued(in_s: i64) -> String {
    let iat = keys::now_s().checked_add_signed(in_s).expect("a time after 1970");
    keys::sign(&json!({"sub": "alice", "iat": iat, "exp": keys::now_s() + 3_600}))
}

scenario!(domain_2_server_kick_user_of_one_device_leaves_the_others, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let open = async |device: &str| {
        let mut session = gateway.opening(Transport::WebSocket, "alice").device(device).open().await;
        session.sync().await;
        session
    };
    let (mut phone, mut tablet, mut nameless) =
        (open("phone").await, open("tablet").await, gateway.live("alice").await);
    known_sessions(gateway, "alice", 3).await;
    let result = gateway.post("kickUser", json!({"userID": "alice", "device": "phone", "reason": "lost"})).await;
    assert_eq!(result, json!({"kicked": 1, "unconfirmed": 0}));
    assert_eq!(phone.closed().await.0, Some(4003));
    tablet.expect_silence_until_marker(gateway).await;
    nameless.expect_silence_until_marker(gateway).await;
    let of_phone = gateway.opening(Transport::Events, "alice").token(&issued(-10)).device("phone");
    assert_eq!(of_phone.refused_events().await.status, 204);
    gateway.opening(Transport::Events, "alice").token(&issued(-10)).device("tablet").open().await.sync().await;
});

scenario!(domain_2_server_kick_user_refuses_the_tokens_from_before_it, async |gateway: &Gateway| {
    three_rows(gateway).await;
    gateway.post("kickUser", json!({"userID": "alice"})).await;
    let old = gateway.opening(Transport::WebSocket, "alice").token(&issued(-10)).open().await.closed().await;
    assert_eq!((old.0, old.1[0].name.as_str()), (Some(4003), "kickedOffline"));
    gateway.opening(Transport::WebSocket, "alice").token(&issued(1)).open().await.sync().await;
    let long = json!({"userID": "alice", "reason": "x".repeat(1_025)});
    refused(gateway.backend("kickUser", long).await, 6017, "params.reason: expected at most 1024 bytes, got 1025");
});

scenario!(domain_2_server_batch_answers_in_its_order_and_a_wrong_entry_stops_no_other, async |gateway: &Gateway| {
    let entries = json!([
        {"method": "sendMessage", "params": group("g", "bob", &["alice"], 1)},
        {"method": "sendMessage", "params": {"sender": "bob"}},
        {"method": "markRead", "params": {"userID": "alice", "conversationID": "group_nowhere"}},
        {"method": "getTotalUnreadMessageCount", "params": {"userID": "alice"}},
        {"method": "markRead", "params": {"userID": "alice", "conversationID": "group_g"}},
        {"method": "nonsense", "params": {}},
        {"method": "batch", "params": []},
        {"method": "sendMessage", "params": c2c("bob", "alice", 1)},
    ]);
    let result = gateway.post("batch", entries).await;
    let results = result["resultList"].as_array().unwrap();
    let codes: Vec<_> = results.iter().map(|entry| entry["error"]["code"].as_u64().unwrap_or(0)).collect();
    assert_eq!(codes, [0, 6017, 6004, 0, 0, 6017, 6017, 0], "{result}");
    assert_eq!(
        results[3]["result"]["totalUnreadCount"], 1,
        "what comes before a read is done, what comes after is not"
    );
    assert_eq!((&results[4]["result"]["applied"], &results[7]["result"]["applied"]), (&json!(1), &json!(2)));
    assert_eq!(gateway.total("alice").await, 1);
});

scenario!(domain_2_server_batch_makes_what_follows_each_other_in_one_step, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let entries = json!([
        {"method": "sendMessage", "params": group("new", "bob", &["alice"], 1)},
        {"method": "sendMessage", "params": group("new", "bob", &["alice"], 2)},
        {"method": "deleteConversation", "params": {"recipients": ["alice"], "conversationID": "c2c_bob"}},
    ]);
    gateway.post("batch", entries.clone()).await;
    let [new, deleted] = devices.flush([NEW, DELETED]).await;
    assert_eq!((&new.row()["unreadCount"], deleted.ids()), (&json!(2), vec!["c2c_bob".to_owned()]));
    assert_eq!(gateway.total("alice").await, 6, "two more, two less: the total is told only where it differs");
    gateway.post("batch", entries).await;
    devices.silence(gateway).await;
    refused(gateway.backend("batch", json!([])).await, 6017, "expected 1 to 1000 entries, got 0");
    refused(gateway.backend("batch", json!({})).await, 6017, "params");
});
