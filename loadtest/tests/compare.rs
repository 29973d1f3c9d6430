//! Do other servers get the gateway's work in `loadtest compare`? A small form, with the one that is always there.

mod support;

use serde_json::Value;
use std::process::Command;
use support::gateway;

#[test]
fn the_gateway_and_another_server_do_the_same_work_and_a_missing_one_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let (json, html) = (directory.path().join("report.json"), directory.path().join("report.html"));
    let done = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["compare", "--only", "floor,centrifugo", "--centrifugo", "/nowhere/centrifugo", "--gateway"])
        .arg(gateway())
        .args([
            "--sessions",
            "40",
            "--recipients",
            "8",
            "--rate",
            "50",
            "--fanout-rate",
            "20",
            "--seconds",
            "1",
            "--json",
        ])
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .output()
        .expect("the tool runs");
    assert!(done.status.success(), "{done:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let servers: Vec<&str> = rows.iter().map(|row| row["server"].as_str().unwrap()).collect();
    assert_eq!(servers, ["gateway", "floor"], "{report}");
    for (phase, expected) in [("one", 50), ("many", 160)] {
        let (ours, floor) = (&rows[0][phase], &rows[1][phase]);
        for row in [ours, floor] {
            assert_eq!(
                (&row["failed"], &row["overrun"], &row["expected"]),
                (&0.into(), &0.into(), &expected.into()),
                "{report}"
            );
            assert!(row["latency"]["p50Ms"].as_f64().unwrap() > 0.0, "{report}");
        }
        assert_eq!(floor["arrived"], expected, "{report}");
        // Messages that a row gets at once become one state.
        assert!(ours["arrived"].as_u64().unwrap() > expected * 3 / 4, "{report}");
        let bytes = |row: &Value| row["bytesPerDelivery"].as_f64().unwrap();
        assert!((bytes(ours) - bytes(floor)).abs() < 0.05 * bytes(ours), "{report}");
    }
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("Latency over time: gateway") && page.contains("Latency over time: floor"), "{page}");
    let (words, left_out) = (String::from_utf8(done.stdout).unwrap(), &report["leftOut"][0]);
    assert!(left_out["why"].as_str().unwrap().contains("installation"), "{report}");
    for expected in ["× ours", "no token is checked", "left out: centrifugo is not there", "violations  none"] {
        assert!(words.contains(expected), "{words}");
    }
}
