//! What a rolling restart says at its end: in words, as JSON, and in a document.

use super::{Event, How, RollingOptions};
use crate::{document, measure::series::Series, report, run, violations::Violations};
use serde::Serialize;
use std::{fmt, path::Path};

/// The name of the figures' place in a document.
const PLACE: &str = "rolling";
/// The head of their table.
const HEAD: &str = "\
| | sessions that it had | away p50, p99, the longest | replays, full syncs | calls repeated | everybody has everything after | sessions at a, b, c then |
|---|---|---|---|---|---|---|
";

/// On what and with what it was played.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conditions {
    /// Processor, cores, memory and kernel.
    pub machine: String,
    /// `release` or `debug`.
    pub build: &'static str,
    /// Sessions.
    pub sessions: u32,
    /// Calls a second.
    pub rate: f64,
    /// The share of the sessions that use SSE.
    pub sse: f64,
    /// Milliseconds from the signal until a node sends its sessions away.
    pub drain_delay_ms: u64,
    /// Milliseconds over which it does.
    pub drain_spread_ms: u64,
}

impl Conditions {
    pub(super) fn of(options: &RollingOptions, machine: String) -> Self {
        Self {
            machine,
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            sessions: options.sessions,
            rate: options.rate,
            sse: options.sse,
            drain_delay_ms: options.drain_delay_ms,
            drain_spread_ms: options.drain_spread_ms,
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sessions, {:.0} % of them over SSE, {:.0} calls a second, --drain-delay-ms {}, --drain-spread-ms {}; a {} build on {}, with \
             other work on it.",
            self.sessions,
            self.sse * 100.0,
            self.rate,
            self.drain_delay_ms,
            self.drain_spread_ms,
            self.build,
            self.machine
        )
    }
}

impl Event {
    fn what(&self) -> String {
        let how = match self.how {
            How::Drained => "SIGTERM",
            How::Killed => "SIGKILL",
        };
        format!("{} gets {how}", self.node)
    }
}

/// Everything that was found out.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How it was made.
    pub conditions: Conditions,
    /// What happened to the nodes, one after the other.
    pub events: Vec<Event>,
    /// Sessions of each node in the end, with all running again.
    pub at_the_end: Vec<u64>,
    /// The mixed load.
    pub load: run::Report,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl Report {
    pub(super) fn of(
        conditions: Conditions,
        events: Vec<Event>,
        at_the_end: Vec<u64>,
        load: run::Report,
        mut violations: Violations,
    ) -> Self {
        violations.add_all(load.violations.clone());
        Self { conditions, events, at_the_end, load, violations }
    }

    /// Puts the figures into a document.
    pub(super) fn write_into(&self, path: &Path) -> Result<(), String> {
        document::rewrite(path, PLACE, |_| self.in_document())
    }

    fn in_document(&self) -> String {
        let rows: String = self.events.iter().map(|event| format!("{}\n", row(event))).collect();
        format!(
            "{}\n\n{HEAD}{rows}\nIn the end, with all nodes running again, they have {} sessions. {} calls were answered, {} were repeated, {} \
             given up. {} rows were compared with what was posted. Violations, lost messages among them: {}.",
            self.conditions,
            spread(&self.at_the_end),
            self.load.answered,
            self.load.repeated,
            self.load.given_up,
            self.load.rows_compared,
            self.violations.count
        )
    }
}

fn row(event: &Event) -> String {
    let away = &event.away;
    format!(
        "| {} | {} | {:.2} s, {:.2} s, {:.2} s | {}, {} | {} | {:.1} s | {} |",
        event.what(),
        event.sessions,
        away.p50_ms / 1e3,
        away.p99_ms / 1e3,
        away.max_ms / 1e3,
        event.replays,
        event.full_syncs,
        event.repeated,
        event.healed_seconds,
        spread(&event.spread)
    )
}

fn spread(sessions: &[u64]) -> String {
    sessions.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("A rolling restart under {} sessions", self.conditions.sessions)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.load)?;
        for event in &self.events {
            let Event { sessions, away, replays, full_syncs, repeated, healed_seconds, .. } = event;
            writeln!(f, "{:<16} {sessions} sessions away {away}", event.what())?;
            writeln!(
                f,
                "{:<16} {replays} replays, {full_syncs} full syncs, {repeated} calls repeated, all well after {healed_seconds:.1} s with \
                 {} sessions a node",
                "",
                spread(&event.spread)
            )?;
        }
        writeln!(f, "in the end       {} sessions a node", spread(&self.at_the_end))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::event, *};

    #[test]
    fn a_row_tells_how_long_sessions_were_away() {
        let told = row(&event(3, 3, 0, [0, 4, 5]));
        assert_eq!(told, "| a gets SIGTERM | 3 | 0.00 s, 0.00 s, 0.00 s | 3, 0 | 0 | 1.0 s | 0, 4, 5 |");
    }
}
