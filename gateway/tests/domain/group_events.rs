//! docs/DOMAIN.md, 2 and PROTOCOL.md, 3: what every device hears of conversation groups, after the rows.

use super::lists::{CHANGED, DELETED, Devices, TOTAL, devices, row};
use crate::support::{Gateway, Transport, Value, group, json};

const CREATED: &str = "conversationGroupCreated";
const REMOVED: &str = "conversationGroupDeleted";
const RENAMED: &str = "conversationGroupNameChanged";
const ADDED: &str = "conversationsAddedToGroup";
const TAKEN_OUT: &str = "conversationsDeletedFromGroup";

fn work(ids: Value) -> Value {
    json!({"groupName": "work", "conversationIDList": ids})
}

/// Alice's devices with a group `work` that holds `c2c_bob`.
async fn with_work(gateway: &Gateway) -> Devices {
    let mut devices = devices(gateway).await;
    devices.done("createConversationGroup", work(json!(["c2c_bob"]))).await;
    devices.flush([CHANGED, CREATED]).await;
    devices
}

scenario!(domain_event_conversation_group_created_names_the_group_and_what_is_in_it, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let asked = json!(["c2c_bob", "c2c_nobody", "group_g"]);
    devices.done("createConversationGroup", work(asked)).await;
    let [changed, created] = devices.flush([CHANGED, CREATED]).await;
    assert_eq!(created.data, work(json!(["c2c_bob", "group_g"])));
    assert!(
        changed.data["conversationList"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["conversationGroupList"] == json!(["work"]))
    );
    devices.done("createConversationGroup", json!({"groupName": "empty"})).await;
    let [created] = devices.flush([CREATED]).await;
    assert_eq!(created.data, json!({"groupName": "empty", "conversationIDList": []}));
});

scenario!(domain_event_conversation_group_deleted_comes_after_its_rows, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    devices.done("deleteConversationGroup", json!({"groupName": "work"})).await;
    let [changed, removed] = devices.flush([CHANGED, REMOVED]).await;
    assert_eq!((&changed.row()["conversationGroupList"], &removed.data), (&json!([]), &json!({"groupName": "work"})));
    devices.silence(gateway).await;
});

scenario!(domain_event_conversation_group_name_changed_has_both_names, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    devices.done("renameConversationGroup", json!({"oldName": "work", "newName": "office"})).await;
    let [changed, renamed] = devices.flush([CHANGED, RENAMED]).await;
    assert_eq!(changed.row()["conversationGroupList"], json!(["office"]));
    assert_eq!(renamed.data, json!({"oldName": "work", "newName": "office"}));
});

scenario!(domain_event_conversations_added_to_group_names_only_what_was_not_in_it, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    devices.done("addConversationsToGroup", work(json!(["c2c_bob", "group_g", "c2c_nobody"]))).await;
    let [changed, added] = devices.flush([CHANGED, ADDED]).await;
    assert_eq!((changed.ids(), added.data), (vec!["group_g".to_owned()], work(json!(["group_g"]))));
    devices.done("createConversationGroup", work(json!(["c2c_carol"]))).await;
    let [_, added] = devices.flush([CHANGED, ADDED]).await;
    assert_eq!(added.data, work(json!(["c2c_carol"])), "a group that is there is added to");
});

scenario!(domain_event_conversations_deleted_from_group_names_only_what_was_in_it, async |gateway: &Gateway| {
    let mut devices = with_work(gateway).await;
    devices.done("deleteConversationsFromGroup", work(json!(["group_g", "c2c_bob"]))).await;
    let [changed, taken_out] = devices.flush([CHANGED, TAKEN_OUT]).await;
    assert_eq!((changed.ids(), taken_out.data), (vec!["c2c_bob".to_owned()], work(json!(["c2c_bob"]))));
});

scenario!(
    domain_event_conversations_deleted_from_group_does_not_come_for_a_row_that_is_deleted,
    async |gateway: &Gateway| {
        let mut devices = with_work(gateway).await;
        devices.done("deleteConversation", json!({"conversationID": "c2c_bob"})).await;
        devices.flush([DELETED, TOTAL]).await;
        devices.silence(gateway).await;
    }
);

scenario!(domain_event_conversation_group_created_is_not_needed_by_who_was_away, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = devices.websocket.list.cursor.clone().expect("a cursor");
    devices.done("createConversationGroup", work(json!(["group_g"]))).await;
    devices.flush([CHANGED, CREATED]).await;
    let mut device = gateway.opening(Transport::Events, "alice").since(&before).open().await;
    let sync = device.sync().await;
    assert_eq!((sync.mode.as_str(), sync.changed()), ("replay", vec!["group_g".to_owned()]));
    assert_eq!(sync.finish["conversationGroupList"], json!(["work"]), "the names are in every finish");
    gateway.send(group("g", "bob", &["alice"], 4)).await;
    assert_eq!(device.expect(CHANGED).await.row()["conversationGroupList"], json!(["work"]));
    assert_eq!(row(gateway, "group_g").await["unreadCount"], 4);
});
