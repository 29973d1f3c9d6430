//! docs/DOMAIN.md, 2: drafts, which all devices of a user share.

use super::lists::{CHANGED, NEW, devices, refused, row};
use crate::support::{Gateway, Value, ids, json};

fn draft(id: &str, text: &str) -> Value {
    json!({"conversationID": id, "draftText": text})
}

scenario!(domain_2_set_conversation_draft_raises_the_row_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    assert_eq!(devices.done("setConversationDraft", draft("c2c_bob", "a draft")).await, json!({}));
    let [changed] = devices.flush([CHANGED]).await;
    let row = changed.row();
    assert_eq!((&row["draftText"], &row["unreadCount"]), (&json!("a draft"), &json!(2)));
    assert!(row["draftTimestamp"].as_u64() > Some(1_700_000_000), "in seconds: {row}");
    assert_eq!(ids(&gateway.list("alice").await), ["c2c_bob", "group_g", "c2c_carol"]);
});

scenario!(domain_2_set_conversation_draft_makes_the_row_if_unknown, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let mut first = draft("c2c_dora", "hello");
    first["ifVersion"] = json!(1);
    devices.done("setConversationDraft", first).await;
    let [new] = devices.flush([NEW]).await;
    assert_eq!((&new.row()["lastMessage"], &new.row()["unreadCount"]), (&Value::Null, &json!(0)));
    assert_eq!(gateway.list("alice").await[0], *new.row(), "a row that is not there is not newer");
});

scenario!(domain_2_set_conversation_draft_cleared_leaves_the_row_where_it_is, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("setConversationDraft", draft("c2c_bob", "a draft")).await;
    let [set] = devices.flush([CHANGED]).await;
    devices.done("setConversationDraft", draft("c2c_bob", "")).await;
    let [cleared] = devices.flush([CHANGED]).await;
    let row = cleared.row();
    assert_eq!((&row["draftText"], &row["draftTimestamp"]), (&json!(""), &json!(0)));
    assert_eq!(row["orderKey"], set.row()["orderKey"]);
});

scenario!(domain_2_set_conversation_draft_repeated_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("setConversationDraft", draft("c2c_bob", "a draft")).await;
    devices.flush([CHANGED]).await;
    let before = gateway.list("alice").await;
    devices.done("setConversationDraft", draft("c2c_bob", "a draft")).await;
    for id in ["c2c_carol", "c2c_nobody"] {
        devices.done("setConversationDraft", draft(id, "")).await;
    }
    assert_eq!(gateway.list("alice").await, before, "an empty draft makes no row");
    devices.silence(gateway).await;
});

scenario!(
    domain_2_set_conversation_draft_lets_the_last_write_win_unless_if_version_is_older,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let version = row(gateway, "c2c_bob").await["version"].clone();
        let mut offline = draft("c2c_bob", "written offline");
        offline["ifVersion"] = version;
        for text in ["first", "second"] {
            devices.done("setConversationDraft", draft("c2c_bob", text)).await;
            devices.flush([CHANGED]).await;
        }
        let newest = row(gateway, "c2c_bob").await;
        assert_eq!(newest["draftText"], "second");
        let error = devices.call("setConversationDraft", offline.clone()).await.unwrap_err();
        assert_eq!((&error["code"], &error["conversation"]), (&json!(6017), &newest), "with the row as it is");
        devices.silence(gateway).await;
        offline["ifVersion"] = newest["version"].clone();
        devices.done("setConversationDraft", offline).await;
        assert_eq!(devices.flush([CHANGED]).await[0].row()["draftText"], "written offline");
    }
);

scenario!(domain_2_set_conversation_draft_says_what_is_wrong_with_its_params, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    for (params, says) in [
        (json!({"conversationID": "c2c_bob"}), "draftText"),
        (json!({"conversationID": "c2c_bob", "draftText": 1}), "draftText"),
        (draft("bob", "x"), "conversationID"),
        (json!({"conversationID": "c2c_bob", "draftText": "x", "ifVersion": "1"}), "ifVersion"),
    ] {
        refused(devices.call("setConversationDraft", params).await, 6017, says);
    }
    devices.silence(gateway).await;
});
