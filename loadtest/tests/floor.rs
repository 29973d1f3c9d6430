//! Do the measures beside the floor measure the same work on both sides? Small forms of them.

#[path = "support/node.rs"]
mod node;
mod support;

use node::Node;

/// The page shows both processes.
fn assert_both(page: &str, node: &Node) {
    assert!(page.contains(&format!("gateway: gateway {}", node.id())) && page.contains("floor: loadtest "), "{page}");
}

#[test]
fn idle_sessions_of_the_gateway_and_of_the_floor_are_measured() {
    let node = Node::start();
    let (report, page) = node.measure(&["idle", "--sessions", "300", "--floor"]);
    assert_both(&page, &node);
    for server in ["gateway", "floor"] {
        let cost = &report[server];
        assert_eq!(cost["sessions"], 300, "{report}");
        assert!(
            cost["kibPerSession"].as_f64().unwrap() > 0.0 && cost["cpuUsPerConnect"].as_f64().unwrap() > 0.0,
            "{report}"
        );
    }
}

#[test]
fn what_is_published_arrives_over_both_in_frames_of_the_same_bytes() {
    let arguments = ["publish", "--sessions", "40", "--recipients", "8", "--rate", "50", "--seconds", "2"];
    let node = Node::start();
    let (report, page) = node.measure(&[&arguments[..], &["--sse", "0.5", "--floor"]].concat());
    assert_both(&page, &node);
    let samples = report["gateway"]["series"]["samples"].as_array().unwrap();
    assert!(samples.iter().any(|look| look["latency"]["p99Ms"].as_f64().is_some()), "{report}");
    let bytes = |server: &str| report[server]["bytesPerDelivery"].as_f64().unwrap();
    for server in ["gateway", "floor"] {
        let phase = &report[server];
        assert_eq!(
            (&phase["failed"], &phase["overrun"], &phase["expected"]),
            (&0.into(), &0.into(), &800.into()),
            "{report}"
        );
        // Messages that a row gets at once become one state.
        assert!(phase["arrived"].as_u64().unwrap() > 600, "{report}");
        assert!(phase["latency"]["p50Ms"].as_f64().unwrap() > 0.0, "{report}");
    }
    assert_eq!(report["floor"]["arrived"], 800, "{report}");
    assert!((bytes("gateway") - bytes("floor")).abs() < 0.05 * bytes("gateway"), "{report}");
}
