//! docs/DOMAIN.md, 4.1 to 4.4: which messages count as unread, and what does reading read?

use super::steps::{backend, batch, own, pinned, read_at_time_of, read_to, received, revoked, sent};
use super::watched::{BOTH_TYPES, C2C, GROUP, Key, Last, find, read, watch};
use crate::support::{Gateway, json};

/// The SDK's `__kImSDK_MesssageAtALL__`, spelt as it is there.
const AT_ALL: &str = "__kImSDK_MesssageAtALL__";

scenario!(domain_4_1_a_message_from_somebody_else_counts, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        row.after(received(id, 1)).await.is(Key::Up, Last::Replaced(1), 1);
    }
    let mut row = watch(gateway, GROUP, &[]).await;
    row.after(sent(GROUP, "carol", 2)).await.is(Key::Up, Last::Replaced(2), 2);
});

scenario!(domain_4_1_a_message_that_is_excluded_from_the_count_does_not_count, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        let excluded = received(id, 1).with("/message/isExcludedFromUnreadCount", true);
        row.after(excluded).await.is(Key::Up, Last::Replaced(1), 0);
    }
});

scenario!(domain_4_1_an_avchatroom_never_counts, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    row.after(received(GROUP, 1).with("/conversation/groupType", "AVChatRoom")).await.is(Key::Up, Last::Replaced(1), 0);
    let without_type = received(GROUP, 2).with("/conversation", json!({"type": 2, "groupID": "g"}));
    row.after(without_type).await.is(Key::Up, Last::Replaced(2), 0);
    row.stays(received(GROUP, 1)).await;
});

scenario!(domain_4_1_an_own_message_never_counts, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        row.after(own(id, 1)).await.is(Key::Up, Last::Replaced(1), 0);
        row.after(own(id, 2)).await.is(Key::Up, Last::Replaced(2), 0);
    }
});

scenario!(domain_4_2_the_same_seq_twice_counts_once, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        for again in [3, 2, 1] {
            row.stays(received(id, again)).await;
        }
        row.after(read_to(id, 2)).await.is(Key::Same, Last::Same, 1);
        row.stays(received(id, 3)).await;
    }
});

scenario!(domain_4_2_a_late_smaller_seq_above_the_read_mark_counts_once, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 9]).await;
        row.after(read_to(id, 2)).await.is(Key::Same, Last::Same, 1);
        for (late, unread) in [(5, 2), (3, 3), (8, 4)] {
            row.after(received(id, late)).await.is(Key::Same, Last::Same, unread);
        }
    }
});

scenario!(domain_4_2_a_seq_at_or_below_the_read_mark_never_counts, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[3, 5]).await;
        row.after(read_to(id, 0)).await.is(Key::Same, Last::Same, 0);
        for at_or_below in [5, 4, 3, 1] {
            row.stays(received(id, at_or_below)).await;
        }
        row.after(received(id, 6)).await.is(Key::Up, Last::Replaced(6), 1);
    }
});

scenario!(domain_4_2_messages_in_any_order_make_the_same_row, async |gateway: &Gateway| {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    let mut device = gateway.live("alice").await;
    for (number, order) in orders.into_iter().enumerate() {
        for id in [format!("c2c_{number}"), format!("group_{number}")] {
            batch(gateway, order.map(|seq| received(&id, seq))).await;
        }
    }
    device.converge(gateway).await;
    let (rows, total) = read(gateway, "alice").await;
    assert_eq!((rows.len(), total), (12, 36));
    for row in rows {
        assert_eq!((&row["unreadCount"], &row["lastMessage"]["text"]), (&json!(3), &json!("text 3")));
    }
});

scenario!(domain_4_3_one_sequence_is_for_both_sides_of_a_c2c_conversation, async |gateway: &Gateway| {
    batch(gateway, [received(C2C, 1), received(C2C, 2), own(C2C, 3), received(C2C, 4), own(C2C, 5), own(C2C, 6)]).await;
    for (user, id, unread) in [("alice", C2C, 0), ("bob", "c2c_alice", 2)] {
        let (rows, _) = read(gateway, user).await;
        let row = find(&rows, id).unwrap();
        assert_eq!((&row["unreadCount"], &row["lastMessage"]["seq"]), (&json!(unread), &json!(6)), "{user}");
    }
    let own_again = gateway.post("sendMessage", own(C2C, 4).params).await;
    assert_eq!((&own_again["applied"], &own_again["duplicates"]), (&json!(0), &json!(2)), "4 is bob's message");
});

scenario!(domain_4_3_one_sequence_is_for_all_members_of_a_group, async |gateway: &Gateway| {
    batch(
        gateway,
        ["bob", "carol", "alice", "carol"]
            .into_iter()
            .zip(1..)
            .map(|(sender, seq)| sent(GROUP, sender, seq).with("/recipients", json!(["alice", "bob", "carol"]))),
    )
    .await;
    for (user, unread) in [("alice", 1), ("bob", 3), ("carol", 0)] {
        let (rows, total) = read(gateway, user).await;
        assert_eq!(
            (&rows[0]["unreadCount"], &rows[0]["lastMessage"]["seq"], total),
            (&json!(unread), &json!(4), unread)
        );
    }
});

scenario!(domain_4_3_at_all_is_the_constant_of_the_sdk, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    let at_all = row.after(received(GROUP, 1).with("/message/atUserList", json!([AT_ALL]))).await;
    assert_eq!(at_all.row["groupAtInfoList"], json!([{"seq": 1, "atType": 2}]));
    assert_eq!(at_all.last()["atUserList"], json!([AT_ALL]));
    let corrected = received(GROUP, 2).with("/message/atUserList", json!(["__kImSDK_MessageAtALL__"]));
    assert_eq!(row.after(corrected).await.row["groupAtInfoList"], json!([{"seq": 1, "atType": 2}]));
});

scenario!(domain_4_4_reading_up_to_a_seq_keeps_what_is_after_it, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 4, 5]).await;
        row.after(read_to(id, 3)).await.is(Key::Same, Last::Same, 2);
        row.stays(revoked(id, 2)).await;
        row.after(revoked(id, 4)).await.is(Key::Same, Last::Same, 1);
    }
});

scenario!(domain_4_4_reading_up_to_a_time_reads_to_the_newest_message_not_after_it, async |gateway: &Gateway| {
    let mut row = watch(gateway, C2C, &[10, 20, 30, 40]).await;
    row.after(read_at_time_of(C2C, 20)).await.is(Key::Same, Last::Same, 2);
    row.stays(read_at_time_of(C2C, 29)).await;
    row.after(read_at_time_of(C2C, 39)).await.is(Key::Same, Last::Same, 1);
    row.after(read_at_time_of(C2C, 999)).await.is(Key::Same, Last::Same, 0);
    row.stays(received(C2C, 39)).await;
});

scenario!(domain_4_4_a_time_before_all_messages_reads_nothing, async |gateway: &Gateway| {
    let mut row = watch(gateway, C2C, &[10, 20]).await;
    row.stays(read_at_time_of(C2C, 9)).await;
});

scenario!(domain_4_4_of_messages_at_one_time_all_are_read, async |gateway: &Gateway| {
    let mut row = watch(gateway, C2C, &[10]).await;
    for seq in [11, 12] {
        row.after(received(C2C, seq).with("/message/timestamp", 1_795_000_010)).await;
    }
    row.after(received(C2C, 13)).await;
    row.after(read_at_time_of(C2C, 10)).await.is(Key::Same, Last::Same, 1);
});

scenario!(
    domain_4_4_the_mark_is_a_seq_so_a_newer_message_with_an_older_time_is_read_by_seq,
    async |gateway: &Gateway| {
        let mut row = watch(gateway, C2C, &[10, 11]).await;
        row.after(received(C2C, 12).with("/message/timestamp", 1_795_000_009)).await;
        row.after(read_at_time_of(C2C, 9)).await.is(Key::Same, Last::Same, 0);
    }
);

scenario!(domain_4_4_the_mark_never_goes_back, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3, 4]).await;
        row.after(read_to(id, 3)).await.is(Key::Same, Last::Same, 1);
        row.stays(read_to(id, 3)).await;
        row.stays(read_to(id, 2)).await;
        row.stays(backend("markRead", json!({"userID": "alice", "conversationID": id, "cleanSequence": 1}))).await;
        row.stays(received(id, 3)).await;
    }
    let mut row = watch(gateway, C2C, &[]).await;
    row.stays(read_at_time_of(C2C, 2)).await;
});

scenario!(domain_4_4_a_mark_up_to_1000_ahead_covers_the_messages_when_they_come, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 5]).await;
        row.after(read_to(id, 1_005)).await.is(Key::Same, Last::Same, 0);
        for covered in [6, 1_005] {
            row.after(received(id, covered)).await.is(Key::Up, Last::Replaced(covered), 0);
        }
        row.after(received(id, 1_006)).await.is(Key::Up, Last::Replaced(1_006), 1);
    }
});

scenario!(domain_4_4_a_mark_further_ahead_means_everything_up_to_the_newest, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 5]).await;
        row.after(read_to(id, 1_006)).await.is(Key::Same, Last::Same, 0);
        row.stays(received(id, 4)).await;
        row.after(received(id, 6)).await.is(Key::Up, Last::Replaced(6), 1);
        row.after(received(id, 1_006)).await.is(Key::Up, Last::Replaced(1_006), 2);
    }
});

scenario!(domain_4_4_a_mark_ahead_is_kept_in_a_row_without_messages, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        row.after(pinned(id, true)).await;
        gateway.post("markRead", json!({"userID": "alice", "conversationID": id, "cleanSequence": 7})).await;
        let (rows, _) = read(gateway, "alice").await;
        assert_eq!(find(&rows, id).unwrap()["unreadCount"], 0);
        batch(gateway, [received(id, 7), received(id, 8)]).await;
        let (rows, _) = read(gateway, "alice").await;
        assert_eq!(find(&rows, id).unwrap()["unreadCount"], 1);
    }
});
