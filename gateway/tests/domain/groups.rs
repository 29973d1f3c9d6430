//! docs/DOMAIN.md, 2: conversation groups (folders), their limits and their events.

use super::lists::{CHANGED, Devices, call, codes, codes_of, devices, import, import_rows, refused, row, rows};
use crate::support::{Gateway, Value, group, json};

scenario!(domain_2_create_conversation_group_tells_every_device_the_rows_then_the_group, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let asked = ["c2c_carol", "c2c_nobody", "c2c_bob"];
    let params = json!({"groupName": "work", "conversationIDList": asked});
    let result = devices.done("createConversationGroup", params.clone()).await;
    assert_eq!(codes_of(&result, &asked), [0, 6004, 0], "group data never makes a row appear");
    let [changed, created] = devices.flush([CHANGED, "conversationGroupCreated"]).await;
    assert_eq!((changed.ids(), created.ids()), (vec![asked[0].into(), asked[2].into()], changed.ids()));
    assert_eq!(created.data["groupName"], "work");
    assert_eq!(codes_of(&devices.done("createConversationGroup", params).await, &asked), [0, 6004, 0]);
    devices.silence(gateway).await;
});

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

/// Alice's devices with a group `work` that holds `c2c_bob` and `group_g`.
async fn with_work(gateway: &Gateway) -> Devices {
    let mut devices = devices(gateway).await;
    let params = json!({"groupName": "work", "conversationIDList": ["c2c_bob", "group_g"]});
    devices.done("createConversationGroup", params).await;
    devices.flush([CHANGED, "conversationGroupCreated"]).await;
    devices
}

scenario!(domain_2_delete_conversation_group_leaves_its_rows_on_every_device, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    let before = row(gateway, "c2c_bob").await;
    assert_eq!(devices.done("deleteConversationGroup", json!({"groupName": "work"})).await, json!({}));
    let [changed, deleted] = devices.flush([CHANGED, "conversationGroupDeleted"]).await;
    assert_eq!((changed.ids().len(), &deleted.data), (2, &json!({"groupName": "work"})));
    let after = row(gateway, "c2c_bob").await;
    assert_eq!((&after["conversationGroupList"], &after["orderKey"]), (&json!([]), &before["orderKey"]));
});

scenario!(domain_2_delete_conversation_group_that_is_not_there_is_51009, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    let delete = |name: &str| json!({"groupName": name});
    devices.done("deleteConversationGroup", delete("work")).await;
    devices.flush([CHANGED, "conversationGroupDeleted"]).await;
    refused(devices.call("deleteConversationGroup", delete("work")).await, 51009, "no conversation group of this name");
    refused(devices.call("deleteConversationGroup", delete("")).await, 51011, "groupName");
    devices.silence(gateway).await;
});

scenario!(domain_2_rename_conversation_group_keeps_places_on_every_device, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    let family = json!({"groupName": "family", "conversationIDList": ["c2c_bob"]});
    devices.done("createConversationGroup", family).await;
    devices.flush([CHANGED, "conversationGroupCreated"]).await;
    devices.done("renameConversationGroup", json!({"oldName": "work", "newName": "office"})).await;
    let [changed, renamed] = devices.flush([CHANGED, "conversationGroupNameChanged"]).await;
    assert_eq!(changed.ids().len(), 2);
    assert_eq!(renamed.data, json!({"oldName": "work", "newName": "office"}));
    assert_eq!(row(gateway, "c2c_bob").await["conversationGroupList"], json!(["office", "family"]));
    let names = devices.done("getConversationGroupList", json!({})).await;
    assert_eq!(names, json!({"conversationGroupList": ["office", "family"]}));
});

scenario!(domain_2_rename_conversation_group_to_a_taken_or_wrong_name_is_refused, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    devices.done("createConversationGroup", json!({"groupName": "family"})).await;
    devices.flush(["conversationGroupCreated"]).await;
    for (old, new, code, says) in [
        ("absent", "x", 51009, "no conversation group of this name"),
        ("work", "family", 6017, "newName: there is a conversation group of this name already"),
        ("work", "", 51011, "newName"),
        ("", "work", 51011, "oldName"),
    ] {
        let answer = devices.call("renameConversationGroup", json!({"oldName": old, "newName": new})).await;
        refused(answer, code, says);
    }
    devices.done("renameConversationGroup", json!({"oldName": "work", "newName": "work"})).await;
    devices.silence(gateway).await;
});

scenario!(domain_2_rename_conversation_group_of_600_rows_renames_each, async |gateway: &Gateway| {
    let mut list = rows(600);
    list.iter_mut().for_each(|row| row["conversationGroupList"] = json!(["all"]));
    import_rows(gateway, "alice", list).await;
    let mut device = gateway.live("alice").await;
    call(gateway, "renameConversationGroup", json!({"oldName": "all", "newName": "some"})).await.unwrap();
    // The notice comes before the sync that so many rows lead to, or is covered by the names in its finish.
    loop {
        let event = device.next().await;
        let has_name = event.data["conversationGroupList"] == json!(["some"]);
        if event.name == "conversationGroupNameChanged" || event.name == "syncServerFinish" && has_name {
            break;
        }
    }
    let rows = gateway.list("alice").await;
    assert!(rows.iter().all(|row| row["conversationGroupList"] == json!(["some"])) && rows.len() == 600);
    let in_window = "group_99";
    device.read_until(|list| list.row(in_window).unwrap()["conversationGroupList"] == json!(["some"])).await;
});

/// The result of putting into, or taking out of, `work`.
async fn change(devices: &mut Devices, method: &str, ids: Value) -> Result<Value, Value> {
    devices.call(method, json!({"groupName": "work", "conversationIDList": ids})).await
}

scenario!(domain_2_add_conversations_to_group_answers_for_each_id_and_tells_every_device, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    let before = row(gateway, "c2c_carol").await;
    let asked = ["c2c_carol", "c2c_nobody", "c2c_bob"];
    let result = change(&mut devices, "addConversationsToGroup", json!(asked)).await.unwrap();
    assert_eq!(codes_of(&result, &asked), [0, 6004, 0], "group data never makes a row appear");
    let [changed, added] = devices.flush([CHANGED, "conversationsAddedToGroup"]).await;
    assert_eq!((changed.ids(), added.ids()), (vec!["c2c_carol".to_owned()], vec!["c2c_carol".to_owned()]));
    let row = changed.row();
    assert_eq!((&row["conversationGroupList"], &row["orderKey"]), (&json!(["work"]), &before["orderKey"]));
    change(&mut devices, "addConversationsToGroup", json!(asked)).await.unwrap();
    devices.silence(gateway).await;
    assert_eq!(gateway.row("alice", "c2c_nobody").await, None);
});

scenario!(
    domain_2_delete_conversations_from_group_answers_for_each_id_and_tells_every_device,
    async |gateway: &Gateway| {
        let mut devices = with_work(gateway).await;
        let asked = ["c2c_bob", "c2c_nobody", "c2c_carol"];
        let result = change(&mut devices, "deleteConversationsFromGroup", json!(asked)).await.unwrap();
        assert_eq!(codes_of(&result, &asked), [0, 6004, 0]);
        let [changed, removed] = devices.flush([CHANGED, "conversationsDeletedFromGroup"]).await;
        assert_eq!(
            (changed.row()["conversationGroupList"].clone(), removed.ids()),
            (json!([]), vec!["c2c_bob".to_owned()])
        );
        change(&mut devices, "deleteConversationsFromGroup", json!(asked)).await.unwrap();
        devices.silence(gateway).await;
        assert_eq!(row(gateway, "group_g").await["conversationGroupList"], json!(["work"]));
    }
);

scenario!(domain_2_add_conversations_to_group_that_is_not_there_is_51009, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let answer = change(&mut devices, "addConversationsToGroup", json!(["c2c_bob"])).await;
    refused(answer, 51009, "there is no conversation group of this name");
    refused(change(&mut devices, "addConversationsToGroup", json!(["bob"])).await, 6017, "conversationIDList");
    devices.silence(gateway).await;
});

scenario!(domain_2_delete_conversations_from_group_that_is_not_there_is_51009, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let answer = change(&mut devices, "deleteConversationsFromGroup", json!(["c2c_bob"])).await;
    refused(answer, 51009, "there is no conversation group of this name");
    devices.silence(gateway).await;
});

scenario!(domain_2_get_conversation_group_list_is_in_the_order_in_which_they_were_made, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    for name in ["work", "family", "app"] {
        devices.done("createConversationGroup", json!({"groupName": name})).await;
        devices.flush(["conversationGroupCreated"]).await;
    }
    let names = devices.done("getConversationGroupList", json!({})).await;
    assert_eq!(names, json!({"conversationGroupList": ["work", "family", "app"]}));
    devices.silence(gateway).await;
    let nobody = gateway.call("nobody", "getConversationGroupList", json!({})).await.unwrap();
    assert_eq!(nobody, json!({"conversationGroupList": []}));
});

scenario!(domain_2_delete_conversation_takes_the_row_out_of_its_groups_for_good, async |gateway: &Gateway| {
    gateway.send(group("g", "bob", &["alice"], 1)).await;
    let create = json!({"groupName": "work", "conversationIDList": ["group_g"]});
    gateway.call("alice", "createConversationGroup", create).await.unwrap();
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_g"})).await.unwrap();
    gateway.send(group("g", "bob", &["alice"], 2)).await;
    assert_eq!(gateway.row("alice", "group_g").await.unwrap()["conversationGroupList"], json!([]));
});
