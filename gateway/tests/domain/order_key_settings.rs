//! docs/DOMAIN.md, 3.10 to 3.15: what does each change beside messages do to a row's place, preview and count?

use super::steps::{
    Step, backend, cleared, client, custom_data, draft, gone, grouped, joined, joined_with, marked, option, own,
    pinned, profile, read_at_time_of, read_to, received,
};
use super::watched::{BOTH_TYPES, C2C, GROUP, Key, Last, read, watch};
use crate::support::{Gateway, Transport, ids, json};

scenario!(domain_3_10_a_cleared_history_keeps_the_place_without_preview_and_unread, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.after(cleared(id)).await.is(Key::Same, Last::Null, 0);
        row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 1);
    }
});

scenario!(domain_3_11_reading_lowers_unread_and_keeps_place_and_preview, async |gateway: &Gateway| {
    for (id, some) in [(C2C, read_at_time_of(C2C, 2)), (GROUP, read_to(GROUP, 2))] {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        row.after(some).await.is(Key::Same, Last::Same, 1);
        row.after(read_to(id, 0)).await.is(Key::Same, Last::Same, 0);
    }
});

scenario!(domain_3_11_a_backend_that_marks_read_does_the_same, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        let mark_read =
            |seq| backend("markRead", json!({"userID": "alice", "conversationID": id, "cleanSequence": seq}));
        row.after(mark_read(1)).await.is(Key::Same, Last::Same, 2);
        row.after(mark_read(0)).await.is(Key::Same, Last::Same, 0);
    }
});

/// A step that only records something, and one that takes it back.
async fn keep_place_preview_and_unread(gateway: &Gateway, steps: impl Fn(&'static str) -> [Step; 2]) {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        for step in steps(id) {
            row.after(step).await.is(Key::Same, Last::Same, 2);
        }
    }
}

scenario!(domain_3_11_marks_keep_place_preview_and_unread, async |gateway: &Gateway| {
    keep_place_preview_and_unread(gateway, |id| [marked(id, json!([1, 2, 8]), true), marked(id, 2, false)]).await;
});

scenario!(domain_3_11_custom_data_keep_place_preview_and_unread, async |gateway: &Gateway| {
    keep_place_preview_and_unread(gateway, |id| [custom_data(id, "red"), custom_data(id, "")]).await;
});

scenario!(domain_3_11_conversation_groups_keep_place_preview_and_unread, async |gateway: &Gateway| {
    client("createConversationGroup", json!({"groupName": "work"})).run(gateway).await;
    keep_place_preview_and_unread(gateway, |id| {
        let params = json!({"groupName": "work", "conversationIDList": [id]});
        [client("addConversationsToGroup", params.clone()), client("deleteConversationsFromGroup", params)]
    })
    .await;
});

scenario!(domain_3_11_the_receive_option_keeps_place_preview_and_unread, async |gateway: &Gateway| {
    keep_place_preview_and_unread(gateway, |id| [option(id, 2), option(id, 0)]).await;
});

scenario!(domain_3_11_the_profile_keeps_place_preview_and_unread, async |gateway: &Gateway| {
    keep_place_preview_and_unread(gateway, |id| [profile(id, "One"), profile(id, "Two")]).await;
});

scenario!(domain_3_11_a_replay_brings_what_did_not_raise_the_order_key, async |gateway: &Gateway| {
    received(C2C, 1).run(gateway).await;
    let mut device = gateway.live("alice").await;
    for step in [read_to(C2C, 0), marked(C2C, 1, true), option(C2C, 2), profile(C2C, "Bob")] {
        let cursor = device.list.cursor.clone().unwrap();
        step.run(gateway).await;
        device.converge(gateway).await;
        let replay = gateway.opening(Transport::WebSocket, "alice").since(&cursor).open().await.sync().await;
        assert_eq!((replay.mode.as_str(), replay.changed()), ("replay", vec![C2C.to_owned()]), "{step:?}");
    }
});

scenario!(domain_3_12_pinning_and_unpinning_set_and_remove_the_pin_bit_alone, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.after(pinned(id, true)).await.is(Key::PinBitSet, Last::Same, 2);
        row.after(pinned(id, false)).await.is(Key::PinBitRemoved, Last::Same, 2);
    }
});

scenario!(domain_3_12_a_pinned_row_that_rose_has_its_new_place_when_it_is_unpinned, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        row.after(pinned(id, true)).await.is(Key::PinBitSet, Last::Same, 1);
        row.after(received(id, 2)).await.is(Key::Up, Last::Replaced(2), 2);
        row.after(pinned(id, false)).await.is(Key::PinBitRemoved, Last::Same, 2);
    }
});

scenario!(domain_3_13_a_draft_that_is_set_raises_and_one_that_is_cleared_keeps_the_place, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        for text in ["hel", "hello"] {
            row.after(draft(id, text)).await.is(Key::Up, Last::Same, 2);
        }
        row.after(draft(id, "")).await.is(Key::Same, Last::Same, 2);
    }
});

scenario!(domain_3_14_joining_makes_the_row_at_the_top_with_null_and_nothing_unread, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    row.after(joined("g")).await.is(Key::Up, Last::Null, 0);
    row.after(received(GROUP, 1)).await.is(Key::Up, Last::Replaced(1), 1);
});

scenario!(domain_3_14_joining_makes_the_row_with_the_message_that_is_given_read, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    row.after(joined_with("g", 5)).await.is(Key::Up, Last::Replaced(5), 0);
    row.stays(received(GROUP, 5)).await;
    row.stays(received(GROUP, 4)).await;
});

scenario!(domain_3_14_being_pulled_in_with_others_makes_the_row_of_each, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    row.after(joined("g").with("/recipients", json!(["alice", "carol"]))).await.is(Key::Up, Last::Null, 0);
    assert_eq!(ids(&read(gateway, "carol").await.0), [GROUP]);
});

scenario!(domain_3_15_a_row_that_was_deleted_is_gone_and_made_fresh_by_a_message, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.goes(gone(id)).await;
        row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 1);
    }
});

scenario!(domain_3_15_a_backend_that_deletes_the_row_does_the_same, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.goes(backend("deleteConversation", json!({"conversationID": id, "recipients": ["alice"]}))).await;
        row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 1);
    }
});

scenario!(domain_3_15_the_fresh_row_has_nothing_of_the_old_one, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        let text = "to be forgotten";
        for step in [draft(id, text), custom_data(id, text), marked(id, 1, true), pinned(id, true), grouped(id, id)] {
            row.after(step).await;
        }
        row.goes(gone(id)).await;
        let fresh = row.after(received(id, 3).with("/conversation", plain(id))).await;
        for (field, value) in [
            ("draftText", json!("")),
            ("customData", json!("")),
            ("markList", json!([])),
            ("isPinned", json!(false)),
            ("conversationGroupList", json!([])),
            ("showName", json!("")),
        ] {
            assert_eq!(fresh.row[field], value, "{field}");
        }
    }
});

/// A conversation in a message that says nothing of how it is shown.
fn plain(id: &str) -> crate::support::Value {
    if id == C2C { json!({"type": 1}) } else { json!({"type": 2, "groupID": "g"}) }
}

scenario!(domain_3_15_a_message_from_before_the_deletion_brings_nothing_back, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 3]).await;
        row.goes(gone(id)).await;
        for late in [received(id, 3), received(id, 2), own(id, 2)] {
            row.stays(late).await;
        }
    }
});
