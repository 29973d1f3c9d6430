//! Whether a soak was flat, and what it says at its end: in words, as JSON, and in a document.

use super::{SoakOptions, WARM_UP, samples::Sample};
use crate::{
    document,
    measure::{
        percentiles::{Percentiles, Quantile},
        process::Usage,
        series::Series,
        slope::slope,
    },
    progress::Span,
    report, run,
    violations::Violations,
};
use serde::Serialize;
use std::{fmt, path::Path};

/// The name of the figures' place in a document.
const PLACE: &str = "soak";

/// On what and with what it was measured.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conditions {
    /// Processor, cores, memory and kernel.
    pub machine: String,
    /// Minutes.
    pub minutes: f64,
    /// Sessions.
    pub sessions: u32,
    /// Calls a second.
    pub rate: f64,
    /// The share of the sessions that was cut each second.
    pub churn: f64,
    /// Messages a second through lanes, and to how many.
    pub fanout: (f64, u32),
}

impl Conditions {
    pub(super) fn of(options: &SoakOptions, machine: String) -> Self {
        Self {
            machine,
            minutes: options.minutes,
            sessions: options.sessions,
            rate: options.rate,
            churn: options.churn,
            fanout: (options.fanout_rate, options.fanout_members),
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fanout_rate, fanout_members) = self.fanout;
        write!(
            f,
            "{:.1} minutes of {} sessions, {:.0} calls a second, {:.0} % of the sessions cut and resumed each second, {fanout_rate:.1} \
             messages a second to {fanout_members} members through lanes; on {}, servers and tool together.",
            self.minutes,
            self.sessions,
            self.rate,
            self.churn * 100.0,
            self.machine
        )
    }
}

/// What grew after the warm-up, of one thing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    /// Of what.
    pub name: String,
    /// The first value after the warm-up.
    pub first: f64,
    /// The last one.
    pub last: f64,
    /// What the best line through all of them rises by in an hour.
    pub per_hour: f64,
    /// What it may rise by; `None`: it is only told.
    pub per_hour_max: Option<f64>,
}

impl Growth {
    fn of(name: String, points: &[(f64, f64)], per_hour_max: Option<f64>) -> Self {
        let value = |point: Option<&(f64, f64)>| point.map_or(0.0, |(_, value)| *value);
        let (first, last) = (value(points.first()), value(points.last()));
        Self { name, first, last, per_hour: slope(points) * 3_600.0, per_hour_max }
    }

    /// Whether it rises by no more than it may.
    pub fn is_flat(&self) -> bool {
        self.per_hour_max.is_none_or(|most| self.per_hour <= most)
    }
}

/// Everything that a soak found out.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How it was made.
    pub conditions: Conditions,
    /// What was seen, every few seconds.
    pub samples: Vec<Sample>,
    /// Seconds at the beginning that are not judged.
    pub warm_up_seconds: f64,
    /// Which share of the messages took how long.
    pub quantiles: Vec<Quantile>,
    /// What grew.
    pub growths: Vec<Growth>,
    /// The mixed load.
    pub load: run::Report,
    /// Messages through lanes.
    pub fanout_messages: u64,
    /// What was broken.
    #[serde(flatten)]
    pub violations: Violations,
}

impl Report {
    pub(super) fn of(
        options: &SoakOptions,
        conditions: Conditions,
        (samples, quantiles): (Vec<Sample>, Vec<Quantile>),
        load: run::Report,
        fanout_messages: u64,
        mut violations: Violations,
    ) -> Self {
        violations.add_all(load.violations.clone());
        let warm_up_seconds = options.minutes * 60.0 * WARM_UP;
        let growths = growths(options, &samples, warm_up_seconds);
        if growths.first().is_none_or(|growth| growth.last == 0.0) {
            violations.add("nothing was seen after the warm-up".to_owned());
        }
        Self { conditions, samples, quantiles, warm_up_seconds, growths, load, fanout_messages, violations }
    }

    /// Puts the figures into a document, with a link to the plot beside it.
    pub(super) fn write_into(&self, path: &Path, plot: Option<&Path>) -> Result<(), String> {
        let plot = plot
            .and_then(Path::file_name)
            .map(|name| format!("\n\n![Memory, descriptors and latency over time]({})", name.display()));
        document::rewrite(path, PLACE, |_| format!("{}{}", self.in_document(), plot.unwrap_or_default()))
    }

    fn in_document(&self) -> String {
        let rows: String = self
            .growths
            .iter()
            .map(|growth| {
                let most = growth.per_hour_max.map_or_else(|| "–".to_owned(), |most| format!("{most:.0}"));
                let Growth { name, first, last, per_hour, .. } = growth;
                format!("| {name} | {first:.1} | {last:.1} | {per_hour:+.1} | {most} |\n")
            })
            .collect();
        let Percentiles { p50_ms, p99_ms, max_ms, .. } = self.load.latency;
        format!(
            "{}\n\n| | after the warm-up | at the end | an hour | may grow by |\n|---|---|---|---|---|\n{rows}\n\
             {} calls answered, {} changes of rows to clients, {} messages through lanes, {} cuts, {} replays. Latency p50 {p50_ms:.1} ms, p99 \
             {p99_ms:.1} ms, at most {max_ms:.1} ms. Violations: {}.",
            self.conditions,
            self.load.answered,
            self.load.deliveries,
            self.fanout_messages,
            self.load.cuts,
            self.load.replays,
            self.violations.count
        )
    }
}

impl report::Report for Report {
    fn title(&self) -> String {
        format!("A soak of {:.1} minutes", self.conditions.minutes)
    }

    fn violations(&self) -> &Violations {
        &self.violations
    }

    fn series(&self) -> Vec<Series> {
        let warm_up = Span { name: "warm-up".to_owned(), from_seconds: 0.0, to_seconds: self.warm_up_seconds };
        vec![Series {
            name: "soak".to_owned(),
            processes: node_names(&self.samples),
            spans: vec![warm_up],
            samples: self.samples.iter().map(|sample| sample.look.clone()).collect(),
            quantiles: self.quantiles.clone(),
        }]
    }

    fn is_good(&self) -> bool {
        self.violations.count == 0 && self.growths.iter().all(Growth::is_flat)
    }
}

/// What the nodes are called that were looked at.
fn node_names(samples: &[Sample]) -> Vec<String> {
    let nodes = samples.first().map_or(0, |sample| sample.look.processes.len());
    ('a'..).take(nodes).map(|name| format!("node {name}")).collect()
}

fn growths(options: &SoakOptions, samples: &[Sample], warm_up_seconds: f64) -> Vec<Growth> {
    let warm: Vec<&Sample> = samples.iter().filter(|sample| sample.look.after_seconds >= warm_up_seconds).collect();
    let points = |of: &dyn Fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
        warm.iter().filter_map(|sample| Some((sample.look.after_seconds, of(sample)?))).collect()
    };
    let of_node = |node: usize, of: fn(&Usage) -> f64| points(&|sample| sample.process(node).map(of));
    let mut growths = Vec::new();
    for (node, name) in node_names(samples).iter().enumerate() {
        let memory = of_node(node, |usage| usage.rss_kib as f64 / 1024.0);
        growths.push(Growth::of(format!("{name}, memory in MiB"), &memory, Some(options.memory_mib_per_hour)));
        // Sessions that are cut come back at the other node, so that what each has of them wanders.
        let descriptors =
            points(&|sample| Some(sample.process(node)?.descriptors as f64 - *sample.sessions.get(node)? as f64));
        let of_descriptors = format!("{name}, descriptors without those of sessions");
        growths.push(Growth::of(of_descriptors, &descriptors, Some(options.descriptors_per_hour)));
        let threads = of_node(node, |usage| usage.threads as f64);
        growths.push(Growth::of(format!("{name}, threads"), &threads, Some(options.descriptors_per_hour)));
    }
    let store = points(&|sample| Some(sample.look.store?.store_bytes as f64 / f64::from(1 << 20)));
    if !store.is_empty() {
        growths.push(Growth::of("Redis, data in MiB".to_owned(), &store, None));
    }
    growths
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.load)?;
        writeln!(f, "{:<46} {:>12} {:>12} {:>12} {:>12}", "", "warmed up", "at the end", "an hour", "at most")?;
        for growth in &self.growths {
            let Growth { name, first, last, per_hour, per_hour_max } = growth;
            let most = per_hour_max.map_or_else(String::new, |most| format!("{most:.0}"));
            let verdict = if growth.is_flat() { "" } else { "  GROWS" };
            writeln!(f, "{name:<46} {first:>12.1} {last:>12.1} {per_hour:>+12.1} {most:>12}{verdict}")?;
        }
        writeln!(f, "{} messages through lanes, {} looks", self.fanout_messages, self.samples.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rises_by_more_than_it_may_is_not_flat() {
        let rising = [(0.0, 10.0), (1_800.0, 15.0), (3_600.0, 20.0)];
        let growth = Growth::of("x".to_owned(), &rising, Some(9.0));
        assert_eq!((growth.first, growth.last, growth.per_hour.round(), growth.is_flat()), (10.0, 20.0, 10.0, false));
        assert!(Growth::of("x".to_owned(), &rising, Some(11.0)).is_flat());
        assert!(Growth::of("x".to_owned(), &rising, None).is_flat());
        let falling = [(0.0, 10.0), (3_600.0, 5.0)];
        assert!(Growth::of("x".to_owned(), &falling, Some(0.0)).is_flat());
    }
}
