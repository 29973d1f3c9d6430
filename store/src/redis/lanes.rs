//! How the lanes of the durable queue are kept in Redis: a stream each, the holder's name under a lease beside it.

use super::{
    RedisStore,
    keys::{Keys, NODES_BUCKET},
    reply,
    router::Call,
    scripts,
    shard::Purpose,
    subscription::{self, Heard, Subscriber},
};
use crate::{
    StoreError,
    lanes::{
        Backlog, DEAD_ENTRIES_MAX, Enqueued, EntryId, LANE_AGE_MAX_MS, LANE_ENTRIES_MAX, Lane, LaneQueue, LaneWakes,
    },
};
use async_trait::async_trait;
use redis::{Cmd, Value};
use tokio::sync::mpsc;

impl RedisStore {
    /// One call for each of some lanes; one answer each, in order.
    async fn of_lanes(&self, lanes: &[Lane], command: impl Fn(Lane) -> Cmd) -> Vec<Result<Value, StoreError>> {
        let calls = lanes.iter().map(|lane| Call::of_bucket(lane.first_bucket(), command(*lane)));
        self.router.run(Purpose::Lanes, &calls.collect::<Vec<_>>()).await
    }

    async fn of_lane(&self, lane: Lane, command: Cmd) -> Result<Value, StoreError> {
        self.router.run_one(Purpose::Lanes, Call::of_bucket(lane.first_bucket(), command)).await
    }
}

#[async_trait]
impl LaneQueue for RedisStore {
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>> {
        let calls = entries.iter().map(|(lane, entry)| {
            let key = self.router.keys().lane(*lane);
            let mut call = scripts::ENQUEUE.call(std::slice::from_ref(&key));
            call.arg(entry).arg(LANE_ENTRIES_MAX).arg(LANE_AGE_MAX_MS).arg(key);
            Call::of_bucket(lane.first_bucket(), call)
        });
        let answers = self.router.run(Purpose::Commits, &calls.collect::<Vec<_>>()).await;
        answers.into_iter().map(enqueued).collect()
    }

    async fn count_nodes(&self, node: &str, lease_ms: u64) -> Result<u64, StoreError> {
        let mut call = scripts::NODES.call(&[self.router.keys().nodes()]);
        call.arg(node).arg(lease_ms);
        reply::number(self.router.run_one(Purpose::Lanes, Call::of_bucket(NODES_BUCKET, call)).await?)
    }

    async fn hold_lanes(&self, node: &str, lanes: &[Lane], lease_ms: u64) -> Result<Vec<Lane>, StoreError> {
        let answers = self.of_lanes(lanes, |lane| {
            let mut call = scripts::HOLD.call(&[self.router.keys().lane_holder(lane)]);
            call.arg(node).arg(lease_ms).to_owned()
        });
        let (mut mine, mut problem) = (Vec::new(), None);
        for (lane, answer) in lanes.iter().zip(answers.await) {
            match answer.and_then(reply::number) {
                Ok(1) => mine.push(*lane),
                Ok(_) => {}
                // Where one shard is away, the lanes of the others go on.
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            Some(error) if mine.is_empty() => Err(error),
            Some(_) | None => Ok(mine),
        }
    }

    async fn release_lanes(&self, node: &str, lanes: &[Lane]) -> Result<(), StoreError> {
        let answers = self.of_lanes(lanes, |lane| {
            let mut call = scripts::RELEASE.call(&[self.router.keys().lane_holder(lane)]);
            call.arg(node).to_owned()
        });
        answers.await.into_iter().try_for_each(|answer| answer.map(drop))
    }

    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
        let mut command = redis::cmd("XRANGE");
        command.arg(self.router.keys().lane(lane)).arg("-").arg("+").arg("COUNT").arg(count_max);
        reply::list(self.of_lane(lane, command).await?)?.into_iter().map(entry).collect()
    }

    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError> {
        let answers = self.of_lanes(lanes, |lane| scripts::BACKLOG.call(&[self.router.keys().lane(lane)])).await;
        let backlog = |answer: Result<Value, StoreError>| {
            let [entries, oldest_ms] = reply::fields(answer?)?;
            Ok(Backlog { entries: reply::number(entries)?, oldest_ms: reply::number(oldest_ms)? })
        };
        answers.into_iter().map(backlog).collect()
    }

    async fn finish_entries(&self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StoreError> {
        let mut call = scripts::FINISH.call(&[self.router.keys().lane(lane), self.router.keys().lane_dead(lane)]);
        call.arg(DEAD_ENTRIES_MAX).arg(dead.len()).arg(dead);
        for EntryId(ms, number) in done {
            call.arg(format!("{ms}-{number}"));
        }
        self.of_lane(lane, call).await.map(drop)
    }

    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError> {
        let shards = self.router.shards();
        let topology = shards.topology().borrow().clone();
        let (woken, wakes) = mpsc::channel(1);
        let mut subscribers = Vec::new();
        for shard in shards.all() {
            let lanes = Lane::all().filter(|lane| topology.shard_of_bucket(lane.first_bucket()) == shard.id);
            let (mut subscriber, heard) = subscription::connect(&shard.primary.endpoint()).await?;
            if !subscriber.subscribe(lanes.map(|lane| self.router.keys().lane(lane))).await?.is_empty() {
                return Err(StoreError::Unavailable("redis: lanes are in another shard by now".to_owned()));
            }
            tokio::spawn(pass_on(self.router.keys().clone(), heard, woken.clone()));
            subscribers.push(subscriber);
        }
        Ok(Box::new(Wakes { _subscribers: subscribers, wakes }))
    }
}

/// Passes wakes on; `None` once something is missing.
async fn pass_on(keys: Keys, mut heard: mpsc::Receiver<Heard>, woken: mpsc::Sender<Option<Lane>>) {
    while let Some(Heard::Message(channel, _)) = heard.recv().await {
        if let Some(lane) = keys.lane_of_channel(&channel)
            && woken.send(Some(lane)).await.is_err()
        {
            return;
        }
    }
    let _ = woken.send(None).await;
}

fn enqueued(value: Result<Value, StoreError>) -> Result<Enqueued, StoreError> {
    Ok(if reply::number(value?)? == 1 { Enqueued::Done } else { Enqueued::Full })
}

/// One entry of a stream: its id and its fields.
fn entry(value: Value) -> Result<(EntryId, String), StoreError> {
    let wrong = || StoreError::Corrupt("a lane of redis holds what is no entry".to_owned());
    let [id, fields] = reply::fields(value)?;
    let id = reply::text(id)?.ok_or_else(wrong)?;
    let (ms, number) = id.split_once('-').ok_or_else(wrong)?;
    let id = EntryId(ms.parse().map_err(|_| wrong())?, number.parse().map_err(|_| wrong())?);
    // What is no entry of ours has no text, which is as unreadable as a wrong one.
    let text = reply::list(fields)?.into_iter().nth(1);
    let text = text.map(reply::text).and_then(Result::ok).flatten().unwrap_or_default();
    Ok((id, text))
}

/// Yields wakes as long as all connections stand.
struct Wakes {
    /// One for each shard.
    _subscribers: Vec<Subscriber>,
    wakes: mpsc::Receiver<Option<Lane>>,
}

#[async_trait]
impl LaneWakes for Wakes {
    async fn next(&mut self) -> Option<Lane> {
        self.wakes.recv().await.flatten()
    }
}
