//! How changes become commits: one writer per user on this node, waiting changes in one step, many users in one trip.
//!
//! Changes are queued by user on one of several shards. A shard takes what waits, reads all its users at once,
//! applies the rules, and commits all at once; whatever comes meanwhile waits for the next round. Another node may
//! write a user in between: then that user's step is computed again from what the commit found.

use crate::{
    Commit, Committed, Loaded, Store, StoreError,
    record::Unfinished,
    rules::{Change, Decided, Limits, Outcome, Refusal, Step, load_for, step, steps_alone},
};
use conversation_protocol::{UserId, limits::STEP_ROWS_MAX};
use futures_util::future;
use rand::Rng;
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Rounds that may be under way at once on this node.
const SHARDS: usize = 8;
/// Changes waiting on one shard; more: their callers wait.
const QUEUE_MAX: usize = 8_192;
/// Users of one round.
const ROUND_USERS_MAX: usize = 256;
/// How often a step may lose the race against other nodes.
const RACES_MAX: u32 = 5;
/// Milliseconds that a step which lost the race waits at most, times the races lost.
const RACE_JITTER_MS: u64 = 3;

/// Why a change was not made, sorted by what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// Fix the request: a rule refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Try again soon: other nodes write this user all the time.
    #[error("too many writers for this user at once")]
    Contended,
    /// Try again later, the change is harmless when repeated; or give up where the store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the writer has done, for metrics.
#[derive(Debug, Default)]
pub struct WriterCounts {
    /// Steps committed.
    pub steps: AtomicU64,
    /// Changes in them.
    pub changes: AtomicU64,
    /// Steps that were computed again because another node had written the user.
    pub conflicts: AtomicU64,
}

/// Makes changes to users' rows. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    shards: Arc<[mpsc::Sender<Job>]>,
    counts: Arc<WriterCounts>,
}

type Outcomes = Vec<Result<Outcome, WriteError>>;

/// Changes of one user that were asked for together; they go into one step, as far as a step takes them.
struct Job {
    user: UserId,
    changes: Vec<Change>,
    reply: oneshot::Sender<Outcomes>,
}

impl Writer {
    /// Starts the shards on the current tokio runtime; they end with the last clone of the writer.
    pub fn start(store: Arc<dyn Store>, limits: Limits) -> Self {
        let counts = Arc::new(WriterCounts::default());
        let shards = (0..SHARDS).map(|_| {
            let (sender, receiver) = mpsc::channel(QUEUE_MAX);
            let shard = Shard { store: store.clone(), limits, counts: counts.clone(), waiting: HashMap::new() };
            tokio::spawn(shard.run(receiver));
            sender
        });
        Self { shards: shards.collect(), counts }
    }

    /// What the writer has done so far.
    pub fn counts(&self) -> &WriterCounts {
        &self.counts
    }

    /// Makes one change; answers once it is committed.
    pub async fn apply(&self, user: UserId, change: Change) -> Result<Outcome, WriteError> {
        let stopped = || Err(WriteError::Store(StoreError::Unavailable("the writer has stopped".to_owned())));
        self.apply_all([(user, change)]).await.pop().unwrap_or_else(stopped)
    }

    /// Makes many changes; those of one user in the order given, and in one step if they follow each other and are at
    /// most [`STEP_ROWS_MAX`]. One answer per change, in order.
    pub async fn apply_all(&self, changes: impl IntoIterator<Item = (UserId, Change)>) -> Outcomes {
        let mut pending = Vec::new();
        let mut changes = changes.into_iter().peekable();
        while let Some((user, change)) = changes.next() {
            let mut together = vec![change];
            while together.len() < STEP_ROWS_MAX && !together.iter().any(steps_alone) {
                let next = changes.next_if(|(other, change)| *other == user && !steps_alone(change));
                let Some((_, change)) = next else { break };
                together.push(change);
            }
            pending.push(self.enqueue(user, together).await);
        }
        let mut answers = Vec::new();
        for answer in pending {
            answers.extend(answer.wait().await);
        }
        answers
    }

    async fn enqueue(&self, user: UserId, changes: Vec<Change>) -> Pending {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        let shard = &self.shards[hasher.finish() as usize % self.shards.len()];
        let (reply, answer) = oneshot::channel();
        let count = changes.len();
        // A closed shard drops the job, and its answer says so.
        let _ = shard.send(Job { user, changes, reply }).await;
        Pending { answer, count }
    }
}

/// Changes on their way.
struct Pending {
    answer: oneshot::Receiver<Outcomes>,
    count: usize,
}

impl Pending {
    async fn wait(self) -> Outcomes {
        let stopped = || WriteError::Store(StoreError::Unavailable("the writer has stopped".to_owned()));
        self.answer.await.unwrap_or_else(|_| vec![Err(stopped()); self.count])
    }
}

/// Some changes of one user that go into one step.
struct Work {
    user: UserId,
    changes: Vec<Change>,
    /// Who waits for them, and for how many each.
    replies: Vec<(oneshot::Sender<Outcomes>, usize)>,
}

impl Work {
    fn fail(self, error: &WriteError) {
        for (reply, count) in self.replies {
            let _ = reply.send(vec![Err(error.clone()); count]);
        }
    }

    fn answer(self, outcomes: Vec<Result<Outcome, Refusal>>) {
        let mut outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(WriteError::Refused));
        for (reply, count) in self.replies {
            let _ = reply.send(outcomes.by_ref().take(count).collect());
        }
    }
}

/// A step that stands.
struct Done {
    outcomes: Vec<Result<Outcome, Refusal>>,
    unfinished: Option<Unfinished>,
}

struct Shard {
    store: Arc<dyn Store>,
    limits: Limits,
    counts: Arc<WriterCounts>,
    waiting: HashMap<UserId, VecDeque<Job>>,
}

impl Shard {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            if self.waiting.is_empty() {
                let Some(job) = jobs.recv().await else { return };
                self.push(job);
            }
            while self.waiting.len() < ROUND_USERS_MAX {
                let Ok(job) = jobs.try_recv() else { break };
                self.push(job);
            }
            let round = self.take_round();
            self.run_round(round).await;
        }
    }

    fn push(&mut self, job: Job) {
        self.waiting.entry(job.user.clone()).or_default().push_back(job);
    }

    /// Of each waiting user, the changes that go into one step.
    fn take_round(&mut self) -> Vec<Work> {
        let users: Vec<UserId> = self.waiting.keys().take(ROUND_USERS_MAX).cloned().collect();
        let mut round = Vec::with_capacity(users.len());
        for user in users {
            let Entry::Occupied(mut entry) = self.waiting.entry(user.clone()) else { continue };
            let mut work = Work { user, changes: Vec::new(), replies: Vec::new() };
            let queue = entry.get_mut();
            while let Some(job) = queue.front() {
                let is_alone = job.changes.iter().any(steps_alone);
                let is_first = work.changes.is_empty();
                if !is_first && (is_alone || work.changes.len() + job.changes.len() > STEP_ROWS_MAX) {
                    break;
                }
                let Some(job) = queue.pop_front() else { break };
                work.replies.push((job.reply, job.changes.len()));
                work.changes.extend(job.changes);
                if is_alone {
                    break;
                }
            }
            if queue.is_empty() {
                entry.remove();
            }
            round.push(work);
        }
        round
    }

    async fn run_round(&self, round: Vec<Work>) {
        let replication_id = self.store.replication_id();
        let loads: Vec<_> = round.iter().map(|work| load_for(&work.user, &work.changes, self.limits)).collect();
        let loaded = match self.store.load(&loads).await {
            Ok(loaded) => loaded,
            Err(error) => {
                let error = WriteError::Store(error);
                round.into_iter().for_each(|work| work.fail(&error));
                return;
            }
        };
        let mut steps = Vec::with_capacity(round.len());
        let mut commits = Vec::with_capacity(round.len());
        let mut held_up = Vec::new();
        for (work, loaded) in round.into_iter().zip(loaded) {
            match self.decide(&work.user, &work.changes, &loaded, replication_id) {
                Ok(Decided::Step(step)) => match *step {
                    Step { outcomes, commit: Some(commit), unfinished } => {
                        commits.push(commit);
                        steps.push((work, Done { outcomes, unfinished }));
                    }
                    Step { outcomes, commit: None, unfinished: _ } => work.answer(outcomes),
                },
                Ok(Decided::Unfinished(_)) => held_up.push(self.repeat(work, None)),
                Err(error) => work.fail(&WriteError::Store(error)),
            }
        }
        let results = if commits.is_empty() { Vec::new() } else { self.store.commit(replication_id, commits).await };
        let settled = steps.into_iter().zip(results).map(|((work, done), result)| self.settle(work, done, result));
        // Users do not wait for each other's lost races.
        future::join(future::join_all(held_up), future::join_all(settled)).await;
    }

    /// Answers what was committed, and does again what lost a race.
    async fn settle(&self, work: Work, done: Done, result: Result<Committed, StoreError>) {
        match result {
            Ok(Committed::Done) => self.finish(work, done).await,
            Ok(Committed::Conflict(found)) => {
                self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
                self.repeat(work, Some(found)).await;
            }
            Err(error) => work.fail(&WriteError::Store(error)),
        }
    }

    fn decide(
        &self,
        user: &UserId,
        changes: &[Change],
        loaded: &Loaded,
        replication_id: u64,
    ) -> Result<Decided, StoreError> {
        let new_epoch = rand::rng().random_range(1..=u64::MAX);
        step(load_for(user, changes, self.limits), loaded, changes, self.limits, new_epoch, replication_id)
    }

    /// Answers committed changes, once further steps have done what they left.
    async fn finish(&self, work: Work, done: Done) {
        let Done { mut outcomes, unfinished } = done;
        self.counts.steps.fetch_add(1, Ordering::Relaxed);
        self.counts.changes.fetch_add(outcomes.len() as u64, Ordering::Relaxed);
        if let Some(unfinished) = unfinished {
            match self.complete(&work.user, unfinished).await {
                Ok(further) => {
                    // Only a change that steps alone leaves something.
                    if let ([Ok(outcome)], Some(last)) = (outcomes.as_mut_slice(), further) {
                        *outcome = Outcome { changed: outcome.changed + last.changed, ..last };
                    }
                }
                Err(error) => return work.fail(&error),
            }
        }
        work.answer(outcomes);
    }

    /// Computes a step again: another node was faster and left `found`, or an unfinished change comes first.
    async fn repeat(&self, work: Work, found: Option<Loaded>) {
        match self.again(&work.user, &work.changes, found).await {
            Ok(done) => self.finish(work, done).await,
            Err(error) => work.fail(&error),
        }
    }

    /// Does what an earlier step left, whoever made it; what became of it in all, if there was anything left.
    async fn complete(&self, user: &UserId, unfinished: Unfinished) -> Result<Option<Outcome>, WriteError> {
        let mut next = Some(unfinished);
        let mut sum: Option<Outcome> = None;
        while let Some(unfinished) = next {
            let Done { outcomes, unfinished } = self.again(user, &[Change::Continue(unfinished)], None).await?;
            for outcome in outcomes {
                let outcome = outcome?;
                sum = Some(Outcome { changed: sum.map_or(0, |sum| sum.changed) + outcome.changed, ..outcome });
            }
            next = unfinished;
        }
        Ok(sum)
    }

    /// Runs one user's step until it stands; `found` is what a lost race left.
    async fn again(&self, user: &UserId, changes: &[Change], found: Option<Loaded>) -> Result<Done, WriteError> {
        let mut races = u32::from(found.is_some());
        let mut found = found;
        loop {
            let loaded = match found.take() {
                Some(loaded) => loaded,
                None => {
                    let loaded = self.store.load(&[load_for(user, changes, self.limits)]).await?.pop();
                    loaded.ok_or_else(|| StoreError::Corrupt("a load without an answer".to_owned()))?
                }
            };
            let replication_id = self.store.replication_id();
            let Step { outcomes, commit, unfinished } = match self.decide(user, changes, &loaded, replication_id)? {
                Decided::Step(step) => *step,
                Decided::Unfinished(unfinished) => {
                    Box::pin(self.complete(user, unfinished)).await?;
                    continue;
                }
            };
            let Some(commit) = commit else { return Ok(Done { outcomes, unfinished }) };
            match self.commit_one(replication_id, commit).await? {
                Committed::Done => return Ok(Done { outcomes, unfinished }),
                Committed::Conflict(now) => {
                    self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
                    races += 1;
                    if races >= RACES_MAX {
                        return Err(WriteError::Contended);
                    }
                    let wait_ms = rand::rng().random_range(0..=RACE_JITTER_MS * u64::from(races));
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    // After a wait what the race left is old; without one it is the newest there is.
                    found = (wait_ms == 0).then_some(now);
                }
            }
        }
    }

    async fn commit_one(&self, replication_id: u64, commit: Commit) -> Result<Committed, WriteError> {
        let result = self.store.commit(replication_id, vec![commit]).await.pop();
        Ok(result.ok_or_else(|| StoreError::Corrupt("a commit without an answer".to_owned()))??)
    }
}
