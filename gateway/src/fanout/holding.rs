//! Which lanes does this node work off? Its even share of them, each under a lease that it renews.

use super::{Fanout, lane};
use crate::clock;
use conversation_store::{
    StoreError,
    lanes::{LANES, Lane},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time};

/// Milliseconds that a lane is held without being renewed; a dead node's lanes are free after that.
const LEASE_MS: u64 = 5_000;
/// Milliseconds before its end at which a lease counts as over, for what is under way.
const LEASE_MARGIN_MS: u64 = 1_000;
/// Between renewals.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// A lane that this node holds, as its worker sees it.
pub(super) struct Held {
    /// Until when, in milliseconds of the node's clock; 0 once it is given up.
    until_ms: AtomicU64,
}

impl Held {
    /// Whether the lane is this node's, so that an entry may be made.
    pub(super) fn is_ours(&self) -> bool {
        (clock::monotonic().as_millis() as u64) < self.until_ms.load(Ordering::Relaxed)
    }
}

/// The lanes of this node.
pub(super) struct Holding {
    fanout: Arc<Fanout>,
    lanes: BTreeMap<Lane, (Arc<Held>, JoinHandle<()>)>,
    /// How many nodes there were when that was last known.
    nodes: u64,
    /// The writer's steps and lost races when they were last looked at.
    counted: (u64, u64),
}

impl Holding {
    pub(super) fn new(fanout: Arc<Fanout>) -> Self {
        Self { fanout, lanes: BTreeMap::new(), nodes: 1, counted: (0, 0) }
    }

    /// Holds its share until the node stops.
    pub(super) async fn run(mut self) {
        let mut stopping = self.fanout.stopping.subscribe();
        let mut ticks = time::interval(RENEW_INTERVAL);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
            if let Err(error) = self.renew().await {
                // What is held goes on until its lease ends.
                tracing::debug!(%error, "lanes not renewed");
            }
            self.look_at_contention();
        }
        let all: Vec<Lane> = self.lanes.keys().copied().collect();
        self.give_up(&all).await;
        self.fanout.stopped.send_replace(true);
    }

    async fn renew(&mut self) -> Result<(), StoreError> {
        let (store, node) = (self.fanout.store.clone(), self.fanout.node.clone());
        match store.count_nodes(&node, LEASE_MS).await {
            Ok(nodes) => self.nodes = nodes.max(1),
            // The nodes are counted in one shard; the lanes of the others go on without it.
            Err(error) => tracing::debug!(%error, "nodes not counted"),
        }
        let share = usize::from(LANES).div_ceil(self.nodes as usize);
        let mine: Vec<Lane> = self.lanes.keys().copied().collect();
        self.hold(&mine).await?;
        if self.lanes.len() > share {
            let surplus: Vec<Lane> = self.lanes.keys().copied().skip(share).collect();
            self.give_up(&surplus).await;
        } else {
            // From a lane of its own, so that nodes that start together do not all try the same ones.
            let others: Vec<Lane> = Lane::all().filter(|lane| !self.lanes.contains_key(lane)).collect();
            let start = rand::random_range(0..=others.len());
            let others = [&others[start..], &others[..start]].concat();
            let mut others = others.as_slice();
            while self.lanes.len() < share && !others.is_empty() {
                let (some, rest) = others.split_at((share - self.lanes.len()).min(others.len()));
                self.hold(some).await?;
                others = rest;
            }
        }
        self.fanout.metrics.fanout.lanes.set(self.lanes.len() as i64);
        self.look_at_backlogs().await
    }

    /// Tells what waits in the lanes of this node.
    async fn look_at_backlogs(&self) -> Result<(), StoreError> {
        let mine: Vec<Lane> = self.lanes.keys().copied().collect();
        let backlogs = self.fanout.store.backlogs(&mine).await?;
        let metrics = &self.fanout.metrics.fanout;
        metrics.waiting.set(backlogs.iter().map(|of| of.entries as i64).sum());
        let oldest_ms = backlogs.iter().map(|of| of.oldest_ms).max().unwrap_or(0);
        metrics.oldest_age.set(Duration::from_millis(oldest_ms).as_secs_f64());
        Ok(())
    }

    /// Takes or renews lanes; a lane that another node has by now is worked off no more.
    async fn hold(&mut self, lanes: &[Lane]) -> Result<(), StoreError> {
        if lanes.is_empty() {
            return Ok(());
        }
        let asked_ms = clock::monotonic().as_millis() as u64;
        let held = self.fanout.store.hold_lanes(&self.fanout.node, lanes, LEASE_MS).await?;
        for lane in lanes {
            if held.contains(lane) {
                let until_ms = asked_ms + LEASE_MS - LEASE_MARGIN_MS;
                if let Some((held, worker)) = self.lanes.get_mut(lane) {
                    held.until_ms.store(until_ms, Ordering::Relaxed);
                    if worker.is_finished() {
                        // Its lease had run out, or it panicked; the next one begins with the same entry.
                        *worker = tokio::spawn(lane::work_off(self.fanout.clone(), *lane, held.clone()));
                    }
                } else {
                    let held = Arc::new(Held { until_ms: AtomicU64::new(until_ms) });
                    let worker = tokio::spawn(lane::work_off(self.fanout.clone(), *lane, held.clone()));
                    self.lanes.insert(*lane, (held, worker));
                }
            } else if let Some((held, _)) = self.lanes.remove(lane) {
                held.until_ms.store(0, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Ends the work on lanes, then their leases.
    async fn give_up(&mut self, lanes: &[Lane]) {
        let mut workers = Vec::with_capacity(lanes.len());
        for lane in lanes {
            if let Some((held, worker)) = self.lanes.remove(lane) {
                held.until_ms.store(0, Ordering::Relaxed);
                self.fanout.wakes[usize::from(lane.number())].notify_one();
                workers.push(worker);
            }
        }
        for worker in workers {
            let _ = worker.await;
        }
        if let Err(error) = self.fanout.store.release_lanes(&self.fanout.node, lanes).await {
            tracing::debug!(%error, "lanes not given up; their leases end by themselves");
        }
    }

    fn look_at_contention(&mut self) {
        let counts = self.fanout.writer.counts();
        let now = (counts.steps.load(Ordering::Relaxed), counts.conflicts.load(Ordering::Relaxed));
        let (steps, conflicts) = std::mem::replace(&mut self.counted, now);
        let now_ms = clock::monotonic().as_millis() as u64;
        self.fanout.contention.note(now.0 - steps, now.1 - conflicts, now_ms);
    }
}
