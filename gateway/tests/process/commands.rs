//! What do the commands of the gateway's binary say, and with which exit code?

use crate::support::{BOTH, Gateway, c2c, json, keys, redis_server::RedisServer};
use serde_json::Value;
use std::process::{Command, Output};

fn gateway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gateway")).env_clear().args(arguments).output().expect("the gateway is there")
}

/// Exit code, output and errors.
fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn health_is_that_of_the_node_at_the_address() {
    let mut node = Gateway::start().await;
    let listen = node.address.to_string();
    for (arguments, body) in
        [(vec!["health", "--listen", &listen], "ready"), (vec!["--listen", &listen, "health", "--live"], "alive")]
    {
        assert_eq!(said(&gateway(&arguments)), (Some(0), format!("{body}\n"), String::new()));
    }
    let (code, body, _) = said(&gateway(&["health", "--url", &format!("http://{listen}/")]));
    assert_eq!((code, body.as_str()), (Some(0), "ready\n"));
    let (code, _, errors) = said(&gateway(&["health", "--url", &format!("http://{listen}/no-node")]));
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    node.kill();
    let (code, _, errors) = said(&gateway(&["health", "--listen", &listen]));
    assert!(code == Some(1) && errors.contains(&listen), "{errors}");
}

#[tokio::test]
async fn a_check_says_what_would_stop_a_start() {
    let redis = RedisServer::start().await;
    let secret = ["--jwt-secret", keys::SECRET.as_str(), "--api-key", "k"];
    let check = |store: &str| said(&gateway(&[["check", "--store", store].as_slice(), &secret].concat()));
    let (code, output, errors) = check(&redis.url());
    assert!(
        code == Some(0) && output.contains("production") && output.contains("shard 0 at 127.0.0.1:"),
        "{output}{errors}"
    );
    let (code, _, errors) = check("redis://user:hidden@127.0.0.1:1");
    assert!(code == Some(1) && errors.contains("--store redis://127.0.0.1:1: "), "{errors}");
    assert!(!errors.contains("hidden") && !errors.contains(keys::SECRET.as_str()), "{errors}");
    let (code, _, errors) = said(&gateway(&["check", "--api-key", "k"]));
    assert!(code == Some(1) && errors.contains("--jwt-secret, --jwt-public-key or --jwks"), "{errors}");
    let (code, _, errors) = said(&gateway(&["check", "--store", "memory:", "--log", "info,a=b=c"]));
    assert!(code == Some(1) && errors.contains("--log \"info,a=b=c\": expected"), "{errors}");
    let nowhere = "http://127.0.0.1:1/jwks.json";
    let (code, _, errors) = said(&gateway(&["check", "--store", "memory:", "--jwks", nowhere, "--api-key", "k"]));
    assert!(code == Some(1) && errors.contains(&format!("--jwks {nowhere}: ")), "{errors}");
    let (code, _, errors) = said(&gateway(&["check", "--jwt-public-key", "ES256:/no-key.pem", "--api-key", "k"]));
    assert!(code == Some(1) && errors.contains("/no-key.pem"), "{errors}");
}

#[tokio::test]
async fn a_token_is_taken_by_a_node_with_the_same_secret() {
    let node = Gateway::start().await;
    let arguments =
        ["token", "--user", "alice", "--ttl-seconds", "60", "--jwt-secret", &keys::SECRET, "--api-key", "k"];
    let (code, token, _) = said(&gateway(&arguments));
    assert_eq!(code, Some(0));
    node.opening(BOTH[0], "alice").token(token.trim()).open().await.sync().await;
    let (code, _, errors) = said(&gateway(&["token", "--user", "alice"]));
    assert!(code == Some(1) && errors.contains("--jwt-secret: expected one"), "{errors}");
}

#[tokio::test]
async fn a_user_is_inspected_while_nodes_run_and_no_text_is_shown_in_words() {
    let redis = RedisServer::start().await;
    let node = Gateway::with(&["--store", &redis.url()]).await;
    let _session = node.live("bob").await;
    node.send(c2c("alice", "bob", 1)).await;
    node.send(c2c("carol", "bob", 1)).await;
    node.call("bob", "deleteConversation", json!({"conversationID": "c2c_carol"})).await.unwrap();
    node.call("bob", "setConversationDraft", json!({"conversationID": "c2c_alice", "draftText": "a secret draft"}))
        .await
        .unwrap();
    let (code, words, _) = said(&gateway(&["inspect", "user", "bob", "--store", &redis.url()]));
    assert!(
        code == Some(0) && words.contains("unread     1 in all") && words.contains("  c2c_alice version "),
        "{words}"
    );
    assert!(words.contains("rows       1") && words.contains("tombstones 1, "), "{words}");
    assert!(words.contains("sessions   1") && !words.contains("a secret draft"), "{words}");
    let (_, text, _) = said(&gateway(&["inspect", "user", "bob", "--json", "--store", &redis.url()]));
    let inspected: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(inspected["rows"][0]["conversationID"], "c2c_alice");
    assert_eq!((&inspected["totalUnread"], &inspected["sessions"][0]["userID"]), (&json!(1), &json!("bob")));
    assert_eq!((&inspected["rowCount"], &inspected["tombstones"][0][0]), (&json!(1), &json!("c2c_carol")));
    let nobody: Value =
        serde_json::from_str(&said(&gateway(&["inspect", "user", "nobody", "--json", "--store", &redis.url()])).1)
            .unwrap();
    assert_eq!((&nobody["cursor"], &nobody["rows"]), (&json!("0:0"), &json!([])));
}

#[tokio::test]
async fn an_embedded_store_is_inspected_once_its_node_has_ended() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let store = format!("embedded:{}", directory.display());
    let (code, _, errors) = said(&gateway(&["inspect", "user", "bob", "--store", &store]));
    assert!(code == Some(1) && errors.contains("expected a directory that is there"), "{errors}");
    assert!(!directory.exists());
    let mut node = Gateway::with(&["--store", &store]).await;
    node.send(c2c("alice", "bob", 1)).await;
    let (code, _, errors) = said(&gateway(&["inspect", "user", "bob", "--store", &store]));
    assert!(code == Some(1) && errors.contains("while a node runs, its file is its own"), "{errors}");
    node.kill();
    let (code, words, errors) = said(&gateway(&["inspect", "user", "bob", "--store", &store]));
    assert!(code == Some(0) && words.contains("unread     1 in all"), "{words}{errors}");
}

#[test]
fn the_doctor_compares_the_limits_of_the_machine_with_the_sessions_wanted() {
    let (code, output, _) = said(&gateway(&["doctor", "--max-sessions", &usize::MAX.to_string()]));
    assert_eq!(code, Some(1));
    for what in ["warn  open files of a process: ", "warn  memory that is free: ", "warn  ephemeral ports, "] {
        assert!(output.contains(what), "{output}");
    }
    let (_, output, _) = said(&gateway(&["doctor", "--max-sessions", "1"]));
    for what in ["ok    open files of a process: ", "ok    memory that is free: ", "ok    ephemeral ports, "] {
        assert!(output.contains(what), "{output}");
    }
}

#[test]
fn the_settings_and_completions_are_printed() {
    let (code, output, _) = said(&gateway(&["config", "--max-sessions", "5"]));
    assert!(code == Some(0) && output.contains("max-sessions = \"5\"  # from a flag"), "{output}");
    assert!(output.contains("listen = \"127.0.0.1:8080\"  # from the default"), "{output}");
    let (code, output, _) = said(&gateway(&["completions", "bash"]));
    assert!(code == Some(0) && output.contains("--max-sessions") && output.contains("inspect"));
}
