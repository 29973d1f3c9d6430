//! What does a source of keys do to the gateway that is down, slow or wrong?

use super::jwks::{gateway_at, status};
use crate::support::{
    Call, Gateway, Transport, Value,
    gateway::{free_address, refused_start},
    json,
    key_server::{KeyServer, Served},
    keys,
    keys::{API_KEY, AsymmetricKey},
    until,
};
use conversation_protocol::CloseCode;

const FAILED: &str = "gateway_jwks_reads_total{result=\"failed\"}";
const DONE: &str = "gateway_jwks_reads_total{result=\"done\"}";

/// Waits until a read that began after now has come to its end.
async fn read_again(gateway: &Gateway, metric: &str) {
    // One may have been under way.
    let enough = gateway.metric(metric).await + 2;
    until(metric, async || gateway.metric(metric).await >= enough).await;
}

#[tokio::test]
async fn a_source_that_is_down_leaves_the_keys_as_they_are_and_new_ones_wait() {
    let (old, new) = (AsymmetricKey::ecdsa(), AsymmetricKey::ecdsa());
    let mut server = KeyServer::start(vec![old.jwk("old")]);
    let gateway = gateway_at(&server.url(), &["--jwks-refresh-ms", "100"]).await;
    server.stop();
    read_again(&gateway, FAILED).await;
    assert_eq!(status(&gateway, &old.token("alice", "old")).await, 200);
    assert_eq!(gateway.get("/readyz").await.status, 200);
    let token = new.token("alice", "new");
    let answer = Call::post("/v1/getTotalUnreadMessageCount").bearer(&token).send(gateway.address).await;
    assert_eq!(answer.refusal(), (503, 50004), "nobody can tell whether the key is good");
    assert_eq!(answer.header("retry-after"), Some("5"));
    let opening = |transport| gateway.opening(transport, "alice").token(&token);
    assert_eq!(opening(Transport::Events).refused_events().await.refusal(), (503, 50004));
    opening(Transport::WebSocket).refused_websocket(CloseCode::Overloaded).await;
    assert_eq!(status(&gateway, &keys::token("alice")).await, 401, "a secret's token is wrong whatever the set says");
    server.publish(vec![new.jwk("new")]);
    server.go_on();
    until("the new key is there", async || status(&gateway, &token).await == 200).await;
    let log = gateway.log();
    assert_eq!(log.matches("token keys cannot be read").count(), 1, "once, not for each try: {log}");
}

#[tokio::test]
async fn a_source_that_is_down_at_the_start_keeps_the_node_unready_until_it_answers() {
    let key = AsymmetricKey::ecdsa();
    let mut server = KeyServer::start(vec![key.jwk("k")]);
    server.stop();
    let (url, internal) = (server.url(), free_address());
    let gateway = tokio::spawn(async move {
        gateway_at(&url, &["--jwks-refresh-ms", "50", "--internal-listen", &internal.to_string()]).await
    });
    let ready = async || Call::get("/readyz").try_send(internal).await;
    until("a node that is not ready", async || {
        ready().await.is_ok_and(|answer| answer.status == 503 && answer.text().contains("token keys at --jwks"))
    })
    .await;
    server.go_on();
    let gateway = gateway.await.unwrap();
    assert_eq!(status(&gateway, &key.token("alice", "k")).await, 200);
}

#[tokio::test]
async fn an_answer_that_is_no_set_of_keys_changes_nothing() {
    let (old, new) = (AsymmetricKey::ecdsa(), AsymmetricKey::ecdsa());
    let server = KeyServer::start(vec![old.jwk("old")]);
    let elsewhere = KeyServer::start(vec![new.jwk("new")]);
    let gateway = gateway_at(&server.url(), &["--jwks-refresh-ms", "50"]).await;
    let set = |keys: Vec<Value>| json!({ "keys": keys }).to_string();
    let good = set(vec![new.jwk("new")]);
    let raw = |head: &str, body: &str| Served::Raw(head.to_owned(), body.as_bytes().to_vec());
    let wrong = [
        raw(&format!("302 Found\r\nlocation: {}", elsewhere.url()), &good),
        raw(&format!("301 Moved\r\nlocation: {}", elsewhere.url()), ""),
        raw("404 Not Found", &good),
        raw("500 Internal Server Error", &good),
        raw("204 No Content", ""),
        raw("200 OK", ""),
        raw("200 OK", "<html>"),
        raw("200 OK", "{}"),
        raw("200 OK", r#"{"keys":{}}"#),
        raw("200 OK", &good[..good.len() - 1]),
        raw("200 OK", &format!("{good}{}", " ".repeat(256 * 1024))),
        raw("200 OK", &set(vec![new.jwk("new"); 65])),
        raw("200 OK\r\ntransfer-encoding: chunked", &format!("{:x}\r\n{good}\r\n", good.len())),
        raw("nonsense", &good),
        Served::Raw("200 OK".to_owned(), vec![0xff; 100]),
    ];
    for served in wrong {
        let name = format!("{served:?}");
        server.serve(served);
        read_again(&gateway, FAILED).await;
        assert_eq!(status(&gateway, &old.token("alice", "old")).await, 200, "{name}");
        assert_eq!(status(&gateway, &new.token("alice", "new")).await, 503, "{name}");
    }
    assert_eq!(elsewhere.requests(), 0, "nobody is sent on to other keys");
    server.publish(vec![new.jwk("new")]);
    until("the new key is there", async || status(&gateway, &new.token("alice", "new")).await == 200).await;
}

#[tokio::test]
async fn a_source_that_never_answers_is_given_up() {
    let key = AsymmetricKey::ecdsa();
    let server = KeyServer::start(vec![key.jwk("k")]);
    let gateway = gateway_at(&server.url(), &["--jwks-refresh-ms", "50"]).await;
    server.serve(Served::Nothing);
    until("a read that has failed", async || gateway.metric(FAILED).await > 0).await;
    assert_eq!(status(&gateway, &key.token("alice", "k")).await, 200);
    server.publish(vec![key.jwk("k")]);
    read_again(&gateway, DONE).await;
}

#[tokio::test]
async fn a_file_is_read_again_and_a_broken_one_changes_nothing() {
    let (old, new) = (AsymmetricKey::rsa(), AsymmetricKey::ed25519());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let set = |keys: &[Value]| json!({ "keys": keys }).to_string();
    write(&set(&[old.jwk("old")]));
    let gateway = gateway_at(file.to_str().unwrap(), &[]).await;
    write(&set(&[old.jwk("old"), new.jwk("new")]));
    assert_eq!(status(&gateway, &new.token("alice", "new")).await, 200, "asked for by its first token");
    let gateway = gateway_at(file.to_str().unwrap(), &["--jwks-refresh-ms", "50"]).await;
    for wrong in ["", "{"] {
        write(wrong);
        read_again(&gateway, FAILED).await;
        assert_eq!(status(&gateway, &old.token("alice", "old")).await, 200);
    }
    std::fs::remove_file(&file).unwrap();
    read_again(&gateway, FAILED).await;
    assert_eq!(status(&gateway, &old.token("alice", "old")).await, 200);
    write(&set(&[new.jwk("new")]));
    until("the old key is gone", async || status(&gateway, &old.token("alice", "old")).await == 401).await;
    assert_eq!(status(&gateway, &new.token("alice", "new")).await, 200);
}

#[tokio::test]
async fn over_https_only_a_server_that_is_vouched_for_is_believed() {
    let key = AsymmetricKey::ecdsa();
    let (server, authority) = KeyServer::start_tls(vec![key.jwk("k")]);
    let (_, stranger) = KeyServer::start_tls(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let trusting = |name: &str, pem: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, pem).unwrap();
        format!("SSL_CERT_FILE={}", file.display())
    };
    let (trusting_it, not_trusting_it) = (trusting("authority.pem", &authority), trusting("stranger.pem", &stranger));
    let gateway = Gateway::with(&[&trusting_it, "--jwks", &server.url()]).await;
    assert_eq!(status(&gateway, &key.token("alice", "k")).await, 200);
    assert_eq!(server.requests(), 1);

    let (url, internal) = (server.url(), free_address());
    let starting = tokio::spawn(async move {
        let arguments =
            [&not_trusting_it, "--jwks", &url, "--jwks-refresh-ms", "50", "--internal-listen", &internal.to_string()];
        Gateway::with(&arguments).await
    });
    until("reads that have failed", async || {
        let answer = Call::get("/metrics").try_send(internal).await;
        answer.is_ok_and(|answer| answer.text().lines().any(|line| line.starts_with(FAILED) && !line.ends_with(" 0")))
    })
    .await;
    assert_eq!((server.requests(), starting.is_finished()), (1, false), "not even a request was sent");
    starting.abort();
}

#[tokio::test]
async fn a_source_that_cannot_be_right_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let secret = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM"}]}).to_string();
    let wrong = [
        ("nowhere.json".to_owned(), "--jwks nowhere.json: cannot be read"),
        (directory.path().display().to_string(), "cannot be read"),
        (written("html", "<html>"), "expected a JSON Web Key Set"),
        (written("empty", r#"{"keys":[]}"#), "expected a key that tokens can be signed with"),
        (written("secret", &secret), "key 0: expected a public key, got a secret"),
        ("ftp://login.example/keys".to_owned(), "an address like https://"),
        ("https://".to_owned(), "an address like https://"),
        ("https://admin:hunter2@login.example/keys".to_owned(), "without a user"),
    ];
    for (source, words) in wrong {
        let message = refused_start(&["--store", "memory:", "--api-key", &API_KEY, "--jwks", &source]).await;
        assert!(message.contains("--jwks") && message.contains(words), "{words:?}: {message}");
        assert!(!message.contains("hunter2") && !message.contains("c2VjcmV0"), "{message}");
    }
    let message = refused_start(&["--store", "memory:", "--jwks", "https://login.example/keys"]).await;
    assert!(message.contains("--api-key: expected one"), "{message}");
}
