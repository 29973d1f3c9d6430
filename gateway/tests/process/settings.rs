//! Which settings are refused at the start, and how?

use crate::support::{
    Call, Gateway,
    gateway::{free_address, refused_start},
    json,
    keys::{API_KEY, SECRET},
    until,
};
use std::path::Path;

fn written(directory: &Path, name: &str, text: &str) -> String {
    let file = directory.join(name);
    std::fs::write(&file, text).expect("a file can be written");
    file.display().to_string()
}

#[tokio::test]
async fn only_one_of_the_two_kinds_of_keys_is_refused_by_the_name_of_the_other() {
    let message = refused_start(&["--store", "memory:", "--jwt-secret", &SECRET]).await;
    assert!(message.contains("--api-key: expected one"), "{message}");
    let message = refused_start(&["--store", "memory:", "--api-key", "key"]).await;
    assert!(message.contains("--jwt-secret, --jwt-public-key or --jwks: expected one"), "{message}");
}

#[tokio::test]
async fn without_keys_only_a_loopback_address_is_served() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let message = refused_start(&["--store", "memory:", "--listen", address]).await;
        assert!(message.contains(address) && message.contains("only a loopback address"), "{message}");
        let message = refused_start(&["--store", "memory:", "--internal-listen", address]).await;
        assert!(message.contains("only a loopback address"), "{message}");
    }
}

#[tokio::test]
async fn without_keys_no_proxy_is_trusted() {
    let message = refused_start(&["--store", "memory:", "--trusted-proxy", "10.0.0.0/8"]).await;
    assert!(message.contains("--trusted-proxy: expected none"), "{message}");
}

#[tokio::test]
async fn a_wrong_value_is_named_with_what_was_expected_and_no_secret_is_shown() {
    let keys = ["--store", "memory:", "--api-key", "a-secret-key"];
    let wrong: [(&[&str], &str); 14] = [
        (&["--jwt-secret", "too-short"], "--jwt-secret: expected at least 32 bytes, got 9"),
        (&["--jwt-public-key", "RS256:nowhere.pem"], "nowhere.pem: cannot be read"),
        (&["--jwt-public-key", "HS256:key.pem"], "RS256, ES256 or EdDSA"),
        (&["--jwt-secret", &SECRET, "--allowed-origin", "chat.example"], "like https://chat.example"),
        (&["--jwt-secret", &SECRET, "--max-sessions", "0"], "--max-sessions: expected at least 1"),
        (&["--jwt-secret", &SECRET, "--max-sessions", "many"], "--max-sessions"),
        (&["--jwt-secret", &SECRET, "--request-timeout-ms", "0"], "--request-timeout-ms: expected 1 to 3600000, got 0"),
        (&["--jwt-secret", &SECRET, "--write-timeout-ms", "3600001"], "--write-timeout-ms: expected 1 to 3600000"),
        (&["--jwt-secret", &SECRET, "--trusted-proxy", "proxy.example"], "a CIDR like 10.0.0.0/8"),
        (&["--jwt-secret", &SECRET, "--listen", "nowhere"], "--listen"),
        (&["--jwt-secret", &SECRET, "--log", "=="], "--log"),
        (&["--jwt-secret", &SECRET, "--otlp-endpoint", "collector:4318"], "--otlp-endpoint: expected an address like"),
        (&["--jwt-secret", &SECRET, "--otlp-ratio", "1.5"], "--otlp-ratio: expected 0 to 1, got 1.5"),
        (&["--jwt-secret", &SECRET, "--unknown"], "--unknown"),
    ];
    for (arguments, expected) in wrong {
        let message = refused_start(&[keys.as_slice(), arguments].concat()).await;
        assert!(message.contains(expected), "{expected:?}: {message}");
        assert!(
            !message.contains("a-secret-key") && !message.contains(SECRET.as_str()) && !message.contains("too-short")
        );
    }
    let message = refused_start(&["--store", "nonsense:", "--jwt-secret", &SECRET, "--api-key", "k"]).await;
    assert!(message.contains("embedded:DIR, memory: or redis://"), "{message}");
}

#[tokio::test]
async fn a_key_that_is_not_of_its_algorithm_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = written(directory.path(), "key.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let key = format!("{algorithm}:{file}");
        let message = refused_start(&["--store", "memory:", "--api-key", "k", "--jwt-public-key", &key]).await;
        assert!(message.contains("--jwt-public-key") && message.contains(algorithm), "{message}");
    }
}

#[tokio::test]
async fn a_file_that_is_wrong_is_refused_by_the_name_of_the_setting() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = [
        ("lissen = \"127.0.0.1:1\"", "lissen: unknown setting, expected one of"),
        ("listen = 1979-05-27", "listen: expected text"),
        ("listen = ", "expected TOML"),
        ("workers = \"many\"", "workers"),
        ("jwt-secret = \"short\"\napi-key = \"k\"", "--jwt-secret: expected at least 32 bytes"),
    ];
    for (text, expected) in wrong {
        let file = written(directory.path(), "gateway.toml", text);
        let message = refused_start(&["--config", &file, "--store", "memory:"]).await;
        assert!(message.contains(expected), "{expected:?}: {message}");
    }
    let message = refused_start(&["--config", "nowhere.toml"]).await;
    assert!(message.contains("nowhere.toml: cannot be read"), "{message}");
}

#[tokio::test]
async fn a_file_gives_settings_that_flags_overrule() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("jwt-secret = \"{}\"\napi-key = [\"other\", \"{}\"]\nmax-sessions = 1\n", *SECRET, *API_KEY);
    let limits =
        "requests-per-address = 1\ntrusted-proxy = [\"192.0.2.1\", \"127.0.0.0/8\"]\nrequest-timeout-ms = 5000\n";
    let text = text + limits;
    let file = written(directory.path(), "gateway.toml", &text);
    let gateway = Gateway::with(&["--config", &file, "--max-sessions", "5", "--jwt-issuer", "nobody"]).await;
    assert!(gateway.call("alice", "getTotalUnreadMessageCount", json!({})).await.is_err(), "the flag counts");
    let gateway = Gateway::from_file(&file).await;
    assert_eq!(gateway.call("alice", "getTotalUnreadMessageCount", json!({})).await.unwrap()["totalUnreadCount"], 0);
    gateway.live("alice").await;
    let call = || Call::get("/nonsense").header("x-forwarded-for", "198.51.100.1").send(gateway.address);
    until("the limit of requests counts", async || call().await.status == 429).await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let gateway = Gateway::start().await;
    let address = gateway.address.to_string();
    let message = refused_start(&["--store", "memory:", "--listen", &address]).await;
    assert!(message.contains(&address) && message.contains("cannot listen there"), "{message}");
    let free = free_address().to_string();
    let message = refused_start(&["--store", "memory:", "--listen", &free, "--internal-listen", &address]).await;
    assert!(message.contains(&address) && message.contains("cannot listen there"), "{message}");
}
