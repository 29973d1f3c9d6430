//! Does the conversation list behave as docs/DOMAIN.md says, on every store and through the real wire?
//!
//! A scenario is one `scenario!`, named after its part of the document; it runs on each store as a test of its own.

mod support;

/// One scenario, a test for each store. `with […]` gives the gateway more arguments; who restarts it takes it as `&mut`.
macro_rules! scenario {
    ($name:ident, with [$($argument:expr),*], $scenario:expr) => {
        mod $name {
            use super::*;
            async fn run(store: &str) {
                let mut gateway = $crate::support::Gateway::with(&["--store", store, $($argument),*]).await;
                let scenario = $scenario;
                scenario(&mut gateway).await;
            }
            #[tokio::test]
            async fn memory() {
                run("memory:").await;
            }
            #[tokio::test]
            async fn embedded() {
                let directory = tempfile::tempdir().expect("a temporary directory");
                run(&format!("embedded:{}", directory.path().display())).await;
            }
            #[tokio::test]
            async fn redis() {
                let server = $crate::support::redis_server::RedisServer::start().await;
                run(&server.url()).await;
            }
        }
    };
    ($name:ident, $scenario:expr) => {
        scenario!($name, with [], $scenario);
    };
}

mod domain {
    mod activation;
    mod backend;
    mod backend_reads;
    mod bounds;
    mod connections;
    mod deletes;
    mod drafts;
    mod elsewhere;
    mod elsewhere_counts;
    mod elsewhere_pages;
    mod elsewhere_paths;
    mod events;
    mod filters;
    mod group_events;
    mod groups;
    mod limits;
    mod limits_wide;
    mod lists;
    mod marks;
    mod members;
    mod messages;
    mod object;
    mod order_key;
    mod order_key_settings;
    mod pages;
    mod pins;
    mod reading;
    mod receive;
    mod session_events;
    mod steps;
    mod sync;
    mod sync_full;
    mod sync_limits;
    mod unread;
    mod unread_rows;
    mod watched;
}
