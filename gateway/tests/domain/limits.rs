//! docs/DOMAIN.md, 7.1 to 7.10: what a client may ask for, up to the limit and one past it.

use super::lists::{CHANGED, Devices, call, code, codes, devices, import, import_rows, refused, row, rows};
use crate::support::{Gateway, Value, backend::but, json};

/// So many ids of groups, those of [`rows`].
fn group_ids(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("group_{number}")).collect()
}

/// Every call that takes ids, with these.
fn calls_with_ids(ids: &[String]) -> [(&'static str, Value); 7] {
    [
        ("getConversations", json!({"conversationIDList": ids})),
        ("setReceiveMessageOpt", json!({"conversationIDList": ids, "recvOpt": 2})),
        ("markConversation", json!({"conversationIDList": ids, "markType": 1, "enableMark": true})),
        ("setConversationCustomData", json!({"conversationIDList": ids, "customData": "x"})),
        ("addConversationsToGroup", json!({"groupName": "work", "conversationIDList": ids})),
        ("deleteConversationsFromGroup", json!({"groupName": "work", "conversationIDList": ids})),
        ("deleteConversationList", json!({"conversationIDList": ids})),
    ]
}

scenario!(domain_7_1_a_call_has_at_most_100_ids, async |gateway: &Gateway| {
    import(gateway, "alice", 101).await;
    let create = |ids: Vec<String>| json!({"groupName": "work", "conversationIDList": ids});
    call(gateway, "createConversationGroup", create(Vec::new())).await.unwrap();
    let before = gateway.list("alice").await;
    let expected = "params.conversationIDList: expected at most 100 ids, got 101";
    for (method, params) in calls_with_ids(&group_ids(101)) {
        refused(call(gateway, method, params).await, 51006, expected);
    }
    refused(call(gateway, "createConversationGroup", create(group_ids(101))).await, 51006, expected);
    assert_eq!(gateway.list("alice").await, before);
    for (method, params) in calls_with_ids(&group_ids(100)) {
        assert_eq!(codes(&call(gateway, method, params).await.unwrap()), [0; 100], "{method}");
    }
    assert_eq!(gateway.list("alice").await.len(), 1);
});

scenario!(domain_7_1_a_call_without_ids_is_refused, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    for (method, params) in calls_with_ids(&[]) {
        let expected = "params.conversationIDList: expected 1 to 100 ids, got none";
        refused(call(gateway, method, params).await, 6017, expected);
    }
});

scenario!(domain_7_2_a_page_has_1_to_1000_rows_whatever_is_asked, async |gateway: &Gateway| {
    import(gateway, "alice", 1_001).await;
    for (count, rows) in [(0, 1), (1, 1), (1_000, 1_000), (2_147_483_647, 1_000)] {
        let params = json!({"userID": "alice", "nextSeq": 0, "count": count});
        let filtered = but(params.clone(), "/filter", json!({"type": 2}));
        for (method, params) in [("getConversationList", params), ("getConversationListByFilter", filtered)] {
            let page = gateway.post(method, params).await;
            let told = (page["conversationList"].as_array().unwrap().len(), &page["isFinished"]);
            assert_eq!(told, (rows, &json!(false)), "{method} {count}");
        }
    }
});

scenario!(domain_7_3_a_draft_has_at_most_4096_bytes, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let draft = |id: &str, text: String| json!({"conversationID": id, "draftText": text});
    devices.done("setConversationDraft", draft("c2c_bob", "é".repeat(2_048))).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["draftText"], "é".repeat(2_048));
    let expected = "params.draftText: expected at most 4096 bytes, got 4097";
    for id in ["c2c_bob", "c2c_nobody"] {
        let answer = devices.call("setConversationDraft", draft(id, "x".repeat(4_097))).await;
        refused(answer, 6017, expected);
    }
    devices.silence(gateway).await;
});

scenario!(domain_7_4_custom_data_has_at_most_256_bytes, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let data = |text: String| json!({"conversationIDList": ["c2c_bob"], "customData": text});
    devices.done("setConversationCustomData", data("é".repeat(128))).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["customData"], "é".repeat(128));
    let answer = devices.call("setConversationCustomData", data("x".repeat(257))).await;
    refused(answer, 6017, "params.customData: expected at most 256 bytes, got 257");
    devices.silence(gateway).await;
});

scenario!(domain_7_5_the_51st_pin_is_refused, async |gateway: &Gateway| {
    let mut list = rows(51);
    list[..49].iter_mut().for_each(|row| row["isPinned"] = json!(true));
    import_rows(gateway, "alice", list).await;
    let mut devices = Devices::of_alice(gateway).await;
    let pin = |id: &str, is_pinned: bool| json!({"conversationID": id, "isPinned": is_pinned});
    devices.done("pinConversation", pin("group_49", true)).await;
    devices.flush([CHANGED]).await;
    for id in ["group_50", "c2c_nobody"] {
        let answer = devices.call("pinConversation", pin(id, true)).await;
        refused(answer, 51012, "at most 50 conversations can be pinned");
    }
    devices.done("pinConversation", pin("group_7", true)).await;
    devices.silence(gateway).await;
    assert_eq!(gateway.row("alice", "c2c_nobody").await, None);
    devices.done("pinConversation", pin("group_7", false)).await;
    devices.done("pinConversation", pin("group_50", true)).await;
});

scenario!(domain_7_6_marks_are_the_bits_0_to_3_and_32_to_63, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let mark = |bits: &Value| json!({"conversationIDList": ["c2c_bob"], "markType": bits, "enableMark": true});
    let good: Vec<u64> = (0..4).chain(32..64).map(|place| 1 << place).collect();
    let each: Vec<String> = good.iter().map(u64::to_string).collect();
    devices.done("markConversation", mark(&json!(each))).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["markList"], json!(good));
    for place in 4..32 {
        let answer = devices.call("markConversation", mark(&json!(1_u64 << place))).await;
        refused(answer, 6017, "expected 1, 2, 4, 8 or 2^32 to 2^63");
    }
    for wrong in [json!(0), json!("18446744073709551616"), json!([1, 31])] {
        assert_eq!(code(devices.call("markConversation", mark(&wrong)).await), 6017, "{wrong}");
    }
    devices.silence(gateway).await;
});

/// Tries to make a conversation group.
async fn create(gateway: &Gateway, name: &str) -> Result<Value, Value> {
    call(gateway, "createConversationGroup", json!({"groupName": name})).await
}

scenario!(domain_7_7_the_21st_conversation_group_is_refused, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    let names: Vec<String> = (0..20).map(|number| format!("group {number}")).collect();
    for name in &names {
        create(gateway, name).await.unwrap();
    }
    let more = json!({"groupName": "more", "conversationIDList": ["group_0"]});
    let answer = call(gateway, "createConversationGroup", more).await;
    refused(answer, 51010, "at most 20 conversation groups can be made");
    assert_eq!(row(gateway, "group_0").await["conversationGroupList"], json!([]));
    create(gateway, &names[3]).await.unwrap();
    let told = call(gateway, "getConversationGroupList", json!({})).await.unwrap();
    assert_eq!(told, json!({"conversationGroupList": names}));
    call(gateway, "deleteConversationGroup", json!({"groupName": names[0]})).await.unwrap();
    create(gateway, "more").await.unwrap();
});

scenario!(domain_7_8_the_name_of_a_conversation_group_has_1_to_32_bytes, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    for good in ["a".to_owned(), "x".repeat(32), format!("{}12", "é".repeat(15))] {
        create(gateway, &good).await.unwrap();
    }
    for wrong in [String::new(), "x".repeat(33), "é".repeat(17)] {
        refused(create(gateway, &wrong).await, 51011, "groupName");
        let rename = json!({"oldName": "a", "newName": wrong});
        refused(call(gateway, "renameConversationGroup", rename).await, 51011, "newName");
    }
    let longest = json!({"oldName": "a", "newName": "é".repeat(16)});
    call(gateway, "renameConversationGroup", longest).await.unwrap();
});

scenario!(domain_7_9_the_1001st_conversation_in_groups_is_refused_and_none_goes_for_it, async |gateway: &Gateway| {
    let mut list = rows(1_001);
    list[..999].iter_mut().for_each(|row| row["conversationGroupList"] = json!(["work"]));
    import_rows(gateway, "alice", list).await;
    let add = async |ids: Value| {
        let params = json!({"groupName": "work", "conversationIDList": ids});
        call(gateway, "addConversationsToGroup", params).await.unwrap()
    };
    let result = add(json!(["group_999", "group_1000", "group_5"])).await;
    assert_eq!(codes(&result), [0, 51008, 0], "a row that is in a group already may be in another");
    assert_eq!(result["resultList"][1]["resultInfo"], "at most 1000 conversations can be in conversation groups");
    let in_groups = gateway.list("alice").await.iter().filter(|row| row["conversationGroupList"] != json!([])).count();
    assert_eq!(in_groups, 1_000);
    let take_out = json!({"groupName": "work", "conversationIDList": ["group_5"]});
    call(gateway, "deleteConversationsFromGroup", take_out).await.unwrap();
    assert_eq!(codes(&add(json!(["group_1000"])).await), [0]);
});

scenario!(domain_7_10_the_21st_filter_of_a_session_is_refused, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let filter = |number: u64| json!({"filter": {"markType": [1_u64 << (32 + number), 1]}});
    for number in 0..20 {
        let answer = devices.done("subscribeUnreadMessageCountByFilter", filter(number)).await;
        assert_eq!(answer["totalUnreadCount"], 0);
    }
    let answer = devices.call("subscribeUnreadMessageCountByFilter", filter(20)).await;
    refused(answer, 6017, "a session can have at most 20 filters");
    devices.done("subscribeUnreadMessageCountByFilter", filter(3)).await;
    devices.done("unsubscribeUnreadMessageCountByFilter", filter(3)).await;
    devices.done("subscribeUnreadMessageCountByFilter", filter(20)).await;
    devices.silence(gateway).await;
});
