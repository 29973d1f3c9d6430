//! A rolling restart behind a balancer, and a node that dies: how long are clients away, and does anybody lose anything?

mod report;

use crate::{
    client::state::Counters,
    clock,
    cluster::{Cluster, ClusterPrograms},
    measure::{
        machine::machine,
        percentiles::{Percentiles, histogram_of},
    },
    processes::{API_KEY, SECRET},
    progress::Progress,
    run::{Allowances, RunOptions, Scene, Troubles, run_beside},
    token::Tokens,
    violations::Violations,
};
use clap::Args;
use serde::Serialize;
use std::{path::PathBuf, time::Duration};
use tokio::time::sleep;

pub use report::{Conditions, Report};

/// How long clients have to agree with the store while a node is away and calls go on.
const HEAL_MAX: Duration = Duration::from_secs(120);
/// Seconds that clients have to agree with the server once it is quiet.
const QUIET_SECONDS: f64 = 90.0;
/// The node that dies after all were restarted.
const KILLED: usize = 0;

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct RollingOptions {
    /// What to start.
    #[command(flatten)]
    pub programs: ClusterPrograms,
    /// Sessions.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    pub sessions: u32,
    /// Calls a second.
    #[arg(long, default_value_t = 150.0)]
    pub rate: f64,
    /// The share of the sessions that use SSE.
    #[arg(long, default_value_t = 0.3)]
    pub sse: f64,
    /// The nodes' --drain-delay-ms: longer than the balancer needs to see that a node is not ready.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub drain_delay_ms: u64,
    /// The nodes' --drain-spread-ms.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(..=15_000))]
    pub drain_spread_ms: u64,
    /// Seconds of calls before the first event, and after each.
    #[arg(long, default_value_t = 3.0)]
    pub between_seconds: f64,
    /// A document whose figures are written.
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// A file for the report as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// What the random choices begin with.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// How a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// It is told to, and sends its sessions away before it ends.
    Drained,
    /// It dies.
    Killed,
}

/// What became of a node's sessions when it went.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The node's name.
    pub node: &'static str,
    /// How it went.
    pub how: How,
    /// Sessions that it had.
    pub sessions: u64,
    /// How long sessions were away: from the end of their connection until they were live again, at another node.
    pub away: Percentiles,
    /// Replays that began until everybody had everything again.
    pub replays: u64,
    /// Full syncs that began in this time.
    pub full_syncs: u64,
    /// Calls that had to be repeated in this time.
    pub repeated: u64,
    /// From the signal until everybody had everything, while the node was still away.
    pub healed_seconds: f64,
    /// Sessions of each node at this moment.
    pub spread: Vec<u64>,
}

/// Plays, and judges; an error is one of the setting up.
pub async fn rolling(options: &RollingOptions, progress: &Progress) -> Result<Report, String> {
    let (delay, spread) = (options.drain_delay_ms.to_string(), options.drain_spread_ms.to_string());
    let settings = ["--drain-delay-ms", &delay, "--drain-spread-ms", &spread];
    let mut cluster = Cluster::start(&options.programs, None, &settings).await?;
    let run_options = RunOptions {
        name: None,
        sessions: options.sessions as usize,
        rate: options.rate.max(0.0),
        seconds: 2.0 * options.between_seconds,
        urls: vec![cluster.balancer.url.clone()],
        api_key: API_KEY.to_owned(),
        tokens: Tokens::Secret(SECRET.to_owned()),
        conversations: 6,
        recipients: 5,
        churn: 0.0,
        sse: options.sse,
        tolerate_restart: true,
        quiet_seconds: QUIET_SECONDS,
        pids: Vec::new(),
        seed: options.seed,
    };
    let beside = async |scene: &Scene<'_>| play(options, &mut cluster, scene, progress).await;
    let (load, played) = run_beside(&run_options, Allowances::default(), progress, beside).await?;
    let (events, at_the_end) = played?;
    let violations = broken(&events, load.sessions as u64);
    let report = Report::of(Conditions::of(options, machine()), events, at_the_end, load, violations);
    if let Some(path) = &options.report {
        report.write_into(path)?;
    }
    Ok(report)
}

/// One node after the other is restarted, then one dies; gives what was seen, and the sessions of each node in the end.
async fn play(
    options: &RollingOptions,
    cluster: &mut Cluster,
    scene: &Scene<'_>,
    progress: &Progress,
) -> Result<(Vec<Event>, Vec<u64>), String> {
    let between = Duration::from_secs_f64(options.between_seconds.max(0.0));
    let restarted = (0..cluster.names().len()).map(|node| (node, How::Drained));
    let plan: Vec<(usize, How)> = restarted.chain([(KILLED, How::Killed)]).collect();
    let mut events = Vec::new();
    let step = progress.step("nodes that go and come back", plan.len() as u64);
    sleep(between).await;
    for (node, how) in plan {
        events.push(event(cluster, node, how, scene).await?);
        cluster.start_again(node).await?;
        cluster.all_in_use().await?;
        step.advance();
        sleep(between).await;
    }
    Ok((events, cluster.sessions().await?))
}

/// One node goes; it is not started again.
async fn event(cluster: &mut Cluster, node: usize, how: How, scene: &Scene<'_>) -> Result<Event, String> {
    let name = cluster.names()[node];
    let sessions = cluster.sessions().await?[node];
    let (before, known) = (Mark::of(scene), scene.interruptions().len());
    let begun_us = clock::now_us();
    match how {
        How::Drained => cluster.drain(node).await?,
        How::Killed => cluster.kill(node),
    }
    // It does not run, so whoever is live now is so at another node.
    let agreed_us =
        scene.everybody_agrees(HEAL_MAX).await.map_err(|problem| format!("without node {name}: {problem}"))?;
    let after = Mark::of(scene);
    let away = scene.interruptions().split_off(known);
    Ok(Event {
        node: name,
        how,
        sessions,
        away: Percentiles::of(&histogram_of(away.iter().map(|away| away.to_us - away.from_us))),
        replays: after.counters.replays - before.counters.replays,
        full_syncs: after.counters.full_syncs - before.counters.full_syncs,
        repeated: after.troubles.repeated - before.troubles.repeated,
        healed_seconds: agreed_us.saturating_sub(begun_us) as f64 / 1e6,
        spread: cluster.sessions().await?,
    })
}

/// What was counted up to a moment.
struct Mark {
    counters: Counters,
    troubles: Troubles,
}

impl Mark {
    fn of(scene: &Scene<'_>) -> Self {
        Self { counters: scene.counters(), troubles: scene.troubles() }
    }
}

/// What is promised of each event, besides what the load checks: whoever was at the node goes on at another one from where he stood.
fn broken(events: &[Event], all_sessions: u64) -> Violations {
    let mut violations = Violations::default();
    for event in events {
        let Event { node, sessions, full_syncs, replays, .. } = event;
        let elsewhere: u64 = event.spread.iter().sum();
        for (is_broken, what) in [
            (*sessions == 0, "it had no sessions, so that nothing was tried".to_owned()),
            (*full_syncs > 0, format!("{full_syncs} full syncs, expected replays only")),
            (replays < sessions, format!("{replays} replays for its {sessions} sessions")),
            (event.away.count < *sessions, format!("only {} of {sessions} sessions came back", event.away.count)),
            (elsewhere < all_sessions, format!("{elsewhere} of all {all_sessions} sessions were at the others")),
        ] {
            if is_broken {
                violations.add(format!("without node {node}: {what}"));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn event(sessions: u64, replays: u64, full_syncs: u64, spread: [u64; 3]) -> Event {
        let away = Percentiles::of(&histogram_of((0..replays).map(|n| n * 1_000)));
        let (node, how) = ("a", How::Drained);
        Event {
            node,
            how,
            sessions,
            away,
            replays,
            full_syncs,
            repeated: 0,
            healed_seconds: 1.0,
            spread: spread.to_vec(),
        }
    }

    #[test]
    fn who_does_not_go_on_elsewhere_from_where_he_stood_is_found_out() {
        let broken = |event: Event| broken(&[event], 9).count;
        assert_eq!(broken(event(3, 3, 0, [0, 4, 5])), 0);
        assert_eq!(broken(event(3, 3, 1, [0, 4, 5])), 1, "a full sync");
        assert_eq!(broken(event(3, 2, 0, [0, 4, 5])), 2, "a session that did not come back has no replay");
        assert_eq!(broken(event(3, 3, 0, [0, 4, 4])), 1, "one that no node has");
        assert_eq!(broken(event(0, 0, 0, [0, 4, 5])), 1, "nothing was tried");
    }
}
