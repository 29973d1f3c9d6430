//! What a run says at its end, in words and as JSON.

use super::latency::Late;
use crate::{
    measure::{percentiles::Percentiles, process::Usage, series::Series},
    report,
    violations::Violations,
};
use serde::Serialize;
use std::fmt;

/// What the server's processes used.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerUsage {
    /// With all rows made, before any session.
    pub before: Usage,
    /// With all sessions open and quiet.
    pub opened: Usage,
    /// After the calls.
    pub published: Usage,
    /// KiB of memory a session.
    pub kib_per_session: f64,
    /// Microseconds of processor time to open a session.
    pub cpu_us_per_connect: f64,
    /// Microseconds of processor time a delivered change, in the publishing phase.
    pub cpu_us_per_delivery: f64,
}

/// Everything that a run found out.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Sessions that were opened.
    pub sessions: usize,
    /// Of these, over SSE.
    pub event_streams: usize,
    /// Users.
    pub users: usize,
    /// Conversations.
    pub conversations: usize,
    /// Seconds until all sessions were live.
    pub open_seconds: f64,
    /// Calls a second that were asked for.
    pub rate: f64,
    /// Seconds of calls.
    pub seconds: f64,
    /// Calls answered as done.
    pub answered: u64,
    /// Calls answered with an error, as the model expected or not.
    pub refused: u64,
    /// Repetitions of calls that had no answer, or a passing error.
    pub repeated: u64,
    /// Calls that never had an answer.
    pub given_up: u64,
    /// Calls that were due and not made, because too many were waiting.
    pub overrun: u64,
    /// Changes of rows that clients got live.
    pub deliveries: u64,
    /// Changes of rows that clients got in syncs.
    pub sync_rows: u64,
    /// Event frames that clients got while calls were made.
    pub frames: u64,
    /// Connections that the tool cut.
    pub cuts: u64,
    /// Connections that ended otherwise.
    pub lost: u64,
    /// Syncs that gave the whole list, the first ones included.
    pub full_syncs: u64,
    /// Syncs that gave what had changed.
    pub replays: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// From the time a message was due until a live client had its row.
    pub latency: Percentiles,
    /// The same for rows that came in a sync, mostly after a cut.
    pub latency_in_syncs: Percentiles,
    /// Deliveries more than a second after their message was due.
    pub late: Late,
    /// Seconds after the last answer until every client agreed with the server.
    pub quiet_seconds: f64,
    /// Rows that were compared with the model.
    pub rows_compared: u64,
    /// The server's processes, where their ids were given.
    pub server: Option<ServerUsage>,
    /// What was seen over time; none where somebody beside the load looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("A mixed load of {} sessions, {:.0} calls a second", self.sessions, self.rate)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        self.series.iter().cloned().collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sessions    {} ({} over SSE) of {} users, {} conversations, open in {:.1} s",
            self.sessions, self.event_streams, self.users, self.conversations, self.open_seconds
        )?;
        writeln!(
            f,
            "calls       {:.0}/s for {:.1} s: {} done, {} refused, {} repeated, {} given up, {} overrun",
            self.rate, self.seconds, self.answered, self.refused, self.repeated, self.given_up, self.overrun
        )?;
        writeln!(
            f,
            "deliveries  {} rows live in {} frames ({:.0}/s), {} rows in syncs",
            self.deliveries,
            self.frames,
            self.deliveries as f64 / self.seconds.max(0.001),
            self.sync_rows
        )?;
        writeln!(
            f,
            "syncs       {} full, {} replays, {} failed; {} cuts, {} lost connections",
            self.full_syncs, self.replays, self.failed_syncs, self.cuts, self.lost
        )?;
        for (name, of) in [("latency", &self.latency), ("in syncs", &self.latency_in_syncs)] {
            writeln!(f, "{name:<11} {of}")?;
        }
        if self.late.count > 0 {
            let late = &self.late;
            writeln!(
                f,
                "late        {} deliveries by more than 1 s, the latest by {:.1} s",
                late.count,
                late.max_ms / 1e3
            )?;
        }
        if let Some(server) = &self.server {
            writeln!(
                f,
                "server      {} MiB before, {} MiB open: {:.1} KiB a session, {:.0} CPU µs a connect, {:.1} CPU µs a delivery",
                server.before.rss_kib / 1024,
                server.opened.rss_kib / 1024,
                server.kib_per_session,
                server.cpu_us_per_connect,
                server.cpu_us_per_delivery
            )?;
        }
        writeln!(
            f,
            "checked     {} rows against the model, all clients after {:.1} s",
            self.rows_compared, self.quiet_seconds
        )?;
        Ok(())
    }
}
