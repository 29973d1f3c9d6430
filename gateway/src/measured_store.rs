//! How long does the store take for what it is asked, and how often does it fail? It is measured around each call.

use crate::{
    clock,
    metrics::{Metrics, StoreCall},
};
use async_trait::async_trait;
use conversation_protocol::{ConversationId, Head, Page, ReplaySlice, RowState, UnreadFacets, UserId};
use conversation_store::{
    Commit, Committed, FacetPage, HintReceiver, HintSink, HintsEnd, Load, Loaded, SessionLease, ShardId, Store,
    StoreError, Topology,
    lanes::{Backlog, Enqueued, EntryId, Lane, LaneQueue, LaneWakes},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A store whose calls are measured; else it is the store itself.
pub struct MeasuredStore {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl MeasuredStore {
    /// Measures the calls of a store.
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { store, metrics })
    }

    async fn timed<T>(&self, call: StoreCall, work: impl Future<Output = T>) -> T {
        let began = clock::monotonic();
        let answer = work.await;
        self.metrics.store.called(call, clock::monotonic() - began);
        answer
    }

    async fn one<T>(
        &self,
        call: StoreCall,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.timed(call, work).await.inspect_err(|error| self.metrics.store.failed(call, error))
    }

    async fn many<T>(
        &self,
        call: StoreCall,
        work: impl Future<Output = Vec<Result<T, StoreError>>>,
    ) -> Vec<Result<T, StoreError>> {
        let answers = self.timed(call, work).await;
        for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            self.metrics.store.failed(call, error);
        }
        answers
    }
}

#[async_trait]
impl Store for MeasuredStore {
    fn topology(&self) -> watch::Receiver<Topology> {
        self.store.topology()
    }

    async fn load(&self, loads: &[Load]) -> Vec<Result<Loaded, StoreError>> {
        self.many(StoreCall::Load, self.store.load(loads)).await
    }

    fn now_us(&self, user: &UserId) -> Option<u64> {
        self.store.now_us(user)
    }

    fn replication_id(&self, user: &UserId) -> u64 {
        self.store.replication_id(user)
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>> {
        self.many(StoreCall::Commit, self.store.commit(commits)).await
    }

    async fn heads(&self, users: &[UserId]) -> Vec<Result<Head, StoreError>> {
        self.many(StoreCall::Heads, self.store.heads(users)).await
    }

    async fn replay(
        &self,
        user: &UserId,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<ReplaySlice, StoreError> {
        self.one(StoreCall::Replay, self.store.replay(user, after, rows_max, bytes_max)).await
    }

    async fn page(&self, user: &UserId, below: u64, count: u32) -> Result<Page, StoreError> {
        self.one(StoreCall::Page, self.store.page(user, below, count)).await
    }

    async fn rows(
        &self,
        user: &UserId,
        conversation_ids: &[ConversationId],
    ) -> Result<(Head, Vec<Option<RowState>>), StoreError> {
        self.one(StoreCall::Rows, self.store.rows(user, conversation_ids)).await
    }

    async fn facets(&self, user: &UserId, below: u64, count: u32) -> Result<FacetPage, StoreError> {
        self.one(StoreCall::Facets, self.store.facets(user, below, count)).await
    }

    async fn unread(&self, user: &UserId) -> Result<UnreadFacets, StoreError> {
        self.one(StoreCall::Unread, self.store.unread(user)).await
    }

    async fn delete_user(&self, user: &UserId) -> Result<(), StoreError> {
        self.one(StoreCall::DeleteUser, self.store.delete_user(user)).await
    }

    async fn forget_idle(&self, idle: Duration) -> Result<u64, StoreError> {
        self.store.forget_idle(idle).await
    }

    async fn hints(
        &self,
        shard: ShardId,
        receiver: Arc<dyn HintReceiver>,
    ) -> Result<(Box<dyn HintSink>, HintsEnd), StoreError> {
        self.one(StoreCall::Hints, self.store.hints(shard, receiver)).await
    }

    async fn probe(&self, shard: ShardId, number: u64) -> Result<(), StoreError> {
        self.one(StoreCall::Probe, self.store.probe(shard, number)).await
    }

    async fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) -> Result<(), StoreError> {
        self.one(StoreCall::RenewSessions, self.store.renew_sessions(leases, lease_ms)).await
    }

    async fn end_sessions(&self, leases: &[SessionLease]) -> Result<(), StoreError> {
        self.one(StoreCall::EndSessions, self.store.end_sessions(leases)).await
    }

    async fn sessions(&self, users: &[UserId]) -> Result<Vec<Vec<SessionLease>>, StoreError> {
        self.one(StoreCall::Sessions, self.store.sessions(users)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.one(StoreCall::Ping, self.store.ping()).await
    }
}

#[async_trait]
impl LaneQueue for MeasuredStore {
    async fn enqueue(&self, entries: &[(Lane, String)]) -> Vec<Result<Enqueued, StoreError>> {
        self.many(StoreCall::Enqueue, self.store.enqueue(entries)).await
    }

    async fn count_nodes(&self, node: &str, lease_ms: u64) -> Result<u64, StoreError> {
        self.one(StoreCall::CountNodes, self.store.count_nodes(node, lease_ms)).await
    }

    async fn hold_lanes(&self, node: &str, lanes: &[Lane], lease_ms: u64) -> Result<Vec<Lane>, StoreError> {
        self.one(StoreCall::HoldLanes, self.store.hold_lanes(node, lanes, lease_ms)).await
    }

    async fn release_lanes(&self, node: &str, lanes: &[Lane]) -> Result<(), StoreError> {
        self.one(StoreCall::ReleaseLanes, self.store.release_lanes(node, lanes)).await
    }

    async fn lane_entries(&self, lane: Lane, count_max: usize) -> Result<Vec<(EntryId, String)>, StoreError> {
        self.one(StoreCall::LaneEntries, self.store.lane_entries(lane, count_max)).await
    }

    async fn backlogs(&self, lanes: &[Lane]) -> Result<Vec<Backlog>, StoreError> {
        self.one(StoreCall::Backlogs, self.store.backlogs(lanes)).await
    }

    async fn finish_entries(&self, lane: Lane, done: &[EntryId], dead: &[String]) -> Result<(), StoreError> {
        self.one(StoreCall::FinishEntries, self.store.finish_entries(lane, done, dead)).await
    }

    async fn lane_wakes(&self) -> Result<Box<dyn LaneWakes>, StoreError> {
        self.one(StoreCall::LaneWakes, self.store.lane_wakes()).await
    }
}
