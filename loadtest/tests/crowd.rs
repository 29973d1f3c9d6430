//! Do the measures of many users count what they say? Small forms of them.

#[path = "support/node.rs"]
mod node;
mod support;

use node::Node;
use serde_json::Value;
use std::{
    io::Read,
    process::{Command, Stdio},
    time::Duration,
};

fn numbers(value: &Value, field: &str) -> Vec<f64> {
    value[field].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn every_idle_session_gets_a_frame_of_the_size_that_was_asked_for() {
    let (report, _) = Node::start().measure(&["idle", "--sessions", "200", "--frame-bytes", "20000"]);
    let frame = &report["frame"];
    for bytes in ["bytesLeast", "bytesMost"] {
        assert!((18_000..22_000).contains(&frame[bytes].as_u64().unwrap()), "{report}");
    }
    assert!(frame["ratio"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn every_session_resumes_with_each_count_of_rows() {
    let arguments = ["idle", "--sessions", "60", "--resume-rows", "5", "--rows", "5,40"];
    let (report, _) = Node::start().measure(&arguments);
    let resumes = report["resumes"].as_array().unwrap();
    let rows: Vec<u64> = resumes.iter().map(|resume| resume["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, [5, 40], "{report}");
    for resume in resumes {
        assert_eq!((&resume["changed"], &resume["untilLive"]["count"]), (&5.into(), &60.into()), "{report}");
        assert!(resume["cpuUsPerConnect"].as_f64().unwrap() > 0.0, "{report}");
    }
}

#[test]
fn only_recipients_who_are_online_get_what_is_published() {
    let node = Node::start();
    let store = node.id().to_string();
    let arguments = ["publish", "--sessions", "50", "--recipients", "10", "--online", "0.4"];
    let more = ["--rate", "20", "--seconds", "2", "--rows", "1,30", "--store-pid", &store];
    let (report, _) = node.measure(&[&arguments[..], &more].concat());
    for phase in [&report["gateway"], &report["withOtherRows"][0]] {
        assert_eq!(
            (&phase["expected"], &phase["failed"], &phase["overrun"]),
            (&160.into(), &0.into(), &0.into()),
            "{report}"
        );
        assert!((1..=160).contains(&phase["arrived"].as_u64().unwrap()), "{report}");
        assert!((1..=40).contains(&phase["untilLast"]["count"].as_u64().unwrap()), "{report}");
        // The process stands for its own store here.
        assert_eq!(numbers(phase, "cpuUsPerCall"), numbers(phase, "storeCpuUsPerCall"), "{report}");
    }
    assert_eq!(report["withOtherRows"][0]["rows"], 30, "{report}");
}

#[test]
fn a_storm_ends_with_everybody_live() {
    let (report, _) = Node::start().measure(&["reconnect", "--sessions", "40"]);
    assert_eq!((&report["returned"], &report["untilLive"]["count"]), (&40.into(), &40.into()), "{report}");
}

/// Three worker processes.
const WORKERS: [&str; 4] = ["--sessions", "30", "--sessions-per-worker", "10"];

#[test]
fn sessions_of_three_processes_are_measured_as_one_crowd() {
    let node = Node::start();
    let more = ["--frame-bytes", "4000", "--resume-rows", "3", "--floor"];
    let (report, _) = node.measure(&[&["idle"][..], &WORKERS, &more].concat());
    for server in ["gateway", "floor"] {
        assert_eq!(report[server]["sessions"], 30, "{report}");
    }
    assert!(report["frame"]["bytesLeast"].as_u64().unwrap() > 3_000, "{report}");
    assert_eq!(report["resumes"][0]["untilLive"]["count"], 30, "{report}");

    let (storm, _) = node.measure(&[&["reconnect"][..], &WORKERS, &["--rows", "4", "--changed", "2"]].concat());
    assert_eq!((&storm["returned"], &storm["untilLive"]["count"]), (&30.into(), &30.into()), "{storm}");
    assert_eq!(storm["seen"]["attempts"], 30, "{storm}");
}

#[test]
fn what_arrives_at_three_processes_is_added_up_on_one_time_line() {
    // Each group has members in two processes.
    let more = ["--recipients", "15", "--rate", "10", "--seconds", "3", "--floor"];
    let (report, _) = Node::start().measure(&[&["publish"][..], &WORKERS, &more].concat());
    for server in ["gateway", "floor"] {
        let (phase, latency) = (&report[server], &report[server]["latency"]);
        assert_eq!((&phase["expected"], &phase["failed"]), (&450.into(), &0.into()), "{report}");
        assert_eq!(latency["count"], phase["arrived"], "{report}");
        // On different time lines some would arrive before they were sent, or seconds later.
        let (p50, max) = (latency["p50Ms"].as_f64().unwrap(), latency["maxMs"].as_f64().unwrap());
        assert!(p50 > 0.01 && max < 5_000.0, "{report}");
        assert!(phase["untilLast"]["p50Ms"].as_f64().unwrap() >= p50, "{report}");
    }
    assert_eq!(report["floor"]["arrived"], 450, "{report}");
    assert_eq!(report["floor"]["untilLast"]["count"], 30, "{report}");
}

#[test]
fn a_worker_that_dies_fails_the_run_with_its_words() {
    let node = Node::start();
    let arguments = [&["publish"][..], &WORKERS, &["--rate", "1", "--seconds", "60"]].concat();
    let mut tool =
        node.command(&arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the tool runs");
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", node.id())).unwrap().count();
    let sessions_open = descriptors() + 30;
    let worker = (0..2_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        if descriptors() < sessions_open { None } else { children(tool.id()).into_iter().next() }
    });
    let killed = Command::new("kill").args(["-KILL", &worker.expect("three workers with 30 sessions")]).status();
    assert!(killed.unwrap().success());
    let mut said = String::new();
    tool.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(tool.wait().unwrap().code(), Some(2), "{said}");
    assert!(said.contains("worker ") && said.contains("has ended"), "{said}");
}

/// The processes that one has started.
fn children(process: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of_thread =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    threads.flat_map(|thread| of_thread(thread).split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
