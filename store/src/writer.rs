//! How changes become commits: one writer per user on this node, waiting changes in one step, many users in one trip.
//!
//! Changes are queued by user on one of several shards. A shard takes what waits, reads all its users at once,
//! applies the rules, and commits all at once; whatever comes meanwhile waits for the next round. Another node may
//! write a user in between: then that user's step is computed again from what the commit found.

use crate::{
    Commit, Committed, Load, Loaded, Store, StoreError,
    rules::{Change, Limits, Outcome, Refusal, Step, load_for, step, steps_alone},
};
use conversation_protocol::{UserId, limits::STEP_ROWS_MAX};
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

struct Job {
    user: UserId,
    change: Change,
    reply: oneshot::Sender<Result<Outcome, WriteError>>,
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
        self.enqueue(user, change).await.wait().await
    }

    /// Makes many changes; those of one user in the order given. One answer per change, in order.
    pub async fn apply_all(
        &self,
        changes: impl IntoIterator<Item = (UserId, Change)>,
    ) -> Vec<Result<Outcome, WriteError>> {
        let mut pending = Vec::new();
        for (user, change) in changes {
            pending.push(self.enqueue(user, change).await);
        }
        let mut answers = Vec::with_capacity(pending.len());
        for answer in pending {
            answers.push(answer.wait().await);
        }
        answers
    }

    async fn enqueue(&self, user: UserId, change: Change) -> Pending {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        let shard = &self.shards[hasher.finish() as usize % self.shards.len()];
        let (reply, answer) = oneshot::channel();
        // A closed shard drops the job, and its answer says so.
        let _ = shard.send(Job { user, change, reply }).await;
        Pending(answer)
    }
}

/// A change on its way.
struct Pending(oneshot::Receiver<Result<Outcome, WriteError>>);

impl Pending {
    async fn wait(self) -> Result<Outcome, WriteError> {
        let stopped = || WriteError::Store(StoreError::Unavailable("the writer has stopped".to_owned()));
        self.0.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// Some changes of one user that go into one step.
struct Work {
    user: UserId,
    changes: Vec<Change>,
    replies: Vec<oneshot::Sender<Result<Outcome, WriteError>>>,
}

impl Work {
    fn fail(self, error: &WriteError) {
        for reply in self.replies {
            let _ = reply.send(Err(error.clone()));
        }
    }

    fn answer(self, outcomes: Vec<Result<Outcome, Refusal>>) {
        for (reply, outcome) in self.replies.into_iter().zip(outcomes) {
            let _ = reply.send(outcome.map_err(WriteError::Refused));
        }
    }
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
                let is_alone = steps_alone(&job.change);
                if (is_alone && !work.changes.is_empty()) || work.changes.len() == STEP_ROWS_MAX {
                    break;
                }
                let Some(job) = queue.pop_front() else { break };
                work.changes.push(job.change);
                work.replies.push(job.reply);
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
        let loads: Vec<_> = round.iter().map(|work| self.load_for(work)).collect();
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
        for (work, loaded) in round.into_iter().zip(loaded) {
            match self.decide(&work, &loaded) {
                Ok(Step { outcomes, commit: Some(commit) }) => {
                    commits.push(commit);
                    steps.push((work, outcomes));
                }
                Ok(Step { outcomes, commit: None }) => work.answer(outcomes),
                Err(error) => work.fail(&WriteError::Store(error)),
            }
        }
        if commits.is_empty() {
            return;
        }
        let results = self.store.commit(commits).await;
        for ((work, outcomes), result) in steps.into_iter().zip(results) {
            match result {
                Ok(Committed::Done) => self.finish(work, outcomes).await,
                Ok(Committed::Conflict(found)) => self.race(work, found).await,
                Err(error) => work.fail(&WriteError::Store(error)),
            }
        }
    }

    fn load_for(&self, work: &Work) -> Load {
        load_for(&work.user, &work.changes, self.limits)
    }

    fn decide(&self, work: &Work, loaded: &Loaded) -> Result<Step, StoreError> {
        let new_epoch = rand::rng().random_range(1..=u64::MAX);
        step(self.load_for(work), loaded, &work.changes, self.limits, new_epoch)
    }

    /// Answers a committed step, or goes on where it was only a part.
    async fn finish(&self, work: Work, mut outcomes: Vec<Result<Outcome, Refusal>>) {
        self.counts.steps.fetch_add(1, Ordering::Relaxed);
        self.counts.changes.fetch_add(outcomes.len() as u64, Ordering::Relaxed);
        // Only a change that steps alone can be partial.
        while let [Ok(done)] = outcomes.as_slice()
            && done.is_partial
        {
            let before = done.changed;
            match self.again(&work, None).await {
                Ok(next) => {
                    outcomes = next;
                    if let [Ok(outcome)] = outcomes.as_mut_slice() {
                        outcome.changed += before;
                    }
                }
                Err(error) => return work.fail(&error),
            }
        }
        work.answer(outcomes);
    }

    /// Another node was faster: computes the step again from what it left.
    async fn race(&self, work: Work, found: Loaded) {
        self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
        match self.again(&work, Some(found)).await {
            Ok(outcomes) => self.finish(work, outcomes).await,
            Err(error) => work.fail(&error),
        }
    }

    /// Runs one user's step until it stands; `found` is what a lost race left.
    async fn again(&self, work: &Work, found: Option<Loaded>) -> Result<Vec<Result<Outcome, Refusal>>, WriteError> {
        let mut races = u32::from(found.is_some());
        let mut found = found;
        loop {
            let loaded = match found.take() {
                Some(loaded) => loaded,
                None => {
                    let loaded = self.store.load(&[self.load_for(work)]).await?.pop();
                    loaded.ok_or_else(|| StoreError::Corrupt("a load without an answer".to_owned()))?
                }
            };
            let Step { outcomes, commit } = self.decide(work, &loaded)?;
            let Some(commit) = commit else { return Ok(outcomes) };
            match self.commit_one(commit).await? {
                Committed::Done => return Ok(outcomes),
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

    async fn commit_one(&self, commit: Commit) -> Result<Committed, WriteError> {
        let result = self.store.commit(vec![commit]).await.pop();
        Ok(result.ok_or_else(|| StoreError::Corrupt("a commit without an answer".to_owned()))??)
    }
}
