//! How does a test get a Prometheus of its own? A real one, with the rules of deploy/, that asks nodes four times a second.

use super::{Call, LOOK, Value, gateway::free_address, soon};
use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Where `make tools` puts it.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/prometheus/usr/bin/prometheus");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus");
/// How often a start is tried: another process may take the free port first.
const STARTS_MAX: usize = 5;

/// A Prometheus, which ends with the test.
pub(crate) struct Prometheus {
    child: Child,
    _directory: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one that asks these nodes.
    pub(crate) async fn start(nodes: &[SocketAddr]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let targets: Vec<String> = nodes.iter().map(|node| format!("\"{node}\"")).collect();
        let config = format!(
            "global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}}\n\
             rule_files: [{RULES}/rules.yml, {RULES}/alerts.yml]\n\
             scrape_configs: [{{job_name: gateway, static_configs: [{{targets: [{}]}}]}}]\n",
            targets.join(", ")
        );
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, config).expect("a file can be written");
        for _ in 0..STARTS_MAX {
            let address = free_address();
            let started = Command::new(PROGRAM)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--log.level=error")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let mut child = started.unwrap_or_else(|error| panic!("no prometheus ({error}): make tools"));
            let is_there = soon("prometheus", async {
                loop {
                    if child.try_wait().expect("a child can be waited for").is_some() {
                        return false;
                    }
                    if matches!(Call::get("/-/ready").try_send(address).await, Ok(answer) if answer.status == 200) {
                        return true;
                    }
                    tokio::time::sleep(LOOK).await;
                }
            });
            if is_there.await {
                return Self { child, _directory: directory, address };
            }
        }
        panic!("prometheus does not start on any of {STARTS_MAX} ports");
    }

    /// What it answers to `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Value {
        Call::get(path).send(self.address).await.json()["data"].clone()
    }

    /// The series that a query gives now.
    pub(crate) async fn query(&self, query: &str) -> Vec<Value> {
        let percent =
            |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        let query: String = query.bytes().map(percent).collect();
        self.get(&format!("/api/v1/query?query={query}")).await["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
