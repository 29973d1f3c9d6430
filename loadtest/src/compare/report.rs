//! The comparison in words and as JSON.

use crate::{idle::Cost, measure::series::Series, publish::Phase, report, violations::Violations};
use serde::Serialize;
use std::{collections::HashSet, fmt};

/// Where a server keeps what it must not forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Storage {
    /// In its own memory.
    Memory,
    /// In a Redis of its own.
    Redis,
}

impl Storage {
    /// A server's name with it.
    pub(super) fn name(self, server: &str) -> String {
        match self {
            Self::Memory => server.to_owned(),
            Self::Redis => format!("{server}, Redis"),
        }
    }
}

/// What one server costs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its name.
    pub server: String,
    /// Where it keeps what it must not forget.
    pub storage: Storage,
    /// Its idle sessions.
    pub idle: Cost,
    /// What they cost its Redis.
    pub idle_redis: Option<Cost>,
    /// Calls with one recipient; the CPU of Redis, where there is one, is the last.
    pub one: Phase,
    /// Calls with many recipients.
    pub many: Phase,
    /// What it does not do of what the gateway does; empty for the gateway.
    pub lacks: String,
}

impl Row {
    fn name(&self) -> String {
        self.storage.name(&self.server)
    }

    fn is_ours(&self) -> bool {
        self.lacks.is_empty()
    }
}

/// A server that could not be compared.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Its name, and where it would have kept things.
    pub server: String,
    /// Why.
    pub why: String,
}

/// All servers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// On what, and how.
    pub conditions: String,
    /// Sessions.
    pub sessions: u32,
    /// Recipients of calls with many.
    pub recipients: u32,
    /// The gateway first, for each storage.
    pub rows: Vec<Row>,
    /// Who is not in it.
    pub left_out: Vec<LeftOut>,
    /// What the gateway has broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl Report {
    /// The gateway with the same storage, as it is started by default or first named.
    fn ours(&self, row: &Row) -> Option<&Row> {
        self.rows.iter().find(|ours| ours.storage == row.storage && ours.is_ours())
    }
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("The same work on {} servers, with {} sessions", self.rows.len(), self.sessions)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Those of calls with many recipients.
    fn series(&self) -> Vec<Series> {
        self.rows.iter().map(|row| row.many.series.clone()).collect()
    }
}

/// A figure, and how much of it is its Redis's.
#[derive(Clone, Copy)]
struct Figure {
    total: f64,
    of_redis: Option<f64>,
}

impl Figure {
    fn of_costs(row: &Row, figure: impl Fn(&Cost) -> f64) -> Self {
        let of_redis = row.idle_redis.as_ref().map(&figure);
        Self { total: figure(&row.idle) + of_redis.unwrap_or(0.0), of_redis }
    }

    fn of_phase(row: &Row, phase: &Phase) -> Self {
        let of_redis = row.idle_redis.as_ref().and_then(|_| phase.cpu_us_per_delivery.last().copied());
        Self { total: phase.cpu_us_per_delivery.iter().sum(), of_redis }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.of_redis {
            Some(of_redis) => format!("{:.1} ({of_redis:.1})", self.total),
            None => format!("{:.1}", self.total),
        };
        f.pad(&text)
    }
}

/// Memory of a session, CPU of a connect, of a delivery with one recipient, and with many.
fn figures(row: &Row) -> [Figure; 4] {
    [
        Figure::of_costs(row, |cost| cost.kib_per_session),
        Figure::of_costs(row, |cost| cost.cpu_us_per_connect),
        Figure::of_phase(row, &row.one),
        Figure::of_phase(row, &row.many),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.conditions)?;
        writeln!(
            f,
            "CPU is user and system time; with a Redis, of both, and in brackets of Redis alone. Latency is from when a call was due.\n"
        )?;
        let many = format!("{} recipients a call", self.recipients);
        writeln!(f, "{:24} {:>15} {:>15}   {:<44}   {many:<44}", "", "idle", "connect", "one recipient a call")?;
        let phase = format!("{:>14} {:>7} {:>7} {:>7} {:>5}", "µs a delivery", "p50 ms", "p99", "max", "bytes");
        writeln!(f, "{:24} {:>15} {:>15}   {phase}   {phase}", "", "KiB a session", "µs each")?;
        for row in &self.rows {
            let [idle, connect, one, many] = figures(row);
            write!(f, "{:24} {idle:>15} {connect:>15}", row.name())?;
            for (figure, phase) in [(one, &row.one), (many, &row.many)] {
                let latency = &phase.latency;
                write!(f, "   {figure:>14} {:>7.2} {:>7.2}", latency.p50_ms, latency.p99_ms)?;
                write!(f, " {:>7.1} {:>5.0}", latency.max_ms, phase.bytes_per_delivery)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n{:24} {:>15} {:>15} {:>15} {:>15}", "× ours", "idle", "connect", "one", "many")?;
        for row in &self.rows {
            let Some(ours) = self.ours(row).filter(|ours| !std::ptr::eq(*ours, row)) else { continue };
            write!(f, "{:24}", row.name())?;
            for (theirs, ours) in figures(row).iter().zip(figures(ours)) {
                write!(f, " {:>15.2}", theirs.total / ours.total)?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for row in &self.rows {
            for (phase, name) in [(&row.one, "one recipient"), (&row.many, "many recipients")] {
                tell_losses(f, &row.name(), name, phase)?;
            }
        }
        writeln!(f, "What they do not do in this run, and the gateway does:")?;
        let mut told = HashSet::new();
        for row in self.rows.iter().filter(|row| !row.is_ours() && told.insert(&row.server)) {
            writeln!(f, "{:24} {}", row.server, row.lacks)?;
        }
        for left_out in &self.left_out {
            writeln!(f, "{:24} left out: {}", left_out.server, left_out.why)?;
        }
        Ok(())
    }
}

/// A server that does not keep up has figures that say little.
fn tell_losses(f: &mut fmt::Formatter<'_>, server: &str, name: &str, phase: &Phase) -> fmt::Result {
    if phase.arrived >= phase.expected && phase.failed + phase.overrun == 0 {
        return Ok(());
    }
    writeln!(
        f,
        "{server:24} {name}: {} of {} messages arrived in frames of their own, {} calls failed, {} not made",
        phase.arrived, phase.expected, phase.failed, phase.overrun
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::percentiles::{Percentiles, histogram_of};

    fn cost(amount: f64) -> Cost {
        Cost {
            sessions: 1,
            connects_per_second: 1.0,
            kib_per_session: amount,
            kernel_kib_per_session: 1.0,
            cpu_us_per_connect: amount,
        }
    }

    fn row(server: &str, lacks: &str, arrived: u64, cpu_us: [f64; 2]) -> Row {
        let phase = Phase {
            rows: 1,
            rate: 1.0,
            seconds: 1.0,
            expected: 10,
            arrived,
            overrun: 0,
            failed: 0,
            frames: 10,
            bytes_per_delivery: 800.0,
            latency: Percentiles::of(&histogram_of([1_000])),
            until_last: Percentiles::of(&histogram_of([1_000])),
            cpu_us_per_delivery: cpu_us.to_vec(),
            cpu_us_per_call: cpu_us.to_vec(),
            store_cpu_us_per_delivery: Vec::new(),
            store_cpu_us_per_call: Vec::new(),
            server_to_store: None,
            series: Series::default(),
        };
        Row {
            server: server.to_owned(),
            storage: Storage::Redis,
            idle: cost(10.0),
            idle_redis: Some(cost(2.5)),
            one: phase.clone(),
            many: phase,
            lacks: lacks.to_owned(),
        }
    }

    #[test]
    fn a_server_is_told_with_its_redis_and_as_a_multiple_of_ours() {
        let report = Report {
            conditions: "here".to_owned(),
            sessions: 1,
            recipients: 5,
            rows: vec![row("gateway", "", 10, [15.0, 5.0]), row("other", "no state", 7, [40.0, 20.0])],
            left_out: vec![LeftOut { server: "third".to_owned(), why: "it is not there".to_owned() }],
            violations: Violations::default(),
        };
        let words = report.to_string();
        let line = |begin: &str| words.lines().filter(|line| line.starts_with(begin)).collect::<Vec<_>>();
        let [figures, ratios, losses, more_losses, lacks] = line("other")[..] else { panic!("{words}") };
        assert!(figures.contains("12.5 (2.5)") && figures.contains("60.0 (20.0)"), "{figures}");
        assert_eq!(ratios.split_whitespace().skip(2).collect::<Vec<_>>(), ["1.00", "1.00", "3.00", "3.00"]);
        assert!(losses.contains("7 of 10") && more_losses.contains("many recipients"), "{words}");
        assert!(lacks.ends_with("no state") && line("third")[0].ends_with("it is not there"), "{words}");
        assert_eq!(line("gateway").len(), 1, "{words}");
    }
}
