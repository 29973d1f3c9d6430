//! How the reads of syncs reach the store: each in a task of its own, only so many at once.

use crate::{
    metrics::Metrics,
    session::{ReadRequest, SyncRead},
};
use conversation_protocol::{
    ApiError, ErrorKind, UnreadFacets, UserId,
    limits::{FRAME_ROWS_MAX, SLICE_BYTES_MAX},
};
use conversation_store::Store;
use std::sync::Arc;
use tokio::{runtime::Handle, sync::Semaphore};

/// Reads for the syncs of one node.
pub struct SyncReads {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    permits: Semaphore,
    runtime: Handle,
}

impl SyncReads {
    /// At most `concurrent_max` reads at once, on the current tokio runtime; more wait for their turn.
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>, concurrent_max: usize) -> Arc<Self> {
        let (permits, runtime) = (Semaphore::new(concurrent_max), Handle::current());
        Arc::new(Self { store, metrics, permits, runtime })
    }

    /// Begins a read, and hands on what it gave.
    pub fn begin(self: &Arc<Self>, user: UserId, request: ReadRequest, done: impl FnOnce(SyncRead) + Send + 'static) {
        let reads = self.clone();
        self.runtime.spawn(async move { done(reads.read(&user, request).await) });
    }

    /// Begins to read what filter totals are summed up from, and hands it on; `None` if that failed.
    pub fn begin_unread(self: &Arc<Self>, user: UserId, done: impl FnOnce(Option<UnreadFacets>) + Send + 'static) {
        let reads = self.clone();
        self.runtime.spawn(async move {
            let _permit = reads.permits.acquire().await;
            let result = reads.store.unread(&user).await;
            let label = if result.is_ok() { "done" } else { "failed" };
            reads.metrics.sync_reads.with_label_values(&["unread", label]).inc();
            done(result.inspect_err(|error| tracing::debug!(%error, "a filter's read failed")).ok());
        });
    }

    async fn read(&self, user: &UserId, request: ReadRequest) -> SyncRead {
        // Never closed, so a permit always comes.
        let _permit = self.permits.acquire().await;
        let (kind, result) = match request {
            ReadRequest::Replay { since } => {
                let slice = self.store.replay(user, since.version, FRAME_ROWS_MAX, SLICE_BYTES_MAX).await;
                ("replay", slice.map(SyncRead::Replay))
            }
            ReadRequest::Full { window } => ("full", self.store.page(user, 0, window).await.map(SyncRead::Page)),
        };
        let label = if result.is_ok() { "done" } else { "failed" };
        self.metrics.sync_reads.with_label_values(&[kind, label]).inc();
        result.unwrap_or_else(|error| {
            tracing::debug!(%error, "a sync's read failed");
            SyncRead::Failed(ApiError::new(ErrorKind::StoreUnavailable, "the store does not answer, try again"))
        })
    }
}
