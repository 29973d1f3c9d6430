//! docs/DOMAIN.md, 3.1 to 3.9: what does each message do to a row's place, preview and count?

use super::steps::{deleted, deleted_after, modified, own, read_to, received, revoked, sent};
use super::watched::{BOTH_TYPES, C2C, GROUP, Key, Last, read, watch};
use crate::support::{Gateway, json};

scenario!(
    domain_3_1_a_received_message_raises_the_row_replaces_the_preview_and_counts_one,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[]).await;
            row.after(received(id, 1)).await.is(Key::Up, Last::Replaced(1), 1);
            let second = row.after(received(id, 2)).await;
            second.is(Key::Up, Last::Replaced(2), 2);
            assert_eq!((&second.last()["sender"], &second.last()["isSelf"]), (&json!("bob"), &json!(false)));
        }
    }
);

scenario!(
    domain_3_2_an_own_message_raises_the_row_replaces_the_preview_and_reads_up_to_it,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1, 2]).await;
            let third = row.after(own(id, 3)).await;
            third.is(Key::Up, Last::Replaced(3), 0);
            assert_eq!((&third.last()["sender"], &third.last()["isSelf"]), (&json!("alice"), &json!(true)));
            row.stays(received(id, 2)).await;
        }
    }
);

scenario!(domain_3_2_an_own_message_leaves_what_is_after_it_unread, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 3]).await;
        row.after(own(id, 2)).await.is(Key::Same, Last::Same, 1);
    }
});

scenario!(domain_3_2_an_own_message_reaches_every_device_of_its_sender, async |gateway: &Gateway| {
    let (mut phone, mut laptop) = (gateway.live("alice").await, gateway.live("alice").await);
    for id in BOTH_TYPES {
        own(id, 1).run(gateway).await;
        for device in [&mut phone, &mut laptop] {
            device.converge(gateway).await;
            assert_eq!(device.list.row(id).unwrap()["lastMessage"]["isSelf"], true);
        }
    }
});

scenario!(domain_3_2_an_own_message_that_is_excluded_from_the_preview_still_reads, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        let silent = own(id, 3).with("/message/isExcludedFromLastMessage", true);
        row.after(silent).await.is(Key::Same, Last::Same, 0);
    }
});

scenario!(
    domain_3_3_a_message_that_is_excluded_from_the_preview_keeps_place_and_preview_and_counts,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1]).await;
            let excluded = received(id, 2).with("/message/isExcludedFromLastMessage", true);
            row.after(excluded).await.is(Key::Same, Last::Same, 2);
            row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 3);
        }
    }
);

scenario!(domain_3_3_the_two_exclusions_are_independent_flags, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        let both = received(id, 2).with("/message/isExcludedFromLastMessage", true);
        row.stays(both.with("/message/isExcludedFromUnreadCount", true)).await;
        let neither = received(id, 3).with("/message/isExcludedFromLastMessage", false);
        let neither = neither.with("/message/isExcludedFromUnreadCount", false);
        row.after(neither).await.is(Key::Up, Last::Replaced(3), 2);
    }
});

scenario!(
    domain_3_4_a_message_that_is_excluded_from_the_count_raises_and_replaces_but_does_not_count,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1]).await;
            let excluded = received(id, 2).with("/message/isExcludedFromUnreadCount", true);
            row.after(excluded).await.is(Key::Up, Last::Replaced(2), 1);
        }
    }
);

scenario!(
    domain_3_5_the_last_message_revoked_keeps_its_place_with_status_6_and_counts_one_less,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1, 2]).await;
            let changed = row.after(revoked(id, 2).with("/revoker", "admin")).await;
            changed.is(Key::Same, Last::Edited, 1);
            let last = changed.last();
            assert_eq!((&last["status"], &last["text"]), (&json!(6), &json!("")));
            assert_eq!((&last["revoker"], &last["revokeReason"]), (&json!("admin"), &json!("typo")));
            row.stays(received(id, 2)).await;
        }
    }
);

scenario!(domain_3_5_the_sender_is_the_revoker_where_none_is_named, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!(row.after(revoked(id, 1)).await.is(Key::Same, Last::Edited, 0).last()["revoker"], "bob");
    }
});

scenario!(domain_3_5_the_last_message_revoked_after_it_was_read_takes_nothing_off, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        read_to_second(gateway, id, revoked(id, 2), Last::Edited).await;
    }
});

/// Of three messages the last is excluded from the preview and stays unread; the step is about the second, which was read.
async fn read_to_second(gateway: &Gateway, id: &'static str, step: super::steps::Step, last: Last) {
    let mut row = watch(gateway, id, &[1, 2]).await;
    let third = received(id, 3).with("/message/isExcludedFromLastMessage", true);
    row.after(third).await.is(Key::Same, Last::Same, 3);
    row.after(read_to(id, 2)).await.is(Key::Same, Last::Same, 1);
    row.after(step).await.is(Key::Same, last, 1);
}

scenario!(domain_3_5_the_last_message_revoked_that_did_not_count_takes_nothing_off, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        row.after(received(id, 2).with("/message/isExcludedFromUnreadCount", true)).await;
        row.after(revoked(id, 2)).await.is(Key::Same, Last::Edited, 1);
    }
});

scenario!(domain_3_6_another_message_revoked_keeps_place_and_preview_and_counts_one_less, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        row.after(revoked(id, 2)).await.is(Key::Same, Last::Same, 2);
    }
});

scenario!(
    domain_3_6_another_message_revoked_that_was_read_or_not_counted_changes_nothing,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1]).await;
            row.after(received(id, 2).with("/message/isExcludedFromUnreadCount", true)).await;
            row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 2);
            row.stays(revoked(id, 2)).await;
            row.after(read_to(id, 1)).await.is(Key::Same, Last::Same, 1);
            row.stays(revoked(id, 1)).await;
        }
    }
);

scenario!(
    domain_3_7_the_last_message_modified_has_its_new_content_and_keeps_place_and_count,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1, 2]).await;
            let edit = modified(id, 2, "edited").with("/message/elemType", 3);
            let edit = edit.with("/message/nickName", "Bob").with("/message/cloudCustomData", "{}");
            let changed = row.after(edit).await;
            changed.is(Key::Same, Last::Edited, 2);
            let last = changed.last();
            assert_eq!((&last["text"], &last["elemType"], &last["status"]), (&json!("edited"), &json!(3), &json!(2)));
            assert_eq!((&last["nickName"], &last["cloudCustomData"]), (&json!("Bob"), &json!("{}")));
            row.stays(received(id, 2)).await;
        }
    }
);

scenario!(domain_3_7_edits_with_revisions_may_come_in_any_order, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        row.after(modified(id, 1, "third").with("/revision", 3)).await.is(Key::Same, Last::Edited, 1);
        row.stays(modified(id, 1, "second").with("/revision", 2)).await;
        let fourth = row.after(modified(id, 1, "fourth").with("/revision", 4)).await;
        assert_eq!(fourth.is(Key::Same, Last::Edited, 1).last()["text"], "fourth");
    }
});

scenario!(
    domain_3_8_the_last_message_deleted_leaves_the_one_that_is_named_and_counts_one_less,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1, 2]).await;
            row.after(deleted_after(id, 2, 1)).await.is(Key::Same, Last::Replaced(1), 1);
            row.stays(received(id, 2)).await;
        }
    }
);

scenario!(domain_3_8_the_last_message_deleted_leaves_null_where_none_is_named, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.after(deleted(id, 2)).await.is(Key::Same, Last::Null, 1);
    }
});

scenario!(domain_3_8_the_last_message_deleted_after_it_was_read_takes_nothing_off, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        read_to_second(gateway, id, deleted(id, 2), Last::Null).await;
    }
});

scenario!(domain_3_8_the_last_message_deleted_that_did_not_count_takes_nothing_off, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        row.after(received(id, 2).with("/message/isExcludedFromUnreadCount", true)).await;
        row.after(deleted_after(id, 2, 1)).await.is(Key::Same, Last::Replaced(1), 1);
    }
});

scenario!(domain_3_9_another_message_modified_changes_nothing, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.stays(modified(id, 1, "edited")).await;
    }
});

scenario!(domain_3_9_another_message_deleted_keeps_place_and_preview_and_counts_one_less, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        row.after(deleted_after(id, 2, 1)).await.is(Key::Same, Last::Same, 2);
    }
});

scenario!(
    domain_3_9_another_message_deleted_that_was_read_or_not_counted_changes_nothing,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1]).await;
            row.after(received(id, 2).with("/message/isExcludedFromUnreadCount", true)).await;
            row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 2);
            row.stays(deleted(id, 2)).await;
            row.after(read_to(id, 1)).await.is(Key::Same, Last::Same, 1);
            row.stays(deleted(id, 1)).await;
        }
    }
);

scenario!(domain_3_5_a_revoke_changes_the_row_of_its_sender_too, async |gateway: &Gateway| {
    for (id, seen_by_bob) in [(C2C, "c2c_alice"), (GROUP, GROUP)] {
        sent(id, "bob", 1).run(gateway).await;
        let mut device = gateway.live("bob").await;
        revoked(id, 1).run(gateway).await;
        let told = device.expect("conversationChanged").await;
        let (rows, _) = read(gateway, "bob").await;
        assert_eq!(
            (told.ids(), Some(told.row())),
            (vec![seen_by_bob.to_owned()], rows.iter().find(|row| row["conversationID"] == seen_by_bob))
        );
        assert_eq!((&told.row()["lastMessage"]["status"], &told.row()["unreadCount"]), (&json!(6), &json!(0)));
    }
});
