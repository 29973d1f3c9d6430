//! docs/DOMAIN.md, 2 and 4: filtered pages, and unread totals by filter.

use super::lists::{CHANGED, TOTAL, devices, flush, import, refused, row};
use crate::support::{BOTH, Gateway, Transport, Value, c2c, group, ids, json};

const BY_FILTER: &str = "unreadMessageCountChangedByFilter";

async fn page(gateway: &Gateway, filter: Value, next_seq: Value, count: u32) -> Value {
    let params = json!({"userID": "alice", "filter": filter, "nextSeq": next_seq, "count": count});
    gateway.post("getConversationListByFilter", params).await
}

/// The ids of all pages of a filter.
async fn listed(gateway: &Gateway, filter: Value) -> Vec<String> {
    let (mut found, mut next_seq) = (Vec::new(), json!(0));
    loop {
        let page = page(gateway, filter.clone(), next_seq, 2).await;
        found.extend(ids(page["conversationList"].as_array().unwrap()).into_iter().map(str::to_owned));
        if page["isFinished"] == json!(true) {
            return found;
        }
        next_seq = page["nextSeq"].clone();
    }
}

scenario!(domain_2_get_conversation_list_by_filter_has_five_conditions, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    let call = async |method: &str, params| gateway.call("alice", method, params).await.unwrap();
    call("cleanConversationUnreadMessageCount", json!({"conversationID": "group_1"})).await;
    call("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true})).await;
    let mark = json!({"conversationIDList": ["group_2", "c2c_bob"], "markType": [1, "9223372036854775808"], "enableMark": true});
    call("markConversation", mark).await;
    call("createConversationGroup", json!({"groupName": "work", "conversationIDList": ["group_3", "group_2"]})).await;
    let mut message = group("4", "bob", &["alice"], 8);
    message["message"]["atUserList"] = json!(["alice"]);
    gateway.send(message).await;
    let all = ["c2c_bob", "group_4", "group_0", "group_1", "group_2", "group_3"];
    for (filter, expected) in [
        (json!({}), &all[..]),
        (json!({"type": 0}), &all[..]),
        (json!({"type": 1}), &["c2c_bob"]),
        (json!({"type": 2, "hasUnreadCount": false}), &["group_1"]),
        (json!({"conversationGroup": ""}), &["c2c_bob", "group_4", "group_0", "group_1"]),
        (json!({"conversationGroup": "work"}), &["group_2", "group_3"]),
        (json!({"conversationGroup": "absent"}), &[]),
        (json!({"markType": 0}), &["group_4", "group_0", "group_1", "group_3"]),
        (json!({"markType": [1, 2]}), &["c2c_bob", "group_2"]),
        (json!({"markType": 9_223_372_036_854_776_000_u64}), &["c2c_bob", "group_2"]),
        (json!({"markType": 2}), &[]),
        (json!({"hasGroupAtInfo": true}), &["group_4"]),
        (json!({"hasUnreadCount": true, "hasGroupAtInfo": false, "markType": 1}), &["group_2"]),
    ] {
        assert_eq!(listed(gateway, filter.clone()).await, expected, "{filter}");
    }
});

scenario!(domain_2_get_conversation_list_by_filter_says_what_is_wrong_with_a_filter, async |gateway: &Gateway| {
    for (bad, says) in [
        (json!({"type": 3}), "filter.type"),
        (json!({"markType": 16}), "expected 1, 2, 4, 8 or 2^32 to 2^63"),
        (json!({"hasUnreadCount": 1}), "filter.hasUnreadCount"),
        (json!({"more": 1}), "more"),
        (json!(7), "filter"),
    ] {
        let params = json!({"userID": "alice", "filter": bad, "nextSeq": 0, "count": 5});
        refused(gateway.backend("getConversationListByFilter", params).await, 6017, says);
    }
});

scenario!(
    domain_2_get_conversation_list_by_filter_neither_repeats_nor_skips_a_row_that_stays,
    async |gateway: &Gateway| {
        import(gateway, "alice", 30).await;
        let odd: Vec<String> = (1..30).step_by(2).map(|number| format!("group_{number}")).collect();
        let mark = json!({"conversationIDList": odd, "markType": 1, "enableMark": true});
        gateway.call("alice", "markConversation", mark).await.unwrap();
        let (mut found, mut next_seq, mut seq) = (Vec::new(), json!(0), 8);
        loop {
            let page = page(gateway, json!({"markType": 1}), next_seq, 4).await;
            found.extend(ids(page["conversationList"].as_array().unwrap()).into_iter().map(str::to_owned));
            if page["isFinished"] == json!(true) {
                break;
            }
            assert!(page["nextSeq"].as_u64() > Some(0));
            next_seq = page["nextSeq"].clone();
            // Rows move to the top, and one of the other kind goes.
            for number in [0, 2, 29] {
                gateway.send(group(&number.to_string(), "bob", &["alice"], seq)).await;
            }
            seq += 1;
        }
        let staying: Vec<String> = (1..29).step_by(2).map(|number| format!("group_{number}")).collect();
        found.retain(|id| id != "group_29");
        assert_eq!(found, staying);
    }
);

scenario!(domain_2_get_conversation_list_by_filter_ends_with_an_exactly_full_page, async |gateway: &Gateway| {
    import(gateway, "alice", 6).await;
    let first = page(gateway, json!({"type": 2}), json!(0), 6).await;
    assert_eq!((first["conversationList"].as_array().unwrap().len(), &first["isFinished"]), (6, &json!(true)));
    assert!(first["cursor"].is_string());
    let none = page(gateway, json!({"type": 1}), json!(0), 6).await;
    assert_eq!((&none["conversationList"], &none["isFinished"]), (&json!([]), &json!(true)));
});

async fn total(gateway: &Gateway, filter: Value) -> u64 {
    let result = gateway.call("alice", "getUnreadMessageCountByFilter", json!({"filter": filter})).await.unwrap();
    result["totalUnreadCount"].as_u64().unwrap()
}

scenario!(domain_2_get_unread_message_count_by_filter_counts_what_passes_and_is_received, async |gateway: &Gateway| {
    import(gateway, "alice", 4).await;
    let mark = json!({"conversationIDList": ["group_0", "group_1"], "markType": 1, "enableMark": true});
    gateway.call("alice", "markConversation", mark).await.unwrap();
    assert_eq!((total(gateway, json!({})).await, total(gateway, json!({"markType": 1})).await), (4, 2));
    let mute = json!({"conversationIDList": ["group_0"], "recvOpt": 2});
    gateway.call("alice", "setReceiveMessageOpt", mute).await.unwrap();
    assert_eq!((total(gateway, json!({})).await, total(gateway, json!({"markType": 1})).await), (3, 1));
    assert_eq!(total(gateway, json!({"conversationGroup": "absent"})).await, 0);
});

scenario!(domain_2_get_unread_message_count_by_filter_has_the_clock_and_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let newest = row(gateway, "group_g").await["version"].clone();
    let result = devices.done("getUnreadMessageCountByFilter", json!({"filter": {"type": 1}})).await;
    assert_eq!(result, json!({"totalUnreadCount": 3, "version": newest}));
    devices.silence(gateway).await;
    let wrong = devices.call("getUnreadMessageCountByFilter", json!({"filter": {"hasGroupAtInfo": "yes"}})).await;
    refused(wrong, 6017, "filter.hasGroupAtInfo");
});

scenario!(domain_2_subscribe_unread_message_count_by_filter_tells_only_what_differs, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut device = gateway.live("alice").await;
    let starred = json!({"filter": {"markType": 1}});
    let answer = device.done("subscribeUnreadMessageCountByFilter", starred.clone()).await;
    assert_eq!(answer["totalUnreadCount"], 0);
    let mark = |enable: bool| json!({"conversationIDList": ["group_1"], "markType": 1, "enableMark": enable});
    gateway.call("alice", "markConversation", mark(true)).await.unwrap();
    device.expect("conversationChanged").await;
    let told = device.expect("unreadMessageCountChangedByFilter").await;
    assert_eq!((&told.data["filter"], &told.data["totalUnreadCount"]), (&json!({"markType": 1}), &json!(1)));
    assert!(told.cursor.is_some() && told.data["version"].as_u64() > answer["version"].as_u64());
    gateway.send(group("2", "bob", &["alice"], 8)).await;
    device.expect("conversationChanged").await;
    device.expect("totalUnreadMessageCountChanged").await;
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_1"})).await.unwrap();
    device.expect("conversationDeleted").await;
    device.expect("totalUnreadMessageCountChanged").await;
    assert_eq!(device.expect("unreadMessageCountChangedByFilter").await.data["totalUnreadCount"], 0);
    device.done("unsubscribeUnreadMessageCountByFilter", starred.clone()).await;
    device.done("unsubscribeUnreadMessageCountByFilter", starred).await;
    let mark = json!({"conversationIDList": ["group_0"], "markType": 1, "enableMark": true});
    gateway.call("alice", "markConversation", mark).await.unwrap();
    device.expect("conversationChanged").await;
    device.expect_silence_until_marker(gateway).await;
});

scenario!(
    domain_2_subscribe_unread_message_count_by_filter_is_once_however_it_is_written,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let mark = json!({"conversationIDList": ["c2c_bob"], "markType": 1, "enableMark": true});
        devices.done("markConversation", mark).await;
        devices.flush([CHANGED]).await;
        for filter in [json!({"markType": [2, 1]}), json!({"markType": "3", "type": 0}), json!({"markType": 3})] {
            let answer = devices.done("subscribeUnreadMessageCountByFilter", json!({"filter": filter})).await;
            assert_eq!(answer["totalUnreadCount"], 2, "the answer has the total");
        }
        devices.silence(gateway).await;
        gateway.send(c2c("bob", "alice", 3)).await;
        let told = flush(&mut devices.websocket, &[CHANGED, TOTAL, BY_FILTER]).await;
        let expected =
            json!({"filter": {"markType": [1, 2]}, "totalUnreadCount": 3, "version": told[1].data["version"]});
        assert_eq!(told[2].data, expected);
        flush(&mut devices.events, &[CHANGED, TOTAL]).await;
        devices.silence(gateway).await;
    }
);

scenario!(domain_2_subscribe_unread_message_count_by_filter_is_for_live_sessions_only, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let over_http = gateway.call("alice", "subscribeUnreadMessageCountByFilter", json!({"filter": {}})).await;
    refused(over_http, 6017, "subscribeUnreadMessageCountByFilter is for WebSocket sessions only");
    let wrong = json!({"filter": {"type": 3}});
    refused(devices.call("subscribeUnreadMessageCountByFilter", wrong).await, 6017, "filter.type");
    refused(devices.call("subscribeUnreadMessageCountByFilter", json!({})).await, 6017, "filter");
});

scenario!(
    domain_2_unsubscribe_unread_message_count_by_filter_ends_the_telling_and_is_repeatable,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        devices.done("subscribeUnreadMessageCountByFilter", json!({"filter": {"type": 1}})).await;
        for written in [json!({"type": 1}), json!({"type": 1}), json!({"type": 2})] {
            let answer = devices.done("unsubscribeUnreadMessageCountByFilter", json!({"filter": written})).await;
            assert_eq!(answer, json!({}));
        }
        gateway.send(c2c("bob", "alice", 3)).await;
        devices.flush([CHANGED, TOTAL]).await;
        devices.silence(gateway).await;
        let over_http = gateway.call("alice", "unsubscribeUnreadMessageCountByFilter", json!({"filter": {}})).await;
        refused(over_http, 6017, "unsubscribeUnreadMessageCountByFilter is for WebSocket sessions only");
    }
);

scenario!(
    domain_event_unread_message_count_changed_by_filter_comes_for_filters_of_the_query_after_the_first_sync,
    async |gateway: &Gateway| {
        import(gateway, "alice", 3).await;
        for transport in BOTH {
            let connect = async |since: Option<&str>| {
                let opening = gateway.opening(transport, "alice").query("filter", r#"{"hasUnreadCount":true}"#);
                let opening = opening.query("filter", r#"{"type":1}"#);
                let mut device = since.into_iter().fold(opening, |opening, since| opening.since(since)).open().await;
                let sync = device.sync().await;
                let first = device.expect("unreadMessageCountChangedByFilter").await;
                let second = device.expect("unreadMessageCountChangedByFilter").await;
                assert_eq!((&first.data["filter"], &first.cursor), (&json!({"hasUnreadCount": true}), &None));
                assert_eq!(
                    (&second.data["filter"], &second.data["totalUnreadCount"]),
                    (&json!({"type": 1}), &json!(0))
                );
                (sync.cursor, first.data["totalUnreadCount"].as_u64().unwrap())
            };
            let (cursor, total) = connect(None).await;
            assert_eq!(total, gateway.total("alice").await);
            gateway
                .call("alice", "cleanConversationUnreadMessageCount", json!({"conversationID": "group_1"}))
                .await
                .unwrap();
            let (_, total) = connect(Some(&cursor)).await;
            assert_eq!(total, gateway.total("alice").await);
        }
        let refused = gateway.opening(Transport::Events, "alice").query("filter", "{").refused_events().await;
        assert_eq!((refused.status, refused.json()["error"]["code"].as_u64()), (400, Some(6017)));
    }
);
