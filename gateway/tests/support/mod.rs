//! What do the end-to-end tests share? Real gateways, raw sockets, keys made on the spot.
#![allow(dead_code, reason = "every test binary uses its own part")]

pub(crate) mod backend;
pub(crate) mod balancer;
pub(crate) mod collector;
pub(crate) mod connection;
pub(crate) mod events;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod key_server;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod prometheus;
pub(crate) mod raw;
pub(crate) mod redis_proxy;
pub(crate) mod redis_server;
pub(crate) mod session;
pub(crate) mod tcp;

pub(crate) use backend::{c2c, group};
pub(crate) use connection::{BOTH, Transport};
pub(crate) use gateway::Gateway;
pub(crate) use http::{Answer, Call};
pub(crate) use session::Session;

pub(crate) use serde_json::{Value, json};
use std::{future::Future, time::Duration};

/// How long anything that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at something that cannot be waited for.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// Awaits what must happen, and says what it was if it does not.
#[track_caller]
pub(crate) fn soon<T, F: Future<Output = T>>(what: &str, future: F) -> impl Future<Output = T> + use<T, F> {
    let (what, caller) = (what.to_owned(), std::panic::Location::caller());
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{what}: not within {PATIENCE:?}, awaited at {caller}"),
        }
    }
}

/// Looks again and again until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
}

/// The conversationIDs of rows.
pub(crate) fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["conversationID"].as_str().expect("a row has an id")).collect()
}

/// A text filled up with spaces.
pub(crate) fn padded(text: &str, bytes: usize) -> String {
    text.to_owned() + &" ".repeat(bytes - text.len())
}
