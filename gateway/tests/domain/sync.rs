//! docs/DOMAIN.md, 5: what does a sync say, in which order, and what does a client that has only a part make of it?

use super::lists::{both, call, come_back, delete, import, number};
use crate::support::{BOTH, Gateway, Value, c2c, group, json, list::Event, session::Sync};

fn names(sync: &Sync) -> Vec<&str> {
    sync.events.iter().map(|event| event.name.as_str()).collect()
}

scenario!(domain_5_1_a_session_begins_with_one_start_and_one_finish_and_then_is_live, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    for (transport, seq) in BOTH.into_iter().zip(8..) {
        let mut device = gateway.open(transport, "alice").await;
        let sync = device.sync().await;
        assert_eq!(names(&sync), ["newConversation", "totalUnreadMessageCountChanged"]);
        gateway.send(group("0", "bob", &["alice"], seq)).await;
        device.expect("conversationChanged").await;
        device.expect("totalUnreadMessageCountChanged").await;
        device.expect_silence_until_marker(gateway).await;
    }
});

scenario!(domain_5_1_a_replay_tells_new_then_changed_then_deleted_rows_then_the_total, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let list = gateway.live("alice").await.list;
    delete(gateway, 1..2).await;
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    gateway.send(c2c("bob", "alice", 1)).await;
    for transport in BOTH {
        let mut device = come_back(gateway, transport, &list).await;
        let sync = device.sync().await;
        let order = ["newConversation", "conversationChanged", "conversationDeleted", "totalUnreadMessageCountChanged"];
        assert_eq!((sync.mode.as_str(), names(&sync)), ("replay", order.to_vec()));
        assert_eq!((sync.created(), sync.changed()), (vec!["c2c_bob".to_owned()], vec!["group_0".to_owned()]));
        assert_eq!(sync.deleted(), ["group_1"]);
        device.converge(gateway).await;
    }
});

scenario!(domain_5_1_a_sync_that_fails_says_so_once_and_is_tried_again, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    for transport in BOTH {
        // Only Redis can be made to fail from outside; over the other stores the sync just succeeds.
        let fails = gateway.redis("ACL SETUSER default -zrange").await.is_some();
        let mut device = gateway.open(transport, "alice").await;
        if fails {
            device.expect("syncServerStart").await;
            let failed = device.expect("syncServerFailed").await;
            assert!(number(&failed.data, "retryAfterMs") > 0 && failed.cursor.is_none(), "{failed:?}");
            gateway.redis("ACL SETUSER default +zrange").await;
        }
        device.read_until(|list| list.cursor.is_some()).await;
        device.converge(gateway).await;
    }
});

scenario!(
    domain_5_1_changes_during_a_sync_are_neither_lost_nor_sent_in_an_older_version,
    with ["--connects-per-user", "1000"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 20).await;
        let first = gateway.live("alice").await;
        let posting = async {
            for seq in 8..68 {
                gateway.send(group(&(seq % 7).to_string(), "bob", &["alice"], seq)).await;
            }
        };
        let connecting = async {
            let mut devices = Vec::new();
            for round in 0..12 {
                let transport = BOTH[round % 2];
                let mut device = match round % 3 {
                    0 => come_back(gateway, transport, &first.list).await,
                    _ => gateway.open(transport, "alice").await,
                };
                device.sync().await;
                devices.push(device);
            }
            devices
        };
        // The client's list complains of versions that do not rise.
        let ((), devices) = tokio::join!(posting, connecting);
        for mut device in devices {
            device.converge(gateway).await;
        }
    }
);

scenario!(domain_5_3_a_replay_has_each_changed_row_once_in_its_newest_state, async |gateway: &Gateway| {
    import(gateway, "alice", 4).await;
    let list = gateway.live("alice").await.list;
    let entry = |seq: u64, number: u64| {
        let message = group(&number.to_string(), "bob", &["alice"], seq);
        json!({"method": "sendMessage", "params": message})
    };
    let entries: Vec<Value> = (8..58).flat_map(|seq| (0..3).map(move |number| entry(seq, number))).collect();
    gateway.post("batch", json!(entries)).await;
    for transport in BOTH {
        let mut device = come_back(gateway, transport, &list).await;
        let sync = device.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created().len(), sync.deleted().len()), ("replay", 0, 0));
        assert_eq!(sync.changed(), ["group_0", "group_1", "group_2"]);
        assert_eq!(device.list.row("group_1").unwrap()["unreadCount"], 51);
        device.converge(gateway).await;
    }
});

scenario!(domain_5_3_a_replay_has_what_changed_however_long_the_list_is, async |gateway: &Gateway| {
    import(gateway, "alice", 1_500).await;
    let list = gateway.live("alice").await.list;
    gateway.send(group("1499", "bob", &["alice"], 8)).await;
    for transport in BOTH {
        let sync = come_back(gateway, transport, &list).await.sync().await;
        assert_eq!(
            (sync.mode.as_str(), sync.events.len(), sync.changed()),
            ("replay", 2, vec!["group_1499".to_owned()])
        );
    }
});

scenario!(domain_5_4_every_event_has_the_whole_row_as_the_server_has_it, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    let mut devices = both(gateway).await;
    for (method, params) in [
        ("pinConversation", json!({"conversationID": "group_0", "isPinned": true})),
        ("setConversationDraft", json!({"conversationID": "group_0", "draftText": "draft"})),
        ("markConversation", json!({"conversationIDList": ["group_0"], "markType": 1, "enableMark": true})),
        ("setConversationCustomData", json!({"conversationIDList": ["group_0"], "customData": "data"})),
        ("setReceiveMessageOpt", json!({"conversationIDList": ["group_0"], "recvOpt": 2})),
        ("clearHistoryMessage", json!({"conversationID": "group_0"})),
    ] {
        gateway.call("alice", method, params).await.unwrap();
        let row = gateway.row("alice", "group_0").await.unwrap();
        for device in &mut devices {
            assert_eq!(device.expect("conversationChanged").await.row(), &row, "{method}");
            device.converge(gateway).await;
        }
    }
});

scenario!(domain_5_4_a_new_conversation_replaces_the_row_that_a_client_still_has, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    let list = gateway.live("alice").await.list;
    delete(gateway, 0..1).await;
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    for transport in BOTH {
        let mut device = come_back(gateway, transport, &list).await;
        assert_eq!(device.sync().await.created(), ["group_0"]);
        device.converge(gateway).await;
    }
});

scenario!(domain_5_4_a_full_sync_has_no_cursor_before_its_finish, async |gateway: &Gateway| {
    import(gateway, "alice", 250).await;
    for transport in BOTH {
        let mut device = gateway.opening(transport, "alice").window(1_000).open().await;
        let sync = device.sync().await;
        assert_eq!((sync.mode.as_str(), sync.events.len()), ("full", 4));
        assert!(sync.events.iter().all(|event| event.cursor.is_none()), "who is cut inside it keeps the old list");
        device.converge(gateway).await;
    }
});

scenario!(domain_5_4_a_deletion_has_a_version_from_its_own_tick_to_below_the_next_row, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let list = gateway.live("alice").await.list;
    let mut devices = both(gateway).await;
    let before = number(&gateway.row("alice", "group_0").await.unwrap(), "version");
    delete(gateway, 0..2).await;
    let total = gateway.call("alice", "getTotalUnreadMessageCount", json!({})).await.unwrap();
    let tick = number(&total, "version");
    let mut told = Vec::new();
    for device in &mut devices {
        while device.list.rows().len() > 1 {
            told.extend(deletions(vec![device.next().await]));
        }
    }
    for transport in BOTH {
        told.extend(deletions(come_back(gateway, transport, &list).await.sync().await.events));
    }
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    let after = number(&gateway.row("alice", "group_0").await.unwrap(), "version");
    assert!(told.len() >= 4 && before < tick, "{told:?}");
    // The deletion of group_1 has the last tick, that of group_0 the one before.
    for (ids, version) in told {
        let own = if ids.contains(&"group_1".to_owned()) { tick } else { before + 1 };
        assert!((own..after).contains(&version), "{ids:?} {version}, expected {own}..{after}");
    }
});

fn deletions(events: Vec<Event>) -> Vec<(Vec<String>, u64)> {
    let deletions = events.into_iter().filter(|event| event.name == "conversationDeleted");
    deletions.map(|event| (event.ids(), number(&event.data, "version"))).collect()
}

scenario!(domain_5_4_a_page_that_comes_late_brings_back_neither_older_nor_deleted_rows, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    let mut devices = both(gateway).await;
    let late = gateway.call("alice", "getConversationList", json!({"nextSeq": 0, "count": 10})).await.unwrap();
    delete(gateway, 3..5).await;
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    for device in &mut devices {
        device.converge(gateway).await;
        device.list.take_page(&late);
        device.converge(gateway).await;
    }
});

scenario!(domain_5_5_a_client_that_paged_a_part_shows_what_holds_above_its_edge, async |gateway: &Gateway| {
    import(gateway, "alice", 15).await;
    for (transport, seq) in BOTH.into_iter().zip(8..) {
        let mut device = gateway.opening(transport, "alice").window(5).open().await;
        device.sync().await;
        let edge = device.list.edge;
        assert!(edge > 0 && device.list.shown().len() == 5);
        // A row below the edge changes in its place, one comes up from there, and one of each side goes.
        let mark = json!({"conversationIDList": ["group_9"], "markType": 1, "enableMark": true});
        gateway.call("alice", "markConversation", mark).await.unwrap();
        gateway.send(group("12", "bob", &["alice"], seq)).await;
        let gone = gateway.list("alice").await;
        for row in [&gone[1], &gone[13]] {
            gateway
                .call("alice", "deleteConversation", json!({"conversationID": row["conversationID"]}))
                .await
                .unwrap();
        }
        let mut expected = gateway.list("alice").await;
        expected.retain(|row| number(row, "orderKey") >= edge);
        let newest = gateway.call("alice", "getConversationList", json!({"count": 1})).await.unwrap();
        device.read_until(|list| list.shown() == expected && list.cursor.as_deref() == newest["cursor"].as_str()).await;
        assert!(device.list.row("group_9").is_some() && !expected.contains(device.list.row("group_9").unwrap()));
        // The edge stays over a replay; what is paged on from there completes the list.
        let list = device.list;
        gateway.send(group("14", "bob", &["alice"], seq)).await;
        let mut device = come_back(gateway, transport, &list).await;
        assert_eq!((device.sync().await.mode.as_str(), device.list.edge), ("replay", edge));
        while device.list.edge > 0 {
            let params = json!({"nextSeq": device.list.edge, "count": 4});
            device.list.take_page(&call(gateway, "getConversationList", params).await.unwrap());
        }
        device.converge(gateway).await;
        gateway.post("deleteUser", json!({"userID": "alice"})).await;
        import(gateway, "alice", 15).await;
    }
});
