//! docs/DOMAIN.md, 6.7 to 6.9: which faults of other services in the order of a list, its pages and its pins are not ours?

use super::lists::{both, call, code, come_back, import, number, rows};
use crate::support::{BOTH, Gateway, Value, group, ids, json, list::List};

/// The two ways to page, with the whole list as the filter.
const METHODS: [&str; 2] = ["getConversationList", "getConversationListByFilter"];

fn page_params(method: &str, next_seq: &Value, count: u64) -> Value {
    let mut params = json!({"nextSeq": next_seq, "count": count});
    if method == METHODS[1] {
        params["filter"] = json!({});
    }
    params
}

async fn page(gateway: &Gateway, method: &str, next_seq: &Value, count: u64) -> Value {
    let mut params = page_params(method, next_seq, count);
    params["userID"] = json!("alice");
    gateway.post(method, params).await
}

fn page_ids(page: &Value) -> Vec<String> {
    ids(page["conversationList"].as_array().expect("rows")).into_iter().map(str::to_owned).collect()
}

/// The ids of all pages, whose nextSeq must fall.
async fn paged(gateway: &Gateway, method: &str, count: u64) -> Vec<Vec<String>> {
    let (mut pages, mut next_seq) = (Vec::new(), json!(0));
    loop {
        let page = page(gateway, method, &next_seq, count).await;
        let (before, after) = (number(&json!({"at": next_seq}), "at"), number(&page, "nextSeq"));
        assert!(after > 0 && (before == 0 || after < before), "nextSeq {before} is followed by {after}");
        pages.push(page_ids(&page));
        if page["isFinished"] == json!(true) {
            return pages;
        }
        next_seq = page["nextSeq"].clone();
    }
}

scenario!(domain_6_7_a_row_without_a_last_message_keeps_its_place_in_the_list, async |gateway: &Gateway| {
    import(gateway, "alice", 6).await;
    let mut devices = both(gateway).await;
    gateway.call("alice", "clearHistoryMessage", json!({"conversationID": "group_2"})).await.unwrap();
    let deleted = json!({"conversation": {"type": 2, "groupID": "4"}, "sender": "bob", "recipients": ["alice"],
        "msgID": "m7", "seq": 7});
    gateway.post("deleteMessage", deleted).await;
    gateway.post("joinGroup", json!({"conversation": {"type": 2, "groupID": "new"}, "recipients": ["alice"]})).await;
    let expected = ["group_new", "group_0", "group_1", "group_2", "group_3", "group_4", "group_5"];
    let list = gateway.list("alice").await;
    assert_eq!(ids(&list), expected);
    let empty = list.iter().filter(|row| row["lastMessage"].is_null()).count();
    assert_eq!(empty, 3);
    for method in METHODS {
        assert_eq!(paged(gateway, method, 2).await.concat(), expected);
    }
    for device in &mut devices {
        device.converge(gateway).await;
    }
});

scenario!(domain_6_7_an_excluded_message_at_the_end_of_a_batch_leaves_the_preview, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    let message = |group_id: &str, seq: u64, is_excluded: bool| {
        let mut message = group(group_id, "bob", &["alice"], seq);
        message["message"]["isExcludedFromLastMessage"] = json!(is_excluded);
        json!({"method": "sendMessage", "params": message})
    };
    let batch = [message("1", 8, false), message("1", 9, true), message("2", 8, true)];
    gateway.post("batch", json!(batch)).await;
    for (id, preview, unread) in [("group_1", 8, 3), ("group_2", 7, 2)] {
        let row = gateway.row("alice", id).await.unwrap();
        assert_eq!((&row["lastMessage"]["seq"], &row["unreadCount"]), (&json!(preview), &json!(unread)), "{id}");
    }
    assert_eq!(ids(&gateway.list("alice").await), ["group_1", "group_0", "group_2"]);
    for device in &mut devices {
        device.converge(gateway).await;
    }
});

scenario!(domain_6_8_a_row_that_moves_during_paging_is_had_once_and_in_its_new_place, async |gateway: &Gateway| {
    import(gateway, "alice", 24).await;
    for (transport, first_seq) in BOTH.into_iter().zip([8, 50]) {
        let (mut list, mut had, mut next_seq) = (List::default(), Vec::new(), json!(0));
        for seq in first_seq.. {
            let page = page(gateway, METHODS[0], &next_seq, 5).await;
            had.extend(page_ids(&page));
            list.take_page(&page);
            if let Some(cursor) = page["cursor"].as_str() {
                list.cursor = Some(cursor.to_owned());
            }
            if page["isFinished"] == json!(true) {
                break;
            }
            next_seq = page["nextSeq"].clone();
            // One from what was paged, one from what was not.
            for moving in [2, 21] {
                gateway.send(group(&moving.to_string(), "bob", &["alice"], seq)).await;
            }
        }
        let once: std::collections::BTreeSet<&String> = had.iter().collect();
        assert_eq!(once.len(), had.len(), "{had:?}");
        assert!((0..24).all(|n| [2, 21].contains(&n) || had.contains(&format!("group_{n}"))), "{had:?}");
        // What moved comes by the replay since the first page.
        let mut follower = come_back(gateway, transport, &list).await;
        assert_eq!(follower.sync().await.mode, "replay");
        follower.converge(gateway).await;
    }
});

scenario!(domain_6_8_next_seq_advances_with_every_page, async |gateway: &Gateway| {
    import(gateway, "alice", 12).await;
    gateway.call("alice", "pinConversation", json!({"conversationID": "group_5", "isPinned": true})).await.unwrap();
    let expected: Vec<String> =
        gateway.list("alice").await.iter().map(|row| row["conversationID"].as_str().unwrap().to_owned()).collect();
    for method in METHODS {
        for count in [1, 5, u64::from(u32::MAX / 2)] {
            assert_eq!(paged(gateway, method, count).await.concat(), expected, "{method} {count}");
        }
    }
});

scenario!(domain_6_8_exactly_full_pages_are_finished, async |gateway: &Gateway| {
    import(gateway, "alice", 6).await;
    for method in METHODS {
        for (count, pages) in [(6, 1), (3, 2), (2, 3)] {
            assert_eq!(paged(gateway, method, count).await.len(), pages, "{method} {count}");
        }
    }
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").window(6).open().await.sync().await;
        assert_eq!(sync.finish["isFinished"], true);
    }
});

scenario!(domain_6_8_after_a_page_that_failed_paging_goes_on, async |gateway: &Gateway| {
    import(gateway, "alice", 6).await;
    let mut device = gateway.live("alice").await;
    for method in METHODS {
        let first = page(gateway, method, &json!(0), 3).await;
        let params = page_params(method, &first["nextSeq"], 3);
        let mut wrong = params.clone();
        wrong["count"] = json!("many");
        assert_eq!(code(call(gateway, method, wrong.clone()).await), 6017);
        assert_eq!(code(device.call(method, wrong).await), 6017);
        // Only Redis can be made to fail from outside.
        if gateway.redis("ACL SETUSER default -zrange").await.is_some() {
            assert!(code(call(gateway, method, params.clone()).await) >= 50_000);
            assert!(code(device.call(method, params.clone()).await) >= 50_000);
            gateway.redis("ACL SETUSER default +zrange").await;
        }
        // Calls past their rate are refused too.
        while gateway.call("alice", METHODS[1], page_params(METHODS[1], &json!(0), 1)).await.is_ok() {}
        let rest = call(gateway, method, params.clone()).await.unwrap();
        assert_eq!(
            (page_ids(&rest), &rest["isFinished"]),
            (["group_3", "group_4", "group_5"].map(str::to_owned).to_vec(), &json!(true))
        );
        assert_eq!(device.done(method, params).await, rest);
    }
});

/// Rows of which the first 50 are pinned.
async fn import_50_pinned(gateway: &Gateway) {
    let mut list = rows(55);
    list[..50].iter_mut().for_each(|row| row["isPinned"] = json!(true));
    gateway.post("importConversations", json!({"userID": "alice", "conversationList": list})).await;
}

fn pin(number: u64, is_pinned: bool) -> Value {
    json!({"conversationID": format!("group_{number}"), "isPinned": is_pinned})
}

scenario!(domain_6_9_the_51st_pin_is_refused_and_changes_nothing, async |gateway: &Gateway| {
    import_50_pinned(gateway).await;
    let mut devices = both(gateway).await;
    let before = gateway.list("alice").await;
    assert_eq!(code(gateway.call("alice", "pinConversation", pin(50, true)).await), 51012);
    gateway.call("alice", "pinConversation", pin(49, true)).await.unwrap();
    assert_eq!(gateway.list("alice").await, before);
    for device in &mut devices {
        device.expect_silence_until_marker(gateway).await;
    }
    gateway.call("alice", "pinConversation", pin(0, false)).await.unwrap();
    gateway.call("alice", "pinConversation", pin(50, true)).await.unwrap();
});

scenario!(domain_6_9_50_pins_stand_over_a_restart, async |gateway: &mut Gateway| {
    import_50_pinned(gateway).await;
    let client = gateway.live("alice").await.list;
    let before = gateway.list("alice").await;
    // In memory nothing is kept over a restart; there the clients come back without one.
    if gateway.keeps_lists() {
        gateway.restart().await;
    }
    assert_eq!(gateway.list("alice").await, before);
    assert_eq!(before.iter().take_while(|row| row["isPinned"] == json!(true)).count(), 50);
    for transport in BOTH {
        let mut device = come_back(gateway, transport, &client).await;
        assert_eq!(device.sync().await.events.len(), 1, "the total alone");
        device.converge(gateway).await;
    }
    assert_eq!(code(gateway.call("alice", "pinConversation", pin(50, true)).await), 51012);
});

scenario!(domain_6_9_pinned_rows_stand_in_the_order_of_their_activity, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    let mut devices = both(gateway).await;
    for number in [1, 3, 2] {
        gateway.call("alice", "pinConversation", pin(number, true)).await.unwrap();
    }
    assert_eq!(ids(&gateway.list("alice").await), ["group_1", "group_2", "group_3", "group_0", "group_4"]);
    gateway.send(group("3", "bob", &["alice"], 8)).await;
    gateway.send(group("4", "bob", &["alice"], 8)).await;
    assert_eq!(ids(&gateway.list("alice").await), ["group_3", "group_1", "group_2", "group_4", "group_0"]);
    gateway.call("alice", "pinConversation", pin(2, false)).await.unwrap();
    assert_eq!(ids(&gateway.list("alice").await), ["group_3", "group_1", "group_4", "group_0", "group_2"]);
    for device in &mut devices {
        device.converge(gateway).await;
    }
});
