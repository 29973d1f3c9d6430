//! What do the tests of measurements share? A gateway that runs, and how a subcommand measures it.

use crate::support::gateway;
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::Duration,
};

const SECRET: &str = "a secret of these tests, with enough bytes";

/// A gateway in memory; it ends with this value.
pub(crate) struct Node {
    child: Child,
    port: u16,
}

impl Node {
    /// Starts one and waits until it is ready.
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(gateway())
            .args(["--store", "memory:", "--jwt-secret", SECRET, "--api-key", "k", "--connects-per-user", "100"])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--log", "warn"])
            .spawn()
            .expect("the gateway is there");
        for _ in 0..2_000 {
            assert!(child.try_wait().unwrap().is_none(), "the gateway has ended");
            if is_ready(port) {
                return Self { child, port };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the gateway is not ready");
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A subcommand that measures this node.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(arguments).args(["--api-key", "k", "--jwt-secret", SECRET, "--pid", &self.id().to_string()]);
        command.args(["--url", &format!("http://127.0.0.1:{}", self.port)]);
        command
    }

    /// Runs it; what it wrote as JSON, and its page.
    pub(crate) fn measure(&self, arguments: &[&str]) -> (Value, String) {
        let directory = tempfile::tempdir().unwrap();
        let (json, html) = (directory.path().join("report.json"), directory.path().join("report.html"));
        let mut command = self.command(arguments);
        let done = command.arg("--json").arg(&json).arg("--html").arg(&html).output().expect("the tool runs");
        assert!(done.status.success(), "{done:?}");
        let steps = String::from_utf8_lossy(&done.stderr);
        assert!(steps.contains("opening sessions") && steps.contains("is over"), "{steps}");
        let page = std::fs::read_to_string(html).unwrap();
        assert!(page.contains("Every promise was kept.") && page.contains("--jwt-secret …"), "{page}");
        assert!(!page.contains(SECRET) && !page.contains("--api-key k"), "{page}");
        (serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap(), page)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(port: u16) -> bool {
    let mut answer = String::new();
    TcpStream::connect(("127.0.0.1", port))
        .and_then(|mut stream| {
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        })
        .is_ok_and(|_| answer.starts_with("HTTP/1.1 200"))
}
