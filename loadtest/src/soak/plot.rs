//! The plot of a soak: charts below each other, as plain SVG.

use super::samples::Sample;
use std::fmt::Write as _;

const WIDTH: f64 = 800.0;
const CHART_HEIGHT: f64 = 150.0;
const MARGIN: f64 = 60.0;
const GAP: f64 = 50.0;
/// One for each line of a chart.
const COLORS: [&str; 4] = ["#1f6feb", "#d1242f", "#2da44e", "#bf8700"];

/// A line of a chart.
struct Line {
    name: String,
    /// Seconds and values.
    points: Vec<(f64, f64)>,
}

struct Chart {
    title: &'static str,
    lines: Vec<Line>,
}

/// Draws memory, descriptors, latency and the store over time; what is not judged is grey.
pub(super) fn plot(samples: &[Sample], warm_up_seconds: f64) -> String {
    let line = |name: String, of: &dyn Fn(&Sample) -> Option<f64>| Line {
        name,
        points: samples.iter().filter_map(|sample| Some((sample.after_seconds, of(sample)?))).collect(),
    };
    let nodes = || ('a'..).take(samples.first().map_or(0, |sample| sample.processes.len())).enumerate();
    let memory = nodes().map(|(node, name)| {
        line(format!("node {name}"), &|sample| Some(sample.processes.get(node)?.rss_kib as f64 / 1024.0))
    });
    let descriptors = nodes().map(|(node, name)| {
        line(format!("node {name}"), &|sample| Some(sample.processes.get(node)?.descriptors as f64))
    });
    let latency = [
        line("p50".to_owned(), &|sample| Some(sample.latency.as_ref()?.p50_ms)),
        line("p99".to_owned(), &|sample| Some(sample.latency.as_ref()?.p99_ms)),
    ];
    let store = line("Redis".to_owned(), &|sample| Some(sample.store_bytes? as f64 / f64::from(1 << 20)));
    let charts = [
        Chart { title: "Memory in MiB", lines: memory.collect() },
        Chart { title: "File descriptors", lines: descriptors.collect() },
        Chart { title: "Latency in ms", lines: latency.into() },
        Chart { title: "Data of the store in MiB", lines: vec![store] },
    ];
    draw(&charts, samples.last().map_or(1.0, |sample| sample.after_seconds), warm_up_seconds)
}

fn draw(charts: &[Chart], seconds: f64, warm_up_seconds: f64) -> String {
    let height = charts.len() as f64 * (CHART_HEIGHT + GAP) + GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (n, chart) in charts.iter().enumerate() {
        let top = GAP + n as f64 * (CHART_HEIGHT + GAP);
        chart.draw(&mut svg, top, seconds, warm_up_seconds);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Chart {
    /// Writing to a text never fails.
    fn draw(&self, svg: &mut String, top: f64, seconds: f64, warm_up_seconds: f64) {
        let (width, bottom) = (WIDTH - 2.0 * MARGIN, top + CHART_HEIGHT);
        let values = || self.lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
        let most = nice(values().fold(0.0, f64::max));
        let x = |at: f64| MARGIN + width * at / seconds.max(0.001);
        let y = |value: f64| bottom - CHART_HEIGHT * value / most;
        let _ = writeln!(svg, "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"bold\">{}</text>", top - 8.0, self.title);
        let _ = writeln!(
            svg,
            "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"{:.1}\" height=\"{CHART_HEIGHT}\" fill=\"#eee\"/>",
            x(warm_up_seconds.min(seconds)) - MARGIN
        );
        for (value, label) in [(0.0, "0".to_owned()), (most / 2.0, number(most / 2.0)), (most, number(most))] {
            let at = y(value);
            let right = WIDTH - MARGIN;
            let _ = writeln!(
                svg,
                "<line x1=\"{MARGIN}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ccc\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                MARGIN - 6.0,
                at + 4.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.1} min</text>",
            WIDTH - MARGIN,
            bottom + 16.0,
            seconds / 60.0
        );
        for (n, line) in self.lines.iter().enumerate() {
            let color = COLORS[n % COLORS.len()];
            let points: Vec<String> =
                line.points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" points=\"{}\"/>\n\
                 <text x=\"{}\" y=\"{}\" fill=\"{color}\">{}</text>",
                points.join(" "),
                MARGIN + 200.0 + 90.0 * n as f64,
                top - 8.0,
                line.name
            );
        }
    }
}

/// The next number that is easy to read: 1, 2 or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|nice| *nice >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_with_a_number_that_is_easy_to_read() {
        assert_eq!([0.0, 0.7, 1.0, 3.0, 42.0, 501.0].map(nice), [1.0, 1.0, 1.0, 5.0, 50.0, 1_000.0]);
    }

    #[test]
    fn a_line_goes_from_the_left_to_the_right_and_from_the_bottom_to_the_top() {
        let lines = vec![Line { name: "x".to_owned(), points: vec![(0.0, 0.0), (60.0, 10.0)] }];
        let svg = draw(&[Chart { title: "t", lines }], 60.0, 15.0);
        assert!(svg.contains("points=\"60.0,200.0 740.0,50.0\""), "{svg}");
        assert!(svg.contains("width=\"170.0\""), "a quarter is grey: {svg}");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }
}
