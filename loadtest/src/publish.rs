//! What a delivered change costs and how long it takes: calls at a fixed rate, each for so many recipients, all or some of
//! them connected; the gateway's way and, in the same run, the floor's.

mod floor;
mod gateway;
mod report;

use crate::{
    clock,
    crowd::{Crowd, Workers, arrivals},
    floor::Beside,
    http::{CallError, Http},
    measure::{process::Usage, series::Sampler},
    progress::Progress,
    report::Outputs,
    run::Schedule,
    target::Target,
    violations::Violations,
};
use clap::Args;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time};

pub(crate) use gateway::Gateway;
pub use report::{Phase, Report};

/// How often due calls are looked for.
const TICK: Duration = Duration::from_millis(1);
/// Calls that may be under way; further ones are not made, and the rate is too high.
const UNDER_WAY_MAX: usize = 4_096;
/// How long what was sent may be on its way once nothing more is sent.
const ARRIVAL_MAX_US: u64 = 30_000_000;
/// Nothing more is on its way when nothing has come for so long: some messages became one newer state.
const QUIET_US: u64 = 5_000_000;
/// How long the server may still be busy with users who are not connected, after the last message came.
const SETTLE_US: u64 = 200_000;
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
    /// Users, each with a session of its own while it is online.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions: u32,
    /// The share of each call's recipients that is connected.
    #[arg(long, default_value_t = 1.0)]
    pub online: f64,
    /// The share of the sessions that uses SSE; the floor's all use WebSocket.
    #[arg(long, default_value_t = 0.0)]
    pub sse: f64,
    /// Recipients of each call.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub recipients: u32,
    /// Rows of each recipient, the one that changes among them; several counts, separated by commas, are measured one after
    /// the other.
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub rows: Vec<u32>,
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
    /// A process of the server's store to measure; may be given several times.
    #[arg(long)]
    pub store_pid: Vec<u32>,
    /// Whether the floor is measured too.
    #[command(flatten)]
    pub beside: Beside,
    /// How many processes have the sessions.
    #[command(flatten)]
    pub workers: Workers,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
}

impl PublishOptions {
    /// Groups of so many recipients; a call is for one of them.
    fn groups(&self) -> usize {
        (self.sessions / self.recipients) as usize
    }

    /// Recipients of each call that are connected: the first of each group.
    fn online_recipients(&self) -> usize {
        (f64::from(self.recipients) * self.online.clamp(0.0, 1.0)).round() as usize
    }

    /// Whether the user of a number is connected.
    fn is_online(&self, user: usize) -> bool {
        user % (self.recipients as usize) < self.online_recipients()
    }
}

/// Somebody who sends a text to the recipients of a group, by its number.
pub(crate) trait Publisher: Send + Sync + 'static {
    fn publish(&self, group: usize, text: String) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// The processes that are measured, and of which server they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processes<'a> {
    pub(crate) name: &'a str,
    pub(crate) servers: &'a [u32],
    pub(crate) stores: &'a [u32],
}

/// What each of them has used up to a moment, in seconds of CPU.
struct Used {
    servers: Vec<f64>,
    stores: Vec<f64>,
}

/// How many calls became what.
#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    answered: u64,
    overrun: u64,
    failed: u64,
}

/// Publishes and measures; an error is one of the setting up.
pub async fn publish(options: &PublishOptions, progress: &Progress) -> Result<Report, String> {
    if options.recipients > options.sessions {
        return Err(format!("expected at most {} recipients, as many as sessions", options.sessions));
    }
    if options.online_recipients() == 0 {
        return Err(format!("expected a share with at least one recipient online, got {}", options.online));
    }
    let http = Http::new();
    options.target.answers(&http).await?;
    let mut phases = Vec::new();
    let mut violations = Violations::default();
    for rows in &options.rows {
        let name = if options.rows.len() > 1 { format!("gateway with {rows} rows") } else { "gateway".to_owned() };
        let gateway = Arc::new(Gateway::open(options, *rows, &http, progress).await?);
        gateway.first_messages().await?;
        let processes = Processes { name: &name, servers: &options.pid, stores: &options.store_pid };
        let phase = measure(options, &gateway, &gateway.crowd, processes).await?;
        phases.push(Phase { rows: *rows, ..phase });
        let broken = gateway.check().await?;
        violations.add_all(broken);
        Arc::into_inner(gateway).ok_or("a call is still under way")?.close().await?;
    }
    let mut phases = phases.into_iter();
    let gateway: Phase = phases.next().ok_or("expected a count of rows")?;
    let with_other_rows: Vec<Phase> = phases.collect();
    let floor =
        if options.beside.floor { Some(floor::measure(options, &http, &gateway, progress).await?) } else { None };
    Ok(Report {
        sessions: options.sessions,
        recipients: options.recipients,
        online: options.online,
        sse: options.sse,
        limit: options.find_limit.map(|_| gateway.rate),
        floor_limit: options.find_limit.and_then(|_| floor.as_ref().map(|floor| floor.rate)),
        rows_ratio: with_other_rows.last().map(|last| last.cpu_us() / gateway.cpu_us()),
        gateway,
        with_other_rows,
        floor,
        violations,
    })
}

/// One phase at the given rate, or at the highest that is found.
async fn measure(
    options: &PublishOptions,
    publisher: &Arc<impl Publisher>,
    crowd: &Crowd,
    processes: Processes<'_>,
) -> Result<Phase, String> {
    let Some(bound_ms) = options.find_limit else {
        return play(options, options.rate, publisher, crowd, processes).await;
    };
    let mut best: Option<Phase> = None;
    let mut rate = LIMIT_BEGINS;
    let mut failed = loop {
        let phase = play(options, rate, publisher, crowd, processes).await?;
        if !phase.is_within(bound_ms) {
            break rate;
        }
        best = Some(phase);
        rate *= LIMIT_GROWS;
    };
    for _ in 0..LIMIT_STEPS {
        let low = best.as_ref().map_or(0.0, |phase| phase.rate);
        let rate = low.midpoint(failed);
        let phase = play(options, rate, publisher, crowd, processes).await?;
        if phase.is_within(bound_ms) {
            best = Some(phase);
        } else {
            failed = rate;
        }
    }
    best.ok_or_else(|| format!("p99 is over {bound_ms} ms at any rate"))
}

/// Calls at a rate, as they are due, and what became of them.
pub(crate) async fn play(
    options: &PublishOptions,
    rate: f64,
    publisher: &Arc<impl Publisher>,
    crowd: &Crowd,
    processes: Processes<'_>,
) -> Result<Phase, String> {
    crowd.forget_received().await?;
    let pids: Vec<u32> = processes.servers.iter().chain(processes.stores).copied().collect();
    let sampler = Sampler::start(processes.name, &pids, None, crowd.latency_here());
    let before = processes.used()?;
    let begun_us = clock::now_us();
    let (schedule, count) = (Schedule::new(begun_us, rate), (rate * options.seconds) as u64);
    let calls = tokio::select! {
        calls = make_calls(options, schedule, count, publisher, crowd.progress()) => calls,
        problem = crowd.end_of_one() => return Err(problem),
    };
    let expected = calls.answered * options.online_recipients() as u64;
    let (last_us, used) = wait_for(crowd, expected, processes).await?;
    let seconds = (last_us - begun_us) as f64 / 1e6;
    let series = sampler.finish(crowd.progress()).await;
    Ok(Phase { series, ..Phase::of((rate, seconds), calls, expected, &crowd.received().await?, &used.since(&before)) })
}

/// Makes calls when they are due, and waits for their answers.
async fn make_calls(
    options: &PublishOptions,
    schedule: Schedule,
    count: u64,
    publisher: &Arc<impl Publisher>,
    progress: &Progress,
) -> Calls {
    let step = progress.step("making calls", count);
    let (mut made, mut calls) = (0, Calls::default());
    let mut under_way = JoinSet::new();
    let count_one = |calls: &mut Calls, done: Result<Result<(), CallError>, _>| match done {
        Ok(Ok(())) => calls.answered += 1,
        Ok(Err(_)) | Err::<_, tokio::task::JoinError>(_) => calls.failed += 1,
    };
    while made < count {
        let due = schedule.due_by(clock::now_us()).min(count);
        for number in made..due {
            if under_way.len() >= UNDER_WAY_MAX {
                calls.overrun += 1;
                continue;
            }
            let (publisher, text) = (publisher.clone(), arrivals::text(schedule.due_us(number)));
            let group = number as usize % options.groups();
            under_way.spawn(async move { publisher.publish(group, text).await });
        }
        made = due;
        step.reach(made);
        while let Some(done) = under_way.try_join_next() {
            count_one(&mut calls, done);
        }
        time::sleep(TICK).await;
    }
    while let Some(done) = under_way.join_next().await {
        count_one(&mut calls, done);
    }
    calls
}

/// Waits until so many messages came, or no more come; when the last one did, and what was used by then.
async fn wait_for(crowd: &Crowd, expected: u64, processes: Processes<'_>) -> Result<(u64, Used), String> {
    let step = crowd.progress().step("waiting for arrivals", expected);
    let begun_us = clock::now_us();
    let (mut count, mut last_us, mut used) = (0, begun_us, processes.used()?);
    loop {
        let (before, now_us) = (count, clock::now_us());
        count = crowd.count_received().await?;
        step.reach(count);
        if count > before {
            last_us = now_us;
        }
        let quiet_us = now_us - last_us;
        if quiet_us <= SETTLE_US {
            used = processes.used()?;
        } else if count >= expected || quiet_us > QUIET_US || now_us - begun_us > ARRIVAL_MAX_US {
            return Ok((last_us, used));
        }
        time::sleep(LOOK).await;
    }
}

impl Processes<'_> {
    fn used(&self) -> Result<Used, String> {
        let seconds = |pid: &u32| Usage::of(&[*pid]).map(|usage| usage.cpu_seconds);
        let each = |pids: &[u32]| pids.iter().map(seconds).collect::<Result<_, String>>();
        Ok(Used { servers: each(self.servers)?, stores: each(self.stores)? })
    }
}

impl Used {
    fn since(&self, before: &Self) -> Self {
        let between =
            |after: &[f64], before: &[f64]| after.iter().zip(before).map(|(after, before)| after - before).collect();
        Self { servers: between(&self.servers, &before.servers), stores: between(&self.stores, &before.stores) }
    }
}
