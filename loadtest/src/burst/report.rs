//! What a burst says at its end, in words and as JSON.

use super::{fates::Tally, samples::Sample};
use crate::{
    measure::{percentiles::Percentiles, series::Series},
    report,
    violations::Violations,
};
use serde::Serialize;
use std::{fmt, iter};

/// Looks shown of a phase.
const LOOKS_SHOWN: usize = 12;

/// One phase: the same messages to a group of new members.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Members that read slowly.
    pub slow: u32,
    /// Members that read nothing.
    pub stuck: u32,
    /// Seconds until the last message was answered.
    pub seconds: f64,
    /// What became of the messages.
    pub tally: Tally,
    /// Seconds after that until every healthy member had everything.
    pub drain_seconds: f64,
    /// From the time a message was due until a healthy member had it, or a later one.
    pub latency: Percentiles,
    /// Frames that each slow member got while it was slow.
    pub slow_frames: Vec<u64>,
    /// Memory of the given processes with all sessions open.
    pub memory_before_kib: u64,
    /// The same once everybody had everything.
    pub memory_after_kib: u64,
    /// What was seen every second.
    pub samples: Vec<Sample>,
    /// What was seen over time of the given processes.
    pub series: Series,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

/// Everything that a burst found out.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Members of each group.
    pub members: u32,
    /// Messages a second that were asked for.
    pub rate: f64,
    /// Everybody healthy.
    pub alone: Phase,
    /// Beside slow and stuck members, if there were any.
    pub beside: Option<Phase>,
    /// What was broken in both.
    #[serde(flatten)]
    pub violations: Violations,
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("A burst to one group of {} members", self.members)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        iter::once(&self.alone).chain(&self.beside).map(|of| of.series.clone()).collect()
    }
}

/// What a phase is called.
pub(super) fn phase_name(slow: u32, stuck: u32) -> String {
    match (slow, stuck) {
        (0, 0) => "everybody healthy".to_owned(),
        (slow, stuck) => format!("{slow} members slow, {stuck} stuck"),
    }
}

impl Phase {
    /// The most memory that was seen.
    pub fn memory_peak_kib(&self) -> u64 {
        self.samples.iter().map(|sample| sample.memory_kib).max().unwrap_or(0)
    }

    fn most(&self, of: impl Fn(&Sample) -> u64) -> u64 {
        self.samples.iter().map(of).max().unwrap_or(0)
    }

    fn accepted_rate(&self) -> f64 {
        (self.tally.accepted + self.tally.partly) as f64 / self.seconds.max(0.001)
    }

    /// The least, the middle and the most frames of a slow member.
    fn frames_of_slow(&self) -> Option<(u64, u64, u64)> {
        let mut frames = self.slow_frames.clone();
        frames.sort_unstable();
        Some((*frames.first()?, frames[frames.len() / 2], *frames.last()?))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "one group of {} members, {:.0} messages a second", self.members, self.rate)?;
        write!(f, "{}", self.alone)?;
        if let Some(beside) = &self.beside {
            write!(f, "{beside}")?;
            let ratio = |of: fn(&Percentiles) -> f64| of(&beside.latency) / of(&self.alone.latency).max(0.001);
            writeln!(
                f,
                "\nbeside slow and stuck members, a healthy one has p50 × {:.2}, p99 × {:.2}",
                ratio(|of| of.p50_ms),
                ratio(|of| of.p99_ms)
            )?;
            let more = beside.memory_peak_kib() as f64 - self.alone.memory_peak_kib() as f64;
            let each = more / f64::from(beside.slow + beside.stuck);
            if beside.memory_before_kib > 0 {
                writeln!(f, "memory at its peak: {more:+.0} KiB, {each:+.0} KiB for each slow or stuck member")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { accepted, partly, refused, repeated, unknown, overrun, .. } = self.tally;
        writeln!(f, "\n{}", phase_name(self.slow, self.stuck))?;
        writeln!(
            f,
            "messages    {accepted} accepted, {partly} partly, {refused} refused (7008), {repeated} repeated, {unknown} unknown, \
             {overrun} overrun; {:.0} accepted/s, everybody healthy had all {:.1} s after the last answer",
            self.accepted_rate(),
            self.drain_seconds
        )?;
        writeln!(f, "latency     {}", self.latency)?;
        if let Some((least, middle, most)) = self.frames_of_slow() {
            writeln!(f, "slow        {least} to {most} frames each, {middle} in the middle, for {accepted} changes")?;
        }
        writeln!(
            f,
            "lanes       at most {} entries wait, the oldest for {:.1} s",
            self.most(|sample| sample.told.lane_entries),
            self.most(|sample| sample.told.lane_oldest_ms) as f64 / 1e3
        )?;
        if self.memory_before_kib > 0 {
            let [before, peak, after] =
                [self.memory_before_kib, self.memory_peak_kib(), self.memory_after_kib].map(|kib| kib / 1024);
            writeln!(f, "memory      {before} MiB before, {peak} at its peak, {after} after")?;
        }
        writeln!(
            f,
            "{:>8} {:>9} {:>9} {:>12} {:>9} {:>7}",
            "s", "accepted", "refused", "lane entries", "oldest ms", "MiB"
        )?;
        let step = self.samples.len().div_ceil(LOOKS_SHOWN).max(1);
        for sample in self.samples.iter().step_by(step) {
            let Sample { after_seconds, memory_kib, accepted, refused, told } = sample;
            writeln!(
                f,
                "{after_seconds:>8.1} {accepted:>9} {refused:>9} {:>12} {:>9} {:>7}",
                told.lane_entries,
                told.lane_oldest_ms,
                memory_kib / 1024
            )?;
        }
        Ok(())
    }
}
