//! A reconnect storm: all sessions drop at once and come back at once, with their cursors or without.

mod report;

use crate::{
    clock,
    crowd::{
        Crowd, Workers,
        order::{Return, Seat, Server},
        rows::{Rows, expected},
    },
    http::Http,
    measure::{
        process::Usage,
        redis::{Commands, info},
        series::Sampler,
    },
    progress::Progress,
    report::Outputs,
    target::Target,
};
use clap::Args;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::Duration;
use tokio::sync::watch;

pub use crate::crowd::returns::Seen;
pub use report::{PerResume, Report};

/// How long nothing happens to learn what the server does anyway.
const IDLE: Duration = Duration::from_secs(5);
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
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions: u32,
    /// The share of them that drops.
    #[arg(long, default_value_t = 1.0)]
    pub share: f64,
    /// Rows of each user.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5_000))]
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
    /// How many processes have the sessions.
    #[command(flatten)]
    pub workers: Workers,
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
    if options.changed > options.rows {
        return Err(format!("expected at most {} changed rows, got {}", options.rows, options.changed));
    }
    let run = format!("storm{:x}", clock::unix_seconds());
    let rows = Rows::new(&options.target, &options.api_key, &run, options.sessions as usize, &http, progress)?;
    rows.import(options.rows, 0).await?;
    let crowd = Crowd::new(options.sessions as usize, options.workers, progress)?;
    let sampler = Sampler::start("storm", &options.pid, options.redis.as_deref(), crowd.until_live_here());
    crowd.open(&options.target, Server::Gateway, Seat::of(&rows.users)).await?;
    let idle_begun = used(options).await?;
    if !options.pid.is_empty() || options.redis.is_some() {
        tokio::time::sleep(IDLE).await;
    }
    let idle = used(options).await?;

    let mut random = SmallRng::seed_from_u64(options.seed);
    let share = options.share.clamp(0.0, 1.0);
    let leaving: Vec<usize> = (0..rows.users.len()).filter(|_| random.random_bool(share)).collect();
    let returns =
        leaving.iter().map(|place| Return { place: *place, after_ms: random.random_range(0..=options.spread_ms) });
    let returns: Vec<Return> = returns.collect();
    crowd.leave(&leaving, options.full).await?;
    rows.send(options.changed, 2).await?;
    rows.wait_for_unread(rows.users.len(), u64::from(options.rows + options.changed)).await?;

    let before = used(options).await?;
    let (over, ending) = watch::channel(false);
    let storm = async {
        let live = crowd.come_back(&returns, None).await;
        let _ = over.send(true);
        live
    };
    let (redis_clients_peak, live) = tokio::join!(redis_peak(options, ending), storm);
    let after = used(options).await?;

    let mut violations = crowd.compare(vec![expected(options.rows, options.changed); rows.users.len()]).await?;
    if let Err(problem) = live {
        violations.add(problem);
    }
    let (returned, series) = (crowd.returned().await?, sampler.finish(progress).await);
    if returned.seen.time_outs > 0 {
        violations.add(format!("{} attempts timed out", returned.seen.time_outs));
    }
    crowd.close().await?;
    Ok(Report {
        sessions: rows.users.len(),
        returned: leaving.len(),
        is_full: options.full,
        rows: options.rows,
        changed: options.changed,
        spread_ms: options.spread_ms,
        all_live_seconds: returned.all_live_seconds(),
        until_live: returned.until_live(),
        seen: returned.seen,
        per_resume: PerResume::of(&idle_begun, &idle, &before, &after, leaving.len()),
        redis_clients_peak,
        series,
        violations,
    })
}

async fn used(options: &ReconnectOptions) -> Result<Used, String> {
    let cpu_seconds = options.pid.iter().map(|pid| Usage::of(&[*pid]).map(|usage| usage.cpu_seconds));
    let commands = match &options.redis {
        Some(address) => info(address).await?.commands(),
        None => Commands::default(),
    };
    Ok(Used { cpu_seconds: cpu_seconds.collect::<Result<_, _>>()?, commands, at_us: clock::now_us() })
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
