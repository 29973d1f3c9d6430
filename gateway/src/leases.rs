//! How every node learns which sessions a user has: leases in the store, renewed while the session lives.
//!
//! A lease that was not written is written at the next renewal, so nothing here is waited for.

use conversation_store::{SessionLease, Store};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc;

/// Milliseconds a lease lives without renewal: three comparisons.
pub const LEASE_MS: u64 = 90_000;
/// Beginnings and ends of sessions waiting to be written; more are left to the next renewal.
const QUEUE_MAX: usize = 16_384;
/// Leases written at once.
const BATCH_MAX: usize = 512;

enum Note {
    Begun(SessionLease),
    Ended(SessionLease),
}

/// Writes leases behind the sessions' backs.
#[derive(Clone)]
pub struct Leases {
    notes: mpsc::Sender<Note>,
}

impl Leases {
    /// Starts the task that writes; it ends with the last clone.
    pub fn start(store: Arc<dyn Store>) -> Self {
        let (notes, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(write(store, receiver));
        Self { notes }
    }

    /// A session has begun.
    pub fn begun(&self, lease: SessionLease) {
        let _ = self.notes.try_send(Note::Begun(lease));
    }

    /// A session has ended.
    pub fn ended(&self, lease: SessionLease) {
        let _ = self.notes.try_send(Note::Ended(lease));
    }
}

async fn write(store: Arc<dyn Store>, mut notes: mpsc::Receiver<Note>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while notes.recv_many(&mut batch, BATCH_MAX).await > 0 {
        // Of a session that began and ended in one batch, the end counts.
        let mut last: HashMap<u64, Note> = HashMap::with_capacity(batch.len());
        for note in batch.drain(..) {
            let session = match &note {
                Note::Begun(lease) | Note::Ended(lease) => lease.session,
            };
            last.insert(session, note);
        }
        let (mut begun, mut ended) = (Vec::new(), Vec::new());
        for note in last.into_values() {
            match note {
                Note::Begun(lease) => begun.push(lease),
                Note::Ended(lease) => ended.push(lease),
            }
        }
        if !begun.is_empty()
            && let Err(error) = store.renew_sessions(&begun, LEASE_MS).await
        {
            tracing::debug!(%error, count = begun.len(), "leases not written");
        }
        if !ended.is_empty()
            && let Err(error) = store.end_sessions(&ended).await
        {
            tracing::debug!(%error, count = ended.len(), "leases not ended");
        }
    }
}
