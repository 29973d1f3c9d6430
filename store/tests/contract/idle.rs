//! Are users for whom nothing happens forgotten, each as a whole, and nobody else?

use super::{
    book::{Book, id, user},
    races::message,
    stores::Stores,
};
use conversation_protocol::Head;
use conversation_store::{Limits, Writer, rules::Change};
use std::time::Duration;

/// How long nothing may happen.
const IDLE: Duration = Duration::from_secs(4);
/// Between two changes of the one who is not idle.
const BETWEEN: Duration = Duration::from_millis(200);
/// Changes at most.
const CHANGES_MAX: u64 = 300;

pub(super) async fn a_user_without_changes_for_long_is_forgotten_as_a_whole_and_nobody_else(stores: &Stores) {
    let (store, writer) = (&*stores.first, Writer::new(stores.first.clone(), Limits::default()));
    let (idle, busy) = (user("alice"), user("bob"));
    assert_eq!(store.forget_idle(IDLE).await.unwrap(), 0);
    let pin = |name: &str| Change::Pin { conversation_id: id(name), is_pinned: true, if_version: None };
    // A row of each kind, so that all there is of a user is there.
    for change in [
        Change::CreateGroup("work".to_owned()),
        pin("c2c_x"),
        Change::AddToGroup { conversation_id: id("c2c_x"), name: "work".to_owned() },
        message(1, 1),
        pin("c2c_gone"),
        Change::Delete(id("c2c_gone")),
    ] {
        writer.apply(idle.clone(), change).await.unwrap();
    }
    let head = async |of| store.heads(std::slice::from_ref(of)).await.remove(0).unwrap();
    assert_eq!(head(&idle).await.row_count, 2);
    writer.apply(busy.clone(), message(1, 1)).await.unwrap();
    let epoch = head(&busy).await.cursor.epoch;
    for seq in 2..=CHANGES_MAX {
        writer.apply(busy.clone(), message(1, seq)).await.unwrap();
        store.forget_idle(IDLE).await.unwrap();
        if head(&idle).await == Head::empty() {
            break;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Book::new(idle.clone()).check(store).await;
    assert_eq!(head(&busy).await.cursor.epoch, epoch, "the other one was never forgotten");
    // What the writer remembers of the forgotten one is not believed.
    writer.apply(idle.clone(), pin("c2c_new")).await.unwrap();
    assert_eq!((head(&idle).await.row_count, head(&idle).await.group_names), (1, Vec::new()));
}
