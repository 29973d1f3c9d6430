//! Charts as plain SVG: lines over an axis, with what they are, and shaded where something went on.

mod axis;

use crate::{markup::escape, progress::Span};
use std::fmt::Write as _;

pub(crate) use axis::Axis;

/// The size of a chart.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
/// What is left of the lines, and on their right.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
/// What is above the first row of the legend, of each row, and below the lines.
const HEAD: f64 = 30.0;
const ROW: f64 = 18.0;
const FOOT: f64 = 44.0;
/// About the width of a character, and of one in a span's name.
const CHARACTER: f64 = 6.6;
const SMALL_CHARACTER: f64 = 5.6;
/// The mark before a name in the legend, and the space after the name.
const MARK: f64 = 20.0;
const AFTER: f64 = 16.0;
/// What is narrower is not shaded.
const SPAN_MIN: f64 = 2.0;
/// Colours of lines; the style has each of them, for a light page and a dark one.
const COLORS: usize = 8;
/// Between two charts of one picture.
const GAP: f64 = 10.0;

/// The looks of all charts, for the page or the picture that they are in.
pub(crate) const STYLE: &str = include_str!("chart/style.css");

/// A line of a chart.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Rising in what is on the x axis; there is a gap where there is no value.
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// Some lines on the same axes.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
    /// What is shaded on the x axis.
    pub(crate) spans: Vec<Span>,
}

impl Line {
    /// All values of some lines.
    pub(crate) fn values(lines: &[Self]) -> impl Iterator<Item = f64> {
        lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value))
    }
}

/// A picture of its own, with charts below each other.
pub(crate) fn picture(charts: &[Chart]) -> String {
    let height = charts.len() as f64 * (HEIGHT + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\">\n<style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    for (n, chart) in charts.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">\n{}</g>", n as f64 * (HEIGHT + GAP), chart.draw());
    }
    svg.push_str("</svg>\n");
    svg
}

impl Chart {
    /// An element of a page.
    pub(crate) fn element(&self) -> String {
        let label = escape(&self.title);
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">\n{}</svg>\n",
            self.draw()
        )
    }

    /// Writing to a text never fails.
    fn draw(&self) -> String {
        let mut svg = String::new();
        let _ = writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"20\">{}</text>", escape(&self.title));
        let top = HEAD + self.draw_legend(&mut svg) + ROW;
        self.draw_spans(&mut svg, top);
        self.draw_axes(&mut svg, top);
        for (n, line) in self.lines.iter().enumerate() {
            let path = self.path(line, top);
            let _ = writeln!(svg, "<path class=\"line {}\" d=\"{path}\"/>", looks(n));
        }
        svg
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * self.x.place(value)
    }

    fn y(&self, value: f64, top: f64) -> f64 {
        at_height(self.y.place(value), top)
    }

    /// What each line is; the height that it takes.
    fn draw_legend(&self, svg: &mut String) -> f64 {
        let (mut x, mut y) = (LEFT, HEAD);
        for (n, line) in self.lines.iter().enumerate() {
            let width = MARK + line.name.chars().count() as f64 * CHARACTER + AFTER;
            if x > LEFT && x + width > WIDTH - RIGHT {
                (x, y) = (LEFT, y + ROW);
            }
            let _ = writeln!(
                svg,
                "<path class=\"line {}\" d=\"M{x:.1},{:.1}h14\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                looks(n),
                y + 6.0,
                x + MARK,
                y + 10.0,
                escape(&line.name)
            );
            x += width;
        }
        y - HEAD + ROW
    }

    fn draw_spans(&self, svg: &mut String, top: f64) {
        let placed = self.spans.iter().map(|span| (span, self.x(span.from_seconds), self.x(span.to_seconds)));
        for (n, (span, from, to)) in placed.filter(|(_, from, to)| to - from >= SPAN_MIN).enumerate() {
            let (name, width) = (escape(&span.name), to - from);
            let _ = writeln!(
                svg,
                "<rect class=\"span s{}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{name}</title></rect>",
                n % 2,
                HEIGHT - FOOT - top
            );
            if span.name.chars().count() as f64 * SMALL_CHARACTER + 8.0 < width {
                let _ = writeln!(
                    svg,
                    "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                    from.midpoint(to),
                    top - 4.0
                );
            }
        }
    }

    fn draw_axes(&self, svg: &mut String, top: f64) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - FOOT);
        for (place, name) in &self.y.ticks {
            let y = at_height(*place, top);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT},{y:.1}H{right}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        for (place, name) in &self.x.ticks {
            let x = LEFT + (right - LEFT) * place;
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1},{bottom}v4\"/><text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                bottom + 17.0
            );
        }
        let (middle, below) = (LEFT.midpoint(right), HEIGHT - 8.0);
        let _ = writeln!(
            svg,
            "<text class=\"unit\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <text class=\"unit\" x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
            LEFT - 8.0,
            top - 10.0,
            escape(&self.y.unit),
            escape(&self.x.unit)
        );
    }

    /// The line in parts between its gaps; a part of one point is a dot, since lines have round ends.
    fn path(&self, line: &Line, top: f64) -> String {
        let mut path = String::new();
        for part in line.points.split(|(_, value)| value.is_none()) {
            for (n, (at, value)) in part.iter().enumerate() {
                let (x, y) = (self.x(*at), self.y(value.unwrap_or_default(), top));
                let _ = write!(path, "{}{x:.1},{y:.1}", if n == 0 { 'M' } else { 'L' });
            }
            if part.len() == 1 {
                path.push_str("h0");
            }
        }
        path
    }
}

/// The colour of the so-manieth line; once there are no more, they come again with dashes.
fn looks(n: usize) -> String {
    format!("c{}{}", n % COLORS, if n < COLORS { "" } else { " again" })
}

/// How far down something is, from its place on the y axis.
fn at_height(place: f64, top: f64) -> f64 {
    let bottom = HEIGHT - FOOT;
    bottom - (bottom - top) * place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, Option<f64>)>) -> Chart {
        let lines = vec![Line { name: "a < b".to_owned(), points }];
        let spans = vec![Span { name: "all & everything".to_owned(), from_seconds: 15.0, to_seconds: 45.0 }];
        Chart { title: "t".to_owned(), x: Axis::time(60.0), y: Axis::linear("ms", Line::values(&lines)), lines, spans }
    }

    #[test]
    fn a_line_goes_from_the_left_to_the_right_and_from_the_bottom_to_the_top() {
        let svg = chart(vec![(0.0, Some(0.0)), (60.0, Some(10.0))]).element();
        assert!(svg.contains("d=\"M64.0,276.0L620.0,66.0\""), "{svg}");
        assert!(svg.contains("width=\"278.0\""), "half of it is shaded: {svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("all &amp; everything"), "{svg}");
    }

    #[test]
    fn a_gap_parts_a_line_and_a_point_alone_is_a_dot() {
        let points = vec![(0.0, Some(1.0)), (1.0, None), (30.0, Some(0.0)), (60.0, Some(1.0))];
        let svg = chart(points).element();
        assert!(svg.contains("d=\"M64.0,66.0h0M342.0,276.0L620.0,66.0\""), "{svg}");
        assert!(chart(vec![(0.0, Some(f64::NAN))]).element().contains("h0\""));
        assert!(chart(Vec::new()).element().contains("d=\"\""));
    }

    #[test]
    fn a_picture_stands_alone() {
        let svg = picture(&[chart(Vec::new()), chart(Vec::new())]);
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n") && svg.contains("<style>"), "{svg}");
        assert_eq!(svg.matches("<g transform").count(), 2);
    }
}
