//! docs/DOMAIN.md, 2: what a user has read, and a history that is cleared.

use super::lists::{CHANGED, Devices, TOTAL, devices, refused, row};
use crate::support::{Gateway, Value, c2c, group, json};

const CLEAN: &str = "cleanConversationUnreadMessageCount";

fn up_to(id: &str, timestamp: u64, sequence: u64) -> Value {
    json!({"conversationID": id, "cleanTimestamp": timestamp, "cleanSequence": sequence})
}

scenario!(
    domain_2_clean_conversation_unread_message_count_reads_a_group_up_to_a_sequence_on_every_device,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let before = row(gateway, "group_g").await;
        for (sequence, unread, total) in [(2, 1, 4), (0, 0, 3)] {
            assert_eq!(devices.done(CLEAN, up_to("group_g", 0, sequence)).await, json!({}));
            let [changed, told] = devices.flush([CHANGED, TOTAL]).await;
            let row = changed.row();
            assert_eq!((&row["unreadCount"], &row["groupReadSequence"]), (&json!(unread), &json!(3 - unread)));
            assert_eq!((&row["orderKey"], &told.data["totalUnreadCount"]), (&before["orderKey"], &json!(total)));
        }
    }
);

scenario!(
    domain_2_clean_conversation_unread_message_count_reads_c2c_up_to_a_time_or_a_sequence,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        devices.done(CLEAN, up_to("c2c_bob", 1_795_000_001, 0)).await;
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!(changed.row()["c2cReadTimestamp"], 1_795_000_001);
        assert_eq!((&changed.row()["unreadCount"], &total.data["totalUnreadCount"]), (&json!(1), &json!(5)));
        devices.done(CLEAN, up_to("c2c_bob", 1, 2)).await;
        let [changed, _] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!(changed.row()["unreadCount"], 0, "a sequence wins over a time");
    }
);

scenario!(
    domain_2_clean_conversation_unread_message_count_reads_all_c2c_all_groups_or_everything,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        devices.done(CLEAN, json!({"conversationID": "c2c"})).await;
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!((changed.ids().len(), &total.data["totalUnreadCount"]), (2, &json!(3)));
        devices.done(CLEAN, up_to("group", 1, 1)).await;
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!((changed.ids(), &total.data["totalUnreadCount"]), (vec!["group_g".to_owned()], &json!(0)));
        for message in [c2c("bob", "alice", 3), group("g", "bob", &["alice"], 4)] {
            gateway.send(message).await;
            devices.flush([CHANGED, TOTAL]).await;
        }
        devices.done(CLEAN, json!({"conversationID": ""})).await;
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!((changed.ids().len(), &total.data["totalUnreadCount"]), (2, &json!(0)));
    }
);

scenario!(
    domain_2_clean_conversation_unread_message_count_repeated_or_back_sends_nothing,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        devices.done(CLEAN, up_to("group_g", 0, 2)).await;
        devices.flush([CHANGED, TOTAL]).await;
        for sequence in [2, 1] {
            devices.done(CLEAN, up_to("group_g", 0, sequence)).await;
        }
        devices.done(CLEAN, up_to("c2c_bob", 1, 0)).await;
        devices.silence(gateway).await;
        devices.done(CLEAN, json!({"conversationID": ""})).await;
        devices.flush([CHANGED, TOTAL]).await;
        for scope in ["", "c2c", "group", "c2c_bob"] {
            devices.done(CLEAN, json!({"conversationID": scope})).await;
        }
        devices.silence(gateway).await;
    }
);

scenario!(
    domain_2_clean_conversation_unread_message_count_of_a_muted_row_leaves_the_total,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let mute = json!({"conversationIDList": ["group_g"], "recvOpt": 2});
        devices.done("setReceiveMessageOpt", mute).await;
        devices.flush([CHANGED, TOTAL]).await;
        devices.done(CLEAN, up_to("group_g", 0, 0)).await;
        assert_eq!(devices.flush([CHANGED]).await[0].row()["unreadCount"], 0);
        assert_eq!(gateway.total("alice").await, 3);
    }
);

scenario!(
    domain_2_clean_conversation_unread_message_count_of_a_row_that_is_not_there_is_6004,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        refused(devices.call(CLEAN, up_to("c2c_nobody", 0, 0)).await, 6004, "the conversation is not in the list");
        let scopes = r#"or "c2c", "group" or """#;
        refused(devices.call(CLEAN, up_to("everything", 0, 0)).await, 6017, scopes);
        let negative = json!({"conversationID": "group_g", "cleanSequence": -1});
        refused(devices.call(CLEAN, negative).await, 6017, "cleanSequence");
        devices.silence(gateway).await;
    }
);

scenario!(domain_2_clear_history_message_takes_preview_and_count_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "c2c_bob").await;
    assert_eq!(devices.done("clearHistoryMessage", json!({"conversationID": "c2c_bob"})).await, json!({}));
    let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
    let row = changed.row();
    assert_eq!((&row["lastMessage"], &row["unreadCount"]), (&Value::Null, &json!(0)));
    assert_eq!((&row["orderKey"], &total.data["totalUnreadCount"]), (&before["orderKey"], &json!(4)));
});

scenario!(domain_2_clear_history_message_repeated_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("clearHistoryMessage", json!({"conversationID": "group_g"})).await;
    devices.flush([CHANGED, TOTAL]).await;
    devices.done("clearHistoryMessage", json!({"conversationID": "group_g"})).await;
    gateway.post("sendMessage", group("g", "bob", &["alice"], 3)).await;
    devices.silence(gateway).await;
    gateway.send(group("g", "bob", &["alice"], 4)).await;
    assert_eq!(devices.flush([CHANGED, TOTAL]).await[0].row()["lastMessage"]["seq"], 4);
});

scenario!(domain_2_clear_history_message_of_a_row_that_is_not_there_is_6004, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let clear = async |devices: &mut Devices, id: &str| {
        devices.call("clearHistoryMessage", json!({"conversationID": id})).await
    };
    refused(clear(&mut devices, "c2c_nobody").await, 6004, "the conversation is not in the list");
    refused(clear(&mut devices, "").await, 6017, "conversationID");
    devices.silence(gateway).await;
});
