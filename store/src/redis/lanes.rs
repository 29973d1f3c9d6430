//! How the lanes of the durable queue are kept in Redis: a stream each, the holder's name under a lease beside it.

use super::{
    RedisStore,
    hints::within_timeout,
    keys::{lane_dead_key, lane_holder_key, lane_key, lane_of_channel, nodes_key},
    pipelines, reply, scripts,
};
use crate::{
    StoreError,
    lanes::{
        Backlog, DEAD_ENTRIES_MAX, Enqueued, EntryId, LANE_AGE_MAX_MS, LANE_ENTRIES_MAX, Lane, LaneQueue, LaneWakes,
    },
};
use async_trait::async_trait;
use futures_util::StreamExt;
use redis::{
    Value,
    aio::{PubSubSink, PubSubStream},
};

#[async_trait]
impl LaneQueue for RedisStore {
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>> {
        let calls = entries.iter().map(|(lane, entry)| {
            let key = lane_key(*lane);
            let mut call = scripts::ENQUEUE.call(std::slice::from_ref(&key));
            call.arg(entry).arg(LANE_ENTRIES_MAX).arg(LANE_AGE_MAX_MS).arg(key);
            call
        });
        let mut answers = Vec::with_capacity(entries.len());
        for pipeline in pipelines(calls) {
            match self.commits.run(&pipeline).await {
                Ok(values) => answers.extend(values.into_iter().map(enqueued)),
                Err(error) => answers.extend((0..pipeline.len()).map(|_| Err(error.clone()))),
            }
        }
        answers
    }

    async fn count_nodes(&self, node: &str, lease_ms: u64) -> Result<u64, StoreError> {
        let mut call = scripts::NODES.call(&[nodes_key()]);
        call.arg(node).arg(lease_ms);
        reply::number(self.lanes.run_one(call).await?)
    }

    async fn hold_lanes(&self, node: &str, lanes: &[Lane], lease_ms: u64) -> Result<Vec<Lane>, StoreError> {
        let calls = lanes.iter().map(|lane| {
            let mut call = scripts::HOLD.call(&[lane_holder_key(*lane)]);
            call.arg(node).arg(lease_ms);
            call
        });
        let mut held = Vec::with_capacity(lanes.len());
        for pipeline in pipelines(calls) {
            held.extend(self.lanes.run(&pipeline).await?);
        }
        let mut mine = Vec::new();
        for (lane, value) in lanes.iter().zip(held) {
            if reply::number(value?)? == 1 {
                mine.push(*lane);
            }
        }
        Ok(mine)
    }

    async fn release_lanes(&self, node: &str, lanes: &[Lane]) -> Result<(), StoreError> {
        let calls = lanes.iter().map(|lane| {
            let mut call = scripts::RELEASE.call(&[lane_holder_key(*lane)]);
            call.arg(node);
            call
        });
        for pipeline in pipelines(calls) {
            self.lanes.run(&pipeline).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
        let mut command = redis::cmd("XRANGE");
        command.arg(lane_key(lane)).arg("-").arg("+").arg("COUNT").arg(count_max);
        reply::list(self.lanes.run_one(command).await?)?.into_iter().map(entry).collect()
    }

    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError> {
        let calls = lanes.iter().map(|lane| scripts::BACKLOG.call(&[lane_key(*lane)]));
        let mut backlogs = Vec::with_capacity(lanes.len());
        for pipeline in pipelines(calls) {
            for value in self.lanes.run(&pipeline).await? {
                let [entries, oldest_ms] = reply::fields(value?)?;
                backlogs.push(Backlog { entries: reply::number(entries)?, oldest_ms: reply::number(oldest_ms)? });
            }
        }
        Ok(backlogs)
    }

    async fn finish_entries(&self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StoreError> {
        let mut call = scripts::FINISH.call(&[lane_key(lane), lane_dead_key(lane)]);
        call.arg(DEAD_ENTRIES_MAX).arg(dead.len()).arg(dead);
        for EntryId(ms, number) in done {
            call.arg(format!("{ms}-{number}"));
        }
        self.lanes.run_one(call).await.map(drop)
    }

    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError> {
        let (mut sink, messages) = within_timeout(self.client.get_async_pubsub()).await?.split();
        let channels: Vec<String> = Lane::all().map(lane_key).collect();
        within_timeout(sink.subscribe(channels)).await?;
        Ok(Box::new(Wakes { _sink: sink, messages }))
    }
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

/// Yields wakes as long as the connection stands.
struct Wakes {
    /// The connection lives as long as both halves.
    _sink: PubSubSink,
    messages: PubSubStream,
}

#[async_trait]
impl LaneWakes for Wakes {
    async fn next(&mut self) -> Option<Lane> {
        loop {
            let message = self.messages.next().await?;
            if let Some(lane) = lane_of_channel(message.get_channel_name()) {
                return Some(lane);
            }
        }
    }
}
