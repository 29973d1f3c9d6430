//! Does a step take place as a whole, only from the state it was computed from, and in every index?

use super::{
    book::{Book, commit_all, commit_one, id, load_one, user},
    stores::Stores,
};
use conversation_store::{Committed, Load, Lowest, RowSelection};
use std::time::{Duration, SystemTime};

/// One below the pin bit: the largest clock there can be.
const CLOCK_MAX: u64 = (1 << 52) - 1;
/// The largest orderKey: pinned at the largest clock.
const ORDER_KEY_MAX: u64 = (1 << 53) - 1;

pub(super) async fn an_unknown_user_has_nothing(stores: &Stores) {
    Book::new(user("nobody")).check(&*stores.first).await;
    assert!(stores.first.heads(&[]).await.is_empty() && stores.first.load(&[]).await.is_empty());
    assert!(commit_all(&*stores.first, Vec::new()).await.is_empty());
    stores.first.ping().await.unwrap();
}

pub(super) async fn indexes_follow_a_row_that_goes_comes_back_and_is_purged(stores: &Stores) {
    let (store, mut book) = (&*stores.first, Book::new(user("alice")));
    book.commit(store, |step| {
        step.put("c2c_bob", 10, true);
        step.put("group_g", 20, false);
        step.put("c2c_carol", 15, true);
    })
    .await;
    book.check(store).await;
    book.commit(store, |step| step.put("c2c_bob", 10, false)).await;
    book.check(store).await;
    book.commit(store, |step| {
        step.put("c2c_bob", 30, true);
        step.bury("c2c_carol");
        step.bury("group_g");
    })
    .await;
    book.check(store).await;
    book.commit(store, |step| step.bury("c2c_carol")).await;
    book.check(store).await;
    book.commit(store, |step| {
        step.put("c2c_carol", 40, false);
        step.purge("group_g");
    })
    .await;
    book.check(&*stores.second).await;
    book.commit(store, |step| {
        step.put("group_g", 5, true);
        step.bury("c2c_bob");
    })
    .await;
    book.check(&*stores.second).await;
}

pub(super) async fn a_lost_race_changes_nothing_and_answers_what_was_asked(stores: &Stores) {
    let mut book = Book::new(user("alice"));
    let (mut late_first, _) = book.step(|step| step.put("c2c_mallory", 1, true));
    book.commit(&*stores.first, |step| {
        step.put("c2c_bob", 10, true);
        step.put("c2c_carol", 11, false);
        step.group("c2c_carol");
        step.bury("group_old");
        step.bury("group_older");
    })
    .await;
    let (mut late, _) = book.step(|step| {
        step.bury("c2c_bob");
        step.put("c2c_mallory", 12, true);
        step.purge("group_old");
    });
    book.commit(&*stores.first, |step| {
        step.put("c2c_bob", 20, true);
        step.group("c2c_bob");
    })
    .await;

    let by_id = RowSelection::Ids(vec![id("c2c_mallory"), id("group_old"), id("c2c_bob")]);
    let lowest = |rows_at_least| Some(Lowest { rows_at_least, count: 1, tombstones: 2 });
    for (rows, tombstones, lowest) in [
        (by_id.clone(), 1, None),
        (by_id.clone(), 1, lowest(2)),
        (by_id, 1, lowest(3)),
        (RowSelection::Unread(5), 0, None),
        (RowSelection::Unread(5), 0, lowest(1)),
        (RowSelection::Grouped(5), 0, None),
        (RowSelection::Grouped(5), 2, lowest(1)),
        (RowSelection::Ids(Vec::new()), 7, None),
    ] {
        for commit in [&mut late_first, &mut late] {
            commit.load = Load { user: book.user.clone(), rows: rows.clone(), tombstones, lowest };
            let Committed::Conflict(mut found) = commit_one(&*stores.second, commit.clone()).await else {
                panic!("a step from another clock was taken");
            };
            if matches!(rows, RowSelection::Grouped(_)) {
                found.rows.sort();
            }
            assert_eq!(found, book.loaded(&commit.load, found.now_us));
            assert!(found.now_us > 1_700_000_000_000_000, "the time is told with a conflict, too");
        }
    }
    book.check(&*stores.first).await;
    book.check(&*stores.second).await;
}

pub(super) async fn steps_of_one_pipeline_stand_alone(stores: &Stores) {
    let mut books: Vec<Book> = (0..300).map(|number| Book::new(user(&format!("user{number}")))).collect();
    let is_overtaken = |number: usize| (100..200).contains(&number) && number.is_multiple_of(3);
    let steps: Vec<_> = books.iter().map(|book| book.step(|step| step.put("c2c_bob", 7, true))).collect();
    for (number, book) in books.iter_mut().enumerate() {
        if is_overtaken(number) {
            book.commit(&*stores.second, |step| step.put("c2c_fast", 8, false)).await;
        }
    }
    let (commits, afters): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
    let outcomes = commit_all(&*stores.first, commits.clone()).await;
    assert_eq!(outcomes.len(), books.len());
    for (number, (outcome, after)) in outcomes.into_iter().zip(afters).enumerate() {
        match outcome.unwrap() {
            Committed::Done => {
                assert!(!is_overtaken(number));
                books[number] = after;
            }
            Committed::Conflict(found) => {
                assert!(is_overtaken(number));
                assert_eq!(found, books[number].loaded(&commits[number].load, found.now_us));
            }
        }
    }
    for book in &books {
        book.check(&*stores.first).await;
    }
    let loads: Vec<Load> = commits.into_iter().map(|commit| commit.load).collect();
    for (loaded, (book, load)) in stores.first.load(&loads).await.into_iter().zip(books.iter().zip(&loads)) {
        let loaded = loaded.unwrap();
        assert_eq!(loaded, book.loaded(load, loaded.now_us));
    }
}

pub(super) async fn two_steps_of_one_user_in_one_pipeline_run_in_order(stores: &Stores) {
    let book = Book::new(user("alice"));
    let (first, after_first) = book.step(|step| step.put("c2c_bob", 1, true));
    let (late, _) = book.step(|step| step.put("c2c_late", 1, true));
    let (second, after_second) = after_first.step(|step| step.bury("c2c_bob"));
    let outcomes = commit_all(&*stores.first, vec![first, late, second]).await;
    let is_done: Vec<bool> = outcomes.into_iter().map(|outcome| outcome.unwrap() == Committed::Done).collect();
    assert_eq!(is_done, [true, false, true]);
    after_second.check(&*stores.second).await;
}

pub(super) async fn odd_user_ids_do_not_mix(stores: &Stores) {
    let names =
        ["a", "a:head", "a:rows", "A", "{", "}", "{}", "{x}", "}{", "{}a", ":", "::", "*", "ü", "u\u{308}", "🙂"];
    let mut books = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let mut book = Book::new(user(name));
        book.commit(&*stores.first, |step| {
            step.put(&format!("c2c_{name}"), 1, true);
            step.put(&format!("group_{number}"), 2, false);
            step.bury(&format!("c2c_{{{name}}}"));
        })
        .await;
        books.push(book);
    }
    for book in books {
        book.check(&*stores.second).await;
    }
}

pub(super) async fn numbers_are_exact_up_to_their_largest(stores: &Stores) {
    let (store, mut book) = (&*stores.first, Book::new(user("alice")));
    book.commit(store, |step| {
        step.clock(CLOCK_MAX - 10);
        step.put("c2c_a", ORDER_KEY_MAX - 2, true);
        step.put("c2c_b", ORDER_KEY_MAX, true);
        step.put("c2c_c", ORDER_KEY_MAX - 1, true);
        step.bury("c2c_d");
        step.bury("c2c_e");
    })
    .await;
    book.check(store).await;
    book.commit(store, |step| step.put("c2c_f", CLOCK_MAX - 1, false)).await;
    book.check(&*stores.second).await;
    let page = store.page(&book.user, ORDER_KEY_MAX, 2).await.unwrap();
    assert_eq!((page.rows.as_slice(), page.next_seq), (&book.list()[1..3], ORDER_KEY_MAX - 2));
    let replay = store.replay(&book.user, CLOCK_MAX - 8, 10, usize::MAX).await.unwrap();
    assert_eq!((replay.entries.as_slice(), replay.changed), (&book.log()[2..], 4));
}

pub(super) async fn five_thousand_rows_are_kept(stores: &Stores) {
    let (store, mut book) = (&*stores.first, Book::new(user("alice")));
    let names: Vec<String> = (0..5_000).map(|number| format!("group_{number}")).collect();
    for (number, some) in names.chunks(256).enumerate() {
        book.commit(store, |step| {
            for (at, name) in some.iter().enumerate() {
                step.put(name, (number * 256 + at) as u64 * 7 % 5_003 + 1, at % 2 == 0);
            }
        })
        .await;
    }
    book.check(store).await;
    for some in names.chunks(256).step_by(2) {
        book.commit(store, |step| some.iter().for_each(|name| step.bury(name))).await;
    }
    book.check(&*stores.second).await;
}

pub(super) async fn a_load_is_as_large_as_asked(stores: &Stores) {
    let (store, mut book) = (&*stores.first, Book::new(user("alice")));
    book.commit(store, |step| {
        for number in 0..20 {
            step.put(&format!("c2c_{number}"), 100 + number, number < 10);
            step.bury(&format!("group_{}", 19 - number));
        }
    })
    .await;
    let all =
        book.loaded(&Load { user: book.user.clone(), rows: RowSelection::Unread(0), tombstones: 20, lowest: None }, 0);
    for count in [0, 1, 9, 10, 11] {
        let load = Load { user: book.user.clone(), rows: RowSelection::Unread(count), tombstones: count, lowest: None };
        let loaded = load_one(store, &load).await;
        assert_eq!(loaded.rows.len(), count.min(10));
        assert!(loaded.rows.iter().all(|row| all.rows.contains(row)));
        assert_eq!(loaded.tombstones, all.tombstones[..count]);
    }
    let ids: Vec<_> = (0..12_000).map(|number| id(&format!("c2c_{number}"))).collect();
    let load = Load { user: book.user.clone(), rows: RowSelection::Ids(ids), tombstones: 0, lowest: None };
    let loaded = load_one(store, &load).await;
    assert_eq!(loaded, book.loaded(&load, loaded.now_us));
}

pub(super) async fn the_lowest_rows_come_only_of_a_list_that_is_long_enough(stores: &Stores) {
    let (store, mut book) = (&*stores.first, Book::new(user("alice")));
    // Of a neighbour whose rows lie around alice's.
    for neighbour in ["alic", "alice!", "alicf"] {
        Book::new(user(neighbour)).commit(store, |step| step.put("c2c_low", 1, false)).await;
    }
    let load = |rows_at_least, count| Load {
        user: user("alice"),
        rows: RowSelection::Ids(vec![id("c2c_a"), id("c2c_nobody")]),
        tombstones: 1,
        lowest: Some(Lowest { rows_at_least, count, tombstones: 2 }),
    };
    for rows_at_least in [0, 1] {
        let loaded = load_one(store, &load(rows_at_least, 3)).await;
        assert_eq!((loaded.head, loaded.lowest), (None, Vec::new()), "a user without data has no list");
    }
    book.commit(store, |step| {
        step.put("c2c_pinned", ORDER_KEY_MAX, false);
        step.put("c2c_b", 20, true);
        step.put("c2c_a", 20, false);
        step.put("group_first", 10, true);
        for number in 0..3 {
            step.bury(&format!("group_old{number}"));
        }
    })
    .await;
    for rows_at_least in [0, 3, 4, 5, u64::MAX] {
        for count in [1, 2, 3, 4, 9] {
            let load = load(rows_at_least, count);
            let loaded = load_one(store, &load).await;
            assert_eq!(loaded, book.loaded(&load, loaded.now_us), "{rows_at_least} {count}");
            let is_long = rows_at_least <= 4;
            assert_eq!(loaded.lowest.len(), if is_long { count.min(4) } else { 0 });
            assert_eq!(loaded.tombstones.len(), if is_long { 2 } else { 1 });
        }
    }
    let lowest = load_one(store, &load(4, 9)).await.lowest.into_iter().map(|(id, _)| id.to_string());
    assert_eq!(lowest.collect::<Vec<_>>(), ["group_first", "c2c_a", "c2c_b", "c2c_pinned"]);
}

#[allow(clippy::disallowed_methods, reason = "the store's clock is compared with the system's")]
pub(super) async fn the_store_tells_the_time(stores: &Stores) {
    let load = Load { user: user("nobody"), rows: RowSelection::Unread(1), tombstones: 0, lowest: None };
    let mut last_us = 0;
    for _ in 0..100 {
        let now_us = load_one(&*stores.first, &load).await.now_us;
        assert!(now_us >= last_us);
        last_us = now_us;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(now.abs_diff(Duration::from_micros(last_us)) < Duration::from_secs(60));
}
