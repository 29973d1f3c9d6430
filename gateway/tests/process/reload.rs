//! Which settings does a running gateway take on SIGHUP, and what stays as it is?

use crate::support::{
    BOTH, Call, Gateway, Transport, c2c,
    key_server::{KeyServer, Served},
    keys::{self, API_KEY, AsymmetricKey, SECRET},
    until,
};
use std::path::PathBuf;
use tempfile::TempDir;

/// The secret that comes after the usual one.
const NEXT_SECRET: &str = "the next secret has 32 bytes too";

/// A gateway with a file of settings, which changes.
struct Reloaded {
    gateway: Gateway,
    directory: TempDir,
}

fn keys(secret: &str, api_key: &str) -> String {
    format!("jwt-secret = \"{secret}\"\napi-key = \"{api_key}\"\nworkers = 1\n")
}

impl Reloaded {
    async fn start(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("gateway.toml");
        std::fs::write(&file, settings).expect("a file can be written");
        Self { gateway: Gateway::from_file(&file.display().to_string()).await, directory }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Has other settings read; answers what the log says of them.
    async fn reload(&self, settings: &str) -> String {
        std::fs::write(self.file("gateway.toml"), settings).expect("a file can be written");
        let outcomes = || {
            let log = self.gateway.log();
            let lines = log.lines().filter(|line| line.contains("in force"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let before = outcomes().len();
        self.gateway.signal("HUP");
        until("the settings are read", async || outcomes().len() > before).await;
        outcomes().pop().expect("an outcome")
    }

    async fn status_of_token(&self, token: &str) -> u16 {
        let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(token).body("{}");
        call.send(self.gateway.address).await.status
    }

    async fn status_of_api_key(&self, key: &str) -> u16 {
        let call = Call::post("/server/v1/sendMessage").bearer(key).json(&c2c("bob", "alice", 1));
        call.send(self.gateway.address).await.status
    }
}

#[tokio::test]
async fn new_keys_count_and_old_ones_do_not_while_sessions_go_on() {
    let node = Reloaded::start(&keys(&SECRET, &API_KEY)).await;
    let mut sessions = Vec::new();
    for transport in BOTH {
        let mut session = node.gateway.opening(transport, "alice").open().await;
        session.sync().await;
        sessions.push(session);
    }
    let outcome = node.reload(&keys(NEXT_SECRET, "next")).await;
    assert!(outcome.contains("INFO"), "{outcome}");

    assert_eq!(node.status_of_token(&keys::token("alice")).await, 401);
    assert_eq!(node.status_of_api_key(&API_KEY).await, 401);
    let next = keys::sign_with(NEXT_SECRET.as_bytes(), &keys::claims("alice"));
    assert_eq!(node.status_of_token(&next).await, 200);
    assert_eq!(node.status_of_api_key("next").await, 200);
    for session in &mut sessions {
        session.read_until(|list| list.row("c2c_bob").is_some()).await;
    }
}

#[tokio::test]
async fn a_file_with_a_key_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (AsymmetricKey::ecdsa(), AsymmetricKey::ecdsa());
    let settings = format!("jwt-public-key = \"{}\"\napi-key = \"k\"\n", old.publish(directory.path()));
    let node = Reloaded::start(&settings).await;
    assert_eq!(node.status_of_token(&old.token("alice", "k")).await, 200);
    new.publish(directory.path());
    node.reload(&settings).await;
    assert_eq!(node.status_of_token(&old.token("alice", "k")).await, 401);
    assert_eq!(node.status_of_token(&new.token("alice", "k")).await, 200);
}

#[tokio::test]
async fn an_address_of_keys_counts_once_it_was_read_and_not_before() {
    let (old, new) = (AsymmetricKey::ecdsa(), AsymmetricKey::ecdsa());
    let (old_keys, new_keys) = (KeyServer::start(vec![old.jwk("o")]), KeyServer::start(vec![new.jwk("n")]));
    let settings = |url: &str| format!("jwks = \"{url}\"\napi-key = \"k\"\n");
    let node = Reloaded::start(&settings(&old_keys.url())).await;
    new_keys.serve(Served::Raw("500 Internal Server Error".to_owned(), Vec::new()));
    let outcome = node.reload(&settings(&new_keys.url())).await;
    assert!(outcome.contains("ERROR") && outcome.contains("http status: 500"), "{outcome}");
    assert_eq!(node.status_of_token(&old.token("alice", "o")).await, 200);
    assert_eq!(node.gateway.get("/readyz").await.status, 200);

    new_keys.publish(vec![new.jwk("n")]);
    let outcome = node.reload(&settings(&new_keys.url())).await;
    assert!(outcome.contains("INFO"), "{outcome}");
    assert_eq!(node.status_of_token(&new.token("alice", "n")).await, 200);
    assert_eq!(node.status_of_token(&old.token("alice", "o")).await, 401);

    let reads = new_keys.requests();
    let outcome = node.reload(&(settings(&new_keys.url()) + "sessions-per-user = 3\n")).await;
    assert!(outcome.contains("INFO"), "{outcome}");
    assert_eq!(new_keys.requests(), reads, "keys of the same address are kept");
    assert_eq!(node.status_of_token(&new.token("alice", "n")).await, 200);
}

#[tokio::test]
async fn wrong_settings_change_nothing_at_all() {
    let node = Reloaded::start(&keys(&SECRET, &API_KEY)).await;
    let next = keys(NEXT_SECRET, "next");
    for (settings, expected) in [
        (format!("{next}lissen = 1\n"), "lissen: unknown setting"),
        (format!("{next}max-sessions = 0\n"), "--max-sessions: expected at least 1"),
        (format!("{next}log = \"==\"\n"), "--log"),
        (format!("{next}jwt-public-key = \"ES256:nowhere.pem\"\n"), "nowhere.pem: cannot be read"),
        (format!("{next}jwks = \"nowhere.json\"\n"), "nowhere.json"),
        (keys("too-short", "next"), "--jwt-secret: expected at least 32 bytes"),
        ("workers = 1\n".to_owned(), "Production"),
        (format!("{next}="), "expected TOML"),
    ] {
        let outcome = node.reload(&settings).await;
        assert!(outcome.contains("ERROR") && outcome.contains(expected), "{expected}: {outcome}");
        assert!(!outcome.contains(NEXT_SECRET) && !outcome.contains("too-short"), "{outcome}");
        assert_eq!(node.status_of_token(&keys::token("alice")).await, 200, "{expected}");
        assert_eq!(node.status_of_api_key(&API_KEY).await, 200, "{expected}");
        assert_eq!(node.status_of_api_key("next").await, 401, "{expected}");
    }
}

#[tokio::test]
async fn limits_change_and_what_takes_a_restart_is_named() {
    let keys = keys(&SECRET, &API_KEY);
    let node = Reloaded::start(&format!("{keys}max-sessions = 5\n")).await;
    let mut first = node.gateway.live("alice").await;
    let limits = "sessions-per-user = 1\nrequests-per-address = 1000\nrows-per-user = 200\nmax-sessions = 6\n";
    let outcome = node.reload(&format!("{keys}{limits}")).await;
    assert!(outcome.contains("WARN") && outcome.contains("rows-per-user, max-sessions above 5"), "{outcome}");
    assert!(!outcome.contains("sessions-per-user") && !outcome.contains("requests-per-address"), "{outcome}");
    let _second = node.gateway.live("alice").await;
    assert_eq!(first.closed().await.0, Some(4003), "one session of a user is enough now");

    node.reload(&format!("{keys}max-sessions = 1\n")).await;
    let mut refused = node.gateway.opening(Transport::WebSocket, "bob").open().await;
    assert_eq!(refused.first().await, Some(4100));
    assert_eq!(node.gateway.metric("gateway_sessions_max").await, 1);

    node.reload(&format!("{keys}requests-per-address = 1\n")).await;
    until("the limit of requests counts", async || node.gateway.get("/nonsense").await.status == 429).await;
}

#[tokio::test]
async fn what_is_logged_changes() {
    let keys = keys(&SECRET, &API_KEY);
    let node = Reloaded::start(&format!("{keys}log = \"warn\"\n")).await;
    assert_eq!(node.gateway.log(), "");
    let outcome = node.reload(&format!("{keys}log = \"info\"\n")).await;
    assert!(outcome.contains("INFO"), "{outcome}");
}

#[tokio::test]
async fn development_mode_keeps_its_keys() {
    let node = Reloaded::start("workers = 1\n").await;
    let token = node.gateway.get("/dev/token?user=bob").await.json()["token"].as_str().unwrap().to_owned();
    let outcome = node.reload("workers = 1\nsessions-per-user = 3\n").await;
    assert!(outcome.contains("INFO"), "{outcome}");
    assert_eq!(node.status_of_token(&token).await, 200);
    assert_eq!(node.status_of_api_key("dev").await, 200);
    let outcome = node.reload(&keys(&SECRET, &API_KEY)).await;
    assert!(outcome.contains("ERROR") && outcome.contains("Development"), "{outcome}");
}
