//! docs/DOMAIN.md, 2 and PROTOCOL.md, 3: what rows and totals are told, when, and in which order.

use super::lists::{CHANGED, DELETED, Devices, NEW, TOTAL, devices, flush, import, import_rows, row, rows, three_rows};
use crate::support::{BOTH, Gateway, Transport, c2c, group, json};

const BY_FILTER: &str = "unreadMessageCountChangedByFilter";

scenario!(domain_event_new_conversation_has_the_full_row_once_then_it_is_changed, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    gateway.send(c2c("dora", "alice", 1)).await;
    let [new, _] = devices.flush([NEW, TOTAL]).await;
    assert_eq!(*new.row(), row(gateway, "c2c_dora").await);
    gateway.send(c2c("dora", "alice", 2)).await;
    devices.flush([CHANGED, TOTAL]).await;
});

scenario!(domain_event_new_conversation_tells_a_row_that_came_back, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("deleteConversation", json!({"conversationID": "c2c_bob"})).await;
    devices.flush([DELETED, TOTAL]).await;
    gateway.send(c2c("bob", "alice", 3)).await;
    assert_eq!(devices.flush([NEW, TOTAL]).await[0].row()["unreadCount"], 1);
});

scenario!(domain_event_new_conversation_has_at_most_100_rows, async |gateway: &Gateway| {
    import(gateway, "alice", 150).await;
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").window(150).open().await.sync().await;
        let sizes: Vec<usize> = sync.events.iter().map(|event| event.ids().len()).collect();
        assert_eq!(sizes, [100, 50, 0], "and the total");
    }
});

scenario!(domain_event_conversation_changed_has_the_full_row_in_its_newest_state, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let entries: Vec<_> =
        (4..=9).map(|seq| json!({"method": "sendMessage", "params": group("g", "bob", &["alice"], seq)})).collect();
    gateway.post("batch", json!(entries)).await;
    let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
    assert_eq!(*changed.row(), row(gateway, "group_g").await);
    assert_eq!((&changed.row()["unreadCount"], &total.data["totalUnreadCount"]), (&json!(9), &json!(12)));
});

scenario!(domain_event_conversation_changed_alone_has_the_cursor, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": "x"})).await;
    let [changed] = devices.flush([CHANGED]).await;
    let opening = gateway.opening(Transport::Events, "alice").since(&changed.cursor.expect("a cursor"));
    let sync = opening.open().await.sync().await;
    assert_eq!((sync.mode.as_str(), sync.changed().len()), ("replay", 0), "who has it has everything");
});

scenario!(domain_event_conversation_deleted_has_a_version_below_that_of_any_later_row, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "c2c_bob").await["version"].as_u64();
    let both = json!({"conversationIDList": ["c2c_bob", "group_g"]});
    devices.done("deleteConversationList", both).await;
    let [deleted, total] = devices.flush([DELETED, TOTAL]).await;
    assert_eq!(
        (deleted.ids(), deleted.data["version"].as_u64() > before),
        (vec!["c2c_bob".into(), "group_g".into()], true)
    );
    assert_eq!(deleted.data["version"], total.data["version"], "the largest tick of these deletions");
    gateway.send(c2c("bob", "alice", 3)).await;
    let [new, _] = devices.flush([NEW, TOTAL]).await;
    assert!(new.row()["version"].as_u64() > deleted.data["version"].as_u64());
});

scenario!(domain_event_conversation_deleted_comes_after_new_and_changed_rows, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let entries = json!([
        {"method": "deleteConversation", "params": {"recipients": ["alice"], "conversationID": "c2c_carol"}},
        {"method": "sendMessage", "params": group("g", "bob", &["alice"], 4)},
        {"method": "sendMessage", "params": group("new", "bob", &["alice"], 1)},
    ]);
    gateway.post("batch", entries).await;
    let [new, changed, deleted, total] = devices.flush([NEW, CHANGED, DELETED, TOTAL]).await;
    assert_eq!([new.ids(), changed.ids(), deleted.ids()].concat(), ["group_new", "group_g", "c2c_carol"]);
    assert_eq!(total.data["totalUnreadCount"], 7);
});

scenario!(
    domain_event_conversation_deleted_tells_the_row_that_goes_for_a_new_one,
    with ["--rows-per-user", "100"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 100).await;
        let mut devices = Devices::of_alice(gateway).await;
        let mut one = rows(1);
        (one[0]["conversationID"], one[0]["conversationGroupList"]) = (json!("group_more"), json!(["work"]));
        import_rows(gateway, "alice", one).await;
        let [new, deleted, created] = devices.flush([NEW, DELETED, "conversationGroupCreated"]).await;
        assert_eq!((new.ids(), deleted.ids()), (vec!["group_more".to_owned()], vec!["group_99".to_owned()]));
        assert_eq!(created.data["groupName"], "work", "what became of groups comes after all rows");
    }
);

scenario!(domain_event_total_unread_message_count_changed_comes_once_in_every_sync, async |gateway: &Gateway| {
    three_rows(gateway).await;
    for transport in BOTH {
        let full = gateway.open(transport, "alice").await.sync().await;
        let replay = gateway.opening(transport, "alice").since(&full.cursor).open().await.sync().await;
        for (sync, mode) in [(&full, "full"), (&replay, "replay")] {
            let totals: Vec<_> = sync.events.iter().filter(|event| event.name == TOTAL).collect();
            assert_eq!((sync.mode.as_str(), totals.len()), (mode, 1));
            assert_eq!((&totals[0].data["totalUnreadCount"], &totals[0].cursor), (&json!(6), &None));
        }
    }
});

scenario!(
    domain_event_total_unread_message_count_changed_comes_live_only_where_it_differs,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        gateway.send(c2c("bob", "alice", 3)).await;
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!(total.data, json!({"totalUnreadCount": 7, "version": changed.row()["version"]}));
        let own = json!({"method": "sendMessage", "params": group("g", "bob", &["alice"], 4)});
        let read = json!({"method": "markRead",
        "params": {"userID": "alice", "conversationID": "group_g", "cleanSequence": 1}});
        gateway.post("batch", json!([own, read])).await;
        devices.flush([CHANGED]).await;
        devices.silence(gateway).await;
    }
);

scenario!(domain_event_unread_message_count_changed_by_filter_is_the_last_of_a_flush, async |gateway: &Gateway| {
    three_rows(gateway).await;
    for transport in BOTH {
        let name = format!("{transport:?}");
        let filter = json!({"conversationGroup": name});
        let mut device = gateway.opening(transport, "alice").query("filter", &filter.to_string()).open().await;
        device.sync().await;
        let first = device.expect(BY_FILTER).await;
        assert_eq!((&first.data["totalUnreadCount"], first.cursor.is_some()), (&json!(0), true));
        let mut row = rows(1).remove(0);
        (row["conversationID"], row["conversationGroupList"]) = (json!(format!("group_{name}")), json!([name]));
        import_rows(gateway, "alice", vec![row]).await;
        let told = flush(&mut device, &[NEW, "conversationGroupCreated", TOTAL, BY_FILTER]).await;
        let version = &told[2].data["version"];
        assert_eq!(told[3].data, json!({"filter": filter, "totalUnreadCount": 1, "version": version}));
    }
});

scenario!(
    domain_event_unread_message_count_changed_by_filter_comes_only_where_its_total_differs,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let starred = json!({"filter": {"markType": 1}});
        assert_eq!(devices.done("subscribeUnreadMessageCountByFilter", starred).await["totalUnreadCount"], 0);
        let mark = json!({"conversationIDList": ["c2c_bob"], "markType": 1, "enableMark": true});
        devices.done("markConversation", mark).await;
        let told = flush(&mut devices.websocket, &[CHANGED, BY_FILTER]).await;
        assert_eq!(told[1].data["totalUnreadCount"], 2);
        flush(&mut devices.events, &[CHANGED]).await;
        gateway.send(c2c("carol", "alice", 2)).await;
        devices.flush([CHANGED, TOTAL]).await;
        devices.silence(gateway).await;
    }
);
