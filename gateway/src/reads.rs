//! How the reads of syncs reach the store: each in a task of its own, only so many at once.

use crate::{
    admission::{Admission, Refused, Urgency},
    metrics::Metrics,
    session::{ReadRequest, SyncRead},
    spawn::spawn_near,
};
use conversation_protocol::{
    ApiError, ErrorKind, UnreadFacets, UserId,
    limits::{FRAME_ROWS_MAX, SLICE_BYTES_MAX},
};
use conversation_store::Store;
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// Reads that may wait for their turn; of more the least urgent are sent away.
const WAITING_MAX: usize = 50_000;
/// How long a read may wait: longer, and its client is better told when to come again.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// Milliseconds after which a read that was sent away may be asked for again, at least and at most.
const AGAIN_MS: (u64, u64) = (500, 3_000);

/// Reads for the syncs of one node.
pub struct SyncReads {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    admission: Arc<Admission>,
    runtime: Handle,
}

impl SyncReads {
    /// At most `concurrent_max` slices of 100 rows at once, on the current tokio runtime; more wait for their turn.
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>, concurrent_max: usize) -> Arc<Self> {
        let units = u32::try_from(concurrent_max).unwrap_or(u32::MAX);
        let admission = Admission::new(units, WAITING_MAX, WAIT_MAX);
        Arc::new(Self { store, metrics, admission, runtime: Handle::current() })
    }

    /// The store's time in microseconds since 1970, if it is known.
    pub fn now_us(&self, user: &UserId) -> Option<u64> {
        self.store.now_us(user)
    }

    /// How many reads wait for their turn.
    pub fn waiting(&self) -> usize {
        self.admission.waiting()
    }

    /// Begins a read, and hands on what it gave.
    pub fn begin(self: &Arc<Self>, user: UserId, request: ReadRequest, done: impl FnOnce(SyncRead) + Send + 'static) {
        let reads = self.clone();
        spawn_near(&self.runtime, async move { done(reads.read(&user, request).await) });
    }

    /// Begins to read what filter totals are summed up from, and hands it on; `None` if that failed.
    pub fn begin_unread(self: &Arc<Self>, user: UserId, done: impl FnOnce(Option<UnreadFacets>) + Send + 'static) {
        let reads = self.clone();
        spawn_near(&self.runtime, async move {
            let Ok(_permit) = reads.admission.admit(Urgency::Filters, 1).await else {
                reads.metrics.syncs.reads.with_label_values(&["unread", "refused"]).inc();
                return done(None);
            };
            let result = reads.store.unread(&user).await;
            let label = if result.is_ok() { "done" } else { "failed" };
            reads.metrics.syncs.reads.with_label_values(&["unread", label]).inc();
            done(result.inspect_err(|error| tracing::debug!(%error, "a filter's read failed")).ok());
        });
    }

    async fn read(&self, user: &UserId, request: ReadRequest) -> SyncRead {
        let (kind, urgency, units) = match request {
            ReadRequest::Replay { since } => ("replay", Urgency::Gap(since.version), 1),
            ReadRequest::Full { window } => ("full", Urgency::Full, window.div_ceil(FRAME_ROWS_MAX as u32)),
        };
        let _permit = match self.admission.admit(urgency, units).await {
            Ok(permit) => permit,
            Err(Refused) => {
                self.metrics.syncs.reads.with_label_values(&[kind, "refused"]).inc();
                let retry_after_ms = Some(rand::random_range(AGAIN_MS.0..=AGAIN_MS.1));
                let message = "too many clients are being synced, try again";
                return SyncRead::Failed(ApiError { retry_after_ms, ..ApiError::new(ErrorKind::TooFrequent, message) });
            }
        };
        let result = match request {
            ReadRequest::Replay { since } => {
                let slice = self.store.replay(user, since.version, FRAME_ROWS_MAX, SLICE_BYTES_MAX).await;
                slice.map(SyncRead::Replay)
            }
            ReadRequest::Full { window } => self.store.page(user, 0, window).await.map(SyncRead::Page),
        };
        let label = if result.is_ok() { "done" } else { "failed" };
        self.metrics.syncs.reads.with_label_values(&[kind, label]).inc();
        result.unwrap_or_else(|error| {
            tracing::debug!(%error, "a sync's read failed");
            SyncRead::Failed(ApiError::new(ErrorKind::StoreUnavailable, "the store does not answer, try again"))
        })
    }
}
