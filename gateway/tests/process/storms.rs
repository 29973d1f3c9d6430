//! Does everybody get everything when very much happens at once? Small forms of the load tool's bursts and storms.

use crate::support::{Gateway, keys, redis_server::RedisServer};
use conversation_loadtest::{
    burst::{BurstOptions, burst},
    crowd::Workers,
    progress::Progress,
    reconnect::{ReconnectOptions, reconnect},
    report::{Outputs, Report},
    target::Target,
};

fn target(nodes: [&Gateway; 2]) -> Target {
    let url = nodes.map(|node| format!("http://{}", node.address).parse().unwrap()).into();
    Target { url, jwt_secret: Some(keys::SECRET.clone()) }
}

async fn two_nodes(redis: &RedisServer) -> (Gateway, Gateway) {
    let settings = ["--store", &redis.url()];
    tokio::join!(Gateway::with(&settings), Gateway::with(&settings))
}

#[tokio::test]
async fn a_burst_into_one_group_reaches_everybody_beside_members_that_hardly_read() {
    let redis = RedisServer::start().await;
    let (a, b) = two_nodes(&redis).await;
    let options = BurstOptions {
        target: target([&a, &b]),
        api_key: keys::API_KEY.clone(),
        members: 120,
        slow: 6,
        stuck: 6,
        slow_bytes: 2_000,
        rate: 40.0,
        seconds: 3.0,
        pid: Vec::new(),
        outputs: Outputs::default(),
    };
    let report = burst(&options, &Progress::on_stderr()).await.expect("the burst can be made");
    assert!(report.is_good(), "{report}");
    for phase in [&report.alone, report.beside.as_ref().expect("a phase with slow members")] {
        let tally = phase.tally;
        assert_eq!((tally.accepted + tally.partly + tally.refused, tally.overrun), (120, 0), "{report}");
        assert!(tally.accepted > 60 && phase.latency.count > 0, "too little happened: {report}");
    }
    assert!(a.metric("gateway_fanout_queued_total").await > 0, "120 members go through lanes");
}

#[tokio::test]
async fn when_all_come_back_at_once_all_are_live_again_with_or_without_a_cursor() {
    let redis = RedisServer::start().await;
    let (a, b) = two_nodes(&redis).await;
    for full in [false, true] {
        let options = ReconnectOptions {
            target: target([&a, &b]),
            api_key: keys::API_KEY.clone(),
            sessions: 150,
            share: 0.8,
            rows: 12,
            changed: 5,
            full,
            spread_ms: 0,
            pid: Vec::new(),
            redis: None,
            seed: 1,
            outputs: Outputs::default(),
            workers: Workers { sessions_per_worker: 1_000 },
        };
        let report = reconnect(&options, &Progress::on_stderr()).await.expect("the storm can be made");
        assert!(report.is_good(), "{report}");
        assert_eq!(report.until_live.count, report.returned as u64);
        assert!(report.returned > 80 && report.returned < 150, "{report}");
    }
}
