//! Is every metric of docs/METRICS.md told by a node, and every metric of a node in docs/METRICS.md?

use crate::support::{Gateway, c2c, group, json, redis_server::RedisServer, until};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = include_str!("../../../docs/METRICS.md");

/// Labels with their values; `None`: the document does not say them all.
type Labels = BTreeMap<String, Option<BTreeSet<String>>>;

/// Metrics by name: type, and labels.
type Metrics = BTreeMap<String, (String, Labels)>;

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the tables whose first column names a metric.
fn documented() -> Metrics {
    let mut metrics = Metrics::new();
    for line in DOCUMENT.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, tells] = cells[..] else { continue };
        let Some(name) = quoted(name).next() else { continue };
        assert!(!unit.is_empty() && !tells.is_empty(), "{name} has a unit and tells something");
        let labels = labels.split(';').filter_map(|label| {
            let (name, values) = label.split_once(':')?;
            let is_all = values.split('`').step_by(2).all(|between| between.trim_matches([',', ' ']).is_empty());
            let values = is_all.then(|| quoted(values).map(str::to_owned).collect());
            Some((quoted(name).next().expect("a label has a name").to_owned(), values))
        });
        let metric = (kind.to_owned(), labels.collect());
        assert!(metrics.insert(name.to_owned(), metric).is_none(), "{name} stands there twice");
    }
    metrics
}

/// The text format: types, then samples with their labels.
fn told(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            metrics.insert(name.to_owned(), (kind.to_owned(), Labels::new()));
        }
        if line.starts_with('#') {
            continue;
        }
        let (sample, _) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let name = of_histogram.filter(|name| metrics.contains_key(*name)).unwrap_or(name);
        let (_, known) = metrics.get_mut(name).unwrap_or_else(|| panic!("{name} has a type"));
        for label in labels.trim_end_matches('}').split(',') {
            let Some((label, value)) = label.split_once('=').filter(|(label, _)| *label != "le") else { continue };
            let values = known.entry(label.to_owned()).or_insert_with(|| Some(BTreeSet::new()));
            values.as_mut().expect("values are collected").insert(value.trim_matches('"').to_owned());
        }
    }
    metrics
}

#[tokio::test]
async fn every_metric_is_documented_with_its_type_and_labels_and_every_documented_one_is_told() {
    let gateway = Gateway::start().await;
    let _session = gateway.live("alice").await;
    gateway.send(c2c("bob", "alice", 1)).await;
    assert_eq!(gateway.total("alice").await, 1);
    let (documented, told) = (documented(), told(&gateway.get("/metrics").await.text()));
    let names = |metrics: &Metrics| metrics.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&told), names(&documented));
    for (name, (kind, labels)) in &documented {
        let (told_kind, told_labels) = &told[name];
        assert_eq!(told_kind, kind, "the type of {name}");
        assert!(told_labels.keys().eq(labels.keys()), "{name} has the labels {:?}", told_labels.keys());
        for (label, values) in labels {
            assert!(values.is_none() || told_labels[label] == *values, "{name} {label}: {:?}", told_labels[label]);
        }
    }
}

#[tokio::test]
async fn names_end_in_a_base_unit_and_counters_in_total() {
    for (name, (kind, _)) in documented() {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        for unit in ["_ms", "_us", "_milliseconds", "_minutes", "_kib", "_percent"] {
            assert!(!name.trim_end_matches("_total").ends_with(unit), "{name}");
        }
    }
}

/// The sum and the count of what was measured of deliveries.
async fn latencies(gateway: &Gateway) -> (f64, u64) {
    let text = gateway.get("/metrics").await.text();
    let value = |end: &str| {
        text.lines().find_map(|line| line.strip_prefix("gateway_delivery_latency_seconds")?.strip_prefix(end))
    };
    let sum = value("_sum ").and_then(|sum| sum.parse().ok()).expect("a sum");
    (sum, value("_count ").and_then(|count| count.parse().ok()).expect("a count"))
}

#[tokio::test]
async fn the_latency_of_a_message_is_measured_until_the_connection_has_taken_it() {
    let gateway = Gateway::start().await;
    let _session = gateway.live("alice").await;
    assert_eq!(latencies(&gateway).await, (0.0, 0), "what a sync tells is not in it");
    gateway.send(c2c("bob", "alice", 1)).await;
    until("it is measured", async || latencies(&gateway).await.1 == 1).await;
    let (sum, _) = latencies(&gateway).await;
    assert!(sum > 0.0 && sum < 20.0, "{sum} s");
}

#[tokio::test]
async fn the_latency_of_a_message_is_measured_on_the_node_of_its_recipient() {
    let redis = RedisServer::start().await;
    let store = redis.url();
    let [a, b] = [Gateway::with(&["--store", &store]).await, Gateway::with(&["--store", &store]).await];
    let _session = b.live("alice").await;
    a.send(c2c("bob", "alice", 1)).await;
    let members: Vec<String> = (0..200).map(|number| format!("u{number}")).chain(["alice".to_owned()]).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    a.post("sendMessage", group("crowd", "u0", &members, 1)).await;
    until("both are measured", async || latencies(&b).await.1 == 2).await;
    let (sum, _) = latencies(&b).await;
    assert!(sum < 20.0, "{sum} s");
    assert_eq!(latencies(&a).await, (0.0, 0));
    assert_eq!(b.metric("gateway_changes_delivered_total").await, 2);
}

#[tokio::test]
async fn calls_of_a_store_that_is_away_are_counted_as_errors() {
    let redis = RedisServer::start().await;
    let gateway = Gateway::with(&["--store", &redis.url()]).await;
    assert!(
        gateway.metric("gateway_store_call_duration_seconds_count{call=\"ping\"}").await > 0,
        "it was asked for /readyz"
    );
    let errors = async || gateway.metric("gateway_store_errors_total{call=\"heads\",error=\"unavailable\"}").await;
    assert_eq!(errors().await, 0);
    drop(redis);
    let answer = gateway.call("alice", "getTotalUnreadMessageCount", json!({})).await;
    assert_eq!(answer.expect_err("nobody is there")["code"], 50_004);
    assert!(errors().await > 0);
}
