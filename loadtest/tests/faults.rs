//! Does everything heal that breaks? The short form of the fault suite, with the binaries that were built for the tests.

mod support;

use std::process::Command;
use support::gateway;

#[test]
fn everything_heals_in_the_short_form() {
    let played = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["faults", "--short", "--gateway"])
        .arg(gateway())
        .output()
        .expect("the tool runs");
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}\n{}", String::from_utf8_lossy(&played.stderr));
    assert_eq!(said.matches("no violations").count(), 9, "{said}");
}
