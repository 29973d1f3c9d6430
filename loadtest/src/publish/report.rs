//! What publishing cost, in words and as JSON.

use super::{Calls, Used};
use crate::{
    crowd::arrivals::Received,
    measure::{
        percentiles::{Percentiles, histogram_of},
        series::Series,
    },
    report,
    violations::Violations,
};
use serde::Serialize;
use std::{fmt, iter};

/// One rate for a while.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Rows of each recipient; 0 at the floor.
    pub rows: u32,
    /// Calls a second.
    pub rate: f64,
    /// Until the last message had come.
    pub seconds: f64,
    /// Messages that had to arrive: connected recipients of the calls that were answered.
    pub expected: u64,
    /// Messages that arrived, in frames of their own; fewer where some became one newer state.
    pub arrived: u64,
    /// Calls that were not made because too many were under way.
    pub overrun: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Frames.
    pub frames: u64,
    /// Bytes of frames for each message that arrived.
    pub bytes_per_delivery: f64,
    /// From when a call was due until a recipient had the message.
    pub latency: Percentiles,
    /// From when a call was due until the last recipient that got this message had it.
    pub until_last: Percentiles,
    /// Microseconds of the CPU of each process of the server for each message that arrived.
    pub cpu_us_per_delivery: Vec<f64>,
    /// The same for each call that was answered.
    pub cpu_us_per_call: Vec<f64>,
    /// Microseconds of the CPU of each process of the store for each message that arrived.
    pub store_cpu_us_per_delivery: Vec<f64>,
    /// The same for each call that was answered.
    pub store_cpu_us_per_call: Vec<f64>,
    /// The CPU of the server's processes in relation to that of the store's.
    pub server_to_store: Option<f64>,
    /// What was seen over time.
    pub series: Series,
}

impl Phase {
    pub(super) fn of(
        (rate, seconds): (f64, f64),
        calls: Calls,
        expected: u64,
        received: &Received,
        used: &Used,
    ) -> Self {
        let (arrived, answered) = (received.times.len().max(1) as f64, calls.answered.max(1) as f64);
        let per = |seconds: &[f64], count: f64| seconds.iter().map(|seconds| seconds * 1e6 / count).collect();
        let until_last = received.last_us.iter().map(|(due_us, last_us)| last_us.saturating_sub(*due_us));
        let (servers, stores): (f64, f64) = (used.servers.iter().sum(), used.stores.iter().sum());
        Self {
            rows: 0,
            rate,
            seconds,
            expected,
            arrived: received.times.len(),
            overrun: calls.overrun,
            failed: calls.failed,
            frames: received.frames,
            bytes_per_delivery: received.bytes as f64 / arrived,
            latency: Percentiles::of(&received.times),
            until_last: Percentiles::of(&histogram_of(until_last)),
            cpu_us_per_delivery: per(&used.servers, arrived),
            cpu_us_per_call: per(&used.servers, answered),
            store_cpu_us_per_delivery: per(&used.stores, arrived),
            store_cpu_us_per_call: per(&used.stores, answered),
            series: Series::default(),
            server_to_store: (stores > 0.0).then(|| servers / stores),
        }
    }

    /// Whether the server kept up, with p99 below a bound.
    pub(super) fn is_within(&self, bound_ms: f64) -> bool {
        self.overrun == 0 && self.failed == 0 && self.latency.p99_ms < bound_ms
    }

    /// Of all processes of the server, for each message that arrived.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu_us_per_delivery.iter().sum()
    }
}

/// The gateway, and the floor.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Users.
    pub sessions: u32,
    /// Recipients of each call.
    pub recipients: u32,
    /// The share of them that was connected.
    pub online: f64,
    /// The share of the sessions that used SSE.
    pub sse: f64,
    /// What the gateway did.
    pub gateway: Phase,
    /// The highest rate that it keeps within the bound, where that was looked for.
    pub limit: Option<f64>,
    /// The same with other counts of rows, in the order given.
    pub with_other_rows: Vec<Phase>,
    /// The CPU of a delivery with the last of them in relation to that with the first.
    pub rows_ratio: Option<f64>,
    /// What the floor did.
    pub floor: Option<Phase>,
    /// The highest rate that the floor keeps within the bound.
    pub floor_limit: Option<f64>,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("Publishing to {} sessions, {} recipients a call", self.sessions, self.recipients)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        let phases = iter::once(&self.gateway).chain(&self.with_other_rows).chain(&self.floor);
        phases.map(|of| of.series.clone()).collect()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |us: &[f64]| us.iter().map(|us| format!("{us:.1}")).collect::<Vec<_>>().join(" + ");
        write!(
            f,
            "{:.0} calls/s, {} of {} messages arrived ({} calls failed, {} not made), {:.0} bytes each; {:.1} CPU µs a delivery ({}), {} a call",
            self.rate,
            self.arrived,
            self.expected,
            self.failed,
            self.overrun,
            self.bytes_per_delivery,
            self.cpu_us(),
            each(&self.cpu_us_per_delivery),
            each(&self.cpu_us_per_call),
        )?;
        if let Some(ratio) = self.server_to_store {
            let (delivery, call) = (each(&self.store_cpu_us_per_delivery), each(&self.store_cpu_us_per_call));
            write!(
                f,
                "\n            of the store {delivery} CPU µs a delivery, {call} a call: the server has {ratio:.2} ×"
            )?;
        }
        write!(f, "\n            {}", self.latency)?;
        write!(f, "\n            until the last recipient has it: {}", self.until_last)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| share * 100.0;
        writeln!(
            f,
            "sessions    {} users, {} recipients a call, {:.0} % of them online, {:.0} % of the sessions over SSE",
            self.sessions,
            self.recipients,
            percent(self.online),
            percent(self.sse)
        )?;
        writeln!(f, "gateway     {}", self.gateway)?;
        for phase in &self.with_other_rows {
            writeln!(f, "{:<11} {phase}", format!("{} rows", phase.rows))?;
        }
        if let (Some(ratio), Some(last)) = (self.rows_ratio, self.with_other_rows.last()) {
            writeln!(
                f,
                "            {ratio:.2} × the CPU a delivery with {} rows as with {}",
                last.rows, self.gateway.rows
            )?;
        }
        if let Some(floor) = &self.floor {
            writeln!(f, "floor       {floor}")?;
            writeln!(
                f,
                "            {:.2} × the floor's CPU, {:.2} × its p99",
                self.gateway.cpu_us() / floor.cpu_us(),
                self.gateway.latency.p99_ms / floor.latency.p99_ms
            )?;
        }
        if let Some(limit) = self.limit {
            write!(f, "limit       {limit:.0} calls/s")?;
            match self.floor_limit {
                Some(floor) => writeln!(f, ", the floor's {floor:.0}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
