//! Can somebody start a cluster, use it, see a node die and its clients go on, and end it?

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};
use support::gateway;

/// How long a cluster runs at most.
const SECONDS_MAX: &str = "120";
/// Where `make tools` puts it, and what it is given.
const PROMETHEUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/prometheus/usr/bin/prometheus");
const PROMETHEUS_CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus");

/// A cluster that runs; it ends with this value.
struct Cluster {
    tool: Child,
    says: BufReader<ChildStdout>,
}

impl Cluster {
    fn start(listen: &str) -> Self {
        // It would run for ever; `timeout` passes on the signals that it gets.
        let mut tool = Command::new("timeout")
            .args([SECONDS_MAX, env!("CARGO_BIN_EXE_loadtest"), "cluster", "--listen", listen])
            .args(["--restart-after-ms", "500", "--prometheus", PROMETHEUS])
            .args(["--prometheus-configuration", PROMETHEUS_CONFIGURATION, "--gateway"])
            .arg(gateway())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tool runs");
        let says = BufReader::new(tool.stdout.take().unwrap());
        Self { tool, says }
    }

    /// The first line from now on with a text in it.
    fn hear(&mut self, text: &str) -> String {
        self.hear_of(|line| line.contains(text).then(|| line.to_owned()))
    }

    /// What the first line tells from now on that tells anything.
    fn hear_of<T>(&mut self, tells: impl Fn(&str) -> Option<T>) -> T {
        let mut lines = self.says.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| tells(&line)).expect("the cluster has ended without saying it")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if matches!(self.tool.try_wait(), Ok(None)) {
            signal(self.tool.id(), "TERM");
            let _ = self.tool.wait();
        }
    }
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

/// Sessions of each node, of a line that tells them.
fn sessions(line: &str) -> Option<Vec<u64>> {
    let nodes = line.strip_prefix("sessions: ")?.split(", ");
    nodes.map(|node| node.rsplit(' ').next()?.parse().ok()).collect()
}

/// What stands after a word.
fn after<'a>(line: &'a str, word: &str) -> &'a str {
    line.split_once(word).unwrap().1.trim()
}

/// An answer to a GET, as it comes.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The process that a line names.
fn process(line: &str) -> u32 {
    after(line, "process ").parse().unwrap()
}

fn is_running(process: u32) -> bool {
    std::path::Path::new(&format!("/proc/{process}")).exists()
}

#[test]
fn a_cluster_is_started_used_while_a_node_dies_and_ended_with_one_program() {
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut cluster = Cluster::start(&listen);
    let mut nodes: Vec<u32> = ["a", "b", "c"].map(|name| process(&cluster.hear(&format!("node {name} ")))).to_vec();
    let prometheus = after(&cluster.hear("Prometheus "), "http://").to_owned();
    let url = format!("http://{listen}");
    assert_eq!(cluster.hear("export URL=").split(['=', ' ']).nth(2), Some(url.as_str()));
    let secret = "a secret of the load tool, for its own nodes only";
    let load = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "--url", &url, "--jwt-secret", secret, "--sessions", "30", "--rate", "30", "--sse", "0.3"])
        .args(["--seconds", "4", "--tolerate-restart"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool runs");
    let all = |line: &str| sessions(line).filter(|sessions| sessions.iter().sum::<u64>() == 30);
    let spread = cluster.hear_of(all);
    assert!(spread.iter().all(|sessions| *sessions > 5), "{spread:?}");
    signal(nodes[0], "KILL");
    cluster.hear("node a has ended");
    nodes.push(process(&cluster.hear("node a is ready again")));
    // It takes up what it is to ask every few seconds.
    let asks_all = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let targets = get(&prometheus, "/api/v1/targets?state=active");
        targets.matches(r#""scrapePool":"gateway""#).count() == nodes.len() - 1
    });
    assert!(asks_all, "Prometheus asks the three nodes");
    let done = load.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("violations  none"), "{said}");
    assert!(said.contains(&format!(" {} lost connections", spread[0])) && said.contains(" 30 full, "), "{said}");

    signal(cluster.tool.id(), "INT");
    assert!(cluster.tool.wait().unwrap().success());
    assert!(!nodes.into_iter().any(is_running) && TcpStream::connect(&listen).is_err(), "everything has ended");
}

#[test]
fn a_cluster_whose_keys_everybody_knows_is_for_this_machine_only() {
    let refused = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["cluster", "--listen", "0.0.0.0:0"])
        .output()
        .expect("the tool runs");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expected an address of this machine"), "{refused:?}");
}
