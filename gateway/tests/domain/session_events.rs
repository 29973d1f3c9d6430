//! docs/DOMAIN.md, 5 and PROTOCOL.md, 3: the events about a session itself, how it syncs and how it ends.

use super::lists::{Devices, devices, import, import_rows, known_sessions, rows, three_rows};
use crate::support::{BOTH, Gateway, Transport, c2c, json, keys};

scenario!(domain_event_sync_server_start_says_full_without_a_cursor_and_replay_with_one, async |gateway: &Gateway| {
    three_rows(gateway).await;
    for transport in BOTH {
        let mut device = gateway.open(transport, "alice").await;
        let start = device.expect("syncServerStart").await;
        assert_eq!((start.data, start.cursor), (json!({"mode": "full"}), None));
        device.read_until(|list| list.cursor.is_some()).await;
        let cursor = device.list.cursor.clone().unwrap();
        let mut again = gateway.opening(transport, "alice").since(&cursor).open().await;
        let start = again.expect("syncServerStart").await;
        assert_eq!((start.data, start.cursor), (json!({"mode": "replay"}), None));
    }
});

scenario!(domain_event_sync_server_finish_of_a_full_sync_says_where_to_page_on, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    gateway.call("alice", "createConversationGroup", json!({"groupName": "work"})).await.unwrap();
    for transport in BOTH {
        let part = gateway.opening(transport, "alice").window(2).open().await.sync().await;
        let next_seq = part.finish["nextSeq"].clone();
        let expected = json!({"mode": "full", "nextSeq": next_seq, "isFinished": false,
            "conversationGroupList": ["work"], "conversationCount": 5});
        assert_eq!((part.created().len(), &part.finish), (2, &expected));
        let page = json!({"nextSeq": next_seq, "count": 10});
        let page = gateway.call("alice", "getConversationList", page).await.unwrap();
        assert_eq!(page["conversationList"].as_array().unwrap().len(), 3);
        let whole = gateway.opening(transport, "alice").window(5).open().await.sync().await;
        assert_eq!(whole.finish["isFinished"], true);
    }
});

scenario!(domain_event_sync_server_finish_of_a_replay_has_the_count_and_the_cursor, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let full = gateway.open(Transport::Events, "alice").await.sync().await;
    gateway.send(c2c("dora", "alice", 1)).await;
    for transport in BOTH {
        let replay = gateway.opening(transport, "alice").since(&full.cursor).open().await.sync().await;
        let expected = json!({"mode": "replay", "conversationGroupList": [], "conversationCount": 4});
        assert_eq!((&replay.finish, replay.cursor != full.cursor), (&expected, true));
        let again = gateway.opening(transport, "alice").since(&replay.cursor).open().await.sync().await;
        assert_eq!((again.events.len(), again.cursor), (1, replay.cursor), "nothing but the total");
    }
});

/// Rows of nearly 16 KiB each, more than the sockets hold between a gateway and a narrow client that does not read:
/// Linux lets a sender have 4 MiB.
const LARGE_ROWS: usize = 340;

scenario!(
    domain_event_sync_server_failed_ends_a_replay_that_cannot_go_on_and_a_full_sync_follows,
    async |gateway: &Gateway| {
        import(gateway, "alice", 1).await;
        let cursor = gateway.open(Transport::Events, "alice").await.sync().await.cursor;
        let mut large = rows(LARGE_ROWS);
        for (number, row) in large.iter_mut().enumerate() {
            row["conversationID"] = json!(format!("group_large{number}"));
            row["draftText"] = json!("x".repeat(4_096));
            row["showName"] = json!("\u{1}".repeat(1_000));
            row["faceUrl"] = json!("\u{1}".repeat(800));
        }
        import_rows(gateway, "alice", large).await;
        let mut device = gateway.opening(Transport::WebSocket, "alice").since(&cursor).narrow().open().await;
        assert_eq!(device.expect("syncServerStart").await.data["mode"], "replay");
        // While it reads nothing, more rows change than a replay serves.
        import_rows(gateway, "alice", rows(1_001).split_off(1)).await;
        let mut event = device.expect("newConversation").await;
        while event.name == "newConversation" {
            event = device.next().await;
        }
        assert_eq!((event.name.as_str(), &event.cursor), ("syncServerFailed", &None));
        assert_eq!((&event.data["code"], &event.data["retryAfterMs"]), (&json!(50004), &json!(0)));
        assert!(event.data["message"].as_str().unwrap().contains("can no longer serve the rest"), "{event:?}");
        let sync = device.sync().await;
        assert_eq!((sync.mode.as_str(), &sync.finish["conversationCount"]), ("full", &json!(1_001 + LARGE_ROWS)));
    }
);

scenario!(domain_event_kicked_offline_is_the_last_and_has_the_reason, async |gateway: &Gateway| {
    let Devices { mut websocket, mut events, .. } = devices(gateway).await;
    known_sessions(gateway, "alice", 2).await;
    gateway.post("kickUser", json!({"userID": "alice", "reason": "signed in elsewhere"})).await;
    gateway.send(c2c("bob", "alice", 3)).await;
    for (device, code) in [(&mut websocket, Some(4003)), (&mut events, None)] {
        let (closed_with, told) = device.closed().await;
        assert_eq!((closed_with, told.len(), told[0].name.as_str()), (code, 1, "kickedOffline"));
        assert_eq!(told[0].data, json!({"reason": "signed in elsewhere"}));
    }
});

scenario!(domain_event_kicked_offline_ends_the_oldest_of_17_sessions, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let mut devices = Vec::new();
    for number in 0..17 {
        let mut device = gateway.open(BOTH[number % 2], "alice").await;
        device.sync().await;
        devices.push(device);
    }
    let (code, told) = devices[0].closed().await;
    assert_eq!((code, told[0].name.as_str()), (Some(4003), "kickedOffline"));
    gateway.send(c2c("bob", "alice", 3)).await;
    for device in &mut devices[1..] {
        device.expect("conversationChanged").await;
    }
});

scenario!(domain_event_token_expired_is_the_last_of_a_session_whose_token_ends, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let token = keys::token_until("alice", -3);
    let open = async |transport| {
        let mut device = gateway.opening(transport, "alice").token(&token).open().await;
        device.sync().await;
        device
    };
    let mut devices = [open(BOTH[0]).await, open(BOTH[1]).await];
    for (device, code) in devices.iter_mut().zip([Some(4202), None]) {
        let (closed_with, told) = device.closed().await;
        assert_eq!((closed_with, told.len(), told[0].name.as_str()), (code, 1, "tokenExpired"));
        assert_eq!(told[0].data, json!({}));
    }
});

scenario!(
    domain_event_reconnect_is_the_last_of_a_node_that_goes_away,
    with ["--drain-delay-ms", "0", "--drain-spread-ms", "0"],
    async |gateway: &Gateway| {
        let Devices { mut websocket, mut events, .. } = devices(gateway).await;
        gateway.signal("TERM");
        for (device, code) in [(&mut websocket, Some(4200)), (&mut events, None)] {
            let (closed_with, told) = device.closed().await;
            assert_eq!((closed_with, told.len(), told[0].name.as_str()), (code, 1, "reconnect"));
            assert!(told[0].data["afterMs"].as_u64() <= Some(60_000), "{told:?}");
            if code.is_none() {
                assert_eq!(device.events().retry_ms, told[0].data["afterMs"].as_u64(), "an EventSource is told too");
            }
        }
    }
);
