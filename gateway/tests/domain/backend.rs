//! docs/DOMAIN.md, 2: what a backend does with whole lists, and what it learns for an offline push.

use super::lists::{code, import, rows};
use crate::support::{Gateway, c2c, group, json};

scenario!(domain_2_import_makes_5000_rows_in_list_order_and_is_repeatable, async |gateway: &Gateway| {
    gateway.send(group("old", "bob", &["alice"], 1)).await;
    let mut list = rows(4_999);
    list[10]["isPinned"] = json!(true);
    let params = json!({"userID": "alice", "conversationList": list});
    let mut device = gateway.live("alice").await;
    let result = gateway.post("importConversations", params.clone()).await;
    assert_eq!(result, json!({"applied": 4_999, "duplicates": 0, "failed": []}));
    let again = gateway.post("importConversations", params).await;
    assert_eq!(again, json!({"applied": 0, "duplicates": 4_999, "failed": []}));
    let listed = gateway.list("alice").await;
    let mut expected: Vec<String> = (0..4_999).map(|number| format!("group_{number}")).collect();
    let pinned = expected.remove(10);
    expected.insert(0, pinned);
    expected.push("group_old".to_owned());
    assert_eq!(crate::support::ids(&listed), expected);
    assert_eq!(gateway.total("alice").await, 5_000);
    device.read_until(|list| list.total() == Some(5_000)).await;
    gateway.send(group("7", "bob", &["alice"], 8)).await;
    let row = gateway.row("alice", "group_7").await.unwrap();
    assert_eq!((&row["unreadCount"], &row["groupReadSequence"]), (&json!(2), &json!(6)), "the last 1 up to seq 7");
});

scenario!(domain_2_import_refuses_what_is_wrong_as_a_whole_and_tells_limits_by_row, async |gateway: &Gateway| {
    let mut bad = rows(3);
    bad[2]["unreadCount"] = json!(8);
    let answer = gateway.backend("importConversations", json!({"userID": "alice", "conversationList": bad})).await;
    let error = answer.unwrap_err();
    let message = "params.conversationList[2].unreadCount: expected at most lastMessage.seq, 7, got 8";
    assert_eq!((&error["code"], &error["message"]), (&json!(6017), &json!(message)));
    assert!(gateway.list("alice").await.is_empty());
    let twice = json!({"userID": "alice", "conversationList": [rows(1)[0], rows(1)[0]]});
    assert_eq!(code(gateway.backend("importConversations", twice).await), 6017);
    let mut pinned = rows(52);
    pinned.iter_mut().for_each(|row| row["isPinned"] = json!(true));
    let result = gateway.post("importConversations", json!({"userID": "alice", "conversationList": pinned})).await;
    assert_eq!((&result["applied"], &result["failed"][0]["resultCode"]), (&json!(50), &json!(51012)));
    assert_eq!(result["failed"][1]["conversationID"], "group_1", "the rows at the end of the list come first");
});

scenario!(domain_2_import_leaves_what_the_user_deleted, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_0"})).await.unwrap();
    let again = gateway.post("importConversations", json!({"userID": "alice", "conversationList": rows(2)})).await;
    assert_eq!((&again["applied"], &again["duplicates"]), (&json!(0), &json!(2)));
    assert_eq!(crate::support::ids(&gateway.list("alice").await), ["group_1"]);
});

scenario!(domain_2_an_export_can_be_imported_for_another_user, async |gateway: &Gateway| {
    import(gateway, "alice", 4).await;
    let call = async |method: &str, params| gateway.call("alice", method, params).await.unwrap();
    call("createConversationGroup", json!({"groupName": "work", "conversationIDList": ["group_2"]})).await;
    call("createConversationGroup", json!({"groupName": "empty"})).await;
    call(
        "markConversation",
        json!({"conversationIDList": ["group_1"], "markType": "9223372036854775809", "enableMark": true}),
    )
    .await;
    call("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": "draft"})).await;
    call("pinConversation", json!({"conversationID": "group_3", "isPinned": true})).await;
    call("setReceiveMessageOpt", json!({"conversationIDList": ["group_0"], "recvOpt": 2})).await;
    let mut exported = gateway.post("exportUser", json!({"userID": "alice"})).await;
    exported["userID"] = json!("zoe");
    gateway.post("importConversations", exported).await;
    let plain = |mut row: crate::support::Value| {
        for field in ["orderKey", "version"] {
            row[field] = json!(0);
        }
        row
    };
    let of_alice: Vec<_> = gateway.list("alice").await.into_iter().map(plain).collect();
    let of_zoe: Vec<_> = gateway.list("zoe").await.into_iter().map(plain).collect();
    assert_eq!(of_zoe, of_alice);
    let names = gateway.call("zoe", "getConversationGroupList", json!({})).await.unwrap();
    assert_eq!(names["conversationGroupList"], json!(["work", "empty"]));
    assert_eq!(gateway.total("zoe").await, 3);
});

scenario!(domain_2_delete_user_ends_the_sessions_and_forgets_everything, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_0"})).await.unwrap();
    let mut device = gateway.live("alice").await;
    crate::support::until("alice's lease", async || {
        let sessions = gateway.post("getUserSessions", json!({"userID": "alice"})).await;
        sessions["sessionList"].as_array().is_some_and(|list| !list.is_empty())
    })
    .await;
    let result = gateway.post("deleteUser", json!({"userID": "alice"})).await;
    assert_eq!(result, json!({"kicked": 1, "unconfirmed": 0}));
    assert_eq!(device.closed().await.0, Some(4003));
    assert_eq!((gateway.list("alice").await.len(), gateway.total("alice").await), (0, 0));
    gateway.send(group("0", "bob", &["alice"], 1)).await;
    assert_eq!(crate::support::ids(&gateway.list("alice").await), ["group_0"], "the delete barrier went too");
    assert_eq!(gateway.post("deleteUser", json!({"userID": "nobody"})).await, json!({"kicked": 0, "unconfirmed": 0}));
});

scenario!(domain_2_want_totals_tells_what_an_offline_push_needs, async |gateway: &Gateway| {
    import(gateway, "bob", 2).await;
    let _device = gateway.live("carol").await;
    let mut message = group("9", "alice", &["alice", "bob", "carol"], 1);
    message["wantTotals"] = json!(true);
    crate::support::until("carol's lease", async || {
        let sessions = gateway.post("getUserSessions", json!({"userID": "carol"})).await;
        sessions["sessionList"].as_array().is_some_and(|list| !list.is_empty())
    })
    .await;
    let first = gateway.send(message.clone()).await;
    let of = |total: u64, online: bool, recv_opt: u64| json!({"totalUnreadCount": total, "online": online, "recvOpt": recv_opt});
    assert_eq!(first["users"], json!({"bob": of(3, false, 0), "carol": of(1, true, 0)}), "without the sender");
    let mute = json!({"conversationIDList": ["group_9"], "recvOpt": 2});
    gateway.call("bob", "setReceiveMessageOpt", mute).await.unwrap();
    let again = gateway.post("sendMessage", message).await;
    assert_eq!((&again["duplicates"], &again["users"]["bob"]), (&json!(3), &of(2, false, 2)));
    assert_eq!(gateway.send(c2c("alice", "bob", 1)).await.get("users"), None);
});
