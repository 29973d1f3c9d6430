//! Does anything that is said to nobody else come out: in the log, in the metrics, in an error?

use crate::support::{
    BOTH, Call, Gateway, Session, Transport, Value, c2c,
    gateway::refused_start,
    group, json,
    key_server::KeyServer,
    keys::{self, API_KEY, AsymmetricKey, SECRET},
    redis_server::RedisServer,
    until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

/// What must not come out, by its name.
struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// A new one that looks like nothing else.
    fn make(&mut self, name: &str) -> String {
        let value = format!("{}-{:016x}", name.replace(' ', "-"), rand::random::<u64>());
        self.keep(name, &value);
        value
    }

    fn keep(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
        // A part of a token is as bad: what it says, and its signature.
        let parts = value.split('.').skip(1).filter(|part| value.starts_with("eyJ") && part.len() > 16);
        self.0.extend(parts.map(|part| (format!("{name}'s part"), part.to_owned())));
    }

    fn assert_none_in(&self, place: &str, text: &str) {
        for (name, value) in &self.0 {
            let line = text.lines().find(|line| line.contains(value));
            assert!(line.is_none(), "{place} shows {name}: {line:?}");
        }
        assert!(!text.is_empty(), "{place} is there");
    }
}

/// A token is refused everywhere, and no answer shows it.
async fn refuse(gateway: &Gateway, token: &str) {
    let path = format!("?token={token}");
    let calls = [
        Call::post("/v1/getTotalUnreadMessageCount").bearer(token),
        Call::post(&format!("/v1/getTotalUnreadMessageCount{path}")),
        Call::get(&format!("/v1/events{path}")),
        Call::get("/v1/events").bearer(token),
        Call::post("/server/v1/getUserSessions").bearer(token),
        Call::get(&format!("/v1/ws{path}")),
        Call::post("/v1/getTotalUnreadMessageCount").bearer(token).bearer(token),
    ];
    for call in calls {
        let answer = call.send(gateway.address).await;
        assert!(answer.status >= 400 && !answer.text().contains(token), "{} {}", answer.status, answer.text());
    }
    let mut session = gateway.opening(Transport::WebSocket, "alice").anonymous().open().await;
    session.ask("authenticate", json!({ "token": token })).await;
    let (_, reason) = session.first_or_close().await.expect("it is refused");
    assert!(!reason.contains(token), "{reason}");
}

/// What no client should send, each with the secret in it.
async fn misbehave(gateway: &Gateway, session: &mut Session, secret: &str) {
    let wrong = [
        json!({"conversationID": secret}),
        json!({"conversationID": {"draftText": secret}}),
        json!({"conversationID": "c2c_bob", "draftText": [secret]}),
        json!({"conversationID": "c2c_bob", "draftText": "x", secret: secret}),
        json!({"conversationIDList": [secret, 7], "customData": secret}),
        json!({"token": secret}),
        json!({"filter": {"conversationGroup": [secret]}}),
        json!(secret),
    ];
    for params in &wrong {
        for method in ["setConversationDraft", "setConversationCustomData", "refreshToken", secret] {
            let _ = session.call(method, params.clone()).await;
            let _ = gateway.call("alice", method, params.clone()).await;
            let _ = gateway.backend(method, params.clone()).await;
        }
    }
    for body in [format!("{{\"draftText\": \"{secret}"), format!("{secret}\u{0}"), format!("\u{1}{secret}")] {
        Call::post("/v1/setConversationDraft")
            .bearer(&keys::token("alice"))
            .body(body.clone())
            .send(gateway.address)
            .await;
        Call::post("/server/v1/sendMessage").bearer(&API_KEY).body(body).send(gateway.address).await;
    }
    for name in ["since", "window", "device", "filter", "token", "x"] {
        for transport in BOTH {
            let opening = gateway.opening(transport, "alice").query(name, &format!("{secret} {{"));
            match transport {
                Transport::WebSocket => drop(opening.open().await),
                Transport::Events => drop(opening.events_or_answer().await),
            }
        }
        Call::get(&format!("/v1/ws?{name}={secret}")).send(gateway.address).await;
        Call::post(&format!("/{secret}/{name}?{name}={secret}")).header(name, secret).send(gateway.address).await;
    }
    let bytes = [
        format!("GET /{secret} HTTP/9.9\r\n\r\n"),
        format!("{secret} / HTTP/1.1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{secret}\r\n\r\n"),
        format!("POST /v1/ping HTTP/1.1\r\nhost: x\r\ncontent-length: {secret}\r\n\r\n"),
        format!("POST /v1/ping HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{secret}\r\n"),
        format!("POST /v1/ping HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\u{ff}\r\n\r\n"),
    ];
    for bytes in bytes {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
        let _ = crate::support::soon("the end", stream.read_to_end(&mut Vec::new())).await;
    }
    let frames = [
        Message::text(secret),
        Message::text(format!("{{\"id\": 1, \"method\": \"{secret}\", \"params\": ")),
        Message::text(format!("{{\"id\": \"{secret}\", \"method\": 7}}")),
        Message::binary(secret.as_bytes().to_vec()),
        Message::Ping(secret.as_bytes().to_vec().into()),
        Message::Close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 4000.into(),
            reason: secret.into(),
        })),
    ];
    let mut raw = gateway.live("alice").await;
    for frame in frames {
        raw.send(frame).await;
    }
    let _ = raw.closed().await;
}

#[tokio::test]
async fn what_is_secret_is_in_no_log_no_metric_and_no_error() {
    nothing_comes_out("text").await;
}

#[tokio::test]
async fn what_is_secret_is_in_no_log_of_json() {
    let log = nothing_comes_out("json").await;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"));
        assert!(line["level"].is_string() && line["message"].is_string() && line["target"].is_string(), "{line}");
    }
}

/// Makes a node with everything that is secret log all that it can, in a format; answers its log, where nothing of it is.
async fn nothing_comes_out(log_format: &str) -> String {
    let mut secrets = Secrets(Vec::new());
    let (mut redis, password) = (RedisServer::start().await, secrets.make("password"));
    redis.command(&format!("CONFIG SET requirepass {password}")).await;
    let store = redis.url().replace("redis://", &format!("redis://:{password}@"));
    let (key, server) = (AsymmetricKey::ecdsa(), KeyServer::start(Vec::new()));
    server.publish(vec![key.jwk("k"), json!({"kty": "oct", "k": secrets.make("oct")})]);
    let jwks = format!("{}?key={}", server.url(), secrets.make("query"));
    let keys = ["--jwks", &jwks, "--jwt-secret", &SECRET];
    let gateway = Gateway::with(
        &[
            &keys,
            ["--store", &store, "--log", "trace"].as_slice(),
            &["--direct-recipients-max", "1", "--log-format", log_format],
        ]
        .concat(),
    )
    .await;
    secrets.keep("the secret of tokens", &SECRET);
    secrets.keep("the API key", &API_KEY);

    let mut message = c2c("bob", "alice", 1);
    for field in ["text", "nickName", "faceURL", "cloudCustomData"] {
        message["message"][field] = json!(secrets.make(field));
    }
    message["profiles"] = json!({"bob": {"showName": secrets.make("showName"), "faceUrl": secrets.make("faceUrl")}});
    let mut to_many = group("g", "bob", &["alice", "carol", "dora"], 1);
    to_many["message"]["text"] = json!(secrets.make("queued text"));

    let (by_secret, by_key) = (keys::token("alice"), key.token("alice", "k"));
    let mut sessions = Vec::new();
    for (transport, token) in [(BOTH[0], &by_secret), (BOTH[1], &by_key)] {
        secrets.keep("a good token", token);
        let mut session = gateway.opening(transport, "alice").anonymous().query("token", token).open().await;
        session.sync().await;
        sessions.push(session);
    }
    gateway.send(message.clone()).await;
    message.as_object_mut().unwrap().remove("profiles");
    gateway.post("sendMessage", to_many).await;
    message["message"]["text"] = json!(secrets.make("edited text"));
    gateway.post("modifyMessage", message).await;
    let of_alice = [
        ("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": secrets.make("draft")})),
        ("setConversationCustomData", json!({"conversationIDList": ["c2c_bob"], "customData": secrets.make("custom")})),
        ("createConversationGroup", json!({"groupName": "folder", "conversationIDList": ["c2c_bob"]})),
        ("refreshToken", json!({"token": by_key})),
    ];
    for (method, params) in of_alice {
        sessions[0].done(method, params).await;
    }
    for session in &mut sessions {
        session.read_until(|list| list.rows().len() == 2).await;
    }

    let bad = [
        keys::token_until("alice", -60),
        keys::sign_with(b"another secret of thirty-two bytes", &keys::claims("alice")),
        keys::sign(&json!({"sub": secrets.make("sub").replace('-', "\n"), "exp": keys::now_s() + 60})),
        key.token("alice", "unknown"),
        AsymmetricKey::ecdsa().token("alice", "k"),
        keys::sign_text(r#"{"alg":"HS256","crit":["x"]}"#, &keys::claims("alice").to_string()),
        secrets.make("no JWT"),
        format!("{}x", *API_KEY),
    ];
    for token in &bad {
        secrets.keep("a bad token", token);
        refuse(&gateway, token).await;
    }
    let shown = secrets.make("misplaced");
    let mut session = gateway.live("alice").await;
    misbehave(&gateway, &mut session, &shown).await;

    // What fails is told too: the store, and then the source of the keys.
    let interruptions = async || gateway.metric("gateway_relay_interruptions_total").await;
    redis.stop();
    until("an interruption", async || interruptions().await > 0).await;
    for call in [Call::post("/v1/getTotalUnreadMessageCount").bearer(&by_secret), Call::get("/readyz")] {
        secrets.assert_none_in("an answer", &call.send(gateway.address).await.text());
    }
    secrets.assert_none_in("/metrics", &gateway.get("/metrics").await.text());
    let log = gateway.log();
    assert!(log.contains("DEBUG") && log.contains("hints: interrupted"), "everything is logged");
    secrets.assert_none_in("the log", &log);
    log
}

#[tokio::test]
async fn a_start_that_is_refused_shows_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let hidden = "hunter2hunter2hunter2hunter2hunter2";
    let starts: [&[&str]; 9] = [
        &["--store", &format!("redis://{hidden}@[::1")],
        &["--store", &format!("rediss://:{hidden}@127.0.0.1:1")],
        &["--store", "memory:", "--jwks", &format!("https://x:{hidden}@login.example/")],
        &["--store", "memory:", "--jwt-secret", hidden, "--workers", "x"],
        &["--store", "memory:", "--config", &file("a", &format!("jwt-secret = \"{hidden}\nlisten = 1"))],
        &["--store", "memory:", "--config", &file("b", &format!("jwt-secret = [\"{hidden}\", \"b\"]"))],
        &["--store", "memory:", "--config", &file("c", &format!("jwt-secret = {{ a = \"{hidden}\" }}"))],
        &[
            "--store",
            "memory:",
            "--config",
            &file("d", &format!("jwt-secret = \"{hidden}\"\njwt-secret = \"{hidden}\"")),
        ],
        &[
            "--store",
            "memory:",
            "--config",
            &file("e", &format!("store = \"redis://:{hidden}@x\"\nworkers = \"{hidden}")),
        ],
    ];
    for arguments in starts {
        let keys: &[&str] = if arguments.contains(&"--jwks") {
            &["--api-key", "k"]
        } else {
            &["--api-key", "k", "--jwt-secret", &SECRET]
        };
        let keys = if arguments.contains(&"--jwt-secret") { &keys[..2] } else { keys };
        let message = refused_start(&[arguments, keys].concat()).await;
        assert!(!message.contains("hunter2"), "{message}");
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gateway"));
    let environment = ["GATEWAY_STORE", "GATEWAY_JWT_SECRET", "GATEWAY_API_KEYS", "GATEWAY_JWKS"];
    command.env_clear().envs(environment.map(|name| (name, format!("redis://:{hidden}@x")))).arg("--help");
    let help = String::from_utf8_lossy(&command.output().expect("the gateway is there").stdout).into_owned();
    assert!(help.contains("--store") && !help.contains("hunter2"), "{help}");
}
