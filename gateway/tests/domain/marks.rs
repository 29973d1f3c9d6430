//! docs/DOMAIN.md, 2: marks and the app's own data.

use super::lists::{CHANGED, codes_of, devices, refused, row};
use crate::support::{Gateway, Value, json};

fn mark(ids: &[&str], mark_type: Value, enable: bool) -> Value {
    json!({"conversationIDList": ids, "markType": mark_type, "enableMark": enable})
}

fn data(ids: &[&str], custom_data: &str) -> Value {
    json!({"conversationIDList": ids, "customData": custom_data})
}

scenario!(domain_2_mark_conversation_sets_several_bits_at_once_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "c2c_bob").await;
    devices.done("markConversation", mark(&["c2c_bob"], json!([1, "4294967296"]), true)).await;
    let [changed] = devices.flush([CHANGED]).await;
    assert_eq!(changed.row()["markList"], json!([1, 1_u64 << 32]), "as single bits");
    assert_eq!(changed.row()["orderKey"], before["orderKey"]);
    devices.done("markConversation", mark(&["c2c_bob"], json!(4 | 8), true)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["markList"], json!([1, 4, 8, 1_u64 << 32]));
    devices.done("markConversation", mark(&["c2c_bob"], json!("5"), false)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["markList"], json!([8, 1_u64 << 32]));
});

scenario!(domain_2_mark_conversation_keeps_custom_bits_up_to_2_63_exact, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let all = (u64::MAX << 32).to_string();
    devices.done("markConversation", mark(&["c2c_bob"], json!(all), true)).await;
    let bits: Vec<u64> = (32..64).map(|place| 1 << place).collect();
    assert_eq!(devices.flush([CHANGED]).await[0].row()["markList"], json!(bits));
    // What JavaScript writes for 2 ** 63.
    devices.done("markConversation", mark(&["c2c_bob"], json!(9_223_372_036_854_776_000_u64), false)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["markList"], json!(bits[..31]));
});

scenario!(domain_2_mark_conversation_only_records_what_unread_and_hide_mean, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = gateway.list("alice").await;
    devices.done("markConversation", mark(&["c2c_bob"], json!([2, 8]), true)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["unreadCount"], 2);
    assert_eq!((gateway.list("alice").await.len(), gateway.total("alice").await), (before.len(), 6));
});

scenario!(domain_2_mark_conversation_answers_for_each_id_and_repeated_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let asked = ["group_g", "c2c_nobody", "c2c_bob"];
    let result = devices.done("markConversation", mark(&asked, json!(1), true)).await;
    assert_eq!(codes_of(&result, &asked), [0, 6004, 0]);
    assert_eq!(devices.flush([CHANGED]).await[0].ids(), [asked[0], asked[2]]);
    devices.done("markConversation", mark(&asked, json!(1), true)).await;
    devices.done("markConversation", mark(&asked, json!(4), false)).await;
    devices.silence(gateway).await;
    assert_eq!(gateway.row("alice", "c2c_nobody").await, None);
});

scenario!(domain_2_mark_conversation_refuses_each_row_that_is_newer, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let newest = row(gateway, "group_g").await;
    let mut params = mark(&["c2c_bob", "group_g", "c2c_nobody"], json!(1), true);
    params["ifVersion"] = row(gateway, "c2c_bob").await["version"].clone();
    let result = devices.done("markConversation", params).await;
    assert_eq!(codes_of(&result, &["c2c_bob", "group_g", "c2c_nobody"]), [0, 6017, 6004]);
    assert_eq!(result["resultList"][1]["conversation"], newest);
    assert_eq!(devices.flush([CHANGED]).await[0].ids(), ["c2c_bob"]);
});

scenario!(domain_2_mark_conversation_says_which_bits_there_are, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let expected = "expected 1, 2, 4, 8 or 2^32 to 2^63, or a sum of them";
    for wrong in [json!(0), json!(16), json!([1, 2_147_483_648_u64]), json!([])] {
        refused(devices.call("markConversation", mark(&["c2c_bob"], wrong, true)).await, 6017, expected);
    }
    for wrong in [json!("star"), json!(-1), json!(null), json!(1.5)] {
        refused(devices.call("markConversation", mark(&["c2c_bob"], wrong, true)).await, 6017, "markType");
    }
    devices.silence(gateway).await;
});

scenario!(domain_2_set_conversation_custom_data_keeps_the_rows_place_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "c2c_bob").await;
    for text in [r#"{"color":"red"}"#, ""] {
        devices.done("setConversationCustomData", data(&["c2c_bob"], text)).await;
        let [changed] = devices.flush([CHANGED]).await;
        assert_eq!((&changed.row()["customData"], &changed.row()["orderKey"]), (&json!(text), &before["orderKey"]));
    }
});

scenario!(
    domain_2_set_conversation_custom_data_answers_for_each_id_and_repeated_sends_nothing,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let asked = ["group_g", "c2c_nobody", "c2c_bob"];
        let result = devices.done("setConversationCustomData", data(&asked, "x")).await;
        assert_eq!(codes_of(&result, &asked), [0, 6004, 0]);
        assert_eq!(devices.flush([CHANGED]).await[0].ids(), [asked[0], asked[2]]);
        let again = devices.done("setConversationCustomData", data(&asked, "x")).await;
        assert_eq!(codes_of(&again, &asked), [0, 6004, 0]);
        devices.done("setConversationCustomData", data(&["c2c_carol"], "")).await;
        devices.silence(gateway).await;
    }
);

scenario!(domain_2_set_conversation_custom_data_refuses_each_row_that_is_newer, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let newest = row(gateway, "group_g").await;
    let mut params = data(&["group_g", "c2c_bob", "c2c_nobody"], "x");
    params["ifVersion"] = row(gateway, "c2c_bob").await["version"].clone();
    let result = devices.done("setConversationCustomData", params).await;
    assert_eq!(codes_of(&result, &["group_g", "c2c_bob", "c2c_nobody"]), [6017, 0, 6004]);
    assert_eq!(result["resultList"][0]["conversation"], newest);
    assert_eq!(devices.flush([CHANGED]).await[0].ids(), ["c2c_bob"]);
    refused(
        devices.call("setConversationCustomData", json!({"conversationIDList": ["c2c_bob"]})).await,
        6017,
        "customData",
    );
});
