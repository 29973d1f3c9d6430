//! What a storm says at its end, in words and as JSON.

use super::Used;
use crate::{
    crowd::returns::Seen,
    measure::{percentiles::Percentiles, series::Series},
    report::{self, Timed},
    violations::Violations,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Commands shown by name.
const COMMANDS_SHOWN: usize = 6;

/// What the server used for each session that came back, beyond what it uses when nothing happens.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PerResume {
    /// Microseconds of processor time of each given process.
    pub cpu_us: Vec<f64>,
    /// Redis commands, those within scripts too; `None` without --redis.
    pub redis_commands: Option<f64>,
    /// The same by name.
    pub redis_by_name: BTreeMap<String, f64>,
}

impl PerResume {
    /// Between two moments, less what an idle time says.
    pub(super) fn of(idle_begun: &Used, idle_over: &Used, begun: &Used, over: &Used, resumes: usize) -> Self {
        let idle_us = (idle_over.at_us - idle_begun.at_us).max(1) as f64;
        let (share, resumes) = ((over.at_us - begun.at_us) as f64 / idle_us, resumes.max(1) as f64);
        let beyond = |idle: f64, all: f64| (all - idle * share) / resumes;
        let cpu_us = (0..over.cpu_seconds.len()).map(|n| {
            let between = |from: &Used, to: &Used| (to.cpu_seconds[n] - from.cpu_seconds[n]) * 1e6;
            beyond(between(idle_begun, idle_over), between(begun, over))
        });
        let (idle, all) = (idle_over.commands.since(&idle_begun.commands), over.commands.since(&begun.commands));
        let by_name = all.by_name.iter().map(|(name, count)| {
            let of_idle = idle.by_name.get(name).copied().unwrap_or(0);
            (name.clone(), beyond(of_idle as f64, *count as f64))
        });
        let redis_commands = (all.total > 0).then(|| beyond(idle.total as f64, all.total as f64));
        Self { cpu_us: cpu_us.collect(), redis_commands, redis_by_name: by_name.collect() }
    }
}

/// Everything that a storm found out.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Sessions.
    pub sessions: usize,
    /// Of these, sessions that dropped and came back.
    pub returned: usize,
    /// Whether they came back without a cursor.
    pub is_full: bool,
    /// Rows of each user.
    pub rows: u32,
    /// Of these, rows that changed meanwhile.
    pub changed: u32,
    /// Milliseconds over which they came back.
    pub spread_ms: u64,
    /// Seconds until all were live again.
    pub all_live_seconds: f64,
    /// Of each session, from its return until it was live.
    pub until_live: Percentiles,
    /// What came before that.
    pub seen: Seen,
    /// What the server used.
    pub per_resume: PerResume,
    /// The most connections that Redis had.
    pub redis_clients_peak: Option<u64>,
    /// What was seen over time; the times are those until sessions were live.
    pub series: Series,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("A storm of {} sessions", self.returned)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        vec![self.series.clone()]
    }

    fn timed(&self) -> Timed {
        Timed { what: "Time until live", arrivals: "Returns" }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { attempts, overloaded, retry_after, failed_syncs, time_outs, other_ends } = self.seen;
        writeln!(
            f,
            "storm       {} of {} sessions, {}, {} of {} rows changed, spread over {} ms",
            self.returned,
            self.sessions,
            if self.is_full { "without a cursor" } else { "with their cursors" },
            self.changed,
            self.rows,
            self.spread_ms
        )?;
        writeln!(
            f,
            "live again  all after {:.2} s ({:.0}/s); each {}",
            self.all_live_seconds,
            self.returned as f64 / self.all_live_seconds.max(0.001),
            self.until_live
        )?;
        writeln!(
            f,
            "attempts    {attempts}; told to wait: {overloaded} by 4100, {retry_after} by Retry-After, {failed_syncs} by \
             syncServerFailed; {time_outs} time-outs, {other_ends} other ends"
        )?;
        if !self.per_resume.cpu_us.is_empty() {
            let each: Vec<String> = self.per_resume.cpu_us.iter().map(|us| format!("{us:.0}")).collect();
            writeln!(f, "CPU         {} µs of each process a resume", each.join(", "))?;
        }
        if let Some(commands) = self.per_resume.redis_commands {
            let mut by_name: Vec<(&String, &f64)> = self.per_resume.redis_by_name.iter().collect();
            by_name.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            let shown: Vec<String> =
                by_name.iter().take(COMMANDS_SHOWN).map(|(name, count)| format!("{name} {count:.2}")).collect();
            writeln!(f, "Redis       {commands:.2} commands a resume ({})", shown.join(", "))?;
        }
        if let Some(peak) = self.redis_clients_peak {
            writeln!(f, "            {peak} connections at most")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::redis::Commands;

    #[test]
    fn what_happens_anyway_does_not_count() {
        let used = |at_s: u64, cpu: f64, evals: u64| Used {
            at_us: at_s * 1_000_000,
            cpu_seconds: vec![cpu],
            commands: Commands { total: evals, by_name: BTreeMap::from([("evalsha".to_owned(), evals)]) },
        };
        // Idle: 1 command and 1 ms a second.
        let per = PerResume::of(&used(0, 0.0, 0), &used(5, 0.005, 5), &used(10, 1.0, 100), &used(12, 1.102, 602), 100);
        assert_eq!((per.redis_commands, per.redis_by_name["evalsha"]), (Some(5.0), 5.0));
        assert!((per.cpu_us[0] - 1_000.0).abs() < 1e-6, "{per:?}");
    }
}
