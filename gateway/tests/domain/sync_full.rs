//! docs/DOMAIN.md, 5.2: which cursors give a full sync, and what does the client drop then?

use super::lists::{come_back, delete, import};
use crate::support::{BOTH, Gateway, Transport, c2c, group, json, list::List};

/// A client that has a list and this cursor gets a full sync over either transport, and then has what the server has.
async fn expect_full(gateway: &Gateway, list: &List, cursor: &str) {
    let mut list = list.clone();
    list.cursor = Some(cursor.to_owned());
    for transport in BOTH {
        let mut device = come_back(gateway, transport, &list).await;
        let sync = device.sync().await;
        assert_eq!((sync.mode.as_str(), sync.changed().len(), sync.deleted().len()), ("full", 0, 0), "{cursor}");
        device.converge(gateway).await;
    }
}

/// Over either transport, a replay with so many new, changed and deleted rows.
async fn expect_replay(gateway: &Gateway, cursor: &str, expected: [usize; 3]) {
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").since(cursor).open().await.sync().await;
        let told = [sync.created().len(), sync.changed().len(), sync.deleted().len()];
        assert_eq!((sync.mode.as_str(), told), ("replay", expected), "{cursor}");
    }
}

/// What a client has that synced now.
async fn synced(gateway: &Gateway, user: &str) -> (List, String) {
    let mut device = gateway.opening(Transport::WebSocket, user).window(1_000).open().await;
    let cursor = device.sync().await.cursor;
    (device.list, cursor)
}

scenario!(domain_5_2_no_cursor_gives_a_full_sync, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    for transport in BOTH {
        let mut device = gateway.open(transport, "alice").await;
        let sync = device.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created().len()), ("full", 3));
        device.converge(gateway).await;
    }
});

scenario!(domain_5_2_an_unreadable_cursor_gives_a_full_sync, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let (list, cursor) = synced(gateway, "alice").await;
    delete(gateway, 1..2).await;
    let twice = format!("{cursor}{cursor}");
    for cursor in ["", "garbage", "1:2:3", "ffff:", "-1:-1", "\0", &twice] {
        expect_full(gateway, &list, cursor).await;
    }
});

scenario!(domain_5_2_a_cursor_from_before_the_oldest_kept_tombstone_gives_a_full_sync, async |gateway: &Gateway| {
    import(gateway, "alice", 1_103).await;
    let (list, cursor) = synced(gateway, "alice").await;
    delete(gateway, 0..1).await;
    let (_, after_first) = synced(gateway, "alice").await;
    delete(gateway, 1..1_000).await;
    expect_replay(gateway, &cursor, [0, 0, 1_000]).await;
    delete(gateway, 1_000..1_001).await;
    expect_full(gateway, &list, &cursor).await;
    expect_replay(gateway, &after_first, [0, 0, 1_000]).await;
});

scenario!(domain_5_2_a_cursor_ahead_of_the_clock_gives_a_full_sync, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let (list, cursor) = synced(gateway, "alice").await;
    let (epoch, version) = cursor.split_once(':').unwrap();
    let ahead = version.parse::<u64>().unwrap() + 1;
    expect_full(gateway, &list, &format!("{epoch}:{ahead}")).await;
});

scenario!(domain_5_2_a_cursor_more_than_1000_changed_rows_behind_gives_a_full_sync, async |gateway: &Gateway| {
    gateway.send(c2c("bob", "alice", 1)).await;
    let (list, cursor) = synced(gateway, "alice").await;
    import(gateway, "alice", 999).await;
    gateway.send(c2c("bob", "alice", 2)).await;
    expect_replay(gateway, &cursor, [999, 1, 0]).await;
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_5"})).await.unwrap();
    expect_replay(gateway, &cursor, [998, 1, 1]).await;
    gateway.send(c2c("carol", "alice", 1)).await;
    expect_full(gateway, &list, &cursor).await;
});

scenario!(domain_5_2_another_users_cursor_gives_a_full_sync, async |gateway: &Gateway| {
    import(gateway, "bob", 3).await;
    gateway.send(group("x", "bob", &["alice"], 1)).await;
    let (list, cursor) = synced(gateway, "bob").await;
    expect_full(gateway, &list, &cursor).await;
    expect_full(gateway, &List::default(), &cursor).await;
});

scenario!(domain_5_2_a_cursor_of_another_data_set_gives_a_full_sync, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let (list, cursor) = synced(gateway, "alice").await;
    gateway.post("deleteUser", json!({"userID": "alice"})).await;
    expect_full(gateway, &list, &cursor).await;
    gateway.send(group("0", "bob", &["alice"], 1)).await;
    gateway.send(c2c("bob", "alice", 1)).await;
    expect_full(gateway, &list, &cursor).await;
});

scenario!(domain_5_2_what_a_full_sync_did_not_confirm_is_dropped_at_its_finish, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    let (mut list, _) = synced(gateway, "alice").await;
    delete(gateway, 2..4).await;
    list.cursor = Some("garbage".to_owned());
    for transport in BOTH {
        let mut device = come_back(gateway, transport, &list).await;
        device.expect("syncServerStart").await;
        device.expect("newConversation").await;
        device.expect("totalUnreadMessageCountChanged").await;
        assert!(device.list.row("group_2").is_some(), "the old list is shown until the finish");
        device.expect("syncServerFinish").await;
        assert_eq!(crate::support::ids(&device.list.rows()), ["group_0", "group_1", "group_4"]);
        device.converge(gateway).await;
    }
});
