//! How are clients brought up to date, and why did they have to be?

use super::registrar::Registrar;
use crate::session::GapCause;
use conversation_protocol::SyncMode;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

/// Upper bounds in seconds.
const DURATIONS: [f64; 11] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// What is read for a session, and how that may end.
const READS: [&str; 3] = ["replay", "full", "unread"];
const READ_RESULTS: [&str; 3] = ["done", "failed", "refused"];

/// Metrics of syncs.
pub struct SyncMetrics {
    replay: SyncModeMetrics,
    full: SyncModeMetrics,
    gaps: [IntCounter; GapCause::ALL.len()],
    /// Reads for syncs, by kind and result.
    pub reads: IntCounterVec,
    /// Reads for syncs that wait for their turn.
    pub reads_waiting: IntGauge,
}

/// Metrics of the syncs of one mode.
pub struct SyncModeMetrics {
    /// Those that began.
    pub started: IntCounter,
    /// Those that brought the client up to date.
    pub finished: IntCounter,
    /// Those that failed.
    pub failed: IntCounter,
    /// From the first read to the finish.
    pub duration: Histogram,
    /// Rows and deletions sent by them.
    pub rows: IntCounter,
}

impl SyncMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Self {
        let syncs = registrar.counters("syncs_total", "Syncs begun, finished and failed.", &["mode", "result"]);
        let duration = "From a sync's first read until its finish was sent.";
        let duration = registrar.histograms("sync_duration_seconds", duration, &["mode"], &DURATIONS);
        let rows = registrar.counters("sync_rows_total", "Rows and deletions that syncs sent.", &["mode"]);
        let of_mode = |mode| SyncModeMetrics {
            started: syncs.with_label_values(&[mode, "start"]),
            finished: syncs.with_label_values(&[mode, "finish"]),
            failed: syncs.with_label_values(&[mode, "failed"]),
            duration: duration.with_label_values(&[mode]),
            rows: rows.with_label_values(&[mode]),
        };
        let gaps = registrar.counters("gaps_total", "Gaps of live sessions, each healed by a sync.", &["cause"]);
        let mut causes = GapCause::ALL;
        causes.sort_unstable_by_key(|cause| *cause as usize);
        let reads = registrar.counters("sync_reads_total", "Reads for syncs.", &["kind", "result"]);
        for kind in READS {
            for result in READ_RESULTS {
                reads.with_label_values(&[kind, result]);
            }
        }
        Self {
            replay: of_mode("replay"),
            full: of_mode("full"),
            gaps: causes.map(|cause| gaps.with_label_values(&[cause.name()])),
            reads,
            reads_waiting: registrar.gauge("sync_reads_waiting", "Reads for syncs that wait for their turn."),
        }
    }

    /// Those of a mode.
    pub fn of(&self, mode: SyncMode) -> &SyncModeMetrics {
        match mode {
            SyncMode::Replay => &self.replay,
            SyncMode::Full => &self.full,
        }
    }

    /// The counter of gaps with a cause.
    pub fn gaps(&self, cause: GapCause) -> &IntCounter {
        &self.gaps[cause as usize]
    }
}
