//! Does every node see the live sessions of a user, and only those?

use super::{book::user, stores::Stores};
use conversation_store::{SessionLease, Store};
use std::time::Duration;

const MINUTE_MS: u64 = 60_000;

fn lease(name: &str, session: u64, device: Option<&str>) -> SessionLease {
    SessionLease {
        user: user(name),
        node: "node {1}:ü".to_owned(),
        session,
        device: device.map(|device| device.parse().unwrap()),
        transport: "websocket".to_owned(),
        connected_at: 1_795_373_813,
    }
}

async fn sessions(store: &dyn Store, name: &str) -> Vec<SessionLease> {
    let mut leases = store.sessions(&[user(name)]).await.unwrap().remove(0);
    leases.sort_by_key(|lease| lease.session);
    leases
}

pub(super) async fn leases_are_made_renewed_and_ended(stores: &Stores) {
    let (phone, laptop, other) =
        (lease("alice", 1, Some("phone")), lease("alice", u64::MAX, None), lease("bob", 3, None));
    assert_eq!(sessions(&*stores.first, "alice").await, []);
    stores.first.renew_sessions(&[], MINUTE_MS).await.unwrap();
    stores.first.renew_sessions(&[phone.clone(), other.clone(), laptop.clone()], MINUTE_MS).await.unwrap();
    stores.first.renew_sessions(&[phone.clone(), other.clone()], 2 * MINUTE_MS).await.unwrap();
    assert_eq!(sessions(&*stores.second, "alice").await, [phone.clone(), laptop.clone()]);
    assert_eq!(sessions(&*stores.second, "bob").await, std::slice::from_ref(&other));
    stores.second.end_sessions(&[phone, other.clone(), other]).await.unwrap();
    assert_eq!(sessions(&*stores.first, "alice").await, [laptop]);
    assert_eq!(sessions(&*stores.first, "bob").await, []);
}

pub(super) async fn a_lease_ends_by_itself(stores: &Stores) {
    let (short, long) = (lease("alice", 1, None), lease("alice", 2, None));
    stores.first.renew_sessions(std::slice::from_ref(&long), MINUTE_MS).await.unwrap();
    stores.first.renew_sessions(std::slice::from_ref(&short), 300).await.unwrap();
    assert_eq!(sessions(&*stores.second, "alice").await, [short, long.clone()]);
    let gone = async {
        while sessions(&*stores.second, "alice").await.len() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("the short lease ends");
    assert_eq!(sessions(&*stores.second, "alice").await, std::slice::from_ref(&long));
    stores.first.renew_sessions(&[lease("alice", 1, None)], 1).await.unwrap();
    stores.first.renew_sessions(std::slice::from_ref(&long), MINUTE_MS).await.unwrap();
    assert_eq!(sessions(&*stores.first, "alice").await.last(), Some(&long), "the longer lease keeps its end");
}
