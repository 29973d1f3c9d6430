//! Which tokens open a list?

use crate::support::{
    BOTH, Call, Gateway, Session, Transport, json, keys,
    keys::{AsymmetricKey, now_s},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conversation_protocol::CloseCode;

/// Whether a token is taken, over each way alike.
async fn is_taken(gateway: &Gateway, token: &str) -> bool {
    let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(token);
    let answer = call.send(gateway.address).await;
    if answer.status == 200 {
        for transport in BOTH {
            gateway.opening(transport, "alice").token(token).open().await.sync().await;
        }
        return true;
    }
    assert_eq!(answer.refusal(), (401, 6014));
    assert!(!answer.text().contains(token) || token.len() < 4, "an error never shows the token");
    gateway.opening(Transport::WebSocket, "alice").token(token).refused_websocket(CloseCode::Unauthenticated).await;
    assert_eq!(gateway.opening(Transport::Events, "alice").token(token).refused_events().await.refusal(), (401, 6014));
    false
}

fn unsigned(user: &str) -> String {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(json!({"alg": "none", "typ": "JWT"})), encode(keys::claims(user)))
}

#[tokio::test]
async fn a_token_must_be_signed_and_have_a_user_and_an_end() {
    let gateway = Gateway::start().await;
    assert!(is_taken(&gateway, &keys::token("alice")).await);
    let good = keys::token("alice");
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let wrong = [
        keys::sign_with(b"another secret of thirty-two bytes", &keys::claims("alice")),
        unsigned("alice"),
        format!("{signed}."),
        signed.to_owned(),
        format!("{}.{signature}", keys::token("bob").rsplit_once('.').unwrap().0),
        keys::sign(&json!({"sub": "alice"})),
        keys::sign(&json!({"exp": now_s() + 60})),
        keys::sign(&json!({"sub": "", "exp": now_s() + 60})),
        keys::sign(&json!({"sub": 7, "exp": now_s() + 60})),
        keys::sign(&json!({"sub": "al ice", "exp": now_s() + 60})),
        keys::sign(&json!({"sub": "x".repeat(129), "exp": now_s() + 60})),
        keys::sign(&json!({"sub": "alice", "exp": "soon"})),
    ];
    for exp in [1 << 53, u64::MAX] {
        assert!(is_taken(&gateway, &keys::sign(&json!({"sub": "alice", "exp": exp}))).await, "a far end is an end");
    }
    for token in wrong {
        assert!(!is_taken(&gateway, &token).await, "{token}");
    }
}

#[tokio::test]
async fn public_keys_of_three_algorithms_can_be_configured_at_once_and_each_takes_only_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let pairs = [AsymmetricKey::rsa(), AsymmetricKey::ecdsa(), AsymmetricKey::ed25519()];
    let published: Vec<String> = pairs.iter().map(|pair| pair.publish(directory.path())).collect();
    let gateway = Gateway::with(&["--jwt-public-key", &published.join(",")]).await;
    for pair in &pairs {
        assert!(is_taken(&gateway, &pair.sign(&keys::claims("alice"))).await);
    }
    for foreign in [AsymmetricKey::rsa(), AsymmetricKey::ecdsa(), AsymmetricKey::ed25519()] {
        assert!(!is_taken(&gateway, &foreign.sign(&keys::claims("alice"))).await);
    }
    for pair in &pairs {
        let confused = keys::sign_with(pair.public_pem.as_bytes(), &keys::claims("alice"));
        assert!(!is_taken(&gateway, &confused).await, "a public key is no secret");
    }
    assert!(!is_taken(&gateway, &keys::token("alice")).await, "no secret is configured");
    assert!(!is_taken(&gateway, &unsigned("alice")).await);
}

#[tokio::test]
async fn audience_and_issuer_are_checked_where_they_are_configured() {
    let gateway = Gateway::with(&["--jwt-audience", "chat", "--jwt-issuer", "login"]).await;
    let token = |aud: serde_json::Value, iss: serde_json::Value| {
        keys::sign(&json!({"sub": "alice", "iat": now_s(), "exp": now_s() + 60, "aud": aud, "iss": iss}))
    };
    assert!(is_taken(&gateway, &token(json!("chat"), json!("login"))).await);
    assert!(is_taken(&gateway, &token(json!(["other", "chat"]), json!("login"))).await);
    for (aud, iss) in [("other", "login"), ("chat", "other"), ("", "login"), ("chat", "")] {
        assert!(!is_taken(&gateway, &token(json!(aud), json!(iss))).await, "{aud} {iss}");
    }
    assert!(!is_taken(&gateway, &token(json!("chat"), json!(null))).await);
    assert!(!is_taken(&gateway, &token(json!(null), json!("login"))).await);
    assert!(!is_taken(&gateway, &keys::token("alice")).await, "neither is there");
    let unconcerned = Gateway::start().await;
    assert!(is_taken(&unconcerned, &token(json!("other"), json!("other"))).await);
}

#[tokio::test]
async fn a_token_may_have_ended_a_few_seconds_ago_and_no_longer() {
    let gateway = Gateway::start().await;
    assert!(is_taken(&gateway, &keys::token_until("alice", -2)).await);
    assert!(!is_taken(&gateway, &keys::token_until("alice", -7)).await);
}

async fn ended(mut session: Session) -> (Option<u16>, Vec<String>) {
    session.sync().await;
    let (code, events) = session.closed().await;
    (code, events.into_iter().map(|event| event.name).collect())
}

#[tokio::test]
async fn a_session_whose_token_ends_is_told_and_closed_with_4202() {
    let gateway = Gateway::start().await;
    let token = keys::token_until("alice", -3);
    let open = async |transport| gateway.opening(transport, "alice").token(&token).open().await;
    let (websocket, events) = tokio::join!(async { ended(open(Transport::WebSocket).await).await }, async {
        ended(open(Transport::Events).await).await
    });
    assert_eq!(websocket, (Some(CloseCode::TokenExpired.code()), vec!["tokenExpired".to_owned()]));
    assert_eq!(events, (None, vec!["tokenExpired".to_owned()]));
    assert_eq!(gateway.opening(Transport::Events, "alice").token(&token).refused_events().await.refusal(), (401, 6014));
}
