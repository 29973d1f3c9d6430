//! docs/DOMAIN.md, 2: what a client reads of its list, page by page, row by row, and as a total.

use super::lists::{codes_of, devices, import, refused, row, three_rows};
use crate::support::{Gateway, Value, c2c, group, ids, json};

async fn page(gateway: &Gateway, next_seq: &Value, count: u32) -> Value {
    let params = json!({"nextSeq": next_seq, "count": count});
    gateway.call("alice", "getConversationList", params).await.expect("a page")
}

fn ids_of(page: &Value) -> Vec<String> {
    let rows = page["conversationList"].as_array().expect("rows");
    ids(rows).into_iter().map(str::to_owned).collect()
}

scenario!(
    domain_2_get_conversation_list_pages_by_falling_order_key_and_gives_the_cursor_first,
    async |gateway: &Gateway| {
        import(gateway, "alice", 5).await;
        let pin = json!({"conversationID": "group_3", "isPinned": true});
        gateway.call("alice", "pinConversation", pin).await.unwrap();
        let (mut next_seq, mut found) = (json!(0), Vec::new());
        for (rows, is_finished) in [(2, false), (2, false), (1, true)] {
            let page = page(gateway, &next_seq, 2).await;
            assert_eq!((ids_of(&page).len(), &page["isFinished"]), (rows, &json!(is_finished)));
            assert_eq!(page.get("cursor").is_some(), next_seq == json!(0));
            assert!(next_seq == json!(0) || page["nextSeq"].as_u64() < next_seq.as_u64(), "{page}");
            found.extend(ids_of(&page));
            next_seq = page["nextSeq"].clone();
        }
        assert_eq!(found, ["group_3", "group_0", "group_1", "group_2", "group_4"]);
    }
);

scenario!(domain_2_get_conversation_list_never_repeats_or_skips_a_row_that_stays, async |gateway: &Gateway| {
    import(gateway, "alice", 20).await;
    let (mut next_seq, mut found) = (json!(0), Vec::new());
    for seq in 8.. {
        let page = page(gateway, &next_seq, 3).await;
        found.extend(ids_of(&page));
        if page["isFinished"] == json!(true) {
            break;
        }
        assert!(page["nextSeq"].as_u64() > Some(0), "{page}");
        next_seq = page["nextSeq"].clone();
        // One row of the end and one of the middle go to the top, and one at the end goes for good.
        for number in [19, 10] {
            gateway.send(group(&number.to_string(), "bob", &["alice"], seq)).await;
        }
        let last = json!({"recipients": ["alice"], "conversationID": "group_18"});
        gateway.post("deleteConversation", last).await;
    }
    let moved = ["group_10", "group_18", "group_19"];
    found.retain(|id| !moved.contains(&id.as_str()));
    let stayed = (0..18).filter(|number| *number != 10).map(|number| format!("group_{number}"));
    assert_eq!(found, stayed.collect::<Vec<_>>());
});

scenario!(domain_2_get_conversation_list_ends_with_an_exactly_full_page, async |gateway: &Gateway| {
    import(gateway, "alice", 4).await;
    let first = page(gateway, &json!(0), 2).await;
    assert_eq!(first["isFinished"], false);
    let last = page(gateway, &first["nextSeq"], 2).await;
    assert_eq!((ids_of(&last), &last["isFinished"]), (vec!["group_2".to_owned(), "group_3".to_owned()], &json!(true)));
    let nobody = gateway.call("nobody", "getConversationList", json!({"count": 2})).await.unwrap();
    assert_eq!((&nobody["conversationList"], &nobody["isFinished"]), (&json!([]), &json!(true)));
});

scenario!(domain_2_get_conversation_list_gives_a_cursor_from_which_a_session_goes_on, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let first = page(gateway, &json!(0), 1).await;
    gateway.send(c2c("dora", "alice", 1)).await;
    let opening = gateway.opening(crate::support::Transport::Events, "alice");
    let sync = opening.since(first["cursor"].as_str().expect("a cursor")).open().await.sync().await;
    assert_eq!((sync.mode.as_str(), sync.created(), sync.changed().len()), ("replay", vec!["c2c_dora".to_owned()], 0));
});

scenario!(domain_2_get_conversation_list_says_what_is_wrong_with_its_params, async |gateway: &Gateway| {
    for (params, says) in [
        (json!({"nextSeq": 0}), "count"),
        (json!({"nextSeq": "0", "count": 1}), "nextSeq"),
        (json!({"nextSeq": -1, "count": 1}), "nextSeq"),
        (json!({"nextSeq": 0, "count": 1.5}), "count"),
        (json!({"nextSeq": 0, "count": 1, "window": 1}), "window"),
    ] {
        refused(gateway.call("alice", "getConversationList", params).await, 6017, says);
    }
});

scenario!(domain_2_get_conversation_gives_the_row_as_the_list_has_it, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let listed = gateway.list("alice").await;
    let result = devices.done("getConversation", json!({"conversationID": "c2c_bob"})).await;
    assert_eq!(result, json!({"conversation": listed[2]}));
    assert_eq!(devices.websocket.list.rows(), listed, "and as events had it");
    devices.silence(gateway).await;
});

scenario!(domain_2_get_conversation_of_a_row_that_is_not_there_is_6004, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let of = async |id: &str| gateway.call("alice", "getConversation", json!({"conversationID": id})).await;
    refused(of("c2c_nobody").await, 6004, "params.conversationID: the conversation is not in the list");
    gateway.call("alice", "deleteConversation", json!({"conversationID": "c2c_bob"})).await.unwrap();
    refused(of("c2c_bob").await, 6004, "the conversation is not in the list");
    refused(of("bob").await, 6017, "conversationID");
});

scenario!(domain_2_get_conversations_answers_for_each_id_in_the_order_asked, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let asked = ["c2c_bob", "c2c_nobody", "group_g"];
    let result = devices.done("getConversations", json!({"conversationIDList": asked})).await;
    assert_eq!(codes_of(&result, &asked), [0, 6004, 0]);
    assert_eq!(result["conversationList"], json!([row(gateway, "c2c_bob").await, row(gateway, "group_g").await]));
    devices.silence(gateway).await;
    refused(devices.call("getConversations", json!({})).await, 6017, "conversationIDList");
    let wrong = json!({"conversationIDList": ["c2c_bob", "bob"]});
    refused(devices.call("getConversations", wrong).await, 6017, "conversationIDList");
});

scenario!(domain_2_get_total_unread_message_count_is_the_sum_of_what_is_received, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let read = async || gateway.call("alice", "getTotalUnreadMessageCount", json!({})).await.unwrap();
    let newest = row(gateway, "group_g").await["version"].clone();
    assert_eq!(read().await, json!({"totalUnreadCount": 6, "version": newest}), "with the clock at which it held");
    devices.silence(gateway).await;
    let mute = json!({"conversationIDList": ["c2c_bob"], "recvOpt": 3});
    gateway.call("alice", "setReceiveMessageOpt", mute).await.unwrap();
    assert_eq!(read().await["totalUnreadCount"], 4);
    let of_nobody = gateway.call("nobody", "getTotalUnreadMessageCount", json!({})).await.unwrap();
    assert_eq!(of_nobody, json!({"totalUnreadCount": 0, "version": 0}));
    let other = gateway.call("alice", "getTotalUnreadMessageCount", json!({"userID": "bob"})).await;
    refused(other, 6017, "userID");
});
