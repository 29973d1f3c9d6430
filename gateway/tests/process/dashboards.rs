//! Do the dashboard, the rules and the alerts of deploy/ ask for what a node tells, and does a real Prometheus get it?

use crate::support::{Gateway, Value, c2c, json, prometheus::Prometheus, soon, until};
use std::collections::BTreeSet;

const DASHBOARD: &str = include_str!("../../../deploy/grafana/dashboard.json");
const RULES: &str = include_str!("../../../deploy/prometheus/rules.yml");
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");
const ALERTS_TEST: &str = include_str!("../../../deploy/prometheus/alerts_test.yml");
const METRICS_DOCUMENT: &str = include_str!("../../../docs/METRICS.md");
const ALERTS_DOCUMENT: &str = include_str!("../../../docs/ALERTS.md");
/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    dashboard["panels"].as_array().expect("panels").clone()
}

/// Each query with the title of its panel.
fn queries() -> Vec<(String, String)> {
    let of_panel = |panel: &Value| {
        let (title, targets) = (panel["title"].as_str().expect("a title").to_owned(), panel["targets"].clone());
        let targets = targets.as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().expect("a query").to_owned()))
    };
    panels().iter().flat_map(of_panel).collect()
}

/// The values of a YAML key, each on a line of its own.
fn values<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    yaml.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(key)?.strip_prefix(": ")).collect()
}

/// The names of a text that look like those of metrics or recorded series.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'));
    words.filter(|word| {
        let is_recorded = ["instance:", "job:"].iter().any(|level| word.starts_with(level) && word.len() > level.len());
        is_recorded || ["gateway_", "process_"].iter().any(|prefix| word.starts_with(prefix))
    })
}

#[test]
fn what_is_asked_for_is_documented_or_recorded() {
    let expressions = [RULES, ALERTS].map(|yaml| yaml.replace(['\n'], " "));
    let asked = queries().into_iter().map(|(_, query)| query).chain(expressions).collect::<Vec<_>>();
    let recorded = values(RULES, "record");
    let asked: BTreeSet<&str> = asked.iter().flat_map(|text| names(text)).collect();
    assert!(asked.len() > 40, "{asked:?}");
    for name in asked {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_documented =
            [Some(name), of_histogram].iter().flatten().any(|name| METRICS_DOCUMENT.contains(&format!("| `{name}` |")));
        assert!(is_documented || recorded.contains(&name), "{name} is in docs/METRICS.md or recorded");
    }
}

#[test]
fn each_documented_metric_is_on_the_dashboard() {
    let asked = format!("{DASHBOARD}{RULES}");
    let left_out = ["process_virtual_memory_bytes"];
    for name in METRICS_DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()) {
        let is_metric = name.starts_with("gateway_") || name.starts_with("process_");
        assert!(!is_metric || asked.contains(name) || left_out.contains(&name), "{name}");
    }
}

#[test]
fn the_panels_have_what_grafana_asks_of_them_and_do_not_overlap() {
    let panels = panels();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in &panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: the id is its own");
        assert!(["row", "timeseries", "stat"].contains(&panel["type"].as_str().expect("a type")), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap_or_else(|| panic!("{title} has a place"));
        assert!(place("x") + place("w") <= COLUMNS, "{title} is within the grid");
        for cell in (place("x")..place("x") + place("w"))
            .flat_map(|x| (place("y")..place("y") + place("h")).map(move |y| (x, y)))
        {
            assert!(cells.insert(cell), "{title} covers another panel");
        }
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        assert_eq!(targets.is_empty(), panel["type"] == "row", "{title}");
        let letters: BTreeSet<_> = targets.iter().map(|target| target["refId"].to_string()).collect();
        assert_eq!(letters.len(), targets.len(), "{title}: each query has a letter of its own");
        for target in &targets {
            assert_eq!(target["datasource"], json!({"type": "prometheus", "uid": "${datasource}"}), "{title}");
        }
    }
}

#[test]
fn each_alert_has_a_severity_a_test_and_a_page_that_explains_it() {
    let alerts = values(ALERTS, "alert");
    assert!(alerts.len() >= 10);
    let (severities, pages) = (values(ALERTS, "severity"), values(ALERTS, "runbook_url"));
    for ((alert, severity), page) in alerts.iter().zip(&severities).zip(&pages) {
        assert!(["critical", "warning"].contains(severity), "{alert}");
        assert_eq!(*page, format!("docs/ALERTS.md#{}", alert.to_lowercase()));
        let explained =
            ALERTS_DOCUMENT.split(&format!("## {alert}\n\n*")).nth(1).unwrap_or_else(|| panic!("{alert} is explained"));
        assert!(explained.to_lowercase().starts_with(severity), "{alert} is explained as {severity}");
        let fires = format!("alertname=\"{alert}\", alertstate=\"firing\"");
        let quiet =
            ALERTS_TEST.split("- expr: ").filter(|test| test.contains(&fires) && test.contains("exp_samples: []"));
        let loud = ALERTS_TEST.split("- expr: ").filter(|test| test.contains(&fires) && test.contains("value: 1"));
        assert!(quiet.count() >= 1 && loud.count() >= 1, "{alert} is tested quiet and firing");
    }
    assert_eq!((severities.len(), pages.len()), (alerts.len(), alerts.len()));
    assert_eq!(ALERTS_DOCUMENT.matches("\n## ").count(), alerts.len(), "nothing else is explained");
}

#[tokio::test]
async fn a_real_prometheus_has_data_for_every_query_of_the_dashboard_and_no_alert_of_a_healthy_node() {
    let gateway = Gateway::start().await;
    let prometheus = Prometheus::start(&[gateway.address]).await;
    let _session = gateway.live("alice").await;
    for seq in 1..=3 {
        gateway.send(c2c("bob", "alice", seq)).await;
    }
    for (title, query) in queries() {
        let query = query.replace("$instance", ".*").replace("$__rate_interval", "10s");
        until(&format!("data for {title}: {query}"), async || !prometheus.query(&query).await.is_empty()).await;
    }
    let rules = soon("the rules are evaluated", async {
        loop {
            let groups = prometheus.get("/api/v1/rules").await["groups"].as_array().cloned().unwrap_or_default();
            let rules = groups.into_iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
            let rules: Vec<Value> = rules.collect();
            if !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown") {
                break rules;
            }
        }
    });
    let rules = rules.await;
    assert_eq!(rules.len(), values(RULES, "record").len() + values(ALERTS, "alert").len());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert!(rule["type"] == "recording" || rule["state"] != "firing", "{rule}");
    }
}
