//! Do the calls on lists of ids answer for each id, in the order asked?

use super::calls::both_ways;
use crate::support::{Value, group, ids, json};

fn codes(result: &Value) -> Vec<u64> {
    let results = result["resultList"].as_array().expect("results");
    results.iter().map(|entry| entry["resultCode"].as_u64().expect("a code")).collect()
}

#[tokio::test]
async fn several_rows_come_in_the_order_asked_with_a_result_for_each_id() {
    both_ways(async |gateway, mut via| {
        let asked = ["c2c_bob", "c2c_nobody", "group_g1", "c2c_carol"];
        let result = via.done("getConversations", json!({ "conversationIDList": asked })).await;
        let rows = result["conversationList"].as_array().unwrap();
        assert_eq!(ids(rows), ["c2c_bob", "group_g1", "c2c_carol"]);
        assert_eq!(rows[0], via.row("c2c_bob").await);
        assert_eq!(
            (ids(result["resultList"].as_array().unwrap()), codes(&result)),
            (asked.to_vec(), vec![0, 6004, 0, 0])
        );
        assert!(!result["resultList"][1]["resultInfo"].as_str().unwrap().is_empty());
        via.done("deleteConversation", json!({"conversationID": "c2c_bob"})).await;
        let result = via.done("getConversations", json!({"conversationIDList": ["c2c_bob"]})).await;
        assert_eq!((&result["conversationList"], codes(&result)), (&json!([]), vec![6004]));
        assert_eq!(gateway.list("alice").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_list_is_told_once_and_repeating_it_is_done_and_silent() {
    both_ways(async |gateway, mut via| {
        let mut device = gateway.live("alice").await;
        let list = json!({"conversationIDList": ["c2c_bob", "c2c_nobody", "group_g1"]});
        for _ in 0..2 {
            let result = via.done("deleteConversationList", list.clone()).await;
            assert_eq!((ids(result["resultList"].as_array().unwrap()).len(), codes(&result)), (3, vec![0, 0, 0]));
            device.converge(gateway).await;
            assert_eq!(ids(&device.list.rows()), ["c2c_carol"]);
        }
        device.expect_silence_until_marker(gateway).await;
        assert_eq!(gateway.total("alice").await, 1);
        let late = gateway.post("sendMessage", group("g1", "bob", &["alice"], 3)).await;
        assert_eq!(late["duplicates"], 1, "below the barrier: {late}");
    })
    .await;
}

#[tokio::test]
async fn no_ids_and_more_than_100_are_refused() {
    both_ways(async |_, mut via| {
        let many: Vec<String> = (0..101).map(|n| format!("c2c_u{n}")).collect();
        for method in ["getConversations", "deleteConversationList"] {
            assert_eq!(via.code(method, json!({"conversationIDList": []})).await, 6017);
            assert_eq!(via.code(method, json!({ "conversationIDList": many })).await, 51006);
            assert_eq!(codes(&via.done(method, json!({ "conversationIDList": many[..100] })).await).len(), 100);
        }
    })
    .await;
}
