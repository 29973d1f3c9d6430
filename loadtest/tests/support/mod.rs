//! What do the tool's tests share? The gateway that they load.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The gateway beside the tool; built if nothing has built it yet.
pub(crate) fn gateway() -> PathBuf {
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
