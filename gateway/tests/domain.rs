//! Does the conversation list behave as docs/DOMAIN.md says, on every store and through the real wire?
//!
//! A scenario is one `scenario!`, named after its part of the document; it runs on each store as a test of its own.

mod support;

/// One scenario, a test for each store.
macro_rules! scenario {
    ($name:ident, $scenario:expr) => {
        mod $name {
            use super::*;
            #[tokio::test]
            async fn memory() {
                let gateway = $crate::support::Gateway::start().await;
                let scenario = $scenario;
                scenario(&gateway).await;
            }
            #[tokio::test]
            async fn embedded() {
                let directory = tempfile::tempdir().expect("a temporary directory");
                let url = format!("embedded:{}", directory.path().display());
                let gateway = $crate::support::Gateway::with(&["--store", &url]).await;
                let scenario = $scenario;
                scenario(&gateway).await;
            }
            #[tokio::test]
            async fn redis() {
                let server = $crate::support::redis_server::RedisServer::start().await;
                let gateway = $crate::support::Gateway::with(&["--store", &server.url()]).await;
                let scenario = $scenario;
                scenario(&gateway).await;
            }
        }
    };
}

mod domain {
    mod activation;
    mod backend;
    mod bounds;
    mod filters;
    mod groups;
    mod lists;
    mod object;
    mod order_key;
    mod order_key_settings;
    mod steps;
    mod unread;
    mod unread_rows;
    mod watched;
}
