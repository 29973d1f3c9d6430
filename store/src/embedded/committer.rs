//! How steps reach the embedded database: one thread, one durable transaction for all that wait.

use super::{
    Clock,
    followers::Followers,
    tables::{ForCommit, failed},
};
use crate::{Commit, Committed, StoreError};
use conversation_protocol::UserId;
use redb::Database;
use std::{sync::Arc, thread::JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Batches of steps that may wait for the thread; when it is full, callers wait for a place.
const BATCHES_MAX: usize = 1_024;
/// Steps after which a transaction takes no further batch.
const STEPS_PER_TRANSACTION_MAX: usize = 4_096;

type Outcome = Result<Committed, StoreError>;

struct Batch {
    commits: Vec<Commit>,
    /// A user of whom everything goes, after the commits.
    deleted: Option<UserId>,
    answer: oneshot::Sender<Result<Vec<Outcome>, StoreError>>,
}

impl Batch {
    fn steps(&self) -> usize {
        self.commits.len() + usize::from(self.deleted.is_some())
    }
}

/// The thread that writes.
pub(super) struct Committer {
    /// `None` once stopped.
    running: Option<(mpsc::Sender<Batch>, JoinHandle<()>)>,
}

impl Committer {
    pub(super) fn start(
        database: Arc<Database>,
        followers: Arc<Followers>,
        clock: Arc<Clock>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(BATCHES_MAX);
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || run(receiver, &database, &followers, &clock))
            .map_err(|error| StoreError::Unavailable(format!("the store's thread: {error}")))?;
        Ok(Self { running: Some((sender, thread)) })
    }

    /// Commits steps; one outcome per step, in order.
    pub(super) async fn commit(&self, commits: Vec<Commit>) -> Vec<Outcome> {
        let count = commits.len();
        match self.send(commits, None).await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error); count],
        }
    }

    /// Waits until the thread has come by; an error if it could not commit.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.send(Vec::new(), None).await.map(drop)
    }

    /// Removes everything of a user.
    pub(super) async fn delete_user(&self, user: UserId) -> Result<(), StoreError> {
        self.send(Vec::new(), Some(user)).await.map(drop)
    }

    async fn send(&self, commits: Vec<Commit>, deleted: Option<UserId>) -> Result<Vec<Outcome>, StoreError> {
        let stopped = || StoreError::Unavailable("the store has stopped".to_owned());
        let (sender, _) = self.running.as_ref().ok_or_else(stopped)?;
        let (answer, answered) = oneshot::channel();
        sender.send(Batch { commits, deleted, answer }).await.map_err(|_| stopped())?;
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

fn run(mut batches: mpsc::Receiver<Batch>, database: &Database, followers: &Followers, clock: &Clock) {
    let mut healthy = true;
    while let Some(first) = batches.blocking_recv() {
        let mut steps = first.steps();
        let mut group = vec![first];
        while steps < STEPS_PER_TRANSACTION_MAX {
            let Ok(batch) = batches.try_recv() else { break };
            steps += batch.steps();
            group.push(batch);
        }
        // With nothing to commit there is nothing to do, unless the store has failed: is it still so?
        let is_idle = steps == 0 && healthy;
        let outcomes = if is_idle { Ok(Vec::new()) } else { commit_together(database, &group, clock) };
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
        answer(group, outcomes, followers);
    }
}

/// One transaction for all; either every step of the group has its outcome durably, or none was done.
fn commit_together(database: &Database, group: &[Batch], clock: &Clock) -> Result<Vec<Committed>, StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    let mut outcomes = Vec::new();
    {
        let mut tables = ForCommit::open(&transaction)?;
        let now_us = clock.now_us();
        for batch in group {
            for commit in &batch.commits {
                outcomes.push(tables.commit(commit, now_us)?);
            }
            if let Some(user) = &batch.deleted {
                tables.delete_user(user)?;
            }
        }
    }
    if outcomes.contains(&Committed::Done) || group.iter().any(|batch| batch.deleted.is_some()) {
        transaction.commit().map_err(failed)?;
    } else {
        transaction.abort().map_err(failed)?;
    }
    Ok(outcomes)
}

/// Hands the hints on, then the answers, so that whoever has an answer knows the hint to be on its way.
fn answer(group: Vec<Batch>, outcomes: Result<Vec<Committed>, StoreError>, followers: &Followers) {
    match outcomes {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            let mut answers = Vec::with_capacity(group.len());
            let mut hints = Vec::new();
            for Batch { commits, answer, deleted: _ } in group {
                let mut of_batch = Vec::with_capacity(commits.len());
                for (commit, outcome) in commits.into_iter().zip(&mut outcomes) {
                    match &outcome {
                        Committed::Done => hints.push((commit.user, commit.hint)),
                        Committed::Conflict(_) => {}
                    }
                    of_batch.push(Ok(outcome));
                }
                answers.push((answer, of_batch));
            }
            followers.tell(hints);
            for (answer, of_batch) in answers {
                // Whoever no longer waits for the answer does not need it.
                let _ = answer.send(Ok(of_batch));
            }
        }
        Err(error) => {
            for Batch { answer, .. } in group {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
