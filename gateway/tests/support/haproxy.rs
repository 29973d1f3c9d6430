//! How does a test get a balancer of its own? A real HAProxy with the configuration of deploy/, before two nodes.

use super::{Call, LOOK, gateway::free_address, soon};
use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

/// The configuration that operators are given.
pub(crate) const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy/haproxy.cfg");
/// How often a start is tried: another process may take a free port first.
const STARTS_MAX: usize = 5;

/// A balancer, which ends with the test.
pub(crate) struct HaProxy {
    child: Child,
    /// Where clients connect.
    pub(crate) address: SocketAddr,
}

/// HAProxy with that configuration.
pub(crate) fn command(address: SocketAddr, nodes: [SocketAddr; 2]) -> Command {
    let mut command = Command::new("haproxy");
    command
        .args(["-f", CONFIGURATION])
        .env("GATEWAY_BIND", address.to_string())
        .env("GATEWAY_NODE_A", nodes[0].to_string())
        .env("GATEWAY_NODE_B", nodes[1].to_string())
        // A third one that is never there.
        .env("GATEWAY_NODE_C", free_address().to_string())
        .env("HAPROXY_STATS", free_address().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl HaProxy {
    /// Starts one and waits until it has found a node that is ready.
    pub(crate) async fn start(nodes: [SocketAddr; 2]) -> Self {
        for _ in 0..STARTS_MAX {
            let address = free_address();
            let started = command(address, nodes).spawn();
            let child = started.unwrap_or_else(|error| panic!("no haproxy ({error}): apt-get install haproxy"));
            let mut balancer = Self { child, address };
            let is_there = soon("haproxy", async {
                loop {
                    if balancer.child.try_wait().expect("a child can be waited for").is_some() {
                        return false;
                    }
                    if matches!(Call::get("/readyz").try_send(address).await, Ok(answer) if answer.status == 200) {
                        return true;
                    }
                    tokio::time::sleep(LOOK).await;
                }
            });
            if is_there.await {
                return balancer;
            }
        }
        panic!("haproxy does not start on any of {STARTS_MAX} ports");
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
