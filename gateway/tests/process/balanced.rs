//! Does a node go away behind a balancer without anybody losing anything? A real HAProxy, with the configuration of deploy/.

use crate::support::{
    Call, Gateway,
    balancer::{Balancer, Program},
    keys,
    redis_server::RedisServer,
    until,
};
use conversation_loadtest::{
    client::{Client, ClientOptions, Observer, backoff::Ended, connection::Transport},
    clock,
    http::{BaseUrl, Http},
    progress::Progress,
    run::{Allowances, RunOptions, Scene, run_beside},
    token::Tokens,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Longer than the balancer needs to see that a node is not ready.
const DELAY_MS: u64 = 3_500;
const SPREAD_MS: u64 = 4_000;
/// Sessions whose ends are looked at, every fourth an event stream.
const WATCHED: usize = 80;
/// Parts of the spread that are compared.
const PARTS: usize = 4;

/// What a watched session saw, and when.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    ToldToComeBack(u64),
    Ended(Ended),
}

#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Vec<Seen>>>);

impl Observer for Watcher {
    fn frame(&mut self, text: &str) {
        if text.contains(r#""event":"reconnect""#) {
            self.0.lock().unwrap().push(Seen::ToldToComeBack(clock::now_us()));
        }
    }

    fn ended(&mut self, why: &Ended, _is_wanted: bool) {
        self.0.lock().unwrap().push(Seen::Ended(why.clone()));
    }
}

async fn two_nodes(redis: &RedisServer, delay_ms: u64, spread_ms: u64) -> (Gateway, Gateway, Balancer) {
    let (delay, spread, store) = (delay_ms.to_string(), spread_ms.to_string(), redis.url());
    let settings = ["--store", &store, "--drain-delay-ms", &delay, "--drain-spread-ms", &spread];
    let (a, b) = tokio::join!(Gateway::with(&settings), Gateway::with(&settings));
    let balancer = Balancer::start(Program::HaProxy, &[a.address, b.address]).await;
    (a, b, balancer)
}

fn url(balancer: &Balancer) -> BaseUrl {
    format!("http://{}", balancer.address).parse().unwrap()
}

/// Opens the sessions to look at, through the balancer.
async fn watch(balancer: &Balancer) -> Vec<(Client, Watcher)> {
    let mut watched = Vec::with_capacity(WATCHED);
    for n in 0..WATCHED {
        let (user, tokens) = (format!("watched{n}").parse().unwrap(), Tokens::Secret(keys::SECRET.clone()));
        let options = ClientOptions {
            transport: if n.is_multiple_of(4) { Transport::EventStream } else { Transport::WebSocket },
            ..ClientOptions::of(user, vec![url(balancer)], tokens, Http::new())
        };
        let watcher = Watcher::default();
        watched.push((Client::start(options, watcher.clone()), watcher));
    }
    all_live(&watched).await;
    watched
}

async fn all_live(watched: &[(Client, Watcher)]) {
    for (client, _) in watched {
        assert!(client.wait_complete(Duration::from_secs(20)).await, "{} is not live", client.user());
    }
}

/// Sessions that a node has begun so far; `None` once it is gone.
async fn connects(node: &Gateway) -> Option<u64> {
    let answer = Call::get("/metrics").try_send(node.address).await.ok()?;
    let count = |line: &str| line.strip_prefix("gateway_connects_total{")?.rsplit_once(' ')?.1.parse::<u64>().ok();
    Some(answer.text().lines().filter_map(count).sum())
}

/// How many of the times, in microseconds after the signal, lie in each part of the spread.
fn histogram(told_us: &[u64]) -> [usize; PARTS] {
    let mut parts = [0; PARTS];
    for us in told_us {
        let in_spread = us.saturating_sub(DELAY_MS * 1_000);
        let part = in_spread * PARTS as u64 / (SPREAD_MS * 1_000);
        parts[(part as usize).min(PARTS - 1)] += 1;
    }
    parts
}

#[tokio::test]
async fn a_node_that_drains_behind_a_balancer_sends_its_sessions_away_one_by_one_and_nobody_loses_anything() {
    let redis = RedisServer::start().await;
    let (mut a, b, balancer) = two_nodes(&redis, DELAY_MS, SPREAD_MS).await;
    let options = RunOptions {
        sessions: 60,
        rate: 60.0,
        seconds: 4.0,
        urls: vec![url(&balancer)],
        api_key: keys::API_KEY.clone(),
        tokens: Tokens::Secret(keys::SECRET.clone()),
        conversations: 6,
        recipients: 5,
        churn: 0.0,
        sse: 0.3,
        tolerate_restart: true,
        quiet_seconds: 30.0,
        pids: Vec::new(),
        seed: 1,
        name: None,
    };
    let beside = async |_: &Scene<'_>| {
        let watched = watch(&balancer).await;
        let begun_us = clock::now_us();
        a.signal("TERM");
        until("not ready", async || a.get("/readyz").await.status == 503).await;
        let is_told = |(_, watcher): &(Client, Watcher)| !watcher.0.lock().unwrap().is_empty();
        until("the first who is told", async || watched.iter().any(is_told)).await;
        let taken_out = connects(&a).await;
        let mut last = taken_out;
        while let Some(now) = connects(&a).await {
            last = Some(now);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(taken_out > Some(0));
        assert_eq!(last, taken_out, "who connects once sessions are closed is sent to the other node");
        assert!(a.ended().await.success());
        let took_ms = (clock::now_us() - begun_us) / 1_000;
        assert!(took_ms < DELAY_MS + SPREAD_MS + 3_000, "the node took {took_ms} ms to go");
        all_live(&watched).await;
        (watched, begun_us)
    };
    let (report, (watched, begun_us)) =
        run_beside(&options, Allowances::default(), &Progress::on_stderr(), beside).await.expect("the load can be run");
    assert_eq!(report.violations.words, Vec::<String>::new());
    assert_eq!(report.given_up, 0);
    assert!(report.answered > 100 && report.lost > 10 && report.replays > 10, "too little happened: {report}");

    let mut told_us = Vec::new();
    for (n, (client, watcher)) in watched.into_iter().enumerate() {
        let seen = watcher.0.lock().unwrap().clone();
        match &seen[..] {
            [] => {}
            [Seen::ToldToComeBack(at_us), Seen::Ended(why)] => {
                told_us.push(at_us - begun_us);
                assert!(n.is_multiple_of(4) || *why == Ended::Code(4200), "{why:?}");
            }
            other => panic!("expected a session that is told to come back and then closed, got {other:?}"),
        }
        let (_, state) = client.stop().await;
        assert_eq!(state.lock().unwrap().violations(), [] as [String; 0]);
    }
    let parts = histogram(&told_us);
    println!("closes in quarters of {SPREAD_MS} ms: {parts:?}");
    assert!(told_us.len() > WATCHED / 4, "leastconn gives the node its share, got {}", told_us.len());
    assert!(told_us.iter().all(|us| *us >= DELAY_MS * 1_000), "nobody is sent away before the balancer knows");
    assert!(parts.iter().all(|part| *part > 0), "spread over the time, got {parts:?}");
    assert_eq!(b.metric("gateway_draining").await, 0);
}

#[tokio::test]
async fn a_second_signal_ends_a_node_behind_a_balancer_at_once_and_its_sessions_go_on_at_the_other() {
    let redis = RedisServer::start().await;
    let (mut a, b, balancer) = two_nodes(&redis, 60_000, 60_000).await;
    let watched = watch(&balancer).await;
    a.signal("TERM");
    until("not ready", async || a.get("/readyz").await.status == 503).await;
    a.signal("TERM");
    let ended = tokio::time::timeout(Duration::from_secs(5), a.ended()).await;
    assert!(ended.expect("at once").success());
    b.send(crate::support::group("g", "bob", &["watched0", "watched1"], 1)).await;
    all_live(&watched).await;
    for (n, (client, _)) in watched.into_iter().enumerate() {
        let expected = u64::from(n < 2);
        until("the message", async || client.with_state(|state| state.total()) == Some(expected)).await;
        let (_, state) = client.stop().await;
        assert_eq!(state.lock().unwrap().violations(), [] as [String; 0]);
    }
}
