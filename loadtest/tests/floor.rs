//! Do the measures beside the floor measure the same work on both sides? Small forms of them.

mod support;

use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::Duration,
};
use support::gateway;

const SECRET: &str = "a secret of these tests, with enough bytes";

/// A gateway in memory; it ends with this value.
struct Node {
    child: Child,
    port: u16,
}

impl Node {
    fn start() -> Self {
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

    /// Runs a subcommand that measures this node beside the floor; what it wrote as JSON. Its page is looked at here.
    fn measure(&self, arguments: &[&str]) -> Value {
        let directory = tempfile::tempdir().unwrap();
        let (json, html) = (directory.path().join("report.json"), directory.path().join("report.html"));
        let done = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(arguments)
            .args(["--url", &format!("http://127.0.0.1:{}", self.port), "--jwt-secret", SECRET])
            .args(["--pid", &self.child.id().to_string(), "--floor", "--json"])
            .arg(&json)
            .arg("--html")
            .arg(&html)
            .output()
            .expect("the tool runs");
        assert!(done.status.success(), "{done:?}");
        let steps = String::from_utf8_lossy(&done.stderr);
        assert!(steps.contains("opening sessions") && steps.contains("is over"), "{steps}");
        let page = std::fs::read_to_string(html).unwrap();
        assert!(
            page.contains(&format!("gateway: gateway {}", self.child.id())) && page.contains("floor: loadtest "),
            "{page}"
        );
        assert!(page.contains("Every promise was kept.") && page.contains("--jwt-secret …"), "{page}");
        assert!(!page.contains(SECRET) && !page.contains("--api-key k"), "{page}");
        serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
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

#[test]
fn idle_sessions_of_the_gateway_and_of_the_floor_are_measured() {
    let report = Node::start().measure(&["idle", "--sessions", "300"]);
    for server in ["gateway", "floor"] {
        let cost = &report[server];
        assert_eq!(cost["sessions"], 300, "{report}");
        assert!(
            cost["kibPerSession"].as_f64().unwrap() > 0.0 && cost["cpuUsPerConnect"].as_f64().unwrap() > 0.0,
            "{report}"
        );
    }
}

#[test]
fn what_is_published_arrives_over_both_in_frames_of_the_same_bytes() {
    let arguments =
        ["publish", "--api-key", "k", "--sessions", "40", "--recipients", "8", "--rate", "50", "--seconds", "2"];
    let report = Node::start().measure(&[&arguments[..], &["--sse", "0.5"]].concat());
    let samples = report["gateway"]["series"]["samples"].as_array().unwrap();
    assert!(samples.iter().any(|look| look["latency"]["p99Ms"].as_f64().is_some()), "{report}");
    let bytes = |server: &str| report[server]["bytesPerDelivery"].as_f64().unwrap();
    for server in ["gateway", "floor"] {
        let phase = &report[server];
        assert_eq!(
            (&phase["failed"], &phase["overrun"], &phase["expected"]),
            (&0.into(), &0.into(), &800.into()),
            "{report}"
        );
        // Messages that a row gets at once become one state.
        assert!(phase["arrived"].as_u64().unwrap() > 600, "{report}");
        assert!(phase["latency"]["p50Ms"].as_f64().unwrap() > 0.0, "{report}");
    }
    assert_eq!(report["floor"]["arrived"], 800, "{report}");
    assert!((bytes("gateway") - bytes("floor")).abs() < 0.05 * bytes("gateway"), "{report}");
}
