//! How do calls reach the shards of their users? Those of one shard go together; what has moved is sent after.

use super::{
    keys::Keys,
    link::{Connected, checked, unexpected},
    request,
    scripts::with_source,
    shard::{Purpose, Shard},
    shards::Shards,
};
use crate::{Commit, Load, ShardId, StoreError, bucket};
use conversation_protocol::UserId;
use futures_util::future;
use redis::{Cmd, Pipeline, ServerError, ServerErrorKind, Value};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Calls in one pipeline; more go in the next.
const PIPELINE_CALLS_MAX: usize = 512;
/// Milliseconds before calls that were sent elsewhere, or not served for the moment, are tried again: at first, and at most.
const RETRY_MS: (u64, u64) = (10, 320);
/// How often they are; some three seconds in all.
const TRIES_MAX: u32 = 14;

/// A call for the shard of a bucket.
pub(super) struct Call<'a> {
    bucket: u16,
    what: What<'a>,
}

enum What<'a> {
    Commit(&'a Commit),
    Load(&'a Load),
    Plain(Cmd),
}

impl<'a> Call<'a> {
    pub(super) fn commit(commit: &'a Commit) -> Self {
        Self { bucket: bucket::of(&commit.user), what: What::Commit(commit) }
    }

    pub(super) fn load(load: &'a Load) -> Self {
        Self { bucket: bucket::of(&load.user), what: What::Load(load) }
    }

    pub(super) fn of_user(user: &UserId, command: Cmd) -> Self {
        Self::of_bucket(bucket::of(user), command)
    }

    pub(super) fn of_bucket(bucket: u16, command: Cmd) -> Self {
        Self { bucket, what: What::Plain(command) }
    }

    /// The command, for the server of this id.
    fn command(&self, router: &Router, replication_id: u64) -> Cmd {
        let (keys, idle_s) = (&router.keys, router.idle_s.load(Ordering::Relaxed));
        match &self.what {
            What::Commit(commit) if commit.replication_id == replication_id => {
                request::commit(keys, commit, request::Server::Same, idle_s)
            }
            What::Commit(commit) => request::commit(keys, commit, request::Server::Another, idle_s),
            What::Load(load) => request::load(keys, load),
            What::Plain(command) => command.clone(),
        }
    }
}

/// Takes calls to shards.
pub(super) struct Router {
    shards: Arc<Shards>,
    keys: Keys,
    /// Seconds without a commit after which a user is forgotten; 0: never.
    idle_s: AtomicU64,
}

/// What became of a call at a server.
type Answered = (usize, Result<Value, StoreError>);

impl Router {
    pub(super) fn new(shards: Arc<Shards>, keys: Keys) -> Self {
        Self { shards, keys, idle_s: AtomicU64::new(0) }
    }

    /// From now on commits have users forgotten after so many seconds without another one.
    pub(super) fn forget_after(&self, idle_s: u64) {
        self.idle_s.store(idle_s, Ordering::Relaxed);
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn shards(&self) -> &Arc<Shards> {
        &self.shards
    }

    /// Makes one call.
    pub(super) async fn run_one(&self, purpose: Purpose, call: Call<'_>) -> Result<Value, StoreError> {
        self.run(purpose, &[call]).await.pop().unwrap_or_else(|| Err(unexpected("no answer")))
    }

    /// Makes calls; one answer for each, in order. An error says nothing about the others.
    pub(super) async fn run(&self, purpose: Purpose, calls: &[Call<'_>]) -> Vec<Result<Value, StoreError>> {
        let mut answers: Vec<_> = calls.iter().map(|_| None).collect();
        let mut waiting: Vec<usize> = (0..calls.len()).collect();
        let mut wait_ms = RETRY_MS.0;
        for tries in 1.. {
            let mut again = Vec::new();
            for (at, answer) in self.round(purpose, calls, &waiting).await {
                let answer = match answer {
                    Ok(Value::ServerError(error)) => match self.redirected(purpose, &calls[at], &error).await {
                        Redirected::Answered(answer) => answer,
                        Redirected::Again if tries < TRIES_MAX => {
                            again.push(at);
                            continue;
                        }
                        Redirected::Again => checked(Value::ServerError(error)),
                    },
                    answer => answer,
                };
                answers[at] = Some(answer);
            }
            if again.is_empty() {
                break;
            }
            again.sort_unstable();
            waiting = again;
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            wait_ms = (wait_ms * 2).min(RETRY_MS.1);
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(unexpected("no answer")))).collect()
    }

    /// Makes some of the calls where their buckets are now.
    async fn round(&self, purpose: Purpose, calls: &[Call<'_>], some: &[usize]) -> Vec<Answered> {
        let mut by_shard: BTreeMap<ShardId, (Arc<Shard>, Vec<usize>)> = BTreeMap::new();
        let mut answers = Vec::with_capacity(some.len());
        for at in some {
            match self.shards.of_bucket(calls[*at].bucket) {
                Ok(shard) => by_shard.entry(shard.id).or_insert_with(|| (shard, Vec::new())).1.push(*at),
                Err(error) => answers.push((*at, Err(error))),
            }
        }
        let rounds = by_shard.into_values().map(|(shard, some)| async move {
            let mut answers = Vec::with_capacity(some.len());
            for some in some.chunks(PIPELINE_CALLS_MAX) {
                answers.extend(self.at_shard(&shard, purpose, calls, some).await);
            }
            answers
        });
        let of_shards = future::join_all(rounds).await;
        answers.extend(of_shards.into_iter().flatten());
        answers
    }

    async fn at_shard(&self, shard: &Shard, purpose: Purpose, calls: &[Call<'_>], some: &[usize]) -> Vec<Answered> {
        let link = shard.link(purpose);
        let run = async {
            let connected: Connected = link.connected().await?;
            let mut pipeline = Pipeline::with_capacity(some.len());
            for at in some {
                pipeline.add_command(calls[*at].command(self, connected.replication_id));
            }
            link.run_on(&connected, &pipeline).await
        };
        match run.await {
            Ok(values) => some.iter().copied().zip(values.into_iter().map(Ok)).collect(),
            Err(error) => some.iter().map(|at| (*at, Err(error.clone()))).collect(),
        }
    }

    /// What a server's error means for a call.
    async fn redirected(&self, purpose: Purpose, call: &Call<'_>, error: &ServerError) -> Redirected {
        match error.kind() {
            Some(ServerErrorKind::Moved) => {
                if let Some(shard) = place(error).and_then(|(host, port)| self.shards.at(host, port)) {
                    self.shards.moved(call.bucket, shard.id);
                }
                self.shards.doubts.notify_one();
                Redirected::Again
            }
            Some(ServerErrorKind::Ask) => {
                let Some(shard) = place(error).and_then(|(host, port)| self.shards.at(host, port)) else {
                    self.shards.doubts.notify_one();
                    return Redirected::Again;
                };
                match self.asking(&shard, purpose, call).await {
                    Ok(Value::ServerError(error)) if is_for_the_moment(&error) => Redirected::Again,
                    Ok(value) => Redirected::Answered(checked(value)),
                    Err(error) => Redirected::Answered(Err(error)),
                }
            }
            _ if is_for_the_moment(error) => {
                self.shards.doubts.notify_one();
                Redirected::Again
            }
            _ => Redirected::Answered(checked(Value::ServerError(error.clone()))),
        }
    }

    /// Makes a call at the shard that is taking its slot over.
    async fn asking(&self, taking: &Shard, purpose: Purpose, call: &Call<'_>) -> Result<Value, StoreError> {
        let link = taking.link(purpose);
        let connected = link.connected().await?;
        // What moves is complete: to a commit this is the server that it was made for.
        let id = match &call.what {
            What::Commit(commit) => commit.replication_id,
            What::Load(_) | What::Plain(_) => connected.replication_id,
        };
        let command = call.command(self, id);
        let mut pipeline = Pipeline::with_capacity(2);
        // With its source: a second try would have to ask again.
        pipeline.cmd("ASKING").add_command(with_source(&command).unwrap_or(command));
        let value = link.run_on(&connected, &pipeline).await?.pop().ok_or_else(|| unexpected("no answer"))?;
        if let (What::Commit(commit), Value::Int(1)) = (&call.what, &value) {
            // Those who follow the user do so at the server that still has the slot.
            let mut hint = Pipeline::with_capacity(1);
            hint.cmd("SPUBLISH").arg(self.keys.channel(&commit.user)).arg(commit.hint.encode());
            let giving = self.shards.of_bucket(call.bucket)?;
            let link = giving.link(purpose);
            if let Ok(connected) = link.connected().await {
                // Whoever misses it finds its change by the comparison.
                let _ = link.run_on(&connected, &hint).await;
            }
        }
        Ok(value)
    }
}

enum Redirected {
    Answered(Result<Value, StoreError>),
    Again,
}

/// Whether the same call may succeed soon: a slot is on its way, or a shard about to have a primary.
fn is_for_the_moment(error: &ServerError) -> bool {
    let kinds = [ServerErrorKind::TryAgain, ServerErrorKind::ClusterDown, ServerErrorKind::MasterDown];
    error.kind().is_some_and(|kind| kinds.contains(&kind))
}

/// The address in a redirection, which follows the slot.
fn place(error: &ServerError) -> Option<(&str, u16)> {
    let (host, port) = error.details()?.split_whitespace().nth(1)?.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}
