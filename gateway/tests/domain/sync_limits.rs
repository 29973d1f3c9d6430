//! docs/DOMAIN.md, 5.6 and 5.7: how many tombstones and how many rows does a user have at most?

use super::lists::{both, come_back, delete, import, rows};
use crate::support::{BOTH, Gateway, c2c, group, json};

scenario!(domain_5_6_at_most_1000_tombstones_and_delete_barriers_are_kept, async |gateway: &Gateway| {
    import(gateway, "alice", 1_001).await;
    delete(gateway, 0..1_000).await;
    let repeat = async |number: u64| {
        let result = gateway.post("sendMessage", group(&number.to_string(), "bob", &["alice"], 7)).await;
        result["applied"] == json!(1)
    };
    assert!(!repeat(0).await, "the barrier of the oldest stands");
    delete(gateway, 1_000..1_001).await;
    assert!(!repeat(1).await && !repeat(1_000).await, "1,000 barriers stand");
    assert!(repeat(0).await, "that of the oldest went with its tombstone");
    assert_eq!(crate::support::ids(&gateway.list("alice").await), ["group_0"]);
});

scenario!(
    domain_5_7_past_the_limit_the_unpinned_row_with_the_smallest_order_key_goes,
    with ["--rows-per-user", "100"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 100).await;
        let pin = json!({"conversationID": "group_99", "isPinned": true});
        gateway.call("alice", "pinConversation", pin).await.unwrap();
        let mut devices = both(gateway).await;
        for (peer, gone) in [("bob", "group_98"), ("carol", "group_97")] {
            gateway.send(c2c(peer, "alice", 1)).await;
            for device in &mut devices {
                assert_eq!(device.expect("newConversation").await.ids(), [format!("c2c_{peer}")]);
                assert_eq!(device.expect("conversationDeleted").await.ids(), [gone]);
                device.converge(gateway).await;
                assert_eq!((device.list.rows().len(), device.list.total()), (100, Some(100)));
            }
        }
        assert_eq!(gateway.list("alice").await[0]["conversationID"], "group_99", "the pinned row stays");
    }
);

scenario!(
    domain_5_7_a_row_that_went_for_another_leaves_a_tombstone,
    with ["--rows-per-user", "100"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 100).await;
        let list = gateway.live("alice").await.list;
        gateway.send(c2c("bob", "alice", 1)).await;
        for transport in BOTH {
            let mut device = come_back(gateway, transport, &list).await;
            let sync = device.sync().await;
            assert_eq!((sync.mode.as_str(), sync.created()), ("replay", vec!["c2c_bob".to_owned()]));
            assert_eq!(sync.deleted(), ["group_99"]);
            device.converge(gateway).await;
        }
        let repeat = gateway.post("sendMessage", group("99", "bob", &["alice"], 7)).await;
        assert_eq!((&repeat["applied"], &repeat["duplicates"]), (&json!(0), &json!(1)), "its barrier stands");
        gateway.send(group("99", "bob", &["alice"], 8)).await;
        let row = gateway.row("alice", "group_99").await.unwrap();
        assert_eq!(row["unreadCount"], 1, "a newer message makes a fresh row");
    }
);

scenario!(domain_5_7_a_user_has_at_most_5000_rows, async |gateway: &Gateway| {
    let list = json!({"userID": "alice", "conversationList": rows(5_000)});
    assert_eq!(gateway.post("importConversations", list).await["applied"], 5_000);
    let mut device = gateway.live("alice").await;
    gateway.send(c2c("bob", "alice", 1)).await;
    device.expect("newConversation").await;
    assert_eq!(device.expect("conversationDeleted").await.ids(), ["group_4999"]);
    let sync = gateway.live("alice").await;
    assert_eq!((sync.list.total(), gateway.row("alice", "group_4999").await), (Some(5_000), None));
});
