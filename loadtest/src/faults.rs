//! The fault suite: real gateways and a real Redis, under load with every promise checked, while something breaks.

mod acts;
mod connections;
mod fanout;
mod gateways;
mod measure;
mod report;
mod scenario;
mod shards;
mod stage;
mod store;

use crate::{
    client::state::Counters,
    clock,
    processes::{API_KEY, Programs, SECRET},
    progress::Progress,
    run::{Late, Report, RunOptions, Scene, run_beside},
    token::Tokens,
    violations::Violations,
};
use acts::{Act, Findings};
use measure::{Lookout, Moments};
use rand::{SeedableRng, rngs::SmallRng};
use serde::Serialize;
use stage::Stage;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub use measure::Sign;
pub use report::{Conditions, write_table};
pub use scenario::Scenario;

/// How long clients have to agree with the store after a fault, while calls go on.
const HEAL_MAX: Duration = Duration::from_secs(120);
/// How long a scenario may take in all.
const SCENARIO_MAX: Duration = Duration::from_secs(900);
/// Seconds that clients have to agree with the server once it is quiet.
const QUIET_SECONDS: f64 = 90.0;

/// What to play.
#[derive(Debug, Clone)]
pub struct FaultOptions {
    /// The programs.
    pub programs: Programs,
    /// The scenarios, in this order.
    pub scenarios: Vec<Scenario>,
    /// Smaller loads and shorter faults.
    pub is_short: bool,
    /// What the random choices begin with.
    pub seed: u64,
}

/// The load of a scenario.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Sessions.
    pub sessions: usize,
    /// Calls a second.
    pub rate: f64,
    /// Rows of each user, about.
    pub conversations: usize,
    /// Members of each group.
    pub recipients: usize,
    /// The share of the sessions that use SSE.
    pub sse: f64,
    /// Seconds of calls before the fault, and after everybody has agreed.
    pub around_seconds: f64,
}

impl FaultOptions {
    /// The load that goes on meanwhile.
    pub fn load(&self) -> Load {
        let (sessions, rate, around_seconds) = if self.is_short { (60, 80.0, 1.0) } else { (200, 150.0, 3.0) };
        Load { sessions, rate, conversations: 6, recipients: 5, sse: 0.3, around_seconds }
    }
}

/// How a scenario went.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The scenario's name.
    pub name: &'static str,
    /// What was measured; `None` if it could not be played.
    pub played: Option<Played>,
    /// Why it could not be played.
    pub problem: Option<String>,
}

impl Outcome {
    /// Whether it was played and everything held.
    pub fn is_good(&self) -> bool {
        self.played.as_ref().is_some_and(|played| played.violations.count == 0)
    }
}

/// What was measured in a scenario.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    /// How long the fault lasted.
    pub fault_seconds: f64,
    /// What told of it first; `None` if nothing did.
    pub sign: Option<Sign>,
    /// From the end of the fault until every client had agreed with the store and the last late delivery had come;
    /// `None` if that was not.
    pub heal_seconds: Option<f64>,
    /// Deliveries more than a second after their message was due.
    pub late: Late,
    /// Full syncs since the fault began.
    pub full_syncs: u64,
    /// Replays since the fault began.
    pub replays: u64,
    /// Failed syncs since the fault began.
    pub failed_syncs: u64,
    /// Calls answered.
    pub answered: u64,
    /// Repetitions of calls.
    pub repeated: u64,
    /// Calls that never had an answer.
    pub given_up: u64,
    /// Changes of rows that clients got.
    pub deliveries: u64,
    /// Whether the rows were compared with what was posted.
    pub is_compared: bool,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What the gateways said last, if a promise was broken.
    pub last_words: Vec<String>,
}

/// Plays the scenarios one after the other; `tell` hears how each went.
pub async fn faults(options: &FaultOptions, progress: &Progress, mut tell: impl FnMut(&Outcome)) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for scenario in &options.scenarios {
        let played = timeout(SCENARIO_MAX, play(options, *scenario, &progress.of(scenario.name()))).await;
        let played = played.unwrap_or_else(|_| Err(format!("not over within {SCENARIO_MAX:?}")));
        let (played, problem) = match played {
            Ok(played) => (Some(played), None),
            Err(problem) => (None, Some(problem)),
        };
        let outcome = Outcome { name: scenario.name(), played, problem };
        progress.beside(|| tell(&outcome));
        outcomes.push(outcome);
    }
    outcomes
}

/// What was seen beside the load.
struct Seen {
    counters: Counters,
    begun_us: u64,
    over_us: u64,
    sign: Option<Sign>,
    agreed: Result<u64, String>,
    findings: Findings,
}

async fn play(options: &FaultOptions, scenario: Scenario, progress: &Progress) -> Result<Played, String> {
    let mut stage = Stage::start(&options.programs, &scenario.setup(options.is_short)?).await?;
    let load = options.load();
    let tokens = Tokens::Secret(SECRET.to_owned());
    let run_options = RunOptions {
        sessions: load.sessions,
        rate: load.rate,
        seconds: 2.0 * load.around_seconds,
        urls: stage.doors(),
        api_key: API_KEY.to_owned(),
        tokens: tokens.clone(),
        conversations: load.conversations,
        recipients: load.recipients,
        churn: 0.0,
        sse: load.sse,
        tolerate_restart: true,
        quiet_seconds: QUIET_SECONDS,
        pids: Vec::new(),
        seed: options.seed,
        name: None,
    };
    let around = Duration::from_secs_f64(load.around_seconds);
    let beside = async |scene: &Scene<'_>| {
        sleep(around).await;
        let seen = break_and_heal(options, scenario, &mut stage, scene, tokens).await;
        sleep(around).await;
        seen
    };
    let (report, seen) = run_beside(&run_options, scenario.allowances(), progress, beside).await?;
    let mut played = judge(scenario, report, seen);
    if played.violations.count > 0 {
        played.last_words = stage.nodes.iter().map(|node| node.gateway.process.last_words()).collect();
    }
    Ok(played)
}

/// Makes the fault, and watches how it shows and heals.
async fn break_and_heal(
    options: &FaultOptions,
    scenario: Scenario,
    stage: &mut Stage,
    scene: &Scene<'_>,
    tokens: Tokens,
) -> Seen {
    let (lookout, counters) = (Lookout::begin(stage, scene).await, scene.counters());
    let moments = Moments::begin();
    let mut act = Act {
        stage,
        moments: &moments,
        lasts: scenario.lasts(options.is_short),
        random: SmallRng::seed_from_u64(options.seed),
        tokens,
        findings: Findings::default(),
    };
    let playing = async move {
        let result = act.play(scenario).await;
        act.moments.over();
        (result, act.findings)
    };
    let healing = async {
        moments.when_over().await;
        scene.everybody_agrees(HEAL_MAX).await
    };
    let both = async { tokio::join!(playing, healing) };
    tokio::pin!(both);
    let (sign, ((result, mut findings), agreed)) = tokio::select! {
        sign = lookout.first_sign(scene, moments.begun_us) => (Some(sign), both.await),
        both = &mut both => (None, both),
    };
    if let Err(problem) = result {
        findings.violations.add(format!("the fault could not be made: {problem}"));
    }
    Seen { counters, begun_us: moments.begun_us, over_us: moments.when_over().await, sign, agreed, findings }
}

fn judge(scenario: Scenario, report: Report, seen: Seen) -> Played {
    let mut violations = seen.findings.violations;
    let healed_us = match seen.agreed {
        Ok(agreed_us) => Some(agreed_us.max(report.late.last_us)),
        Err(problem) => {
            violations.add(format!("not everybody agreed within {HEAL_MAX:?} after the fault: {problem}"));
            None
        }
    };
    violations.add_all(report.violations);
    let seconds = |from_us: u64, to_us: u64| to_us.saturating_sub(from_us) as f64 / 1e6;
    Played {
        fault_seconds: seconds(seen.begun_us, seen.over_us),
        sign: seen.sign,
        heal_seconds: healed_us.map(|healed_us| seconds(seen.over_us, healed_us)),
        late: report.late,
        full_syncs: report.full_syncs - seen.counters.full_syncs,
        replays: report.replays - seen.counters.replays,
        failed_syncs: report.failed_syncs - seen.counters.failed_syncs,
        answered: report.answered,
        repeated: report.repeated,
        given_up: report.given_up,
        deliveries: report.deliveries + report.sync_rows,
        is_compared: !scenario.allowances().lost_writes,
        violations,
        notes: seen.findings.notes,
        last_words: Vec::new(),
    }
}

/// Seconds since the tool began, for what it tells.
pub fn elapsed_seconds() -> f64 {
    clock::now_us() as f64 / 1e6
}
