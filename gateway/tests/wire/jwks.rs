//! Which keys of a set are taken, and how do they change while the gateway runs?

use crate::support::{Call, Gateway, Transport, Value, json, key_server::KeyServer, keys, keys::AsymmetricKey, until};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conversation_protocol::CloseCode;
use jsonwebtoken::Algorithm;

/// The status of a call with a token.
pub(super) async fn status(gateway: &Gateway, token: &str) -> u16 {
    Call::post("/v1/getTotalUnreadMessageCount").bearer(token).send(gateway.address).await.status
}

pub(super) async fn gateway_at(source: &str, arguments: &[&str]) -> Gateway {
    Gateway::with(&[&["--jwks", source, "--call-units-per-second", "1000"], arguments].concat()).await
}

#[tokio::test]
async fn a_key_is_chosen_by_its_name_and_takes_only_its_own_algorithm() {
    let all = [
        ("r", AsymmetricKey::rsa()),
        ("e", AsymmetricKey::ecdsa()),
        ("e3", AsymmetricKey::ecdsa_384()),
        ("d", AsymmetricKey::ed25519()),
    ];
    let server = KeyServer::start(all.iter().map(|(kid, key)| key.jwk(kid)).collect());
    let gateway = gateway_at(&server.url(), &[]).await;
    for (kid, key) in &all {
        assert_eq!(status(&gateway, &key.token("alice", kid)).await, 200, "{kid}");
        assert_eq!(status(&gateway, &key.sign(&keys::claims("alice"))).await, 401, "{kid}: no name");
        for (other, _) in all.iter().filter(|(other, _)| other != kid) {
            assert_eq!(status(&gateway, &key.token("alice", other)).await, 401, "{kid} as {other}");
        }
        let secret =
            URL_SAFE_NO_PAD.decode(key.jwk(kid)[if *kid == "r" { "n" } else { "x" }].as_str().unwrap()).unwrap();
        for secret in [secret.as_slice(), key.public_pem.as_bytes(), key.jwk(kid).to_string().as_bytes()] {
            assert_eq!(status(&gateway, &keys::sign_with(secret, &keys::claims("alice"))).await, 401, "{kid}");
        }
    }
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512] {
        let token = all[0].1.sign_as(algorithm, Some("r"), &keys::claims("alice"));
        assert_eq!(status(&gateway, &token).await, 401, "the set says RS256, not {algorithm:?}");
    }
    assert_eq!(status(&gateway, &keys::token("alice")).await, 401, "no secret is configured");
    assert_eq!(gateway.metric("gateway_jwks_keys").await, 4);
}

#[tokio::test]
async fn without_an_alg_a_key_has_the_usual_one_of_its_kind() {
    let all = [AsymmetricKey::rsa(), AsymmetricKey::ecdsa(), AsymmetricKey::ecdsa_384(), AsymmetricKey::ed25519()];
    let bare = |key: &AsymmetricKey| {
        let mut jwk = key.jwk("");
        let fields = jwk.as_object_mut().unwrap();
        fields.retain(|name, _| !["alg", "kid", "use"].contains(&name.as_str()));
        jwk
    };
    let server = KeyServer::start(all.iter().map(bare).collect());
    let gateway = gateway_at(&server.url(), &[]).await;
    for key in &all {
        assert_eq!(status(&gateway, &key.sign(&keys::claims("alice"))).await, 200, "neither has a name");
        assert_eq!(status(&gateway, &key.token("alice", "k")).await, 200, "a key without a name takes any");
    }
    let mut other = bare(&all[0]);
    other["alg"] = json!("PS512");
    server.publish(vec![other]);
    let token = all[0].sign_as(Algorithm::PS512, None, &keys::claims("alice"));
    assert_eq!(status(&gateway, &token).await, 200, "an algorithm that no key has is asked for");
    for algorithm in [Algorithm::RS256, Algorithm::RS512] {
        let token = all[0].sign_as(algorithm, None, &keys::claims("alice"));
        assert_eq!(status(&gateway, &token).await, 401, "{algorithm:?}: the set says PS512 now");
    }
}

#[tokio::test]
async fn keys_that_are_not_for_tokens_are_left_out_and_named_in_the_log() {
    let (good, other) = (AsymmetricKey::rsa(), AsymmetricKey::ecdsa());
    let with = |fields: Value| {
        let mut jwk = other.jwk("other");
        jwk.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        jwk
    };
    let secret = URL_SAFE_NO_PAD.encode(keys::SECRET.as_bytes());
    let left_out = vec![
        (json!({"kty": "oct", "k": secret, "alg": "HS256", "kid": "other"}), "got a secret"),
        (json!({"kty": "oct", "k": secret, "alg": "RS256", "kid": "other"}), "got a secret"),
        (with(json!({"d": "AAAA"})), "got a private one"),
        (with(json!({"use": "enc"})), "expected the use sig"),
        (with(json!({"key_ops": ["sign"]})), "expected the use sig"),
        (with(json!({"alg": "HS256"})), "an alg of that kind"),
        (with(json!({"alg": "RS256"})), "an alg of that kind"),
        (with(json!({"alg": "none"})), "an alg of that kind"),
        (with(json!({"crv": "P-521"})), "an alg of that kind"),
        (with(json!({"crv": "P-384", "alg": "ES384"})), "x: expected 48 bytes, got 32"),
        (with(json!({"x": "not base64url!"})), "x: expected base64url"),
        (with(json!({"x": 7})), "expected a JSON Web Key"),
        (with(json!({"kty": "RSA", "alg": "RS256"})), "expected n"),
        (
            with(json!({"kty": "RSA", "alg": "RS256", "n": "AAAA", "e": "AQAB"})),
            "n: expected at least 256 bytes, got 0",
        ),
        (json!({"kty": "new", "kid": "other"}), "an alg of that kind"),
        (json!("key"), "expected a JSON Web Key"),
    ];
    let mut set: Vec<Value> = left_out.iter().map(|(jwk, _)| jwk.clone()).collect();
    set.push(good.jwk("good"));
    let server = KeyServer::start(set);
    let gateway = gateway_at(&server.url(), &[]).await;
    assert_eq!(gateway.metric("gateway_jwks_keys").await, 1);
    assert_eq!(status(&gateway, &good.token("alice", "good")).await, 200);
    assert_eq!(status(&gateway, &other.token("alice", "other")).await, 401);
    assert_eq!(status(&gateway, &keys::token("alice")).await, 401, "a secret in a set signs nothing");
    let log = gateway.log();
    for (place, (_, words)) in left_out.iter().enumerate() {
        let from = log.find(&format!("key {place}: ")).unwrap_or_else(|| panic!("key {place} is not named: {log}"));
        let end = log[from..].find(&format!("key {}: ", place + 1)).map_or(log.len(), |length| from + length);
        assert!(log[from..end].contains(words), "{words}: {}", &log[from..end]);
    }
    assert!(!log.contains(&secret));
}

#[tokio::test]
async fn a_new_key_is_looked_up_when_its_first_token_comes() {
    let (old, new) = (AsymmetricKey::rsa(), AsymmetricKey::ed25519());
    let server = KeyServer::start(vec![old.jwk("old")]);
    let gateway = gateway_at(&server.url(), &[]).await;
    server.publish(vec![old.jwk("old"), new.jwk("new")]);
    for transport in crate::support::BOTH {
        gateway.opening(transport, "alice").token(&new.token("alice", "new")).open().await.sync().await;
    }
    assert_eq!(status(&gateway, &old.token("alice", "old")).await, 200);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_removed_key_signs_no_more_after_the_next_read_and_its_sessions_stay() {
    let (old, new) = (AsymmetricKey::ecdsa(), AsymmetricKey::ecdsa());
    let server = KeyServer::start(vec![old.jwk("old")]);
    let gateway = gateway_at(&server.url(), &["--jwks-refresh-ms", "50"]).await;
    let token = old.token("alice", "old");
    let mut session = gateway.opening(Transport::WebSocket, "alice").token(&token).open().await;
    session.sync().await;
    server.publish(vec![new.jwk("new")]);
    until("the old key is gone", async || status(&gateway, &token).await == 401).await;
    session.done("ping", json!({})).await;
    assert_eq!(session.call("refreshToken", json!({"token": token})).await.unwrap_err()["code"], 6014);
    session.done("refreshToken", json!({"token": new.token("alice", "new")})).await;
    gateway.opening(Transport::WebSocket, "alice").token(&token).refused_websocket(CloseCode::Unauthenticated).await;
    server.publish(Vec::new());
    until("all keys are gone", async || status(&gateway, &new.token("alice", "new")).await == 401).await;
    session.done("ping", json!({})).await;
}

#[tokio::test]
async fn made_up_names_of_keys_do_not_hammer_the_source() {
    let key = AsymmetricKey::ecdsa();
    let server = KeyServer::start(vec![key.jwk("k")]);
    let gateway = gateway_at(&server.url(), &[]).await;
    let calls = (0..300).map(|n| {
        let (token, gateway) = (key.token("alice", &format!("made up {n}")), &gateway);
        async move { status(gateway, &token).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    for n in 0..100 {
        assert_eq!(status(&gateway, &key.token("alice", &format!("later {n}"))).await, 401);
        assert_eq!(status(&gateway, &key.token("alice", "k")).await, 200);
    }
    assert_eq!(server.requests(), 2, "one at the start, one for all of them");
}
