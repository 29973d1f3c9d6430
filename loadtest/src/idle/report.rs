//! What idle sessions cost, in words and as JSON.

use crate::{measure::series::Series, report, violations::Violations};
use serde::Serialize;
use std::fmt;

/// What one server's sessions cost.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Sessions.
    pub sessions: usize,
    /// How fast they were opened; the tool's own work is in it.
    pub connects_per_second: f64,
    /// Resident memory of the server's processes in KiB.
    pub kib_per_session: f64,
    /// Memory of the kernel in KiB, for both ends of the connection.
    pub kernel_kib_per_session: f64,
    /// Microseconds of the server's CPU.
    pub cpu_us_per_connect: f64,
}

/// The gateway's sessions, and the floor's.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Connected and synced.
    pub gateway: Cost,
    /// Connected.
    pub floor: Option<Cost>,
    /// What was seen over time of each.
    pub series: Vec<Series>,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("{} idle sessions", self.gateway.sessions)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        self.series.clone()
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sessions, {:.0} connects/s: {:.1} KiB and {:.0} CPU µs each; {:.1} KiB of the kernel for both ends",
            self.sessions,
            self.connects_per_second,
            self.kib_per_session,
            self.cpu_us_per_connect,
            self.kernel_kib_per_session
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway     {}", self.gateway)?;
        if let Some(floor) = &self.floor {
            writeln!(f, "floor       {floor}")?;
            writeln!(
                f,
                "            {:.2} × the floor's memory, {:.2} × its CPU",
                self.gateway.kib_per_session / floor.kib_per_session,
                self.gateway.cpu_us_per_connect / floor.cpu_us_per_connect
            )?;
        }
        Ok(())
    }
}
