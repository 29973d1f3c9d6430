//! A reconnect storm: all sessions drop at once and come back at once, with their cursors or without.

mod report;
mod returns;
mod rows;

use crate::{
    client::{Client, ClientOptions, state::Phase},
    clock,
    crowd::{self, Reader},
    http::Http,
    measure::{
        percentiles::Percentiles,
        process::Usage,
        redis::{Commands, info},
        series::Sampler,
    },
    progress::Progress,
    report::Outputs,
    run::ServerRows,
    target::Target,
};
use clap::Args;
use futures_util::future;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use returns::{Returns, Watcher};
use rows::Rows;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

pub use report::{PerResume, Report};

/// How long everybody may take to be live again, and to agree with the server after that.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long nothing happens to learn what the server does anyway.
const IDLE: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks at Redis.
const REDIS_LOOK: Duration = Duration::from_millis(200);

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct ReconnectOptions {
    /// The gateway.
    #[command(flatten)]
    pub target: Target,
    /// The backend's API key.
    #[arg(long, default_value = "dev")]
    pub api_key: String,
    /// Sessions, each of a user of its own.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sessions: u32,
    /// The share of them that drops.
    #[arg(long, default_value_t = 1.0)]
    pub share: f64,
    /// Rows of each user.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rows: u32,
    /// Of these, rows that change while sessions are away.
    #[arg(long, default_value_t = 5)]
    pub changed: u32,
    /// The cursors are dropped too, so that everybody needs a full sync.
    #[arg(long)]
    pub full: bool,
    /// Milliseconds over which sessions come back; 0: as fast as this machine can.
    #[arg(long, default_value_t = 0)]
    pub spread_ms: u64,
    /// A process of the server to measure; may be given several times.
    #[arg(long)]
    pub pid: Vec<u32>,
    /// The server's Redis, as HOST:PORT, to count its commands.
    #[arg(long)]
    pub redis: Option<String>,
    /// What the random choices begin with.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// What the server has used up to a moment.
struct Used {
    at_us: u64,
    cpu_seconds: Vec<f64>,
    commands: Commands,
}

/// Makes the storm; an error is one of the setting up.
pub async fn reconnect(options: &ReconnectOptions, progress: &Progress) -> Result<Report, String> {
    let http = Http::new();
    options.target.answers(&http).await?;
    let rows = Rows::new(options, &http)?;
    rows.send(options.rows, 1, &progress.step("making rows", rows.calls(options.rows))).await?;
    let returns = Returns::new(options.sessions as usize);
    let sampler = Sampler::start("storm", &options.pid, options.redis.as_deref(), {
        let returns = returns.clone();
        move || returns.times_until_live()
    });
    let starts = rows.users.iter().enumerate().map(|(n, user)| {
        let of = ClientOptions::of(user.clone(), options.target.url.clone(), options.target.tokens(), http.clone());
        let of = ClientOptions { first_url: n, source: Some(crowd::source(n)), ..of };
        (of, Watcher { n, returns: returns.clone() })
    });
    let clients = crowd::open(starts, progress).await?;
    let idle_begun = used(options).await?;
    if !options.pid.is_empty() || options.redis.is_some() {
        tokio::time::sleep(IDLE).await;
    }
    let idle = used(options).await?;

    let mut random = SmallRng::seed_from_u64(options.seed);
    let share = options.share.clamp(0.0, 1.0);
    let leaving: Vec<usize> = (0..clients.len()).filter(|_| random.random_bool(share)).collect();
    leave(options, &clients, &leaving, progress).await?;
    rows.send(options.changed, 2, &progress.step("changing rows", rows.calls(options.changed))).await?;
    rows.everybody_has(u64::from(options.rows) + u64::from(options.changed)).await?;

    let before = used(options).await?;
    let (over, ending) = watch::channel(false);
    let storm = async {
        let live = come_back(options, &clients, &leaving, &returns, progress, &mut random).await;
        let _ = over.send(true);
        live
    };
    let (redis_clients_peak, live) = tokio::join!(redis_peak(options, ending), storm);
    let after = used(options).await?;

    let reader = Reader { http: http.clone(), url: options.target.url[0].clone(), tokens: options.target.tokens() };
    let expected = |_: usize, server: &ServerRows| rows.expect(server);
    let mut violations = reader.compare(&clients, PATIENCE, progress, expected).await;
    if let Err(problem) = live {
        violations.add(problem);
    }
    let (seen, series) = (returns.seen(), sampler.finish(progress).await);
    if seen.time_outs > 0 {
        violations.add(format!("{} attempts timed out", seen.time_outs));
    }
    let report = Report {
        sessions: clients.len(),
        returned: leaving.len(),
        is_full: options.full,
        rows: options.rows,
        changed: options.changed,
        spread_ms: options.spread_ms,
        all_live_seconds: returns.all_live_seconds(),
        until_live: Percentiles::of(&returns.times_until_live()),
        seen,
        per_resume: PerResume::of(&idle_begun, &idle, &before, &after, leaving.len()),
        redis_clients_peak,
        series,
        violations,
    };
    for client in clients.into_iter().filter_map(Arc::into_inner) {
        client.stop().await;
    }
    Ok(report)
}

async fn used(options: &ReconnectOptions) -> Result<Used, String> {
    let cpu_seconds = options.pid.iter().map(|pid| Usage::of(&[*pid]).map(|usage| usage.cpu_seconds));
    let commands = match &options.redis {
        Some(address) => info(address).await?.commands(),
        None => Commands::default(),
    };
    Ok(Used { cpu_seconds: cpu_seconds.collect::<Result<_, _>>()?, commands, at_us: clock::now_us() })
}

/// Those who leave are gone when this is over.
async fn leave(
    options: &ReconnectOptions,
    clients: &[Arc<Client>],
    leaving: &[usize],
    progress: &Progress,
) -> Result<(), String> {
    let step = progress.step("dropping sessions", leaving.len() as u64);
    future::join_all(leaving.iter().map(|n| clients[*n].leave())).await;
    let deadline_us = clock::now_us() + PATIENCE.as_micros() as u64;
    for n in leaving {
        while clients[*n].with_state(|state| state.phase()) != Phase::Offline {
            if clock::now_us() > deadline_us {
                return Err("a session cannot be dropped".to_owned());
            }
            tokio::time::sleep(LOOK).await;
        }
        if options.full {
            clients[*n].forget().await;
        }
        step.advance();
    }
    Ok(())
}

/// Everybody comes back; waits until all are live again.
async fn come_back(
    options: &ReconnectOptions,
    clients: &[Arc<Client>],
    leaving: &[usize],
    returns: &Arc<Returns>,
    progress: &Progress,
    random: &mut SmallRng,
) -> Result<(), String> {
    let step = progress.step("coming back", leaving.len() as u64);
    let delays: Vec<Duration> =
        leaving.iter().map(|_| Duration::from_millis(random.random_range(0..=options.spread_ms))).collect();
    future::join_all(leaving.iter().zip(delays).map(async |(n, delay)| {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        returns.begins(*n);
        clients[*n].come_back().await;
        step.reach(returns.live() as u64);
    }))
    .await;
    let deadline_us = clock::now_us() + PATIENCE.as_micros() as u64;
    loop {
        let live = returns.live();
        step.reach(live as u64);
        if live >= leaving.len() {
            return Ok(());
        }
        if clock::now_us() > deadline_us {
            return Err(format!("{live} of {} sessions are live {PATIENCE:?} later", leaving.len()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The most connections that Redis had at once.
async fn redis_peak(options: &ReconnectOptions, mut over: watch::Receiver<bool>) -> Option<u64> {
    let address = options.redis.as_ref()?;
    let mut peak = 0;
    loop {
        if let Ok(info) = info(address).await {
            peak = peak.max(info.number("connected_clients"));
        }
        tokio::select! {
            () = tokio::time::sleep(REDIS_LOOK) => {}
            _ = over.wait_for(|over| *over) => return Some(peak),
        }
    }
}
