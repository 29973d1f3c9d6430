//! Prometheus with a configuration like that of deploy/: how it is started for nodes of our own.

use crate::{
    http::BaseUrl,
    processes::{Process, serve},
};
use std::{fs, net::SocketAddr, path::Path, process::Command};
use tempfile::TempDir;

/// The file of the configuration that says where the nodes are.
const NODES: &str = "nodes.yml";

/// A Prometheus; it ends with this value.
#[derive(Debug)]
pub(super) struct Prometheus {
    _process: Process,
    pub(super) url: BaseUrl,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts one on a free port, with the configuration of a directory for these nodes, and waits until it is ready.
    pub(super) async fn start(program: &Path, configuration: &Path, nodes: &[SocketAddr]) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        copy(configuration, directory.path()).map_err(|error| format!("{}: {error}", configuration.display()))?;
        fs::write(directory.path().join(NODES), targets(nodes)).map_err(|error| error.to_string())?;
        let command = |address: SocketAddr| {
            let mut command = Command::new(program);
            command.arg(format!("--config.file={}", directory.path().join("prometheus.yml").display()));
            command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
            command.arg(format!("--web.listen-address={address}"));
            Ok(command)
        };
        let (process, url) = serve("prometheus", "/-/ready", command).await?;
        Ok(Self { _process: process, url, _directory: directory })
    }
}

/// Copies the files of a directory.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// The nodes as Prometheus reads them: YAML, of which JSON is a part.
fn targets(nodes: &[SocketAddr]) -> String {
    serde_json::json!([{ "targets": nodes }]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_a_target() {
        let nodes = ["127.0.0.2:1".parse().unwrap(), "127.0.0.2:2".parse().unwrap()];
        assert_eq!(targets(&nodes), r#"[{"targets":["127.0.0.2:1","127.0.0.2:2"]}]"#);
    }
}
