//! Does everything heal that breaks? The short form of the fault suite, with the binaries that were built for the tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The gateway beside the tool; built if nothing has built it yet.
fn gateway() -> PathBuf {
    let tool = Path::new(env!("CARGO_BIN_EXE_loadtest"));
    let gateway = tool.with_file_name("gateway");
    if !gateway.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--package", "conversation-gateway", "--bin", "gateway"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo is there").success(), "the gateway cannot be built");
    }
    gateway
}

#[test]
fn everything_heals_in_the_short_form() {
    let played = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["faults", "--short", "--gateway"])
        .arg(gateway())
        .output()
        .expect("the tool runs");
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}\n{}", String::from_utf8_lossy(&played.stderr));
    assert_eq!(said.matches("no violations").count(), 7, "{said}");
}
