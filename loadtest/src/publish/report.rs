//! What publishing cost, in words and as JSON.

use crate::{
    measure::{percentiles::Percentiles, series::Series},
    report,
    violations::Violations,
};
use serde::Serialize;
use std::{fmt, iter};

/// One rate for a while.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Calls a second.
    pub rate: f64,
    /// Until the last message had come.
    pub seconds: f64,
    /// Messages that had to arrive: recipients of the calls that were answered.
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
    /// Microseconds of the CPU of each process for each message that arrived.
    pub cpu_us_per_delivery: Vec<f64>,
    /// What was seen over time.
    pub series: Series,
}

impl Phase {
    /// Whether the server kept up, with p99 below a bound.
    pub(super) fn is_within(&self, bound_ms: f64) -> bool {
        self.overrun == 0 && self.failed == 0 && self.latency.p99_ms < bound_ms
    }

    fn cpu_us(&self) -> f64 {
        self.cpu_us_per_delivery.iter().sum()
    }
}

/// The gateway, and the floor.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Sessions.
    pub sessions: u32,
    /// Recipients of each call.
    pub recipients: u32,
    /// What the gateway did.
    pub gateway: Phase,
    /// The highest rate that it keeps within the bound.
    pub limit: Option<f64>,
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
        iter::once(&self.gateway).chain(&self.floor).map(|of| of.series.clone()).collect()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.cpu_us_per_delivery.iter().map(|us| format!("{us:.1}")).collect();
        write!(
            f,
            "{:.0} calls/s, {} of {} messages arrived ({} calls failed, {} not made), {:.0} bytes each; {:.1} CPU µs a delivery ({})\n            {}",
            self.rate,
            self.arrived,
            self.expected,
            self.failed,
            self.overrun,
            self.bytes_per_delivery,
            self.cpu_us(),
            each.join(" + "),
            self.latency
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sessions    {}, {} recipients a call", self.sessions, self.recipients)?;
        writeln!(f, "gateway     {}", self.gateway)?;
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
