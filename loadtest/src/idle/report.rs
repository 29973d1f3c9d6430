//! What idle sessions cost, in words and as JSON.

use super::frame::Sent;
use crate::{
    measure::{percentiles::Percentiles, series::Series},
    report,
    violations::Violations,
};
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

/// What a session costs that once had a large frame.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Rows in it.
    pub rows: u32,
    /// Bytes of the frame: of the session that had the smallest one.
    pub bytes_least: u64,
    /// The same of the session that had the largest one.
    pub bytes_most: u64,
    /// Resident memory of the server's processes in KiB, at rest after it.
    pub kib_per_session: f64,
    /// The same in relation to that before it.
    pub ratio: f64,
}

/// What it costs to come back to so many changed rows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    /// Rows of each user.
    pub rows: u32,
    /// Of these, rows that changed meanwhile.
    pub changed: u32,
    /// Seconds from the first return until all were live.
    pub all_live_seconds: f64,
    /// Of each session, from its return until it was live.
    pub until_live: Percentiles,
    /// Microseconds of the server's CPU.
    pub cpu_us_per_connect: f64,
}

/// The gateway's sessions, and the floor's.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Connected and synced: a full sync without rows.
    pub gateway: Cost,
    /// After one large frame.
    pub frame: Option<Frame>,
    /// Come back to changed rows, for each count of rows.
    pub resumes: Vec<Resume>,
    /// The CPU of a resume with the last count of rows in relation to that with the first.
    pub resume_ratio: Option<f64>,
    /// Connected.
    pub floor: Option<Cost>,
    /// What was seen over time of each.
    pub series: Vec<Series>,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl Frame {
    pub(super) fn of(sent: &Sent, before: &Cost, after: &Cost) -> Self {
        Self {
            rows: sent.rows,
            bytes_least: sent.bytes.0,
            bytes_most: sent.bytes.1,
            kib_per_session: after.kib_per_session,
            ratio: after.kib_per_session / before.kib_per_session,
        }
    }
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

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} to {} bytes, {} rows; then {:.1} KiB a session, {:.2} × that before",
            self.bytes_least, self.bytes_most, self.rows, self.kib_per_session, self.ratio
        )
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} rows changed: {:.0} CPU µs each; all after {:.2} s, each {}",
            self.changed, self.rows, self.cpu_us_per_connect, self.all_live_seconds, self.until_live
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway     {}", self.gateway)?;
        if let Some(frame) = &self.frame {
            writeln!(f, "frame       {frame}")?;
        }
        for resume in &self.resumes {
            writeln!(f, "resume      {resume}")?;
        }
        if let Some(ratio) = self.resume_ratio {
            writeln!(f, "            {ratio:.2} × the CPU with the first count of rows")?;
        }
        if let Some(floor) = &self.floor {
            let of_cpu = |us: f64| us / floor.cpu_us_per_connect;
            let resumes: Vec<String> = self
                .resumes
                .iter()
                .map(|resume| format!(", a resume {:.2}", of_cpu(resume.cpu_us_per_connect)))
                .collect();
            writeln!(f, "floor       {floor}")?;
            writeln!(
                f,
                "            {:.2} × the floor's memory, {:.2} × its CPU{}",
                self.gateway.kib_per_session / floor.kib_per_session,
                of_cpu(self.gateway.cpu_us_per_connect),
                resumes.concat()
            )?;
        }
        Ok(())
    }
}
