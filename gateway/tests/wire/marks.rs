//! Do marks and custom data reach all devices, and do lists of ids answer for each?

use super::calls::both_ways;
use crate::support::{Value, backend::but, group, json};

fn codes(result: &Value) -> Vec<u64> {
    let results = result["resultList"].as_array().expect("results");
    results.iter().map(|entry| entry["resultCode"].as_u64().expect("a code")).collect()
}

#[tokio::test]
async fn marks_are_told_as_single_bits_and_keep_the_rows_place() {
    both_ways(async |gateway, mut via| {
        let mut device = gateway.live("alice").await;
        let before = via.row("c2c_bob").await;
        let mark = |mark_type: Value, enable: bool| {
            json!({"conversationIDList": ["c2c_bob", "c2c_nobody"], "markType": mark_type, "enableMark": enable})
        };
        // What JavaScript writes for 2 ** 63.
        for mark_type in [json!([2, "4294967296"]), json!(9_223_372_036_854_776_000_u64), json!("1")] {
            assert_eq!(codes(&via.done("markConversation", mark(mark_type, true)).await), [0, 6004]);
        }
        device.converge(gateway).await;
        let row = device.list.row("c2c_bob").unwrap().clone();
        assert_eq!(row["markList"], json!([1, 2, 1_u64 << 32, 1_u64 << 63]));
        assert_eq!((&row["orderKey"], &row["unreadCount"]), (&before["orderKey"], &before["unreadCount"]));
        via.done("markConversation", mark(json!(3), true)).await;
        device.expect_silence_until_marker(gateway).await;
        via.done("markConversation", mark(json!("9223372036854775811"), false)).await;
        assert_eq!(via.row("c2c_bob").await["markList"], json!([1_u64 << 32]));
    })
    .await;
}

#[tokio::test]
async fn reserved_marks_and_long_data_are_refused_as_a_whole() {
    both_ways(async |gateway, mut via| {
        let before = gateway.list("alice").await;
        for mark_type in [json!(0), json!(16), json!([1, 2_147_483_648_u64]), json!("x"), json!(-1), json!([])] {
            let params = json!({"conversationIDList": ["c2c_bob"], "markType": mark_type, "enableMark": true});
            assert_eq!(via.code("markConversation", params).await, 6017, "{mark_type}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("c2c_u{n}")).collect();
        let params = json!({"conversationIDList": many, "markType": 1, "enableMark": true});
        assert_eq!(via.code("markConversation", params).await, 51006);
        let params = json!({"conversationIDList": ["c2c_bob"], "customData": "é".repeat(129)});
        assert_eq!(via.code("setConversationCustomData", params).await, 6017);
        assert_eq!(gateway.list("alice").await, before);
    })
    .await;
}

#[tokio::test]
async fn custom_data_is_the_same_on_every_device_and_goes_with_the_row() {
    both_ways(async |gateway, mut via| {
        let mut device = gateway.live("alice").await;
        let data = "é".repeat(128);
        let params = json!({"conversationIDList": ["c2c_nobody", "group_g1"], "customData": data});
        assert_eq!(codes(&via.done("setConversationCustomData", params.clone()).await), [6004, 0]);
        assert_eq!(device.expect("conversationChanged").await.row()["customData"], data);
        via.done("setConversationCustomData", params).await;
        device.expect_silence_until_marker(gateway).await;
        via.done("deleteConversation", json!({"conversationID": "group_g1"})).await;
        gateway.send(group("g1", "bob", &["alice"], 9)).await;
        assert_eq!(via.row("group_g1").await["customData"], "");
    })
    .await;
}

#[tokio::test]
async fn if_version_refuses_for_each_row_that_is_newer() {
    both_ways(async |_, mut via| {
        let (bob, carol) = (via.row("c2c_bob").await, via.row("c2c_carol").await);
        let list = json!(["c2c_bob", "c2c_carol", "c2c_nobody"]);
        let calls = [
            ("markConversation", json!({"conversationIDList": list, "markType": 1, "enableMark": true})),
            ("setConversationCustomData", json!({"conversationIDList": list, "customData": "x"})),
        ];
        for (method, params) in &calls {
            let older = json!(bob["version"].as_u64().unwrap() - 1);
            let result = via.done(method, but(params.clone(), "/ifVersion", older)).await;
            assert_eq!(codes(&result), [6017, 6017, 6004], "{method}");
            assert_eq!(result["resultList"][0]["conversation"], bob);
            assert_eq!(result["resultList"][1]["conversation"], carol);
        }
        for (method, params) in calls {
            let newest = json!(via.row("c2c_carol").await["version"].as_u64());
            assert_eq!(codes(&via.done(method, but(params, "/ifVersion", newest)).await), [0, 0, 6004], "{method}");
        }
    })
    .await;
}
