//! Does a soak judge and tell? Its short form, in which descriptors that leak with each reconnect would show.

mod support;

use std::{fs, process::Command};
use support::gateway;

#[test]
fn a_short_soak_is_flat_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (plot, report) = (directory.path().join("soak.svg"), directory.path().join("report.md"));
    fs::write(&report, "before\n<!-- soak: begin -->\n<!-- soak: end -->\nafter\n").unwrap();
    let soaked = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args([
            "soak",
            "--minutes",
            "0.3",
            "--sessions",
            "60",
            "--rate",
            "60",
            "--churn",
            "0.1",
            "--fanout-members",
            "200",
        ])
        .args(["--memory-mib-per-hour", "20000", "--descriptors-per-hour", "8000"])
        .arg("--svg")
        .arg(&plot)
        .arg("--report")
        .arg(&report)
        .arg("--gateway")
        .arg(gateway())
        .output()
        .expect("the tool runs");
    let said = String::from_utf8_lossy(&soaked.stdout);
    assert!(soaked.status.success(), "{said}\n{}", String::from_utf8_lossy(&soaked.stderr));
    assert!(said.contains("node b, descriptors") && said.contains("violations  none"), "{said}");
    let plot = fs::read_to_string(plot).unwrap();
    assert_eq!(plot.matches("class=\"line c").count(), 2 * (3 + 2 + 3 + 1), "each line, and its mark in the legend");
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("| node a, memory in MiB |") && report.contains("](soak.svg)"), "{report}");
}
