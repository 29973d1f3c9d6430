//! Does the conversation list behave as docs/DOMAIN.md says, on every store and through the real wire?
//!
//! A scenario is one `scenario!`, named after its part of the document; it runs on each store as a test of its own.
//! Settings of the gateway, where it needs some, come between the two.

mod support;

/// One scenario, a test for each store.
macro_rules! scenario {
    ($name:ident, $scenario:expr) => {
        scenario!($name, [], $scenario);
    };
    ($name:ident, [$($setting:expr),*], $scenario:expr) => {
        mod $name {
            use super::*;
            #[tokio::test]
            async fn memory() {
                let gateway = $crate::support::Gateway::with(&["--store", "memory:", $($setting),*]).await;
                let scenario = $scenario;
                scenario(&gateway).await;
            }
            #[tokio::test]
            async fn embedded() {
                let directory = tempfile::tempdir().expect("a temporary directory");
                let url = format!("embedded:{}", directory.path().display());
                let gateway = $crate::support::Gateway::with(&["--store", &url, $($setting),*]).await;
                let scenario = $scenario;
                scenario(&gateway).await;
            }
            #[tokio::test]
            async fn redis() {
                let server = $crate::support::redis_server::RedisServer::start().await;
                let gateway = $crate::support::Gateway::with(&["--store", &server.url(), $($setting),*]).await;
                let scenario = $scenario;
                scenario(&gateway).await;
            }
        }
    };
}

mod domain {
    mod backend;
    mod backend_reads;
    mod bounds;
    mod connections;
    mod deletes;
    mod drafts;
    mod events;
    mod filters;
    mod group_events;
    mod groups;
    mod limits;
    mod lists;
    mod marks;
    mod members;
    mod messages;
    mod pages;
    mod pins;
    mod reading;
    mod receive;
    mod session_events;
}
