//! How changes become commits: one writer per user on this node, waiting changes in one step, many users in one trip.
//!
//! Whoever brings changes makes those of all users whom nobody writes at the moment, in one round: it reads them all at
//! once, applies the rules, and commits all at once. Changes of other users wait for whoever writes them, who makes
//! them in its next round. Another node may write a user in between: then that user's step is computed again from what
//! the commit found. So what this node wrote last may be taken for what the store holds, without reading it.

mod recent;

use crate::{
    Commit, Committed, Load, Loaded, Store, StoreError,
    record::Unfinished,
    rules::{Change, Decided, Limits, Outcome, Refusal, Remembered, Step, load_for, step, step_on, steps_alone},
};
use conversation_protocol::{Hint, UserId, limits::STEP_ROWS_MAX};
use futures_util::future;
use rand::Rng;
use recent::Recent;
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{sync::oneshot, task};

/// Users of one round.
const ROUND_USERS_MAX: usize = 256;
/// How often a step may lose the race against other nodes. Each race that is lost was won by another node, so that with as
/// many nodes as this all of them come to their turn even if the slowest always comes last.
const RACES_MAX: u32 = 50;

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
    shared: Arc<Shared>,
    /// Where the call is traced that the changes are made for.
    trace: Option<Arc<str>>,
}

struct Shared {
    store: Arc<dyn Store>,
    limits: Limits,
    counts: WriterCounts,
    recent: Recent,
    /// Who is being written, and what waits for it to be over.
    busy: Mutex<HashMap<UserId, VecDeque<Job>>>,
}

type Outcomes = Vec<Result<Outcome, WriteError>>;

/// Changes of one user that were asked for together; they go into one step, as far as a step takes them.
struct Job {
    changes: Vec<Change>,
    origin: Origin,
    reply: oneshot::Sender<Outcomes>,
}

impl Writer {
    /// A writer to a store.
    pub fn new(store: Arc<dyn Store>, limits: Limits) -> Self {
        let (counts, recent, busy) = (WriterCounts::default(), Recent::default(), Mutex::default());
        Self { shared: Arc::new(Shared { store, limits, counts, recent, busy }), trace: None }
    }

    /// The same writer, for the changes of a call that is traced: hints of them have its W3C traceparent.
    pub fn traced(&self, trace: Option<Arc<str>>) -> Self {
        Self { shared: self.shared.clone(), trace }
    }

    /// What the writer has done so far.
    pub fn counts(&self) -> &WriterCounts {
        &self.shared.counts
    }

    /// Makes one change; answers once it is committed.
    pub async fn apply(&self, user: UserId, change: Change) -> Result<Outcome, WriteError> {
        self.apply_all([(user, change)]).await.pop().unwrap_or_else(|| Err(stopped()))
    }

    /// Makes many changes; those of one user in the order given, and in one step if they follow each other and are at
    /// most [`STEP_ROWS_MAX`]. One answer per change, in order. What was begun is done, on the current tokio runtime, also
    /// if nobody waits for the answer.
    pub async fn apply_all(&self, changes: impl IntoIterator<Item = (UserId, Change)>) -> Outcomes {
        let (mut jobs, mut pending) = (Vec::new(), Vec::new());
        let mut changes = changes.into_iter().peekable();
        while let Some((user, change)) = changes.next() {
            let mut together = vec![change];
            while together.len() < STEP_ROWS_MAX && !together.iter().any(steps_alone) {
                let next = changes.next_if(|(other, change)| *other == user && !steps_alone(change));
                let Some((_, change)) = next else { break };
                together.push(change);
            }
            let (reply, answer) = oneshot::channel();
            pending.push(Pending { answer, count: together.len() });
            let origin = Origin::of(&together, self.trace.as_ref());
            jobs.push((user, Job { changes: together, origin, reply }));
        }
        let held = Held::take(&self.shared, jobs);
        if !held.works.is_empty() {
            tokio::spawn(held.write());
        }
        let mut answers = Vec::with_capacity(pending.len());
        for answer in pending {
            answers.extend(answer.wait().await);
        }
        answers
    }
}

fn stopped() -> WriteError {
    WriteError::Store(StoreError::Unavailable("the writer has stopped".to_owned()))
}

/// Changes on their way.
struct Pending {
    answer: oneshot::Receiver<Outcomes>,
    count: usize,
}

impl Pending {
    async fn wait(self) -> Outcomes {
        self.answer.await.unwrap_or_else(|_| vec![Err(stopped()); self.count])
    }
}

/// Who waits, and for how many changes.
type Reply = (oneshot::Sender<Outcomes>, usize);

/// Where changes that go into one step come from.
#[derive(Default)]
struct Origin {
    /// When the oldest was accepted, in the store's time; absent as long as it does not have to wait.
    accepted_us: Option<u64>,
    /// Where one of them is traced.
    trace: Option<Arc<str>>,
}

impl Origin {
    /// That of changes that were asked for together, by a call that is traced there.
    fn of(changes: &[Change], trace: Option<&Arc<str>>) -> Self {
        let accepted_us = changes.iter().filter_map(Change::queued_us).min();
        Self { accepted_us, trace: changes.iter().find_map(Change::queued_trace).or(trace).cloned() }
    }

    fn join(&mut self, other: Self) {
        self.accepted_us = [self.accepted_us, other.accepted_us].into_iter().flatten().min();
        self.trace = self.trace.take().or(other.trace);
    }

    fn tell(&self, hint: &mut Hint) {
        (hint.accepted_us, hint.trace) = (self.accepted_us, self.trace.clone());
    }
}

/// Some changes of one user that go into one step.
struct Work {
    user: UserId,
    changes: Vec<Change>,
    origin: Origin,
    /// Who waits for them, and for how many each.
    replies: Vec<Reply>,
}

impl Work {
    fn of(user: UserId, Job { changes, origin, reply }: Job) -> Self {
        let replies = vec![(reply, changes.len())];
        Self { user, changes, origin, replies }
    }

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

/// Users whom nobody else on this node writes, and what is to be done to them.
struct Held {
    shared: Arc<Shared>,
    /// At most one for each user.
    works: VecDeque<Work>,
    /// Whose work is being done.
    in_round: Vec<UserId>,
}

impl Held {
    /// Takes those whom nobody writes; what is to be done to others waits.
    fn take(shared: &Arc<Shared>, jobs: Vec<(UserId, Job)>) -> Self {
        let mut works = VecDeque::with_capacity(jobs.len());
        let mut busy = shared.busy();
        for (user, mut job) in jobs {
            match busy.entry(user.clone()) {
                Entry::Occupied(mut waiting) => {
                    let accepted_us = &mut job.origin.accepted_us;
                    *accepted_us = accepted_us.or_else(|| shared.store.now_us(&user));
                    waiting.get_mut().push_back(job);
                }
                Entry::Vacant(free) => {
                    free.insert(VecDeque::new());
                    works.push_back(Work::of(user, job));
                }
            }
        }
        drop(busy);
        Self { shared: shared.clone(), works, in_round: Vec::new() }
    }

    /// Does what is to be done, and what came meanwhile.
    async fn write(mut self) {
        while !self.works.is_empty() {
            let round: Vec<Work> = self.works.drain(..self.works.len().min(ROUND_USERS_MAX)).collect();
            self.in_round = round.iter().map(|work| work.user.clone()).collect();
            self.shared.run_round(round).await;
            self.let_go();
            if !self.works.is_empty() {
                // A store in memory answers at once, and others want to go on too.
                task::yield_now().await;
            }
        }
    }

    /// Ends a round: takes up what waits for its users, and lets the others go.
    fn let_go(&mut self) {
        let mut busy = self.shared.busy();
        for user in self.in_round.drain(..) {
            match busy.get_mut(&user).and_then(|waiting| next_work(&user, waiting)) {
                Some(work) => self.works.push_back(work),
                None => {
                    busy.remove(&user);
                }
            }
        }
    }
}

impl Drop for Held {
    /// Somebody is held still where a panic or the end of the runtime cut the work off: who waits is told by the end of the
    /// reply.
    fn drop(&mut self) {
        let mut busy = self.shared.busy();
        for user in self.works.iter().map(|work| &work.user).chain(&self.in_round) {
            busy.remove(user);
        }
    }
}

/// Of what waits for a user, the changes that go into one step, and who waits for them.
fn next_work(user: &UserId, waiting: &mut VecDeque<Job>) -> Option<Work> {
    let mut work = Work::of(user.clone(), waiting.pop_front()?);
    let is_alone = work.changes.iter().any(steps_alone);
    while let Some(job) = waiting.front()
        && !is_alone
        && !job.changes.iter().any(steps_alone)
        && work.changes.len() + job.changes.len() <= STEP_ROWS_MAX
        && let Some(job) = waiting.pop_front()
    {
        work.replies.push((job.reply, job.changes.len()));
        work.changes.extend(job.changes);
        work.origin.join(job.origin);
    }
    Some(work)
}

/// A step that stands, or is to be committed.
struct Done {
    outcomes: Vec<Result<Outcome, Refusal>>,
    unfinished: Option<Unfinished>,
}

/// Steps that go together.
#[derive(Default)]
struct Round {
    steps: Vec<Decision>,
    commits: Vec<Commit>,
    /// What must wait for an unfinished change.
    held_up: Vec<Work>,
}

/// A step of a round, beside its commit.
struct Decision {
    work: Work,
    done: Done,
    /// Whether what it was computed from was remembered and may be out of date.
    is_guess: bool,
    /// The server it is for.
    replication_id: u64,
    /// What the user is like once it stands.
    remembered: Option<Remembered>,
}

impl Round {
    /// Takes up what the rules say; answers what needs no commit.
    fn add(&mut self, work: Work, decided: Result<Decided, StoreError>, is_guess: bool, earlier: Option<Remembered>) {
        match decided {
            Ok(Decided::Step(step)) => match *step {
                Step { outcomes, commit: Some(mut commit), unfinished, mut remembered } => {
                    work.origin.tell(&mut commit.hint);
                    if let (Some(remembered), Some(earlier)) = (&mut remembered, earlier) {
                        remembered.add(earlier, &commit);
                    }
                    let replication_id = commit.replication_id;
                    self.commits.push(commit);
                    let done = Done { outcomes, unfinished };
                    self.steps.push(Decision { work, done, is_guess, replication_id, remembered });
                }
                Step { outcomes, commit: None, .. } => work.answer(outcomes),
            },
            Ok(Decided::Unfinished(_)) => self.held_up.push(work),
            Err(error) => work.fail(&WriteError::Store(error)),
        }
    }
}

impl Shared {
    fn busy(&self) -> MutexGuard<'_, HashMap<UserId, VecDeque<Job>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run_round(&self, works: Vec<Work>) {
        let Round { steps, commits, held_up } = self.decide_all(works).await;
        let results = if commits.is_empty() { Vec::new() } else { self.store.commit(commits).await };
        let (mut lost, mut begun) = (Vec::new(), Vec::new());
        for (Decision { work, done, is_guess, replication_id, remembered }, result) in steps.into_iter().zip(results) {
            match result {
                Ok(Committed::Done) => {
                    if let Some(remembered) = remembered {
                        self.recent.keep(work.user.clone(), replication_id, remembered);
                    }
                    match done.unfinished {
                        Some(_) => begun.push(self.finish(work, done)),
                        None => self.answer(work, done.outcomes),
                    }
                }
                // Nobody was faster: somebody wrote the user since.
                Ok(Committed::Conflict(found)) if is_guess => lost.push(self.repeat(work, Some(found), 0)),
                Ok(Committed::Conflict(found)) => {
                    self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
                    lost.push(self.repeat(work, Some(found), 1));
                }
                Err(error) => work.fail(&WriteError::Store(error)),
            }
        }
        let held_up = held_up.into_iter().map(|work| self.repeat(work, None, 0));
        // Users do not wait for each other's lost races.
        future::join3(future::join_all(held_up), future::join_all(lost), future::join_all(begun)).await;
    }

    /// What the rules say to all, with one read for those of whom not enough is remembered.
    async fn decide_all(&self, works: Vec<Work>) -> Round {
        let mut round = Round { steps: Vec::with_capacity(works.len()), ..Round::default() };
        let (mut loads, mut unread) = (Vec::new(), Vec::new());
        for mut work in works {
            let load = load_for(&work.user, &work.changes, self.limits);
            let replication_id = self.store.replication_id(&work.user);
            let now_us = self.store.now_us(&work.user);
            work.origin.accepted_us = work.origin.accepted_us.or(now_us);
            match (self.recent.take(&work.user, replication_id), now_us) {
                (Some(remembered), Some(now_us)) if remembered.has_all(&load) => {
                    let decided = step_on(remembered, load, now_us, &work.changes, self.limits, replication_id);
                    match decided {
                        Ok(Decided::Step(step)) if step.commit.is_some() => {
                            round.add(work, Ok(Decided::Step(step)), true, None);
                        }
                        // Without a commit nothing would show what was remembered to be true.
                        Ok(_) | Err(_) => {
                            loads.push(load_for(&work.user, &work.changes, self.limits));
                            unread.push((work, replication_id, None));
                        }
                    }
                }
                (remembered, _) => {
                    loads.push(load);
                    unread.push((work, replication_id, remembered));
                }
            }
        }
        if loads.is_empty() {
            return round;
        }
        let loaded = self.store.load(&loads).await;
        for (((mut work, replication_id, earlier), load), loaded) in unread.into_iter().zip(loads).zip(loaded) {
            let decided = loaded.and_then(|loaded| {
                work.origin.accepted_us.get_or_insert(loaded.now_us);
                self.decide(load, &work.changes, &loaded, replication_id)
            });
            round.add(work, decided, false, earlier);
        }
        round
    }

    fn decide(
        &self,
        load: Load,
        changes: &[Change],
        loaded: &Loaded,
        replication_id: u64,
    ) -> Result<Decided, StoreError> {
        let new_epoch = rand::rng().random_range(1..=u64::MAX);
        step(load, loaded, changes, self.limits, new_epoch, replication_id)
    }

    /// Answers committed changes, once further steps have done what they left.
    async fn finish(&self, work: Work, done: Done) {
        let Done { mut outcomes, unfinished } = done;
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
        self.answer(work, outcomes);
    }

    fn answer(&self, work: Work, outcomes: Vec<Result<Outcome, Refusal>>) {
        self.counts.steps.fetch_add(1, Ordering::Relaxed);
        self.counts.changes.fetch_add(outcomes.len() as u64, Ordering::Relaxed);
        work.answer(outcomes);
    }

    /// Computes a step again: another node wrote the user and left `found`, or an unfinished change comes first.
    async fn repeat(&self, work: Work, found: Option<Loaded>, races: u32) {
        match self.again(&work.user, &work.changes, &work.origin, found, races).await {
            Ok(done) => self.finish(work, done).await,
            Err(error) => work.fail(&error),
        }
    }

    /// Does what an earlier step left, whoever made it; what became of it in all, if there was anything left.
    async fn complete(&self, user: &UserId, unfinished: Unfinished) -> Result<Option<Outcome>, WriteError> {
        let mut next = Some(unfinished);
        let mut sum: Option<Outcome> = None;
        while let Some(unfinished) = next {
            let Done { outcomes, unfinished } =
                self.again(user, &[Change::Continue(unfinished)], &Origin::default(), None, 0).await?;
            for outcome in outcomes {
                let outcome = outcome?;
                sum = Some(Outcome { changed: sum.map_or(0, |sum| sum.changed) + outcome.changed, ..outcome });
            }
            next = unfinished;
        }
        Ok(sum)
    }

    /// Runs one user's step until it stands; `found` is what a lost race left, of so many.
    async fn again(
        &self,
        user: &UserId,
        changes: &[Change],
        origin: &Origin,
        mut found: Option<Loaded>,
        mut races: u32,
    ) -> Result<Done, WriteError> {
        loop {
            let load = load_for(user, changes, self.limits);
            let loaded = match found.take() {
                Some(loaded) => loaded,
                None => {
                    let loaded = self.store.load(std::slice::from_ref(&load)).await.pop();
                    loaded.ok_or_else(|| StoreError::Corrupt("a load without an answer".to_owned()))??
                }
            };
            let replication_id = self.store.replication_id(user);
            let Step { outcomes, commit, unfinished, .. } = match self.decide(load, changes, &loaded, replication_id)? {
                Decided::Step(step) => *step,
                Decided::Unfinished(unfinished) => {
                    Box::pin(self.complete(user, unfinished)).await?;
                    continue;
                }
            };
            let Some(mut commit) = commit else { return Ok(Done { outcomes, unfinished }) };
            origin.tell(&mut commit.hint);
            match self.commit_one(commit).await? {
                Committed::Done => return Ok(Done { outcomes, unfinished }),
                Committed::Conflict(now) => {
                    self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
                    races += 1;
                    if races >= RACES_MAX {
                        return Err(WriteError::Contended);
                    }
                    // At once: what the race left is the newest there is, and grows old.
                    found = Some(now);
                }
            }
        }
    }

    async fn commit_one(&self, commit: Commit) -> Result<Committed, WriteError> {
        let result = self.store.commit(vec![commit]).await.pop();
        Ok(result.ok_or_else(|| StoreError::Corrupt("a commit without an answer".to_owned()))??)
    }
}
