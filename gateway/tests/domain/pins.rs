//! docs/DOMAIN.md, 2: pinned rows.

use super::lists::{CHANGED, NEW, devices, refused, row};
use crate::support::{Gateway, Value, ids, json};

/// What pinning adds to an orderKey.
const PIN_BIT: u64 = 1 << 52;

fn pin(id: &str, is_pinned: bool) -> Value {
    json!({"conversationID": id, "isPinned": is_pinned})
}

scenario!(domain_2_pin_conversation_lifts_the_row_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "c2c_bob").await;
    assert_eq!(devices.done("pinConversation", pin("c2c_bob", true)).await, json!({}));
    let [changed] = devices.flush([CHANGED]).await;
    assert_eq!(changed.row()["isPinned"], true);
    let order_key = changed.row()["orderKey"].as_u64().unwrap();
    assert_eq!(order_key - PIN_BIT, before["orderKey"].as_u64().unwrap());
    assert_eq!(ids(&gateway.list("alice").await), ["c2c_bob", "group_g", "c2c_carol"]);
    devices.done("pinConversation", pin("c2c_bob", false)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["orderKey"], before["orderKey"]);
});

scenario!(domain_2_pin_conversation_keeps_the_pinned_in_order_of_activity, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    for id in ["group_g", "c2c_bob", "c2c_carol"] {
        devices.done("pinConversation", pin(id, true)).await;
    }
    assert_eq!(ids(&gateway.list("alice").await), ["group_g", "c2c_carol", "c2c_bob"]);
    gateway.send(crate::support::c2c("bob", "alice", 3)).await;
    assert_eq!(ids(&gateway.list("alice").await), ["c2c_bob", "group_g", "c2c_carol"]);
});

scenario!(domain_2_pin_conversation_makes_the_row_if_unknown, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("pinConversation", pin("c2c_dora", true)).await;
    let [new] = devices.flush([NEW]).await;
    assert_eq!((&new.row()["isPinned"], &new.row()["lastMessage"]), (&json!(true), &Value::Null));
    assert_eq!(gateway.list("alice").await[0], *new.row());
});

scenario!(domain_2_pin_conversation_repeated_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("pinConversation", pin("c2c_bob", true)).await;
    devices.flush([CHANGED]).await;
    let before = gateway.list("alice").await;
    for (id, is_pinned) in [("c2c_bob", true), ("c2c_carol", false), ("c2c_nobody", false)] {
        assert_eq!(devices.done("pinConversation", pin(id, is_pinned)).await, json!({}), "{id}");
    }
    assert_eq!(gateway.list("alice").await, before, "unpinning what is not there makes no row");
    devices.silence(gateway).await;
});

scenario!(domain_2_pin_conversation_is_refused_with_the_row_where_that_is_newer, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let newest = row(gateway, "c2c_bob").await;
    let mut params = pin("c2c_bob", true);
    params["ifVersion"] = json!(newest["version"].as_u64().unwrap() - 1);
    let error = devices.call("pinConversation", params.clone()).await.unwrap_err();
    assert_eq!((&error["code"], &error["conversation"]), (&json!(6017), &newest));
    refused(Err(error), 6017, "ifVersion: the conversation has changed since");
    devices.silence(gateway).await;
    params["ifVersion"] = newest["version"].clone();
    devices.done("pinConversation", params).await;
    devices.flush([CHANGED]).await;
});

scenario!(domain_2_pin_conversation_says_what_is_wrong_with_its_params, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    for (params, says) in [
        (json!({"conversationID": "c2c_bob"}), "isPinned"),
        (json!({"conversationID": "c2c_bob", "isPinned": 1}), "isPinned"),
        (json!({"conversationID": "c2c_bob", "isPinned": true, "force": true}), "force"),
        (pin("bob", true), "conversationID"),
    ] {
        refused(devices.call("pinConversation", params).await, 6017, says);
    }
    devices.silence(gateway).await;
});
