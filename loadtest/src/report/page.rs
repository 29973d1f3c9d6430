//! A report as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere.

use super::{Report, invocation::Invocation, plots};
use crate::{chart, markup::escape, violations::Violations};

const STYLE: &str = include_str!("page.css");

/// The page. Its elements are closed as in XML.
pub(super) fn page(report: &impl Report, invocation: &Invocation) -> String {
    let title = escape(&report.title());
    let facts: String = [
        ("Command", format!("<code>{}</code>", escape(&invocation.command))),
        ("Machine", escape(&invocation.machine)),
        ("Ended", escape(&invocation.date)),
        ("Load tool", escape(&invocation.version)),
    ]
    .into_iter()
    .map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>\n"))
    .collect();
    let charts = plots::charts(&report.series(), report.timed());
    let charts: String = charts.iter().map(|chart| format!("<figure>\n{}</figure>\n", chart.element())).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{}<dl>\n{facts}</dl>\n\
         <pre>{}</pre>\n<section class=\"charts\">\n{charts}</section>\n</main>\n</body>\n</html>\n",
        chart::STYLE,
        verdict(report.is_good(), report.violations()),
        escape(report.to_string().trim())
    )
}

fn verdict(is_good: bool, violations: &Violations) -> String {
    if is_good {
        return "<p class=\"verdict good\">Every promise was kept.</p>\n".to_owned();
    }
    if violations.count == 0 {
        return "<p class=\"verdict bad\">Every promise was kept, but a bound of this run was not: see the table.</p>\n".to_owned();
    }
    let words: String = violations.words.iter().map(|violation| format!("<li>{}</li>\n", escape(violation))).collect();
    let told = match violations.words.len() as u64 {
        all if all == violations.count => String::new(),
        some => format!("; the first {some} of them"),
    };
    let promises =
        if violations.count == 1 { "1 promise was".to_owned() } else { format!("{} promises were", violations.count) };
    format!("<p class=\"verdict bad\">{promises} broken{told}:</p>\n<ol class=\"violations\">\n{words}</ol>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{
        look::Look,
        percentiles::{Percentiles, histogram_of},
        process::Usage,
        series::Series,
    };
    use serde::Serialize;
    use std::fmt;

    #[derive(Serialize)]
    struct Told(Violations, Vec<Series>);

    impl fmt::Display for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            writeln!(f, "sessions    5 < 6")
        }
    }

    impl Report for Told {
        fn title(&self) -> String {
            "A & B".to_owned()
        }

        fn violations(&self) -> &Violations {
            &self.0
        }

        fn series(&self) -> Vec<Series> {
            self.1.clone()
        }
    }

    fn page_of(violations: &[&str], series: Vec<Series>) -> String {
        let mut all = Violations::default();
        violations.iter().for_each(|violation| all.add((*violation).to_owned()));
        let invocation = Invocation {
            command: "loadtest run --device '<b>'".to_owned(),
            machine: "a machine".to_owned(),
            date: "a day".to_owned(),
            version: "0".to_owned(),
        };
        let page = page(&Told(all, series), &invocation);
        assert_well_formed(&page);
        page
    }

    /// Every element that is opened is closed in its turn, and attributes have quotes.
    fn assert_well_formed(page: &str) {
        let (mut open, mut rest) = (Vec::new(), page.strip_prefix("<!DOCTYPE html>").unwrap());
        while let Some((text, after)) = rest.split_once('<') {
            assert!(!text.contains('>') || open.ends_with(&["style"]), "{text}");
            let (tag, after) = after.split_once('>').unwrap();
            rest = after;
            let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
            assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "{tag}");
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_page_tells_everything_and_runs_nothing() {
        let usage = Usage { rss_kib: 1, cpu_seconds: 0.0, descriptors: 1, threads: 1 };
        let look = |after_seconds| Look {
            after_seconds,
            processes: vec![Some(usage), None],
            store: None,
            latency: Some(Percentiles::of(&histogram_of([1_000]))),
        };
        let series = Series {
            name: "run".to_owned(),
            processes: vec!["<x> 1".to_owned(), "y 2".to_owned()],
            samples: vec![look(0.0), look(1.0)],
            ..Series::default()
        };
        let page = page_of(&["lost <script>alert(1)</script>", "more"], vec![series]);
        assert!(page.contains("2 promises were broken:") && page.contains("<li>more</li>"), "{page}");
        assert!(page.contains("lost &lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("<title>A &amp; B</title>") && page.contains("sessions    5 &lt; 6"), "{page}");
        assert!(page.contains("&lt;x&gt; 1") && page.matches("<figure>").count() > 3, "{page}");
        assert!(!page.contains("http") && !page.contains("url("), "nothing comes from elsewhere");
    }

    #[test]
    fn nothing_seen_and_nothing_broken_is_told_too() {
        let page = page_of(&[], vec![Series::default()]);
        assert!(page.contains("Every promise was kept.") && !page.contains("<figure>"), "{page}");
    }
}
