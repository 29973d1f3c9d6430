//! Which charts a report has: of latency, deliveries, memory and processor time, of each series.

use crate::{
    chart::{Axis, Chart, Line},
    measure::{look::Look, percentiles::Percentiles, process::Usage, series::Series},
};

/// KiB and bytes of a MiB.
const MIB_KIB: f64 = 1_024.0;
const MIB_BYTES: f64 = 1_048_576.0;
/// Between two points: the last look may be near to the one before, and the kernel counts processor time in hundredths
/// of a second.
const SECONDS_MIN: f64 = 0.5;

/// What was timed, and what each of it was.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// The times.
    pub what: &'static str,
    /// What came.
    pub arrivals: &'static str,
}

/// All charts that there is something to show in.
pub(super) fn charts(series: &[Series], timed: Timed) -> Vec<Chart> {
    let mut charts = latency(series, timed.what);
    charts.extend([distribution(series, timed.what), arrivals(series, timed.arrivals)]);
    charts.extend([memory(series), processor(series), descriptors(series)]);
    charts.retain(|chart| Line::values(&chart.lines).next().is_some());
    charts
}

/// Percentiles over time, a chart for each series, all of one height.
pub(crate) fn latency(series: &[Series], what: &str) -> Vec<Chart> {
    let lines = |of: &Series| {
        let line = |name: &str, value: fn(&Percentiles) -> f64| Line {
            name: name.to_owned(),
            points: apart(&points(&of.samples, |look| look.latency.as_ref().map(value))),
        };
        vec![line("p50", |of| of.p50_ms), line("p99", |of| of.p99_ms), line("max", |of| of.max_ms)]
    };
    let timed: Vec<(&Series, Vec<Line>)> = series.iter().map(|of| (of, lines(of))).collect();
    let all: Vec<f64> = timed.iter().flat_map(|(_, lines)| Line::values(lines)).collect();
    let chart = |(of, lines): (&Series, Vec<Line>)| Chart {
        title: if series.len() > 1 { format!("{what} over time: {}", of.name) } else { format!("{what} over time") },
        x: time(series),
        y: Axis::logarithmic("ms", all.iter().copied()),
        lines,
        spans: of.spans.clone(),
    };
    timed.into_iter().map(chart).collect()
}

/// How long which share took at most.
fn distribution(series: &[Series], what: &str) -> Chart {
    let count =
        |of: &Series| -> u64 { of.samples.iter().filter_map(|look| look.latency.as_ref()).map(|of| of.count).sum() };
    let lines: Vec<Line> = series
        .iter()
        .filter(|of| count(of) > 0)
        .map(|of| Line {
            name: of.name.clone(),
            points: of.quantiles.iter().map(|point| (point.quantile, Some(point.ms))).collect(),
        })
        .collect();
    Chart {
        title: format!("{what} by percentile"),
        x: Axis::shares(series.iter().map(count).max().unwrap_or(0)),
        y: Axis::linear("ms", Line::values(&lines)),
        lines,
        spans: Vec::new(),
    }
}

fn arrivals(series: &[Series], what: &str) -> Chart {
    let lines = series.iter().map(|of| {
        let mut arrived = 0;
        let so_far = |look: &Look| {
            arrived += look.latency.as_ref().map_or(0, |latency| latency.count);
            Some(arrived as f64)
        };
        Line { name: of.name.clone(), points: rates(&points(&of.samples, so_far)) }
    });
    // Where nothing is timed there is nothing to show.
    let has_any = |line: &Line| line.points.iter().any(|(_, rate)| rate.is_some_and(|rate| rate > 0.0));
    over_time(series, format!("{what} a second"), "per s", lines.filter(has_any).collect())
}

/// Resident memory of each process, and of the store.
pub(crate) fn memory(series: &[Series]) -> Chart {
    let of_process = |usage: &Usage| usage.rss_kib as f64 / MIB_KIB;
    let of_store = |look: &Look| Some(look.store?.store_rss_bytes as f64 / MIB_BYTES);
    over_time(series, "Memory (RSS)".to_owned(), "MiB", lines(series, of_process, of_store))
}

/// Processor time a second of each process, and of the store.
fn processor(series: &[Series]) -> Chart {
    let mut lines = lines(series, |usage| usage.cpu_seconds, |look| Some(look.store?.store_cpu_seconds));
    lines.iter_mut().for_each(|line| line.points = rates(&line.points));
    over_time(series, "Processor time".to_owned(), "cores", lines)
}

/// Open file descriptors of each process.
pub(crate) fn descriptors(series: &[Series]) -> Chart {
    over_time(series, "File descriptors".to_owned(), "open", lines(series, |usage| usage.descriptors as f64, |_| None))
}

/// A chart from 0 up; what is shaded is that of the series, if there is only one.
pub(crate) fn over_time(series: &[Series], title: String, unit: &str, lines: Vec<Line>) -> Chart {
    let spans = if let [only] = series { only.spans.clone() } else { Vec::new() };
    Chart { title, x: time(series), y: Axis::linear(unit, Line::values(&lines)), lines, spans }
}

fn time(series: &[Series]) -> Axis {
    let last = |of: &Series| of.samples.last().map_or(0.0, |look| look.after_seconds);
    Axis::time(series.iter().map(last).fold(0.0, f64::max))
}

/// A line for each process of each series, and for the store where it is known.
fn lines(series: &[Series], of_process: impl Fn(&Usage) -> f64, of_store: impl Fn(&Look) -> Option<f64>) -> Vec<Line> {
    let mut lines = Vec::new();
    for of in series {
        let named = |name: &str| if series.len() > 1 { format!("{}: {name}", of.name) } else { name.to_owned() };
        for (n, name) in of.processes.iter().enumerate() {
            let value = |look: &Look| Some(of_process(look.processes.get(n)?.as_ref()?));
            lines.push(Line { name: named(name), points: points(&of.samples, value) });
        }
        let store = Line { name: named("Redis"), points: points(&of.samples, &of_store) };
        lines.extend(store.points.iter().any(|(_, value)| value.is_some()).then_some(store));
    }
    lines
}

fn points(looks: &[Look], mut value: impl FnMut(&Look) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
    looks.iter().map(|look| (look.after_seconds, value(look))).collect()
}

/// Without points that are too near to the one before to stand for a second of their own.
fn apart(points: &[(f64, Option<f64>)]) -> Vec<(f64, Option<f64>)> {
    let mut apart: Vec<(f64, Option<f64>)> = Vec::with_capacity(points.len());
    for point in points {
        if !apart.last().is_some_and(|(at, value)| value.is_some() && point.0 - at < SECONDS_MIN) {
            apart.push(*point);
        }
    }
    apart
}

/// What was added a second since the point before, of what only grows.
fn rates(points: &[(f64, Option<f64>)]) -> Vec<(f64, Option<f64>)> {
    let mut before: Option<(f64, Option<f64>)> = None;
    let mut rates = Vec::with_capacity(points.len());
    for (at, value) in points {
        let seconds = before.map_or(0.0, |(before, _)| at - before);
        if before.is_some() && seconds < SECONDS_MIN {
            continue;
        }
        if let Some((_, earlier)) = before {
            rates.push((*at, value.zip(earlier).map(|(value, earlier)| (value - earlier).max(0.0) / seconds)));
        }
        before = Some((*at, *value));
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::percentiles::{Quantile, histogram_of};

    const LATENCY: Timed = Timed { what: "Latency", arrivals: "Deliveries" };

    fn look(after_seconds: f64, cpu_seconds: f64, came: u64) -> Look {
        let times = (came > 0).then(|| Percentiles::of(&histogram_of((0..came).map(|n| 1_000 + n))));
        let usage = Usage { rss_kib: 2_048, cpu_seconds, descriptors: 9, threads: 2 };
        Look { after_seconds, processes: vec![Some(usage)], store: None, latency: times }
    }

    fn series(name: &str, samples: Vec<Look>) -> Series {
        let quantiles = vec![Quantile { quantile: 0.5, ms: 1.0 }, Quantile { quantile: 1.0, ms: 2.0 }];
        Series {
            name: name.to_owned(),
            processes: vec!["gateway 7".to_owned()],
            samples,
            quantiles,
            ..Series::default()
        }
    }

    #[test]
    fn rates_are_what_was_added_a_second() {
        let points =
            [(0.0, Some(1.0)), (1.0, Some(3.0)), (1.1, Some(9.0)), (3.0, Some(4.0)), (4.0, None), (5.0, Some(7.0))];
        assert_eq!(rates(&points), [(1.0, Some(2.0)), (3.0, Some(0.5)), (4.0, None), (5.0, None)]);
        assert!(rates(&[]).is_empty() && rates(&points[..1]).is_empty());
    }

    #[test]
    fn a_look_soon_after_another_has_no_point_unless_it_is_the_first_with_a_value() {
        let points = [(0.0, None), (0.2, Some(1.0)), (0.3, Some(2.0)), (1.0, Some(3.0)), (1.1, None)];
        assert_eq!(apart(&points), [(0.0, None), (0.2, Some(1.0)), (1.0, Some(3.0))]);
    }

    #[test]
    fn what_was_not_seen_has_no_chart() {
        let titles =
            |series: &[Series]| charts(series, LATENCY).into_iter().map(|chart| chart.title).collect::<Vec<_>>();
        assert!(titles(&[]).is_empty() && titles(&[Series::default()]).is_empty());
        let idle = series("gateway", vec![look(0.0, 0.0, 0), look(1.0, 0.5, 0)]);
        assert_eq!(titles(&[idle]), ["Memory (RSS)", "Processor time", "File descriptors"]);
        let one_look = series("run", vec![look(0.0, 0.0, 5)]);
        assert_eq!(
            titles(&[one_look]),
            ["Latency over time", "Latency by percentile", "Memory (RSS)", "File descriptors"]
        );
    }

    #[test]
    fn two_servers_stand_beside_each_other() {
        let of = |name| series(name, vec![look(0.0, 0.0, 0), look(1.0, 0.5, 10)]);
        let charts = charts(&[of("gateway"), of("floor")], LATENCY);
        let named = |title: &str| charts.iter().find(|chart| chart.title == title).unwrap();
        let names = |title: &str| named(title).lines.iter().map(|line| line.name.clone()).collect::<Vec<_>>();
        assert_eq!(names("Latency over time: floor"), ["p50", "p99", "max"]);
        assert_eq!(names("Latency by percentile"), ["gateway", "floor"]);
        assert_eq!(names("Processor time"), ["gateway: gateway 7", "floor: gateway 7"]);
        assert_eq!(named("Processor time").lines[0].points, [(1.0, Some(0.5))]);
        assert_eq!(named("Deliveries a second").lines[1].points, [(1.0, Some(10.0))]);
    }
}
