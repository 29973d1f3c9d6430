//! What does the store do, how long does that take, and how often does it fail?

use super::registrar::Registrar;
use conversation_store::{StoreError, writer::WriterCounts};
use prometheus::{Histogram, IntCounter, IntCounterVec};
use std::{
    sync::{Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

/// Upper bounds in seconds.
const DURATIONS: [f64; 11] = [0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

macro_rules! store_calls {
    ($($call:ident $name:literal,)+) => {
        /// What a store is asked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is a function of the store by the same name")]
        pub enum StoreCall {
            $($call,)+
        }

        impl StoreCall {
            const ALL: &[Self] = &[$(Self::$call,)+];

            const fn name(self) -> &'static str {
                match self {
                    $(Self::$call => $name,)+
                }
            }
        }
    };
}

store_calls! {
    Load "load",
    Commit "commit",
    Heads "heads",
    Replay "replay",
    Page "page",
    Rows "rows",
    Facets "facets",
    Unread "unread",
    DeleteUser "delete_user",
    Hints "hints",
    Probe "probe",
    RenewSessions "renew_sessions",
    EndSessions "end_sessions",
    Sessions "sessions",
    Ping "ping",
    Enqueue "enqueue",
    CountNodes "count_nodes",
    HoldLanes "hold_lanes",
    ReleaseLanes "release_lanes",
    LaneEntries "lane_entries",
    Backlogs "backlogs",
    FinishEntries "finish_entries",
    LaneWakes "lane_wakes",
}

/// Metrics of the store, as this node sees it.
pub struct StoreMetrics {
    durations: Vec<Histogram>,
    errors: IntCounterVec,
    steps: IntCounter,
    changes: IntCounter,
    conflicts: IntCounter,
    /// Two scrapes at once must not count the same steps twice.
    following: Mutex<()>,
}

impl StoreMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Self {
        let duration = "How long calls of the store took.";
        let durations = registrar.histograms("store_call_duration_seconds", duration, &["call"], &DURATIONS);
        let errors = registrar.counters("store_errors_total", "Calls of the store that failed.", &["call", "error"]);
        for call in StoreCall::ALL {
            for error in ["unavailable", "corrupt"] {
                errors.with_label_values(&[call.name(), error]);
            }
        }
        Self {
            durations: StoreCall::ALL.iter().map(|call| durations.with_label_values(&[call.name()])).collect(),
            errors,
            steps: registrar.counter("store_steps_total", "Steps committed by this node."),
            changes: registrar.counter("store_changes_total", "Changes in the steps committed."),
            conflicts: registrar.counter("store_conflicts_total", "Steps that another node was faster than."),
            following: Mutex::new(()),
        }
    }

    /// A call took so long.
    pub fn called(&self, call: StoreCall, took: Duration) {
        self.durations[call as usize].observe(took.as_secs_f64());
    }

    /// A call, or one of several that were asked for together, failed.
    pub fn failed(&self, call: StoreCall, error: &StoreError) {
        let error = match error {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Corrupt(_) => "corrupt",
        };
        self.errors.with_label_values(&[call.name(), error]).inc();
    }

    /// Brings the counters of steps to where the writer's are.
    pub fn follow(&self, counts: &WriterCounts) {
        let _alone = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        for (counter, count) in
            [(&self.steps, &counts.steps), (&self.changes, &counts.changes), (&self.conflicts, &counts.conflicts)]
        {
            counter.inc_by(count.load(Ordering::Relaxed).saturating_sub(counter.get()));
        }
    }
}
