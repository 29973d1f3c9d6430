//! A load run: open sessions, publish, cut and resume, and check at the end that every promise held.

mod check;
mod filters;
mod lane;
mod latency;
mod open;
mod operation;
mod plan;
mod report;
mod scene;
mod schedule;
mod verify;

use crate::{
    client::{Client, state::Counters},
    clock,
    http::BaseUrl,
    measure::{process::Usage, series::Sampler},
    progress::Progress,
    token::Tokens,
};
use check::check;
use lane::Tally;
use latency::Measured;
use open::{Opened, open};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use latency::{Interruption, Late};
pub use report::{Report, ServerUsage};
pub use scene::{Allowances, Scene, Troubles};
pub(crate) use schedule::Schedule;
pub(crate) use verify::{ServerRows, client_agrees, read_server};

/// Calls that may be due and not answered; further ones are not made.
const OUTSTANDING_MAX: usize = 50_000;
/// How long a session that was cut stays away, at most.
const AWAY_MAX_MS: u64 = 2_000;
/// How often due calls are looked for.
const TICK: Duration = Duration::from_millis(2);

/// What to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Sessions to open.
    pub sessions: usize,
    /// Calls a second.
    pub rate: f64,
    /// Seconds of calls.
    pub seconds: f64,
    /// Nodes.
    pub urls: Vec<BaseUrl>,
    /// The backend's key.
    pub api_key: String,
    /// Where tokens come from.
    pub tokens: Tokens,
    /// Rows of each user, about.
    pub conversations: usize,
    /// Members of each group.
    pub recipients: usize,
    /// The share of the sessions that is cut each second.
    pub churn: f64,
    /// The share of the sessions that use SSE.
    pub sse: f64,
    /// Whether the server may be killed and started again during the run.
    pub tolerate_restart: bool,
    /// Seconds that clients have to agree with the server once it is quiet.
    pub quiet_seconds: f64,
    /// The server's processes to measure.
    pub pids: Vec<u32>,
    /// What the random choices begin with.
    pub seed: u64,
    /// What the ids of users and groups begin with, so that others can look on: `<name>-u0` is the first user. Else made up.
    pub name: Option<String>,
}

/// Runs, and reports; an error is one of the setting up.
pub async fn run(options: &RunOptions, progress: &Progress) -> Result<Report, String> {
    let measured = Arc::new(Measured::new());
    let sampler = Sampler::start("run", &options.pids, None, {
        let measured = measured.clone();
        move || measured.live()
    });
    let (report, ()) = play(options, Allowances::default(), measured, progress, async |_| ()).await?;
    Ok(Report { series: Some(sampler.finish(progress).await), ..report })
}

/// Runs with something beside the calls, which begins with them; they go on until it has ended, if that is later.
pub async fn run_beside<T>(
    options: &RunOptions,
    allowances: Allowances,
    progress: &Progress,
    beside: impl AsyncFnOnce(&Scene<'_>) -> T,
) -> Result<(Report, T), String> {
    play(options, allowances, Arc::new(Measured::new()), progress, beside).await
}

async fn play<T>(
    options: &RunOptions,
    allowances: Allowances,
    measured: Arc<Measured>,
    progress: &Progress,
    beside: impl AsyncFnOnce(&Scene<'_>) -> T,
) -> Result<(Report, T), String> {
    let mut random = SmallRng::seed_from_u64(options.seed);
    let opened = open(options, allowances, measured, progress, &mut random).await?;
    if !options.pids.is_empty() {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let open_usage = usage(&options.pids)?;
    opened.prepare_late(progress).await?;
    let ready = usage(&options.pids)?;
    let counters_before = count(&opened.clients);
    let begun_us = clock::now_us();
    let is_alone = AtomicBool::new(false);
    let scene = Scene { options, opened: &opened };
    let ((overrun, cuts), result) = tokio::join!(publish(options, &opened, &is_alone, progress, &mut random), async {
        let result = beside(&scene).await;
        is_alone.store(true, Ordering::Relaxed);
        result
    });
    let seconds = (clock::now_us() - begun_us) as f64 / 1e6;
    drain(options, &opened.world.tally, progress).await;
    let counters = count(&opened.clients);
    // Killed and started again, the process has another id; then there is nothing to say about it.
    let published = usage(&options.pids).ok().flatten();
    let checked = check(options, allowances, &opened, progress).await;
    let deliveries = counters.live_rows - counters_before.live_rows;
    let server = match (opened.before, open_usage, ready, published) {
        (Some(before), Some(opened_usage), Some(ready), Some(published)) => {
            Some(server_usage([before, opened_usage, ready, published], opened.clients.len(), deliveries))
        }
        _ => None,
    };
    let tally = &opened.world.tally;
    let (latency, latency_in_syncs) = opened.measured.percentiles();
    let totals = count(&opened.clients);
    let report = Report {
        sessions: opened.clients.len(),
        event_streams: opened.event_streams,
        users: opened.plan.users.len(),
        conversations: opened.lanes.len(),
        open_seconds: opened.open_us as f64 / 1e6,
        rate: options.rate,
        seconds,
        answered: tally.answered.load(Ordering::Relaxed),
        refused: tally.refused.load(Ordering::Relaxed),
        repeated: tally.repeated.load(Ordering::Relaxed),
        given_up: tally.given_up.load(Ordering::Relaxed),
        overrun,
        deliveries,
        sync_rows: counters.sync_rows - counters_before.sync_rows,
        frames: counters.frames - counters_before.frames,
        cuts,
        lost: opened.measured.lost.load(Ordering::Relaxed),
        full_syncs: totals.full_syncs,
        replays: totals.replays,
        failed_syncs: totals.failed_syncs,
        latency,
        latency_in_syncs,
        late: opened.measured.late(),
        quiet_seconds: checked.quiet_seconds,
        rows_compared: checked.rows_compared,
        server,
        series: None,
        violations: checked.violations,
    };
    Ok((report, result))
}

/// What the server's processes use now, if their ids are known.
fn usage(pids: &[u32]) -> Result<Option<Usage>, String> {
    if pids.is_empty() { Ok(None) } else { Usage::of(pids).map(Some) }
}

/// Usage with the rows made, the sessions opened, everything ready, and everything published.
fn server_usage([before, opened, ready, published]: [Usage; 4], sessions: usize, deliveries: u64) -> ServerUsage {
    let per = |amount: f64, count: f64| if count > 0.0 { amount / count } else { 0.0 };
    let grown_kib = opened.rss_kib as f64 - before.rss_kib as f64;
    ServerUsage {
        before,
        opened,
        published,
        kib_per_session: per(grown_kib, sessions as f64),
        cpu_us_per_connect: per((opened.cpu_seconds - before.cpu_seconds) * 1e6, sessions as f64),
        cpu_us_per_delivery: per((published.cpu_seconds - ready.cpu_seconds) * 1e6, deliveries as f64),
    }
}

fn count(clients: &[Arc<Client>]) -> Counters {
    let mut sum = Counters::default();
    for client in clients {
        let of = client.with_state(|state| state.counters());
        sum.frames += of.frames;
        sum.live_rows += of.live_rows;
        sum.sync_rows += of.sync_rows;
        sum.full_syncs += of.full_syncs;
        sum.replays += of.replays;
        sum.failed_syncs += of.failed_syncs;
        sum.known_rows += of.known_rows;
    }
    sum
}

/// Makes calls when they are due, whatever became of earlier ones, until the time is over and nothing goes on beside
/// them; says how many were not made and how many sessions were cut.
async fn publish(
    options: &RunOptions,
    opened: &Opened,
    is_alone: &AtomicBool,
    progress: &Progress,
    random: &mut SmallRng,
) -> (u64, u64) {
    let begun_us = clock::now_us();
    let (schedule, calls) = (Schedule::new(begun_us, options.rate), (options.rate * options.seconds) as u64);
    let (mut made, mut overrun, mut cuts, mut cut_due) = (0_u64, 0_u64, 0_u64, 0.0_f64);
    let step = progress.step("making calls", calls);
    let mut last_us = begun_us;
    loop {
        let now_us = clock::now_us();
        let elapsed_s = (now_us - begun_us) as f64 / 1e6;
        let is_last = elapsed_s >= options.seconds && is_alone.load(Ordering::Relaxed);
        let due = schedule.due_by(now_us);
        let due = if is_last { due.min(calls.max(made)) } else { due };
        while made < due {
            let due_us = schedule.due_us(made);
            made += 1;
            if opened.world.tally.outstanding.load(Ordering::Relaxed) >= OUTSTANDING_MAX {
                overrun += 1;
                continue;
            }
            opened.lanes[random.random_range(0..opened.lanes.len())].push(&opened.world, due_us);
        }
        step.reach(made);
        cut_due += options.churn * opened.clients.len() as f64 * (now_us - last_us) as f64 / 1e6;
        last_us = now_us;
        while cut_due >= 1.0 {
            cut_due -= 1.0;
            cuts += 1;
            let away = Duration::from_millis(random.random_range(0..AWAY_MAX_MS));
            opened.clients[random.random_range(0..opened.clients.len())].cut(away).await;
        }
        if is_last {
            return (overrun, cuts);
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Waits until every call has its answer, or was given up.
async fn drain(options: &RunOptions, tally: &Tally, progress: &Progress) {
    let limit_us = if options.tolerate_restart { 400_000_000 } else { 150_000_000 };
    let outstanding = || tally.outstanding.load(Ordering::Relaxed);
    let (begun_us, all) = (clock::now_us(), outstanding());
    let step = progress.step("waiting for answers", all as u64);
    while outstanding() > 0 && clock::now_us() - begun_us < limit_us {
        step.reach(all.saturating_sub(outstanding()) as u64);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    step.reach(all.saturating_sub(outstanding()) as u64);
}
