//! How steps reach the embedded database: one thread, one durable transaction for all that wait.

use super::{
    lanes::{self, LaneWrite},
    tables::{ForCommit, failed},
};
use crate::{
    Commit, Committed, StoreError, Wakes,
    in_process::Local,
    lanes::{Enqueued, Lane},
};
use conversation_protocol::UserId;
use redb::Database;
use std::{sync::Arc, thread::JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Batches of steps that may wait for the thread; when it is full, callers wait for a place.
const BATCHES_MAX: usize = 1_024;
/// Steps after which a transaction takes no further batch.
const STEPS_PER_TRANSACTION_MAX: usize = 4_096;

type Outcome = Result<Committed, StoreError>;

/// What is asked for together; it is done in this order.
#[derive(Default)]
struct Work {
    commits: Vec<Commit>,
    /// A user of whom everything goes.
    /// Whose data go; with a clock only if it is still that one.
    deleted: Option<(UserId, Option<u64>)>,
    lanes: Vec<LaneWrite>,
}

impl Work {
    fn steps(&self) -> usize {
        self.commits.len() + usize::from(self.deleted.is_some()) + self.lanes.len()
    }
}

/// What became of some [`Work`].
#[derive(Default)]
struct Done {
    commits: Vec<Committed>,
    /// Whether the user was deleted who was to be.
    has_deleted: bool,
    /// Whether lanes took entries.
    enqueued: Vec<Enqueued>,
    /// Lanes that were empty and have an entry now.
    woken: Vec<Lane>,
}

struct Batch {
    work: Work,
    answer: oneshot::Sender<Result<Done, StoreError>>,
}

/// The thread that writes.
pub(super) struct Committer {
    /// `None` once stopped.
    running: Option<(mpsc::Sender<Batch>, JoinHandle<()>)>,
}

impl Committer {
    pub(super) fn start(database: Arc<Database>, local: Arc<Local>) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(BATCHES_MAX);
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || run(receiver, &database, &local))
            .map_err(|error| StoreError::Unavailable(format!("the store's thread: {error}")))?;
        Ok(Self { running: Some((sender, thread)) })
    }

    /// Commits steps; one outcome per step, in order.
    pub(super) async fn commit(&self, commits: Vec<Commit>) -> Vec<Outcome> {
        let count = commits.len();
        match self.send(Work { commits, ..Work::default() }).await {
            Ok(done) => done.commits.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); count],
        }
    }

    /// Waits until the thread has come by; an error if it could not commit.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.send(Work::default()).await.map(drop)
    }

    /// Removes everything of a user, with a clock only if that is still the user's; whether it was done.
    pub(super) async fn delete_user(&self, user: UserId, clock: Option<u64>) -> Result<bool, StoreError> {
        Ok(self.send(Work { deleted: Some((user, clock)), ..Work::default() }).await?.has_deleted)
    }

    /// Writes to the lanes; one answer per entry that comes, in order.
    pub(super) async fn write_lanes(&self, lanes: Vec<LaneWrite>) -> Result<Vec<Enqueued>, StoreError> {
        Ok(self.send(Work { lanes, ..Work::default() }).await?.enqueued)
    }

    async fn send(&self, work: Work) -> Result<Done, StoreError> {
        let stopped = || StoreError::Unavailable("the store has stopped".to_owned());
        let (sender, _) = self.running.as_ref().ok_or_else(stopped)?;
        let (answer, answered) = oneshot::channel();
        sender.send(Batch { work, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// Ends the thread once it has committed what waits, and with it the last use of the database's file.
    pub(super) fn stop(&mut self) {
        if let Some((sender, thread)) = self.running.take() {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!("the store's thread had stopped by a panic");
            }
        }
    }
}

fn run(mut batches: mpsc::Receiver<Batch>, database: &Database, local: &Local) {
    let mut healthy = true;
    while let Some(first) = batches.blocking_recv() {
        let mut steps = first.work.steps();
        let mut group = vec![first];
        while steps < STEPS_PER_TRANSACTION_MAX {
            let Ok(batch) = batches.try_recv() else { break };
            steps += batch.work.steps();
            group.push(batch);
        }
        // With nothing to commit there is nothing to do, unless the store has failed: is it still so?
        let is_idle = steps == 0 && healthy;
        let outcomes = if is_idle {
            Ok(group.iter().map(|_| Done::default()).collect())
        } else {
            commit_together(database, &group, local)
        };
        match &outcomes {
            Ok(_) if !healthy => {
                healthy = true;
                tracing::info!("the store commits again");
            }
            Err(error) if healthy => {
                healthy = false;
                tracing::error!(%error, "the store cannot commit");
            }
            Ok(_) | Err(_) => {}
        }
        answer(group, outcomes, local);
    }
}

/// One transaction for all; either everything of the group is done durably, or nothing.
fn commit_together(database: &Database, group: &[Batch], local: &Local) -> Result<Vec<Done>, StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    let mut outcomes = Vec::with_capacity(group.len());
    let mut has_written = false;
    {
        let (mut tables, mut lanes) = (ForCommit::open(&transaction)?, lanes::Tables::open(&transaction)?);
        let now_us = local.clock.now_us();
        for Batch { work, .. } in group {
            let mut done = Done::default();
            for commit in &work.commits {
                done.commits.push(tables.commit(commit, now_us)?);
            }
            if let Some((user, clock)) = &work.deleted
                && clock.is_none_or(|clock| tables.clock(user).is_ok_and(|now| now == clock))
            {
                tables.delete_user(user)?;
                done.has_deleted = true;
            }
            for write in &work.lanes {
                let (enqueued, woken) = lanes.write(write, now_us)?;
                done.enqueued.extend(enqueued);
                done.woken.extend(woken);
            }
            has_written |= done.commits.contains(&Committed::Done) || done.has_deleted || !work.lanes.is_empty();
            outcomes.push(done);
        }
    }
    if has_written {
        transaction.commit().map_err(failed)?;
    } else {
        transaction.abort().map_err(failed)?;
    }
    Ok(outcomes)
}

/// Hands the hints on, then the answers, so that whoever has an answer knows the hint to be on its way.
fn answer(group: Vec<Batch>, outcomes: Result<Vec<Done>, StoreError>, local: &Local) {
    match outcomes {
        Ok(outcomes) => {
            let mut answers = Vec::with_capacity(group.len());
            let mut hints = Vec::new();
            for (Batch { work, answer }, done) in group.into_iter().zip(outcomes) {
                for (commit, outcome) in work.commits.into_iter().zip(&done.commits) {
                    match outcome {
                        Committed::Done => hints.push((commit.user, commit.hint)),
                        Committed::Conflict(_) => {}
                    }
                }
                answers.push((answer, done));
            }
            let mut wakes = Wakes::default();
            hints.into_iter().for_each(|(user, hint)| local.followers.tell(&user, hint, &mut wakes));
            drop(wakes);
            for (answer, done) in answers {
                local.bell.ring(&done.woken);
                // Whoever no longer waits for the answer does not need it.
                let _ = answer.send(Ok(done));
            }
        }
        Err(error) => {
            for Batch { answer, .. } in group {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
