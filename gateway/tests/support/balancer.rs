//! How does a test get a balancer of its own? A real HAProxy or nginx with the configuration of deploy/.

use super::{Call, LOOK, gateway::free_address, soon};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The configurations that operators are given.
const HAPROXY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy/haproxy.cfg");
const NGINX: &str = include_str!("../../../deploy/nginx/nginx.conf");
/// Where the nodes are, by name in the first and by address in the second.
const NODES: [(&str, &str); 3] =
    [("GATEWAY_NODE_A", "10.0.0.11:8080"), ("GATEWAY_NODE_B", "10.0.0.12:8080"), ("GATEWAY_NODE_C", "10.0.0.13:8080")];
/// How often a start is tried: another process may take a free port first.
const STARTS_MAX: usize = 5;

/// Which program balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    HaProxy,
    Nginx,
}

/// Both programs.
pub(crate) const BALANCERS: [Program; 2] = [Program::HaProxy, Program::Nginx];

/// A balancer, which ends with the test.
pub(crate) struct Balancer {
    child: Child,
    /// What it reads and writes.
    _directory: TempDir,
    /// Where clients connect.
    pub(crate) address: SocketAddr,
}

impl Program {
    /// The program, to be run in the foreground with its configuration: for clients at an address, before up to three nodes.
    fn command(self, address: SocketAddr, nodes: &[SocketAddr], directory: &Path) -> Command {
        let mut command = Command::new(match self {
            Self::HaProxy => "haproxy",
            Self::Nginx => "nginx",
        });
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Where there are fewer nodes, the others are never there.
        let nodes = nodes.iter().copied().chain(std::iter::repeat_with(free_address));
        let nodes = NODES.iter().zip(nodes);
        match self {
            Self::HaProxy => {
                command.args(["-f", HAPROXY]).env("GATEWAY_BIND", address.to_string());
                command.envs(nodes.map(|((name, _), node)| (name, node.to_string())));
                command.env("HAPROXY_STATS", free_address().to_string());
            }
            Self::Nginx => {
                let file = directory.join("nginx.conf");
                let placed = nodes.fold(NGINX.to_owned(), |text, ((_, example), node)| {
                    replaced(&text, &format!("server {example} "), &format!("server {node} "))
                });
                let placed = replaced(&placed, "listen 8080;", &format!("listen {address};"));
                let placed = placed.replace("/var/log/nginx", &directory.display().to_string());
                fs::write(&file, replaced(&placed, "http {", TEMPORARY)).expect("a directory of its own");
                command.arg("-p").arg(directory).arg("-c").arg(file).args(["-e", "stderr"]);
                // One process, so that its end is the end of all.
                command.args(["-g", "daemon off; master_process off; pid nginx.pid;"]);
            }
        }
        command
    }
}

/// Directories of its own, where nobody needs to be root.
const TEMPORARY: &str = "http {
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;";

/// A text with something in it replaced, that must be there once.
fn replaced(text: &str, what: &str, with: &str) -> String {
    assert_eq!(text.matches(what).count(), 1, "{what}");
    text.replace(what, with)
}

impl Balancer {
    /// Starts one before up to three nodes, and waits until it has found one that is ready.
    pub(crate) async fn start(program: Program, nodes: &[SocketAddr]) -> Self {
        for _ in 0..STARTS_MAX {
            let (address, directory) = (free_address(), tempfile::tempdir().expect("a temporary directory"));
            let started = program.command(address, nodes, directory.path()).spawn();
            let child = started.unwrap_or_else(|error| panic!("no {program:?} ({error}): make tools"));
            let mut balancer = Self { child, _directory: directory, address };
            let is_there = soon("the balancer", async {
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
        panic!("{program:?} does not start on any of {STARTS_MAX} ports");
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
