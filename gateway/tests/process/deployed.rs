//! Are the settings that deploy/ names settings of this gateway?

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
/// How long the last sessions of a node may take to go, once all were told to.
const LAST_SESSIONS_S: u64 = 5;

/// Every file under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The variables of the gateway, or of its balancer, in a text.
fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| word.starts_with("GATEWAY_") && !word.ends_with('_')).collect()
}

#[test]
fn every_variable_in_deploy_is_one_of_the_gateway_or_of_the_balancer() {
    let help = Command::new(env!("CARGO_BIN_EXE_gateway")).arg("--help").output().expect("the gateway is there");
    let help = String::from_utf8(help.stdout).expect("a text");
    let deploy = Path::new(DEPLOY);
    let (balancers, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files(deploy).into_iter().partition(|path| path.extension().is_some_and(|kind| kind == "cfg"));
    let read = |paths: Vec<PathBuf>| paths.iter().map(|path| fs::read_to_string(path).expect("a text")).collect();
    let (balancers, others): (String, String) = (read(balancers), read(others));
    let named = variables(&others);
    assert!(named.contains("GATEWAY_JWT_SECRET") && named.contains("GATEWAY_NODE_A"), "{named:?}");
    let known = &variables(&help) | &variables(&balancers);
    assert_eq!(named.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// The number that stands behind a name in a file.
fn number(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(Path::new(DEPLOY).join(file)).expect("a text");
    let (_, rest) = text.split_once(&format!("{name}:")).unwrap_or_else(|| panic!("no {name} in {file}"));
    let digits = rest.trim_start_matches([' ', '"']);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or_else(|_| panic!("{name} in {file} is no number"))
}

#[test]
fn who_ends_a_node_waits_until_it_has_sent_its_sessions_away() {
    for (settings, (file, grace)) in [
        ("compose.yaml", ("compose.yaml", "stop_grace_period")),
        ("kubernetes/configuration.yaml", ("kubernetes/deployment.yaml", "terminationGracePeriodSeconds")),
    ] {
        let drain_ms = number(settings, "GATEWAY_DRAIN_DELAY_MS") + number(settings, "GATEWAY_DRAIN_SPREAD_MS");
        let grace_s = number(file, grace);
        assert!(grace_s * 1_000 > drain_ms + LAST_SESSIONS_S * 1_000, "{file}: {grace_s} s for {drain_ms} ms");
    }
}
