//! docs/DOMAIN.md, 6.1 to 6.3: which faults of other services in syncs, events and deletions are not ours?

use super::lists::{both, code, come_back, converge, delete, import};
use crate::support::{BOTH, Gateway, Session, Transport, Value, group, json};

/// A revoke, or a deletion, of a message of bob to alice in `group_0`.
pub(super) fn revoke(seq: u64) -> Value {
    json!({"conversation": {"type": 2, "groupID": "0"}, "sender": "bob", "recipients": ["alice"], "msgID": "m",
        "seq": seq})
}

async fn expect_silence(gateway: &Gateway, devices: &mut [Session]) {
    for device in devices {
        device.expect_silence_until_marker(gateway).await;
    }
}

scenario!(domain_6_1_a_start_that_was_cut_off_is_followed_by_a_whole_sync, async |gateway: &Gateway| {
    import(gateway, "alice", 30).await;
    for round in 0..12 {
        let mut cut = gateway.open(BOTH[round % 2], "alice").await;
        for _ in 0..round % 4 {
            cut.next().await;
        }
        drop(cut);
        gateway.send(group("0", "bob", &["alice"], 8 + round as u64)).await;
        let mut device = gateway.open(BOTH[round % 2], "alice").await;
        assert_eq!(device.sync().await.mode, "full");
        device.converge(gateway).await;
    }
});

scenario!(domain_6_1_two_syncs_after_a_quick_reconnect_are_not_mixed, async |gateway: &Gateway| {
    import(gateway, "alice", 30).await;
    let list = gateway.live("alice").await.list;
    let posting = async {
        for seq in 8..38 {
            gateway.send(group(&(seq % 4).to_string(), "bob", &["alice"], seq)).await;
        }
    };
    // The first connection still stands, and the second asks for more syncs during its own.
    let connecting = async {
        let first = come_back(gateway, Transport::Events, &list).await;
        let mut second = come_back(gateway, Transport::WebSocket, &list).await;
        for _ in 0..3 {
            second.ask("probe", json!({"cursor": "unreadable"})).await;
        }
        for _ in 0..3 {
            second.reply().await;
        }
        [first, second]
    };
    // The client's list complains of a start inside a sync.
    let ((), mut devices) = tokio::join!(posting, connecting);
    converge(gateway, &mut devices).await;
});

scenario!(domain_6_2_a_change_that_changes_nothing_sends_nothing, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    let conversation = json!({"type": 2, "groupID": "0", "showName": "Name"});
    let profile = json!({"conversation": conversation, "recipients": ["alice"]});
    for round in 0..2 {
        for (method, params) in [
            ("pinConversation", json!({"conversationID": "group_0", "isPinned": true})),
            ("setConversationDraft", json!({"conversationID": "group_0", "draftText": "draft"})),
            ("markConversation", json!({"conversationIDList": ["group_0"], "markType": 1, "enableMark": true})),
            ("setConversationCustomData", json!({"conversationIDList": ["group_0"], "customData": "data"})),
            ("setReceiveMessageOpt", json!({"conversationIDList": ["group_0"], "recvOpt": 2})),
            ("createConversationGroup", json!({"groupName": "work", "conversationIDList": ["group_0"]})),
            ("cleanConversationUnreadMessageCount", json!({"conversationID": ""})),
            ("clearHistoryMessage", json!({"conversationID": "group_2"})),
            ("deleteConversation", json!({"conversationID": "group_1"})),
        ] {
            gateway.call("alice", method, params).await.unwrap();
        }
        gateway.post("setProfile", profile.clone()).await;
        gateway.post("joinGroup", json!({"conversation": conversation, "recipients": ["alice"]})).await;
        gateway.post("revokeMessage", revoke(7)).await;
        gateway.post("sendMessage", group("2", "bob", &["alice"], 7)).await;
        if round == 0 {
            converge(gateway, &mut devices).await;
        }
    }
    expect_silence(gateway, &mut devices).await;
});

scenario!(domain_6_2_the_same_event_does_not_come_twice, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    for seq in 8..28 {
        let message = group(&(seq % 3).to_string(), "bob", &["alice"], seq);
        let again = message.clone();
        tokio::join!(gateway.post("sendMessage", message), gateway.post("sendMessage", again));
    }
    // The client's list complains of a version that comes again.
    converge(gateway, &mut devices).await;
    for device in &devices {
        let mut again = come_back(gateway, BOTH[0], &device.list).await;
        assert_eq!(again.sync().await.events.len(), 1, "the total alone");
    }
    expect_silence(gateway, &mut devices).await;
});

scenario!(domain_6_2_a_row_that_the_client_has_is_not_told_as_new, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    let list = devices[0].list.clone();
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    let pin = json!({"conversationID": "group_1", "isPinned": true});
    gateway.call("alice", "pinConversation", pin).await.unwrap();
    gateway.post("joinGroup", json!({"conversation": {"type": 2, "groupID": "2"}, "recipients": ["alice"]})).await;
    for device in &mut devices {
        for event in ["conversationChanged", "totalUnreadMessageCountChanged", "conversationChanged"] {
            device.expect(event).await;
        }
    }
    for transport in BOTH {
        let sync = come_back(gateway, transport, &list).await.sync().await;
        assert_eq!((sync.created().len(), sync.changed().len()), (0, 2));
    }
});

scenario!(domain_6_3_nothing_comes_of_a_row_after_its_deletion, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    delete(gateway, 0..1).await;
    for device in &mut devices {
        assert_eq!(device.expect("conversationDeleted").await.ids(), ["group_0"]);
        device.expect("totalUnreadMessageCountChanged").await;
    }
    for seq in [7, 5] {
        gateway.post("sendMessage", group("0", "bob", &["alice"], seq)).await;
        gateway.post("revokeMessage", revoke(seq)).await;
        gateway.post("deleteMessage", revoke(seq)).await;
    }
    let mut modified = group("0", "bob", &["alice"], 7);
    modified["message"]["text"] = json!("modified");
    gateway.post("modifyMessage", modified).await;
    let conversation = json!({"type": 2, "groupID": "0", "showName": "Name"});
    gateway.post("setProfile", json!({"conversation": conversation, "recipients": ["alice"]})).await;
    let params = json!({"userID": "alice", "conversationID": "group_0"});
    assert_eq!(code(gateway.backend("markRead", params).await), 6004);
    for (method, params) in [
        ("pinConversation", json!({"conversationID": "group_0", "isPinned": false})),
        ("setConversationDraft", json!({"conversationID": "group_0", "draftText": ""})),
        ("markConversation", json!({"conversationIDList": ["group_0"], "markType": 1, "enableMark": true})),
        ("deleteConversation", json!({"conversationID": "group_0"})),
    ] {
        gateway.call("alice", method, params).await.unwrap();
    }
    expect_silence(gateway, &mut devices).await;
});

scenario!(domain_6_3_a_late_answer_does_not_bring_a_deleted_row_back, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    let asked = json!({"conversationIDList": ["group_0", "group_1"]});
    let mut late = gateway.call("alice", "getConversations", asked).await.unwrap();
    late["isFinished"] = json!(true);
    delete(gateway, 0..2).await;
    for device in &mut devices {
        device.converge(gateway).await;
        device.list.take_page(&late);
        assert_eq!(crate::support::ids(&device.list.rows()), ["group_2"]);
    }
});

scenario!(domain_6_3_a_deleted_pinned_row_is_gone_and_can_be_had_again, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    let pin = json!({"conversationID": "group_2", "isPinned": true});
    gateway.call("alice", "pinConversation", pin.clone()).await.unwrap();
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_2"})).await.unwrap();
    converge(gateway, &mut devices).await;
    assert_eq!(crate::support::ids(&gateway.list("alice").await), ["group_0", "group_1"]);
    gateway.send(group("2", "bob", &["alice"], 8)).await;
    let row = gateway.row("alice", "group_2").await.unwrap();
    assert_eq!((&row["isPinned"], &gateway.list("alice").await[0]), (&json!(false), &row));
    gateway.call("alice", "pinConversation", pin).await.unwrap();
    assert_eq!(gateway.row("alice", "group_2").await.unwrap()["isPinned"], true);
    converge(gateway, &mut devices).await;
});
