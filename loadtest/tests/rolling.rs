//! Does anybody lose anything when all nodes behind a balancer are restarted, and one dies? The short form, and what it tells.

mod support;

use serde_json::Value;
use std::{fs, process::Command};
use support::gateway;

#[test]
fn nodes_that_are_restarted_and_one_that_dies_lose_nothing_and_their_clients_go_on_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let (json, document) = (directory.path().join("report.json"), directory.path().join("report.md"));
    fs::write(&document, "before\n<!-- rolling: begin -->\n<!-- rolling: end -->\nafter\n").unwrap();
    let played = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["rolling", "--sessions", "60", "--rate", "60", "--between-seconds", "0.5"])
        .args(["--drain-delay-ms", "2500", "--drain-spread-ms", "1000", "--gateway"])
        .arg(gateway())
        .arg("--json")
        .arg(&json)
        .arg("--report")
        .arg(&document)
        .output()
        .expect("the tool runs");
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}\n{}", String::from_utf8_lossy(&played.stderr));
    let report: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let events = report["events"].as_array().unwrap();
    let what: Vec<_> = events.iter().map(|event| (event["node"].as_str(), event["how"].as_str())).collect();
    let expected = [("a", "drained"), ("b", "drained"), ("c", "drained"), ("a", "killed")];
    assert_eq!(what, expected.map(|(node, how)| (Some(node), Some(how))), "{report}");
    for event in events {
        let (sessions, away) = (event["sessions"].as_u64().unwrap(), &event["away"]);
        assert!(sessions > 0 && event["replays"].as_u64() >= Some(sessions) && event["fullSyncs"] == 0, "{event}");
        assert!(away["count"].as_u64() >= Some(sessions) && away["maxMs"].as_f64() > Some(0.0), "{event}");
    }
    assert!(report["load"]["rowsCompared"].as_u64() > Some(100) && report["load"]["givenUp"] == 0, "{report}");
    let document = fs::read_to_string(document).unwrap();
    assert!(document.contains("| a gets SIGTERM |") && document.contains("| a gets SIGKILL |"), "{document}");
}
