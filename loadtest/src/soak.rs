//! A long run of everything that happens every day: does memory, do descriptors stay flat, does everything stay right?

mod fanout;
mod plot;
mod report;
mod samples;
mod servers;

use crate::{
    http::Http,
    measure::{
        look::Looker,
        machine::machine,
        percentiles::{Quantile, quantiles},
    },
    progress::Progress,
    report::Outputs,
    run::{Allowances, RunOptions, Scene, run_beside},
};
use clap::Args;
use samples::Sample;
use servers::Servers;
use std::{path::PathBuf, time::Duration};
use tokio::sync::watch;

pub use report::{Conditions, Growth, Report};

/// The share of the time that does not count: caches fill, tables grow.
const WARM_UP: f64 = 0.25;
/// Samples in all, about, and the least and the most time between two.
const SAMPLES: f64 = 360.0;
const LOOKS_S: (f64, f64) = (1.0, 5.0);
/// Seconds that clients have to agree with the server once it is quiet.
const QUIET_SECONDS: f64 = 90.0;

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct SoakOptions {
    /// Nodes that run already, separated by commas; without it two are started, on a Redis of their own.
    #[arg(long, value_delimiter = ',', requires = "pid")]
    pub url: Vec<crate::http::BaseUrl>,
    /// The processes of these nodes, in their order.
    #[arg(long, value_delimiter = ',', requires = "url")]
    pub pid: Vec<u32>,
    /// The HS256 secret of these nodes; without it tokens come from /dev/token.
    #[arg(long, env = "GATEWAY_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,
    /// The backend's API key of these nodes.
    #[arg(long, default_value = "dev")]
    pub api_key: String,
    /// Their Redis, as HOST:PORT, whose size is told.
    #[arg(long)]
    pub redis: Option<String>,
    /// The gateway's binary to start; without it the one beside this tool.
    #[arg(long)]
    pub gateway: Option<PathBuf>,
    /// The server of Redis or Valkey to start.
    #[arg(long, default_value = "redis-server")]
    pub redis_server: PathBuf,
    /// How long.
    #[arg(long, default_value_t = 30.0)]
    pub minutes: f64,
    /// Sessions.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sessions: u32,
    /// Calls a second.
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// The share of the sessions that is cut and resumed each second.
    #[arg(long, default_value_t = 0.02)]
    pub churn: f64,
    /// The share of the sessions that use SSE.
    #[arg(long, default_value_t = 0.3)]
    pub sse: f64,
    /// Messages a second to a group whose rows are made through lanes.
    #[arg(long, default_value_t = 1.0)]
    pub fanout_rate: f64,
    /// Members of that group.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub fanout_members: u32,
    /// MiB an hour by which a node's memory may grow after the warm-up.
    #[arg(long, default_value_t = 16.0)]
    pub memory_mib_per_hour: f64,
    /// The same for its file descriptors.
    #[arg(long, default_value_t = 30.0)]
    pub descriptors_per_hour: f64,
    /// A file for a plot.
    #[arg(long)]
    pub svg: Option<PathBuf>,
    /// A document whose figures are written.
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
    /// What the random choices begin with.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs, and judges; an error is one of the setting up.
pub async fn soak(options: &SoakOptions, progress: &Progress) -> Result<Report, String> {
    let servers = Servers::of(options).await?;
    let seconds = (options.minutes * 60.0).max(1.0);
    let run_options = RunOptions {
        sessions: options.sessions as usize,
        rate: options.rate.max(0.0),
        seconds,
        urls: servers.urls.clone(),
        api_key: servers.api_key.clone(),
        tokens: servers.tokens.clone(),
        conversations: 6,
        recipients: 5,
        churn: options.churn,
        sse: options.sse,
        tolerate_restart: false,
        quiet_seconds: QUIET_SECONDS,
        pids: Vec::new(),
        seed: options.seed,
        name: None,
    };
    let beside = async |scene: &Scene<'_>| {
        let (over, ending) = watch::channel(false);
        let fanning_out = async {
            let violations = fanout::fan_out(options, &servers, seconds, &progress.of("lanes")).await;
            let _ = over.send(true);
            violations
        };
        tokio::join!(sample(&servers, scene, seconds, ending), fanning_out)
    };
    let (load, (samples, fanned_out)) = run_beside(&run_options, Allowances::default(), progress, beside).await?;
    let (samples, (messages, fanout_violations)) = (samples?, fanned_out?);
    let report = Report::of(options, Conditions::of(options, machine()), samples, load, messages, fanout_violations);
    if let Some(path) = &options.svg {
        std::fs::write(path, plot::plot(&report)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = &options.report {
        report.write_into(path, options.svg.as_deref())?;
    }
    Ok(report)
}

/// Looks now and then until the time is up, or what happens beside it is over.
async fn sample(
    servers: &Servers,
    scene: &Scene<'_>,
    seconds: f64,
    mut over: watch::Receiver<bool>,
) -> Result<(Vec<Sample>, Vec<Quantile>), String> {
    let between = Duration::from_secs_f64((seconds / SAMPLES).clamp(LOOKS_S.0, LOOKS_S.1));
    let (http, mut samples) = (Http::new(), Vec::new());
    let mut looker = Looker::new(&servers.pids, servers.redis.as_deref());
    loop {
        tokio::select! {
            () = tokio::time::sleep(between) => {}
            _ = over.wait_for(|over| *over) => return Ok((samples, quantiles(&scene.latency()))),
        }
        samples.push(Sample::take(servers, &http, &mut looker, scene.latency()).await?);
    }
}
