//! What a delivered change costs and how long it takes: calls at a fixed rate, each for so many recipients, all of them
//! connected; the gateway's way and, in the same run, the floor's.

mod arrivals;
mod gateway;
mod report;

use crate::{
    clock,
    floor::{Beside, Floor, Publish, frame_bytes_without_text},
    http::{CallError, Http},
    idle::connect_all,
    measure::{process::Usage, series::Sampler},
    progress::Progress,
    report::Outputs,
    run::Schedule,
    target::Target,
};
use clap::Args;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time};

pub(crate) use arrivals::{Arrivals, text};
pub(crate) use gateway::Gateway;
pub use report::{Phase, Report};

/// How often due calls are looked for.
const TICK: Duration = Duration::from_millis(1);
/// Calls that may be under way; further ones are not made, and the rate is too high.
const UNDER_WAY_MAX: usize = 4_096;
/// How long what was sent may be on its way once nothing more is sent.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Steps in which a limit is narrowed down.
const LIMIT_STEPS: usize = 4;
/// The first rate of a search, in calls a second, and what it is multiplied by until the limit is passed.
const LIMIT_BEGINS: f64 = 50.0;
const LIMIT_GROWS: f64 = 2.0;

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct PublishOptions {
    /// The gateway.
    #[command(flatten)]
    pub target: Target,
    /// The backend's API key.
    #[arg(long, default_value = "dev")]
    pub api_key: String,
    /// Sessions, each of a user of its own.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=19_000))]
    pub sessions: u32,
    /// The share of them that uses SSE; the floor's all use WebSocket.
    #[arg(long, default_value_t = 0.0)]
    pub sse: f64,
    /// Recipients of each call, all of them connected.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub recipients: u32,
    /// Calls a second, made when they are due whatever became of earlier ones.
    #[arg(long, default_value_t = 200.0)]
    pub rate: f64,
    /// Seconds of calls.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(32..=1_024))]
    pub text_bytes: u32,
    /// Looks for the highest rate whose p99 is below so many milliseconds, beginning with 50 calls a second.
    #[arg(long)]
    pub find_limit: Option<f64>,
    /// A process of the server to measure; may be given several times.
    #[arg(long, required = true)]
    pub pid: Vec<u32>,
    /// Whether the floor is measured too.
    #[command(flatten)]
    pub beside: Beside,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// Somebody who sends a text to the recipients of a group, by its number.
pub(crate) trait Publisher: Send + Sync + 'static {
    fn publish(&self, group: usize, text: String) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// Publishes and measures; an error is one of the setting up.
pub async fn publish(options: &PublishOptions, progress: &Progress) -> Result<Report, String> {
    if options.recipients > options.sessions {
        return Err(format!("expected at most {} recipients, as many as sessions", options.sessions));
    }
    let http = Http::new();
    options.target.answers(&http).await?;
    let gateway = Arc::new(Gateway::open(options, &http, progress).await?);
    gateway.first_messages(progress).await?;
    let (of_gateway, limit) = measure(options, "gateway", &gateway, &gateway.arrivals, &options.pid, progress).await?;
    let violations = gateway.check(progress).await;
    Arc::into_inner(gateway).ok_or("a call is still under way")?.close().await;
    let (of_floor, floor_limit) = if options.beside.floor {
        let (phase, limit) = floor(options, &http, of_gateway.bytes_per_delivery, progress).await?;
        (Some(phase), limit)
    } else {
        (None, None)
    };
    Ok(Report {
        sessions: options.sessions,
        recipients: options.recipients,
        gateway: of_gateway,
        limit,
        floor: of_floor,
        floor_limit,
        violations,
    })
}

/// The floor's way.
struct FloorPublisher {
    floor: Floor,
    http: Http,
    groups: Vec<Vec<String>>,
    text_bytes: usize,
}

impl Publisher for FloorPublisher {
    async fn publish(&self, group: usize, text: String) -> Result<(), CallError> {
        let text = format!("{text:.<width$}", width = self.text_bytes);
        let body = serde_json::to_string(&Publish { recipients: self.groups[group].clone(), text });
        let body = body.expect("names and a text are always JSON");
        self.http.post(&self.floor.url, "/publish", "none", body).await.map(drop)
    }
}

async fn floor(
    options: &PublishOptions,
    http: &Http,
    bytes: f64,
    progress: &Progress,
) -> Result<(Phase, Option<f64>), String> {
    let floor = Floor::start(options.beside.floor_workers).await?;
    let pids = [floor.id()];
    let names: Vec<String> = (0..options.sessions).map(|n| format!("u{n:05}")).collect();
    let arrivals = Arc::new(Arrivals::default());
    let receivers = {
        let arrivals = arrivals.clone();
        connect_all(&floor.url, &names, progress, move |n, text| arrivals.frame(n, text)).await?
    };
    let groups = names.chunks_exact(options.recipients as usize).map(<[String]>::to_vec).collect();
    let text_bytes = (bytes as usize).saturating_sub(frame_bytes_without_text(&names[0]));
    let publisher = Arc::new(FloorPublisher { floor, http: http.clone(), groups, text_bytes });
    let measured = measure(options, "floor", &publisher, &arrivals, &pids, progress).await;
    receivers.iter().for_each(tokio::task::JoinHandle::abort);
    measured
}

/// One phase at the given rate, or at the highest that is found; that rate then.
async fn measure(
    options: &PublishOptions,
    server: &str,
    publisher: &Arc<impl Publisher>,
    arrivals: &Arc<Arrivals>,
    pids: &[u32],
    progress: &Progress,
) -> Result<(Phase, Option<f64>), String> {
    let Some(bound_ms) = options.find_limit else {
        return Ok((play(options, options.rate, server, publisher, arrivals, pids, progress).await?, None));
    };
    let mut best: Option<(f64, Phase)> = None;
    let mut rate = LIMIT_BEGINS;
    let mut failed = loop {
        let phase = play(options, rate, server, publisher, arrivals, pids, progress).await?;
        if !phase.is_within(bound_ms) {
            break rate;
        }
        best = Some((rate, phase));
        rate *= LIMIT_GROWS;
    };
    for _ in 0..LIMIT_STEPS {
        let low = best.as_ref().map_or(0.0, |(rate, _)| *rate);
        let rate = low.midpoint(failed);
        let phase = play(options, rate, server, publisher, arrivals, pids, progress).await?;
        if phase.is_within(bound_ms) {
            best = Some((rate, phase));
        } else {
            failed = rate;
        }
    }
    let (rate, phase) = best.ok_or_else(|| format!("p99 is over {bound_ms} ms at any rate"))?;
    Ok((phase, Some(rate)))
}

/// Calls a server at a rate, as they are due, and what became of them.
pub(crate) async fn play(
    options: &PublishOptions,
    rate: f64,
    server: &str,
    publisher: &Arc<impl Publisher>,
    arrivals: &Arc<Arrivals>,
    pids: &[u32],
    progress: &Progress,
) -> Result<Phase, String> {
    let groups = (options.sessions / options.recipients) as usize;
    arrivals.begin();
    let each = |pids: &[u32]| pids.iter().map(|pid| Usage::of(&[*pid])).collect::<Result<Vec<_>, String>>();
    let sampler = Sampler::start(server, pids, None, {
        let arrivals = arrivals.clone();
        move || arrivals.latency()
    });
    let before = each(pids)?;
    let begun_us = clock::now_us();
    let (schedule, calls) = (Schedule::new(begun_us, rate), (rate * options.seconds) as u64);
    let (mut made, mut overrun, mut failed) = (0, 0, 0);
    let mut under_way = JoinSet::new();
    let step = progress.step("making calls", calls);
    while made < calls {
        let due = schedule.due_by(clock::now_us()).min(calls);
        for number in made..due {
            if under_way.len() >= UNDER_WAY_MAX {
                overrun += 1;
                continue;
            }
            let (publisher, text) = (publisher.clone(), arrivals::text(schedule.due_us(number)));
            under_way.spawn(async move { publisher.publish(number as usize % groups, text).await });
        }
        made = due;
        step.reach(made);
        while let Some(done) = under_way.try_join_next() {
            failed += u64::from(!matches!(done, Ok(Ok(()))));
        }
        time::sleep(TICK).await;
    }
    drop(step);
    while let Some(done) = under_way.join_next().await {
        failed += u64::from(!matches!(done, Ok(Ok(()))));
    }
    let expected = (calls - overrun - failed) * u64::from(options.recipients);
    let step = progress.step("waiting for arrivals", expected);
    let waiting_us = clock::now_us();
    while arrivals.messages() < expected && clock::now_us() - waiting_us < ARRIVAL_MAX.as_micros() as u64 {
        step.reach(arrivals.messages());
        time::sleep(LOOK).await;
    }
    step.reach(arrivals.messages());
    drop(step);
    let seconds = (clock::now_us() - begun_us) as f64 / 1e6;
    let after = each(pids)?;
    let cpu_seconds = before.iter().zip(&after).map(|(before, after)| after.cpu_seconds - before.cpu_seconds);
    let series = sampler.finish(progress).await;
    Ok(arrivals.phase(rate, seconds, (expected, overrun, failed), cpu_seconds.collect(), series))
}
