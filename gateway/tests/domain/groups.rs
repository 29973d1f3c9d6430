//! docs/DOMAIN.md, 2: conversation groups (folders), their limits and their events.

use super::lists::{call, code, codes, import};
use crate::support::{BOTH, Gateway, Transport, group, json};

scenario!(domain_2_create_conversation_group_tells_every_device_the_rows_then_the_group, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    for transport in BOTH {
        let mut device = gateway.open(transport, "alice").await;
        device.sync().await;
        let name = format!("work {transport:?}");
        let ids = json!(["group_1", "c2c_nobody", "group_0"]);
        let params = json!({"groupName": name, "conversationIDList": ids});
        let result = gateway.call("alice", "createConversationGroup", params.clone()).await.unwrap();
        assert_eq!(codes(&result), [0, 6004, 0], "group data never makes a row appear");
        let changed = device.expect("conversationChanged").await;
        assert_eq!((changed.ids(), changed.cursor), (vec!["group_1".to_owned(), "group_0".to_owned()], None));
        let created = device.expect("conversationGroupCreated").await;
        assert_eq!((&created.data["groupName"], created.ids()), (&json!(name), changed_ids()));
        assert!(created.cursor.is_some());
        assert_eq!(codes(&gateway.call("alice", "createConversationGroup", params).await.unwrap()), [0, 6004, 0]);
        device.expect_silence_until_marker(gateway).await;
    }
});

fn changed_ids() -> Vec<String> {
    vec!["group_1".to_owned(), "group_0".to_owned()]
}

scenario!(domain_2_create_conversation_group_that_is_there_adds_the_ids, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut device = gateway.live("alice").await;
    device.done("createConversationGroup", json!({"groupName": "empty"})).await;
    assert_eq!(device.expect("conversationGroupCreated").await.data["conversationIDList"], json!([]));
    let params = json!({"groupName": "empty", "conversationIDList": ["group_2"]});
    assert_eq!(codes(&device.done("createConversationGroup", params).await), [0]);
    device.expect("conversationChanged").await;
    assert_eq!(device.expect("conversationsAddedToGroup").await.ids(), ["group_2"]);
});

scenario!(domain_2_conversation_group_names_have_1_to_32_bytes_and_are_at_most_20, async |gateway: &Gateway| {
    let name = |name: &str| json!({"groupName": name});
    for bad in ["", "é23456789 123456789 123456789 12"] {
        assert_eq!(code(gateway.call("alice", "createConversationGroup", name(bad)).await), 51011, "{bad:?}");
    }
    for number in 0..20 {
        let long = format!("{number:032}");
        gateway.call("alice", "createConversationGroup", name(&long)).await.unwrap();
    }
    assert_eq!(code(gateway.call("alice", "createConversationGroup", name("more")).await), 51010);
    gateway.call("alice", "createConversationGroup", name(&format!("{:032}", 3))).await.unwrap();
    let names = gateway.call("alice", "getConversationGroupList", json!({})).await.unwrap();
    assert_eq!(names["conversationGroupList"].as_array().unwrap().len(), 20);
});

scenario!(domain_2_at_most_1000_conversations_are_in_groups_and_none_goes_for_another, async |gateway: &Gateway| {
    import(gateway, "alice", 1_001).await;
    gateway.call("alice", "createConversationGroup", json!({"groupName": "all"})).await.unwrap();
    for part in (0..1_000).collect::<Vec<_>>().chunks(100) {
        let ids: Vec<String> = part.iter().map(|number| format!("group_{number}")).collect();
        let params = json!({"groupName": "all", "conversationIDList": ids});
        assert_eq!(codes(&call(gateway, "addConversationsToGroup", params).await.unwrap()), [0; 100]);
    }
    let params = json!({"groupName": "all", "conversationIDList": ["group_1000", "group_5"]});
    let result = call(gateway, "addConversationsToGroup", params).await.unwrap();
    assert_eq!(codes(&result), [51008, 0]);
    let mut device = gateway.live("alice").await;
    let rename = json!({"oldName": "all", "newName": "some"});
    call(gateway, "renameConversationGroup", rename).await.unwrap();
    while device.next().await.name != "conversationGroupNameChanged" {}
    device
        .read_until(|list| list.row("group_999").is_some_and(|row| row["conversationGroupList"] == json!(["some"])))
        .await;
    let rows = gateway.list("alice").await;
    let in_group = rows.iter().filter(|row| row["conversationGroupList"] == json!(["some"])).count();
    assert_eq!(in_group, 1_000);
});

scenario!(domain_2_rename_and_delete_conversation_group, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    let mut device = gateway.live("alice").await;
    for name in ["work", "family"] {
        let params = json!({"groupName": name, "conversationIDList": ["group_0"]});
        device.done("createConversationGroup", params).await;
        device.expect("conversationChanged").await;
        device.expect("conversationGroupCreated").await;
    }
    let rename = |old: &str, new: &str| json!({"oldName": old, "newName": new});
    let call = async |method: &str, params| call(gateway, method, params).await;
    assert_eq!(code(call("renameConversationGroup", rename("absent", "x")).await), 51009);
    assert_eq!(code(call("renameConversationGroup", rename("work", "family")).await), 6017);
    assert_eq!(code(call("renameConversationGroup", rename("work", "")).await), 51011);
    assert_eq!(code(call("deleteConversationGroup", json!({"groupName": "absent"})).await), 51009);
    call("renameConversationGroup", rename("work", "work")).await.unwrap();
    call("renameConversationGroup", rename("work", "office")).await.unwrap();
    let row = device.expect("conversationChanged").await.row().clone();
    assert_eq!(row["conversationGroupList"], json!(["office", "family"]), "names keep their places");
    assert_eq!(
        device.expect("conversationGroupNameChanged").await.data,
        json!({"oldName": "work", "newName": "office"})
    );
    call("deleteConversationGroup", json!({"groupName": "office"})).await.unwrap();
    assert_eq!(device.expect("conversationChanged").await.row()["conversationGroupList"], json!(["family"]));
    assert_eq!(device.expect("conversationGroupDeleted").await.data, json!({"groupName": "office"}));
    let cursor = device.list.cursor.clone().unwrap();
    let again = gateway.opening(Transport::WebSocket, "alice").since(&cursor).open().await.sync().await;
    assert_eq!(again.finish["conversationGroupList"], json!(["family"]), "the names are in every sync");
});

scenario!(domain_2_add_and_delete_conversations_of_a_group, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    let mut device = gateway.live("alice").await;
    let call = async |method: &str, ids| {
        let params = json!({"groupName": "work", "conversationIDList": ids});
        gateway.call("alice", method, params).await
    };
    for method in ["addConversationsToGroup", "deleteConversationsFromGroup"] {
        assert_eq!(code(call(method, json!(["group_0"])).await), 51009, "{method}");
        assert_eq!(code(call(method, json!([])).await), 6017, "{method}");
        let many: Vec<String> = (0..101).map(|number| format!("group_{number}")).collect();
        assert_eq!(code(call(method, json!(many)).await), 51006, "{method}");
    }
    device.done("createConversationGroup", json!({"groupName": "work"})).await;
    device.expect("conversationGroupCreated").await;
    for (method, event, list) in [
        ("addConversationsToGroup", "conversationsAddedToGroup", json!(["work"])),
        ("deleteConversationsFromGroup", "conversationsDeletedFromGroup", json!([])),
    ] {
        let before = gateway.row("alice", "group_1").await.unwrap();
        assert_eq!(codes(&call(method, json!(["group_1", "c2c_nobody"])).await.unwrap()), [0, 6004]);
        let row = device.expect("conversationChanged").await.row().clone();
        assert_eq!((&row["conversationGroupList"], &row["orderKey"]), (&list, &before["orderKey"]));
        assert_eq!(device.expect(event).await.ids(), ["group_1"]);
        call(method, json!(["group_1"])).await.unwrap();
        device.expect_silence_until_marker(gateway).await;
    }
});

scenario!(domain_2_a_deleted_row_leaves_its_groups_and_comes_back_in_none, async |gateway: &Gateway| {
    gateway.send(group("g", "bob", &["alice"], 1)).await;
    let create = json!({"groupName": "work", "conversationIDList": ["group_g"]});
    gateway.call("alice", "createConversationGroup", create).await.unwrap();
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_g"})).await.unwrap();
    gateway.send(group("g", "bob", &["alice"], 2)).await;
    assert_eq!(gateway.row("alice", "group_g").await.unwrap()["conversationGroupList"], json!([]));
});
