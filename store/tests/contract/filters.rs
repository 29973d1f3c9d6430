//! Does every store tell filters what they ask for, and forget a user as a whole?

use super::{
    book::{Book, commit_one, id, load_one, user},
    stores::Stores,
};
use conversation_protocol::Head;
use conversation_store::{Committed, FacetRow, Load, RowSelection, Store};

/// A list of so many rows, every third with something to read, every fourth in a conversation group.
async fn listed(store: &dyn Store, name: &str, rows: u64) -> Book {
    let mut book = Book::new(user(name));
    book.commit(store, |step| {
        for number in 0..rows {
            step.put(&format!("group_{number:03}"), 1_000 + number, number % 3 == 0);
            if number % 4 == 0 {
                step.group(&format!("group_{number:03}"));
            }
        }
    })
    .await;
    book
}

async fn facets(store: &dyn Store, book: &Book, below: u64, count: u32) -> (Vec<FacetRow>, bool) {
    let page = store.facets(&book.user, below, count).await.unwrap();
    assert_eq!(page.head, book.head());
    (page.rows, page.is_finished)
}

pub(super) async fn facets_come_in_the_order_of_the_list(stores: &Stores) {
    let book = listed(&*stores.first, "alice", 7).await;
    let store = &*stores.second;
    let all = book.facet_rows();
    assert_eq!(facets(store, &book, 0, 100).await, (all.clone(), true));
    assert_eq!(facets(store, &book, 0, 7).await, (all.clone(), true), "an exactly full page is the last");
    assert_eq!(facets(store, &book, 0, 6).await, (all[..6].to_vec(), false));
    assert_eq!(facets(store, &book, 1_004, 2).await, (all[3..5].to_vec(), false));
    assert_eq!(facets(store, &book, 1_000, 2).await, (Vec::new(), true));
    let nobody = store.facets(&user("nobody"), 0, 5).await.unwrap();
    assert_eq!((nobody.head, nobody.rows, nobody.is_finished), (Head::empty(), Vec::new(), true));
}

pub(super) async fn facets_of_unread_rows_are_found_by_their_index(stores: &Stores) {
    let mut book = listed(&*stores.first, "alice", 7).await;
    for round in 0..2 {
        let unread = stores.second.unread(&book.user).await.unwrap();
        assert_eq!(unread.head, book.head());
        let mut rows = unread.rows;
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(rows, book.unread_facets(), "round {round}");
        book.commit(&*stores.first, |step| {
            step.put("group_000", 2_000, false);
            step.bury("group_003");
            step.put("c2c_new", 2_001, true);
        })
        .await;
    }
    assert_eq!(stores.second.unread(&user("nobody")).await.unwrap().rows, []);
}

pub(super) async fn grouped_rows_are_found_by_their_index(stores: &Stores) {
    let mut book = listed(&*stores.first, "alice", 9).await;
    let load = Load { user: book.user.clone(), rows: RowSelection::Grouped(10_000), tombstones: 0, lowest: None };
    let names = async |book: &Book| {
        let mut loaded = load_one(&*stores.second, &load).await;
        loaded.rows.sort();
        assert_eq!(loaded, book.loaded(&load, loaded.now_us));
        loaded.rows.into_iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&book).await, ["group_000", "group_004", "group_008"]);
    book.commit(&*stores.first, |step| {
        step.bury("group_000");
        step.put("group_004", 3_000, false);
        step.put("c2c_new", 3_001, false);
        step.group("c2c_new");
    })
    .await;
    assert_eq!(names(&book).await, ["c2c_new", "group_008"]);
}

pub(super) async fn a_deleted_user_is_as_if_never_seen(stores: &Stores) {
    let (mut alice, bob) = (listed(&*stores.first, "alice", 5).await, listed(&*stores.first, "al", 5).await);
    alice
        .commit(&*stores.first, |step| {
            step.bury("group_002");
        })
        .await;
    let (late, _) = alice.step(|step| step.put("group_004", 9_000, true));
    stores.second.delete_user(&alice.user).await.unwrap();
    stores.second.delete_user(&alice.user).await.unwrap();
    Book::new(alice.user.clone()).check(&*stores.first).await;
    assert_eq!(facets(&*stores.first, &Book::new(alice.user.clone()), 0, 9).await, (Vec::new(), true));
    bob.check(&*stores.first).await;
    // What was computed before is not committed after.
    assert!(matches!(commit_one(&*stores.first, late).await, Committed::Conflict(found) if found.head.is_none()));
    let mut again = Book::new(alice.user.clone());
    again.commit(&*stores.first, |step| step.put("group_009", 5, false)).await;
    again.check(&*stores.second).await;
    assert!(
        load_one(
            &*stores.second,
            &Load { user: alice.user, rows: RowSelection::Ids(vec![id("group_000")]), tombstones: 9, lowest: None }
        )
        .await
        .rows[0]
            .1
            .is_none()
    );
}

pub(super) async fn sessions_of_several_users_come_in_order(stores: &Stores) {
    let lease = |name: &str, session: u64| conversation_store::SessionLease {
        user: user(name),
        node: "n".to_owned(),
        session,
        device: None,
        transport: "sse".to_owned(),
        connected_at: 5,
    };
    stores.first.renew_sessions(&[lease("bob", 1), lease("carol", 2)], 60_000).await.unwrap();
    let found = stores.second.sessions(&[user("carol"), user("alice"), user("bob")]).await.unwrap();
    assert_eq!(found, [vec![lease("carol", 2)], Vec::new(), vec![lease("bob", 1)]]);
    assert!(stores.second.sessions(&[]).await.unwrap().is_empty());
}
