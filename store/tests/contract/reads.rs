//! Do pages, replays and single rows give every row once, in order, as much as was asked?

use super::{
    book::{Book, id, user},
    stores::Stores,
};

async fn ten_rows(stores: &Stores) -> Book {
    let mut book = Book::new(user("alice"));
    book.padding = 1_000;
    book.commit(&*stores.first, |step| {
        for number in [3, 1, 4, 10, 5, 9, 2, 6, 8, 7] {
            step.put(&format!("c2c_{number}"), number * 100, false);
        }
    })
    .await;
    book
}

pub(super) async fn pages_end_where_the_list_ends(stores: &Stores) {
    let (store, book) = (&*stores.second, ten_rows(stores).await);
    let list = book.list();
    // Below, count, first row, rows, whether it is the last page.
    for (below, count, first, rows, is_finished) in [
        (0, 1, 0, 1, false),
        (0, 9, 0, 9, false),
        (0, 10, 0, 10, true),
        (0, 11, 0, 10, true),
        (0, u32::MAX, 0, 10, true),
        (0, 0, 0, 0, false),
        (1_000, 5, 1, 5, false),
        (999, 5, 1, 5, false),
        (1_001, 5, 0, 5, false),
        (500, 4, 6, 4, true),
        (500, 3, 6, 3, false),
        (100, 5, 10, 0, true),
        (1, 5, 10, 0, true),
        (100, 0, 10, 0, true),
    ] {
        let page = store.page(&book.user, below, count).await.unwrap();
        let case = format!("{count} rows below {below}");
        assert_eq!(page.rows, list[first..first + rows], "{case}");
        assert_eq!(page.is_finished, is_finished, "{case}");
        let last = (first + rows) as u64;
        assert_eq!(page.next_seq, if rows == 0 { below } else { (11 - last) * 100 }, "{case}");
    }
    for count in 1..=11 {
        let (mut below, mut seen) = (0, Vec::new());
        loop {
            let page = store.page(&book.user, below, count).await.unwrap();
            seen.extend(page.rows);
            below = page.next_seq;
            if page.is_finished {
                break;
            }
        }
        assert_eq!(seen, list, "pages of {count}");
    }
}

pub(super) async fn equal_order_keys_are_ordered_by_id(stores: &Stores) {
    let mut book = Book::new(user("alice"));
    book.commit(&*stores.first, |step| {
        for name in ["c2c_b", "c2c_ü", "c2c_B", "group_a", "c2c_a", "c2c_aa"] {
            step.put(name, 77, true);
        }
        step.put("c2c_top", 78, false);
    })
    .await;
    book.check(&*stores.second).await;
    let first = stores.second.page(&book.user, 0, 1).await.unwrap();
    let rest = stores.second.page(&book.user, first.next_seq, 6).await.unwrap();
    assert_eq!([first.rows, rest.rows].concat(), book.list());
}

pub(super) async fn a_replay_is_cut_by_rows_and_by_bytes(stores: &Stores) {
    let (store, mut book) = (&*stores.second, ten_rows(stores).await);
    book.commit(&*stores.first, |step| {
        step.bury("c2c_5");
        step.put("c2c_1", 2_000, true);
    })
    .await;
    let log = book.log();
    let after = log[3].version();
    // A value has between 1,000 and 1,100 bytes; the tombstone, second to last, a few.
    for (rows_max, bytes_max, entries) in [
        (100, usize::MAX, 6),
        (6, usize::MAX, 6),
        (5, usize::MAX, 5),
        (1, usize::MAX, 1),
        (0, usize::MAX, 0),
        (100, 0, 1),
        (100, 1, 1),
        (100, 900, 1),
        (100, 1_900, 2),
        (100, 3_900, 4),
        (3, 3_900, 3),
        (100, 4_500, 6),
    ] {
        let slice = store.replay(&book.user, after, rows_max, bytes_max).await.unwrap();
        assert_eq!(slice.entries, log[4..4 + entries], "{rows_max} rows, {bytes_max} bytes");
        assert_eq!(slice.changed, 6);
        assert_eq!(slice.head.cursor.version, book.clock);
    }
    let (mut since, mut seen) = (0, Vec::new());
    loop {
        let slice = store.replay(&book.user, since, 3, 2_500).await.unwrap();
        assert_eq!(slice.changed, (log.len() - seen.len()) as u64);
        let Some(last) = slice.entries.last() else { break };
        since = last.version();
        seen.extend(slice.entries);
    }
    assert_eq!(seen, log);
    for after in [book.clock, book.clock + 1, u64::MAX] {
        let slice = store.replay(&book.user, after, 10, usize::MAX).await.unwrap();
        assert_eq!((slice.changed, slice.entries.len()), (0, 0), "after {after}");
    }
}

pub(super) async fn rows_come_in_the_order_asked(stores: &Stores) {
    let mut book = ten_rows(stores).await;
    book.commit(&*stores.first, |step| step.bury("c2c_9")).await;
    let ids: Vec<_> = ["c2c_2", "c2c_9", "c2c_x", "c2c_1", "c2c_2"].into_iter().map(id).collect();
    let (head, rows) = stores.second.rows(&book.user, &ids).await.unwrap();
    assert_eq!(head.cursor.version, book.clock);
    let found: Vec<Option<&str>> =
        rows.iter().map(|row| row.as_ref().map(|row| row.conversation_id.as_str())).collect();
    assert_eq!(found, [Some("c2c_2"), None, None, Some("c2c_1"), Some("c2c_2")]);
}
