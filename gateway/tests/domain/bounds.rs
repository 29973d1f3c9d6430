//! docs/DOMAIN.md, 4.5: what is remembered for unread counts, and what happens past its bounds?

use super::steps::{Step, batch, deleted, modified, own, read_at_time_of, read_to, received, revoked};
use super::watched::{BOTH_TYPES, C2C, GROUP, Key, Last, Watched, watch};
use crate::support::{Gateway, Value, json};

/// Far enough apart that each is a range of its own.
fn ranges(count: u64) -> impl Iterator<Item = u64> {
    (1..=count).map(|number| number * 10)
}

scenario!(domain_4_5_256_ranges_of_counted_seqs_are_remembered, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        batch(gateway, ranges(256).map(|seq| received(id, seq))).await;
        let mut row = watch(gateway, id, &[]).await;
        row.stays(received(id, 10)).await;
        row.after(revoked(id, 10)).await.is(Key::Same, Last::Same, 255);
        row.after(read_to(id, 20)).await.is(Key::Same, Last::Same, 254);
    }
});

scenario!(domain_4_5_past_256_ranges_the_lowest_stay_counted_but_count_as_seen, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        batch(gateway, ranges(258).map(|seq| received(id, seq))).await;
        let mut row = watch(gateway, id, &[]).await;
        assert_eq!(row.row()["unreadCount"], 258);
        for seen in [20, 19, 10, 1] {
            row.stays(received(id, seen)).await;
        }
        row.after(read_to(id, 0)).await.is(Key::Same, Last::Same, 0);
    }
});

scenario!(domain_4_5_past_256_ranges_revokes_of_the_lowest_are_ignored, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        batch(gateway, ranges(258).map(|seq| received(id, seq))).await;
        let mut row = watch(gateway, id, &[]).await;
        for forgotten in [10, 20] {
            row.stays(revoked(id, forgotten)).await;
        }
        row.after(revoked(id, 30)).await.is(Key::Same, Last::Same, 257);
    }
});

scenario!(domain_4_5_the_times_of_the_newest_256_messages_of_a_c2c_row_are_kept, async |gateway: &Gateway| {
    batch(gateway, (1..=300).map(|seq| received(C2C, seq))).await;
    let mut row = watch(gateway, C2C, &[]).await;
    row.stays(read_at_time_of(C2C, 44)).await;
    row.after(read_at_time_of(C2C, 45)).await.is(Key::Same, Last::Same, 255);
    row.after(read_at_time_of(C2C, 300)).await.is(Key::Same, Last::Same, 0);
});

scenario!(domain_4_5_the_read_time_is_that_of_the_message_at_the_mark, async |gateway: &Gateway| {
    let mut row = watch(gateway, C2C, &[10, 20]).await;
    let time_after = async |row: &mut Watched<'_>, step| {
        row.after(step).await.row["c2cReadTimestamp"].as_u64().unwrap() - 1_795_000_000
    };
    assert_eq!(time_after(&mut row, read_to(C2C, 15)).await, 10);
    assert_eq!(time_after(&mut row, read_at_time_of(C2C, 999)).await, 20);
    assert_eq!(time_after(&mut row, own(C2C, 30)).await, 30);
    row.stays(read_to(C2C, 40)).await;
    assert_eq!(time_after(&mut row, received(C2C, 40)).await, 40, "read ahead, and known when it came");
});

/// One more change than there is room for, each before its message: the lowest is forgotten, the others are not.
async fn remembers_the_highest_64(gateway: &Gateway, early: impl Fn(&str, u64) -> Step, remembered: impl Fn(&Value)) {
    for id in BOTH_TYPES {
        received(id, 1).run(gateway).await;
        batch(gateway, (2..=66).map(|seq| early(id, seq))).await;
        let mut row = watch(gateway, id, &[]).await;
        row.after(received(id, 2)).await.is(Key::Up, Last::Replaced(2), 2);
        for seq in [3, 66] {
            received(id, seq).run(gateway).await;
            row.refresh().await;
            remembered(row.row());
        }
        row.after(received(id, 67)).await;
    }
}

scenario!(domain_4_5_a_revoke_before_its_message_is_remembered_for_64_of_them, async |gateway: &Gateway| {
    remembers_the_highest_64(gateway, revoked, |row| {
        let last = &row["lastMessage"];
        assert_eq!((&row["unreadCount"], &last["status"], &last["text"]), (&json!(2), &json!(6), &json!("")));
    })
    .await;
});

scenario!(domain_4_5_an_edit_before_its_message_is_remembered_for_64_of_them, async |gateway: &Gateway| {
    let edited = |id: &str, seq| modified(id, seq, "edited");
    remembers_the_highest_64(gateway, edited, |row| assert_eq!(row["lastMessage"]["text"], "edited", "{row}")).await;
});

scenario!(domain_4_5_a_deletion_before_its_message_is_remembered_for_64_of_them, async |gateway: &Gateway| {
    remembers_the_highest_64(gateway, deleted, |row| {
        assert_eq!((&row["unreadCount"], &row["lastMessage"]["seq"]), (&json!(2), &json!(2)));
    })
    .await;
});

scenario!(domain_4_5_an_early_change_is_told_with_its_message_and_not_before, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[1]).await;
    row.stays(revoked(GROUP, 2)).await;
    row.stays(modified(GROUP, 3, "edited")).await;
    row.stays(deleted(GROUP, 4)).await;
    assert_eq!(row.after(received(GROUP, 2)).await.last()["status"], 6);
    assert_eq!(row.after(received(GROUP, 3)).await.last()["text"], "edited");
    row.stays(received(GROUP, 4)).await;
});
