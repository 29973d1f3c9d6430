//! Does a mixed load, with cuts and resumes and the process killed in its middle, break any promise? Everything posted
//! and answered is compared with the rows, and the rows with what every client was told.

use crate::support::{Gateway, keys, redis_server::RedisServer};
use conversation_loadtest::{
    http::BaseUrl,
    progress::Progress,
    run::{RunOptions, run},
    token::Tokens,
};
use std::time::Duration;

fn options(nodes: &[&Gateway]) -> RunOptions {
    let url = |node: &&Gateway| format!("http://{}", node.address).parse::<BaseUrl>().unwrap();
    RunOptions {
        sessions: 120,
        rate: 150.0,
        seconds: 4.0,
        urls: nodes.iter().map(url).collect(),
        api_key: keys::API_KEY.clone(),
        tokens: Tokens::Secret(keys::SECRET.clone()),
        conversations: 6,
        recipients: 5,
        churn: 0.1,
        sse: 0.3,
        tolerate_restart: false,
        quiet_seconds: 30.0,
        pids: Vec::new(),
        seed: 1,
        name: None,
    }
}

async fn check(options: RunOptions) {
    let report = run(&options, &Progress::on_stderr()).await.expect("the load can be run");
    assert_eq!(report.violations.words, Vec::<String>::new());
    assert_eq!(report.given_up, 0);
    assert!(report.answered > 100 && report.deliveries > 100 && report.replays > 10, "too little happened");
}

#[tokio::test]
async fn a_mixed_load_on_the_embedded_store_breaks_no_promise() {
    let directory = tempfile::tempdir().unwrap();
    let gateway = Gateway::with(&["--store", &format!("embedded:{}", directory.path().display())]).await;
    check(options(&[&gateway])).await;
}

#[tokio::test]
async fn a_mixed_load_on_two_nodes_and_redis_breaks_no_promise() {
    let redis = RedisServer::start().await;
    let url = redis.url();
    let settings = ["--store", &url];
    let (a, b) = tokio::join!(Gateway::with(&settings), Gateway::with(&settings));
    check(options(&[&a, &b])).await;
}

#[tokio::test]
async fn a_gateway_killed_under_load_loses_nothing_that_it_answered() {
    let directory = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::with(&["--store", &format!("embedded:{}", directory.path().display())]).await;
    let options = RunOptions { tolerate_restart: true, ..options(&[&gateway]) };
    let killing = async {
        // In the middle of the load, wherever that is.
        tokio::time::sleep(Duration::from_secs(2)).await;
        gateway.kill();
        gateway.restart().await;
    };
    tokio::join!(check(options), killing);
}
