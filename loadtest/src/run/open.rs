//! How a run begins: its rows are made and its sessions opened.

use super::{
    Allowances, RunOptions, filters,
    lane::{Lane, Tally, World},
    latency::{DueByConversation, Measured, SessionObserver},
    operation::Conversation,
    plan::{Plan, PlanSize, SessionPlan},
    usage,
};
use crate::{
    client::{Client, ClientOptions, connection::Transport},
    clock, crowd,
    http::Http,
    measure::process::Usage,
    progress::Progress,
    target,
};
use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::Semaphore;

/// Users whose number ends with this have no rows when they connect.
const LATECOMER: usize = 9;
/// First messages under way at once.
const PREPARING_MAX: usize = 64;
/// Calls under way at once.
const CALLS_MAX: usize = 256;

/// A run whose sessions are open.
pub(super) struct Opened {
    pub(super) plan: Plan,
    pub(super) lanes: Vec<Arc<Lane>>,
    /// Conversations whose rows are not made yet.
    late: Vec<Arc<Lane>>,
    pub(super) world: Arc<World>,
    pub(super) clients: Vec<Arc<Client>>,
    pub(super) measured: Arc<Measured>,
    pub(super) event_streams: usize,
    /// What the server used with all rows made and no session open.
    pub(super) before: Option<Usage>,
    pub(super) open_us: u64,
}

/// Makes the rows of some conversations.
async fn prepare(world: &World, lanes: &[Arc<Lane>], progress: &Progress) -> Result<(), String> {
    let step = progress.step("making rows", lanes.len() as u64);
    stream::iter(lanes)
        .for_each_concurrent(PREPARING_MAX, async |lane| {
            lane.prepare(world).await;
            step.advance();
        })
        .await;
    let failed = world.tally.refused.load(Ordering::Relaxed) + world.tally.given_up.load(Ordering::Relaxed);
    if failed > 0 { Err(format!("{failed} first messages were not taken")) } else { Ok(()) }
}

impl Opened {
    /// Makes the rows that latecomers have a part in; until then their sessions are those of users without data.
    pub(super) async fn prepare_late(&self, progress: &Progress) -> Result<(), String> {
        prepare(&self.world, &self.late, progress).await
    }
}

/// Most rows are made first, then the sessions are opened, so that their first sync has something in it.
pub(super) async fn open(
    options: &RunOptions,
    allowances: Allowances,
    measured: Arc<Measured>,
    progress: &Progress,
    random: &mut SmallRng,
) -> Result<Opened, String> {
    let http = Http::new();
    target::answer(&http, &options.urls).await?;
    let made_up = || format!("lt{:x}", clock::unix_seconds() * 1_000 + u64::from(random.random::<u16>()) % 1_000);
    let run = options.name.clone().unwrap_or_else(made_up);
    let size = PlanSize {
        run: run.clone(),
        sessions: options.sessions,
        conversations_per_user: options.conversations,
        recipients: options.recipients,
    };
    let plan = Plan::new(&size, random);
    let epoch_s = clock::unix_seconds();
    let lanes: Vec<Arc<Lane>> = plan
        .conversations
        .iter()
        .enumerate()
        .map(|(n, conversation)| {
            let random = SmallRng::seed_from_u64(random.random());
            let conversation = Conversation::new(conversation.clone(), format!("{run}-c{n}"), random, epoch_s);
            let is_unordered = allowances.late_calls;
            Arc::new(Lane::new(if is_unordered { conversation.unordered() } else { conversation }))
        })
        .collect();
    let mut world = World {
        urls: options.urls.clone(),
        api_key: options.api_key.clone(),
        http,
        clients: HashMap::new(),
        repeat_us: if options.tolerate_restart { 180_000_000 } else { 60_000_000 },
        in_flight: Semaphore::new(CALLS_MAX),
        tally: Tally::default(),
    };
    let is_late = |lane: &usize| plan.conversations[*lane].members.iter().any(|member| member.user % 10 == LATECOMER);
    let (late, early): (Vec<usize>, Vec<usize>) = (0..lanes.len()).partition(is_late);
    let chosen = |indexes: &[usize]| indexes.iter().map(|index| lanes[*index].clone()).collect::<Vec<_>>();
    let (late, early) = (chosen(&late), chosen(&early));
    prepare(&world, &early, progress).await?;
    let before = usage(&options.pids)?;
    let due = due_by_user(&plan, &lanes);
    let begun_us = clock::now_us();
    let starts: Vec<(usize, SessionPlan, bool)> = plan
        .sessions
        .iter()
        .enumerate()
        .map(|(n, session)| (n, *session, random.random_bool(options.sse.clamp(0.0, 1.0))))
        .collect();
    let event_streams = starts.iter().filter(|(_, _, is_sse)| *is_sse).count();
    let starts = starts.into_iter().map(|(n, session, is_sse)| {
        let observer = SessionObserver::new(n, measured.clone(), due[session.user].clone());
        (client_options(options, &world.http, &plan, n, session, is_sse), observer)
    });
    let clients = crowd::open(starts, progress).await?;
    for (session, client) in plan.sessions.iter().zip(&clients) {
        world.clients.entry(plan.users[session.user].clone()).or_default().push(client.clone());
    }
    let open_us = clock::now_us() - begun_us;
    Ok(Opened { plan, lanes, late, world: Arc::new(world), clients, measured, event_streams, before, open_us })
}

fn client_options(
    options: &RunOptions,
    http: &Http,
    plan: &Plan,
    n: usize,
    session: SessionPlan,
    is_sse: bool,
) -> ClientOptions {
    ClientOptions {
        urls: options.urls.clone(),
        first_url: n % options.urls.len(),
        user: plan.users[session.user].clone(),
        device: Some(format!("device{}", session.device)),
        transport: if is_sse { Transport::EventStream } else { Transport::WebSocket },
        tokens: options.tokens.clone(),
        http: http.clone(),
        window: None,
        since: None,
        filters: filters::watched_by(n),
        source: Some(crowd::source(n)),
    }
}

fn due_by_user(plan: &Plan, lanes: &[Arc<Lane>]) -> Vec<DueByConversation> {
    let mut due = vec![HashMap::new(); plan.users.len()];
    for (conversation, lane) in plan.conversations.iter().zip(lanes) {
        for member in &conversation.members {
            due[member.user].insert(member.conversation_id.clone(), lane.due.clone());
        }
    }
    due.into_iter().map(Arc::new).collect()
}
