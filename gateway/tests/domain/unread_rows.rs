//! docs/DOMAIN.md, 4.6 to 4.11: what do clearing, revoking, deleting, joining and muting do to unread counts and totals?

use super::steps::{
    Step, batch, cleared, deleted, deleted_after, draft, gone, joined, joined_with, marked, modified, option, own,
    pinned, profile, read_at_time_of, read_to, received, revoked,
};
use super::watched::{BOTH_TYPES, C2C, GROUP, Key, Last, number, read, watch};
use crate::support::{Gateway, Value, json};

scenario!(domain_4_6_clearing_reads_up_to_the_newest, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 5]).await;
        let changed = row.after(cleared(id)).await;
        changed.is(Key::Same, Last::Null, 0);
        let (field, mark) = if id == C2C { ("c2cReadTimestamp", 1_795_000_005_u64) } else { ("groupReadSequence", 5) };
        assert_eq!(changed.row[field], mark);
        row.stays(revoked(id, 5)).await;
        row.after(received(id, 6)).await.is(Key::Up, Last::Replaced(6), 1);
    }
});

scenario!(domain_4_6_no_older_message_becomes_the_preview_again, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 5]).await;
        row.after(cleared(id)).await.is(Key::Same, Last::Null, 0);
        for late in [received(id, 3), received(id, 5), own(id, 4)] {
            row.stays(late).await;
        }
        row.after(received(id, 6)).await.is(Key::Up, Last::Replaced(6), 1);
        row.after(deleted_after(id, 6, 5)).await.is(Key::Same, Last::Null, 0);
    }
});

scenario!(domain_4_6_a_revoked_preview_loses_its_text, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        row.after(received(id, 1).with("/message/cloudCustomData", "{\"quote\":1}")).await;
        let changed = row.after(revoked(id, 1)).await;
        assert_eq!((&changed.last()["text"], changed.last().get("cloudCustomData")), (&json!(""), None));
        row.stays(modified(id, 1, "still here")).await;
    }
});

scenario!(domain_4_7_revoking_takes_an_unread_seq_off_once, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        row.after(revoked(id, 2)).await.is(Key::Same, Last::Same, 2);
        row.stays(revoked(id, 2).with("/revokeReason", "again")).await;
        row.stays(deleted(id, 2)).await;
        row.stays(received(id, 2)).await;
        row.after(read_to(id, 2)).await.is(Key::Same, Last::Same, 1);
        row.after(revoked(id, 3)).await.is(Key::Same, Last::Edited, 0);
    }
});

scenario!(domain_4_7_revoking_a_seq_that_was_read_takes_nothing_off, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        row.after(read_to(id, 2)).await.is(Key::Same, Last::Same, 1);
        for read in [1, 2] {
            row.stays(revoked(id, read)).await;
        }
    }
});

scenario!(domain_4_8_after_a_deletion_the_next_message_counts_one, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2, 3]).await;
        row.goes(gone(id)).await;
        row.after(received(id, 9)).await.is(Key::Up, Last::Replaced(9), 1);
        row.after(received(id, 7)).await.is(Key::Same, Last::Same, 2);
        row.stays(received(id, 3)).await;
    }
});

scenario!(domain_4_8_joining_with_a_seq_starts_the_read_mark_there, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    let fresh = row.after(joined("g").with("/seq", 40)).await;
    assert_eq!(fresh.is(Key::Up, Last::Null, 0).row["groupReadSequence"], 40);
    row.after(received(GROUP, 42)).await.is(Key::Up, Last::Replaced(42), 1);
    for missed in [39, 40] {
        row.stays(received(GROUP, missed)).await;
    }
    row.after(received(GROUP, 41)).await.is(Key::Same, Last::Same, 2);
});

scenario!(domain_4_8_joining_a_row_that_is_there_changes_nothing, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[1, 2]).await;
    row.stays(joined("g").with("/seq", 9).with("/conversation/showName", "Other")).await;
    row.stays(joined_with("g", 10)).await;
    row.after(received(GROUP, 3)).await.is(Key::Up, Last::Replaced(3), 3);
});

scenario!(domain_4_8_joining_at_or_below_the_delete_barrier_brings_no_row_back, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[1, 5]).await;
    row.goes(gone(GROUP)).await;
    for seq in [5, 4] {
        row.stays(joined("g").with("/seq", seq)).await;
    }
    row.after(joined("g").with("/seq", 6)).await.is(Key::Up, Last::Null, 0);
    row.after(received(GROUP, 6)).await.is(Key::Up, Last::Replaced(6), 0);
});

scenario!(domain_4_9_the_total_is_the_sum_over_rows_whose_option_is_0, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        let total = gateway.total("alice").await;
        for recv_opt in 1..=4 {
            row.after(option(id, recv_opt)).await.is(Key::Same, Last::Same, 2);
            assert_eq!(gateway.total("alice").await, total - 2, "option {recv_opt}");
        }
        row.after(option(id, 0)).await.is(Key::Same, Last::Same, 2);
        assert_eq!(gateway.total("alice").await, total);
    }
});

scenario!(domain_4_9_a_muted_row_keeps_its_own_count, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        row.after(option(id, 2)).await.is(Key::Same, Last::Same, 2);
        let total = gateway.total("alice").await;
        row.after(received(id, 3)).await.is(Key::Up, Last::Replaced(3), 3);
        row.after(read_to(id, 1)).await.is(Key::Same, Last::Same, 2);
        assert_eq!(gateway.total("alice").await, total, "what happens in a muted row does not touch the total");
        row.after(option(id, 0)).await.is(Key::Same, Last::Same, 2);
        assert_eq!(gateway.total("alice").await, total + 2);
    }
});

scenario!(domain_4_10_the_total_changes_in_the_step_of_the_row_that_caused_it, async |gateway: &Gateway| {
    // Each step shows that the total is of the row's version, and came in the same flush.
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        let total = gateway.total("alice").await;
        for (step, more) in [
            (received(id, 2), 1),
            (received(id, 3), 2),
            (revoked(id, 2), 1),
            (deleted(id, 3), 0),
            (received(id, 4), 1),
            (option(id, 2), -1),
            (option(id, 0), 1),
            (cleared(id), -1),
            (received(id, 5), 0),
            (read_to(id, 0), -1),
        ] {
            let name = format!("{step:?}");
            row.after(step).await;
            assert_eq!(
                gateway.post("getTotalUnreadMessageCount", json!({"userID": "alice"})).await["totalUnreadCount"],
                (total as i64 + more) as u64,
                "{name}"
            );
        }
        row.after(received(id, 6)).await;
        row.goes(gone(id)).await;
    }
});

scenario!(domain_4_10_after_any_step_the_total_is_the_sum, async |gateway: &Gateway| {
    let mut device = gateway.live("alice").await;
    let ids = [C2C, "c2c_carol", GROUP, "group_h"];
    for id in ids {
        for step in every_kind_of_step(id) {
            step.run(gateway).await;
            // Reading compares them.
            read(gateway, "alice").await;
        }
    }
    for everything in ["c2c", "group", ""] {
        read_to(everything, 0).run(gateway).await;
        read(gateway, "alice").await;
        batch(gateway, ids.map(|id| received(id, 50 + everything.len() as u64))).await;
    }
    device.converge(gateway).await;
});

fn every_kind_of_step(id: &str) -> Vec<Step> {
    let c2c_time = read_at_time_of(id, 4);
    let steps = [received(id, 1), received(id, 4), received(id, 3), own(id, 2), received(id, 9), revoked(id, 3)];
    let more = [deleted(id, 9), c2c_time, received(id, 10), received(id, 12), pinned(id, true), draft(id, "hi")];
    let settings = [option(id, 1), received(id, 13), option(id, 0), marked(id, 8, true), profile(id, "New")];
    let end = [read_to(id, 10), cleared(id), received(id, 14), gone(id), received(id, 20), received(id, 22)];
    steps.into_iter().chain(more).chain(settings).chain(end).collect()
}

/// A message of the group that mentions.
fn mentioning(seq: u64, names: &[&str]) -> Step {
    received(GROUP, seq).with("/message/atUserList", json!(names))
}

fn mentions(row: &Value) -> Vec<u64> {
    row["groupAtInfoList"].as_array().expect("a list").iter().map(|info| number(info, "seq")).collect()
}

scenario!(domain_4_11_reading_clears_mentions_up_to_the_read_mark, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    for seq in [1, 2, 3, 5] {
        row.after(mentioning(seq, &["alice"])).await;
    }
    assert_eq!(mentions(row.row()), [1, 2, 3, 5]);
    assert_eq!(mentions(&row.after(read_to(GROUP, 2)).await.row), [3, 5]);
    assert_eq!(mentions(&row.after(own(GROUP, 4)).await.row), [5], "an own message reads too");
    assert_eq!(mentions(&row.after(read_to(GROUP, 0)).await.row), [0; 0]);
    row.stays(mentioning(5, &["alice"])).await;
    row.after(mentioning(7, &["alice"])).await;
    assert_eq!(mentions(&row.after(cleared(GROUP)).await.row), [0; 0]);
    row.stays(mentioning(6, &["alice"])).await;
});

scenario!(domain_4_11_revoking_a_message_removes_its_mention, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    for seq in [1, 2, 3] {
        row.after(mentioning(seq, &["alice"])).await;
    }
    assert_eq!(mentions(&row.after(revoked(GROUP, 2)).await.row), [1, 3]);
    assert_eq!(mentions(&row.after(deleted(GROUP, 3)).await.row), [1]);
    row.stays(revoked(GROUP, 5)).await;
    assert_eq!(mentions(&row.after(mentioning(5, &["alice"])).await.row), [1], "it was revoked before it came");
});
