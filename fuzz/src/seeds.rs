//! What is mutated: the files in `corpus/`, and every example of PROTOCOL.md.

use crate::targets::{frames, tokens};
use std::path::Path;

const DOCUMENT: &str = include_str!("../../protocol/PROTOCOL.md");

/// An example of PROTOCOL.md.
struct Example {
    kind: &'static str,
    name: &'static str,
    text: String,
}

/// The seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a file can be read")).collect();
    assert!(!seeds.is_empty(), "{} is empty", directory.display());
    let call = |example: &Example| format!("{}\n{}", example.name, example.text).into_bytes();
    let of_kind = |kind: &'static str| examples().into_iter().filter(move |example| example.kind == kind);
    match target {
        "frames" => seeds.extend(of_kind("request").map(|example| frames::frame(0x81, example.text.as_bytes()))),
        "requests" => seeds.extend(of_kind("request").map(|example| example.text.into_bytes())),
        "methods" => seeds.extend(of_kind("params").map(|example| call(&example))),
        "backend" => seeds.extend(of_kind("server-params").map(|example| call(&example))),
        "tokens" => seeds.extend(tokens::good().into_iter().map(String::into_bytes)),
        _ => {}
    }
    seeds
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = DOCUMENT.lines();
    while let Some(line) = lines.next() {
        let Some(what) = line.strip_prefix("<!-- golden: ").and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
        let block: Vec<_> = lines.by_ref().skip(1).take_while(|line| *line != "```").collect();
        examples.push(Example { kind, name, text: block.join("\n") });
    }
    assert!(examples.len() > 50, "PROTOCOL.md has fewer examples than it had");
    examples
}
