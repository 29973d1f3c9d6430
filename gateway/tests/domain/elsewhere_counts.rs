//! docs/DOMAIN.md, 6.4 to 6.6: which faults of other services in totals, counts and mentions are not ours?

use super::{
    elsewhere::revoke,
    lists::{both, converge, delete, import, number},
};
use crate::support::{Gateway, Value, c2c, group, json};

/// A message of bob to alice in `group_0` that mentions somebody.
fn mention(seq: u64, whom: &str) -> Value {
    let mut message = group("0", "bob", &["alice"], seq);
    message["message"]["atUserList"] = json!([whom]);
    message
}

const AT_ALL: &str = "__kImSDK_MesssageAtALL__";

/// Alice reads a conversation up to a seq, 0 being all of it.
async fn read(gateway: &Gateway, id: &str, seq: u64) {
    let params = json!({"conversationID": id, "cleanTimestamp": 0, "cleanSequence": seq});
    gateway.call("alice", "cleanConversationUnreadMessageCount", params).await.unwrap();
}

async fn unread(gateway: &Gateway, id: &str) -> u64 {
    number(&gateway.row("alice", id).await.expect("the row is there"), "unreadCount")
}

scenario!(domain_6_4_after_reading_all_the_total_is_0, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    let mut devices = both(gateway).await;
    for seq in 8..11 {
        gateway.send(mention(seq, "alice")).await;
        gateway.send(c2c("bob", "alice", seq)).await;
    }
    let mute = |recv_opt: u64| json!({"conversationIDList": ["group_1"], "recvOpt": recv_opt});
    gateway.call("alice", "setReceiveMessageOpt", mute(2)).await.unwrap();
    read(gateway, "c2c", 0).await;
    assert_eq!(gateway.total("alice").await, 7);
    read(gateway, "", 0).await;
    assert_eq!(gateway.total("alice").await, 0);
    gateway.call("alice", "setReceiveMessageOpt", mute(0)).await.unwrap();
    assert_eq!(gateway.total("alice").await, 0, "what was muted was read too");
    for device in &mut devices {
        device.converge(gateway).await;
        assert_eq!((device.list.total(), device.list.sum()), (Some(0), 0));
    }
});

scenario!(domain_6_4_reading_tells_the_total, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    let mut devices = both(gateway).await;
    for (id, left) in [("group_0", 1), ("", 0)] {
        read(gateway, id, 0).await;
        for device in &mut devices {
            device.expect("conversationChanged").await;
            let total = device.expect("totalUnreadMessageCountChanged").await;
            assert_eq!(total.data["totalUnreadCount"], left);
        }
    }
});

scenario!(domain_6_4_the_total_is_the_sum_after_every_change, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    let recv = |option: u64| json!({"conversationIDList": ["group_0"], "recvOpt": option});
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    for (method, params) in [
        ("setReceiveMessageOpt", recv(2)),
        ("setReceiveMessageOpt", recv(0)),
        ("cleanConversationUnreadMessageCount", json!({"conversationID": "group_0", "cleanSequence": 7})),
        ("clearHistoryMessage", json!({"conversationID": "group_1"})),
        ("deleteConversation", json!({"conversationID": "group_2"})),
    ] {
        gateway.call("alice", method, params).await.unwrap();
        // Converging compares the total with the sum.
        converge(gateway, &mut devices).await;
    }
    gateway.post("revokeMessage", revoke(8)).await;
    converge(gateway, &mut devices).await;
    assert_eq!(gateway.total("alice").await, 0);
});

scenario!(domain_6_5_a_row_that_is_there_again_counts_from_its_new_message, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    delete(gateway, 0..1).await;
    gateway.send(group("0", "bob", &["alice"], 9)).await;
    assert_eq!((unread(gateway, "group_0").await, gateway.total("alice").await), (1, 1));
});

scenario!(domain_6_5_a_message_that_is_posted_again_counts_once, async |gateway: &Gateway| {
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut devices = both(gateway).await;
    for seq in [3, 2, 3, 1, 2] {
        gateway.post("sendMessage", c2c("bob", "alice", seq)).await;
    }
    assert_eq!(unread(gateway, "c2c_bob").await, 3);
    converge(gateway, &mut devices).await;
});

scenario!(domain_6_5_a_message_that_is_revoked_twice_counts_less_once, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    for applied in [1, 0, 0] {
        assert_eq!(gateway.post("revokeMessage", revoke(8)).await["applied"], applied);
        assert_eq!((unread(gateway, "group_0").await, gateway.total("alice").await), (1, 1));
    }
});

scenario!(domain_6_5_a_revoked_message_that_was_read_counts_no_less, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    read(gateway, "group_0", 7).await;
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    gateway.post("revokeMessage", revoke(7)).await;
    assert_eq!((unread(gateway, "group_0").await, gateway.total("alice").await), (1, 1));
});

scenario!(domain_6_6_a_mention_does_not_survive_its_reading, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    gateway.send(mention(8, "alice")).await;
    gateway.send(mention(9, "alice")).await;
    let mut devices = both(gateway).await;
    for (seq, left) in [(8, json!([{"seq": 9, "atType": 1}])), (9, json!([]))] {
        read(gateway, "group_0", seq).await;
        for device in &mut devices {
            assert_eq!(device.expect("conversationChanged").await.row()["groupAtInfoList"], left);
            device.expect("totalUnreadMessageCountChanged").await;
        }
    }
});

scenario!(domain_6_6_at_all_is_cleared_on_the_other_device_too, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    let [mut reader, mut other] = both(gateway).await;
    gateway.send(mention(8, AT_ALL)).await;
    for device in [&mut reader, &mut other] {
        let row = device.expect("conversationChanged").await.row().clone();
        assert_eq!(row["groupAtInfoList"], json!([{"seq": 8, "atType": 2}]));
        device.converge(gateway).await;
    }
    reader.done("cleanConversationUnreadMessageCount", json!({"conversationID": "group_0"})).await;
    assert_eq!(other.expect("conversationChanged").await.row()["groupAtInfoList"], json!([]));
    converge(gateway, &mut [reader, other]).await;
});
