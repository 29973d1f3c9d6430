//! Which tokens are taken, and which are refused with which word? Every row over every way in.

use super::ways::{Way, everywhere, refusal};
use crate::support::{
    Call, Gateway, Transport, Value, json, keys,
    keys::{AsymmetricKey, SECRET, now_s},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conversation_protocol::{CloseCode, limits::TOKEN_BYTES_MAX};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

/// Every row must be refused with its words.
async fn check_refused(gateway: &Gateway, rows: Vec<(&str, String, &str)>) {
    for (name, token, words) in rows {
        let reason = everywhere(gateway, name, &token).await;
        assert!(reason.as_ref().is_some_and(|reason| reason.contains(words)), "{name}: {words:?}, got {reason:?}");
    }
    let log = gateway.log();
    assert!(!log.contains("panicked") && !log.contains("eyJ"), "{log}");
}

async fn check_taken(gateway: &Gateway, rows: Vec<(&str, String)>) {
    for (name, token) in rows {
        assert_eq!(everywhere(gateway, name, &token).await, None, "{name}");
    }
}

async fn gateway_with(arguments: &[&str]) -> Gateway {
    let many = ["--connects-per-user", "1000", "--sessions-per-user", "1000", "--call-units-per-second", "1000"];
    Gateway::with(
        &[many.as_slice(), &["--log", "conversation_gateway=trace", "--jwt-secret", &SECRET], arguments].concat(),
    )
    .await
}

const UNSIGNED: &str = "expected one signed with a configured key and its algorithm";
const NO_JWT: &str = "expected a JWT";
const FORMS: &str = "once and in their forms";

fn with_header(mut header: Value) -> String {
    header["typ"] = json!("JWT");
    keys::sign_text(&header.to_string(), &keys::claims("alice").to_string())
}

fn with_claims(claims: &str) -> String {
    keys::sign_text(r#"{"alg":"HS256"}"#, claims)
}

fn without_signature(header: &str) -> String {
    let claims = keys::claims("alice").to_string();
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

#[tokio::test]
async fn nobody_gets_in_without_a_signature_of_a_configured_key_and_its_algorithm() {
    let directory = tempfile::tempdir().unwrap();
    let pairs = [AsymmetricKey::rsa(), AsymmetricKey::ecdsa(), AsymmetricKey::ed25519()];
    let published: Vec<String> = pairs.iter().map(|pair| pair.publish(directory.path())).collect();
    let gateway = gateway_with(&["--jwt-public-key", &published.join(",")]).await;
    let (alice, good) = (keys::claims("alice"), keys::token("alice"));
    let taken = pairs.iter().map(|pair| ("its own algorithm", pair.sign(&alice))).chain([("a good one", good.clone())]);
    check_taken(&gateway, taken.collect()).await;

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = keys::token("bob");
    let mut rows = vec![
        ("no signature", format!("{signed}."), UNSIGNED),
        ("two parts", signed.to_owned(), NO_JWT),
        ("four parts", format!("{good}.{signature}"), NO_JWT),
        ("another token's signature", format!("{}.{signature}", other.rsplit_once('.').unwrap().0), UNSIGNED),
        ("a short signature", good[..good.len() - 4].to_owned(), UNSIGNED),
        ("no payload", format!("{}..{signature}", signed.split('.').next().unwrap()), UNSIGNED),
        ("nothing but dots", "..".to_owned(), NO_JWT),
        ("no JWT", "garbage".to_owned(), NO_JWT),
        ("another secret", keys::sign_with(b"another secret of thirty-two bytes", &alice), UNSIGNED),
        ("HS384 with the secret", hmac(Algorithm::HS384, SECRET.as_bytes()), UNSIGNED),
        ("HS512 with the secret", hmac(Algorithm::HS512, SECRET.as_bytes()), UNSIGNED),
        ("RS384", pairs[0].sign_as(Algorithm::RS384, None, &alice), UNSIGNED),
        ("RS512", pairs[0].sign_as(Algorithm::RS512, None, &alice), UNSIGNED),
        ("PS256", pairs[0].sign_as(Algorithm::PS256, None, &alice), UNSIGNED),
        ("ES384", AsymmetricKey::ecdsa_384().sign(&alice), UNSIGNED),
        ("another RSA key", AsymmetricKey::rsa().sign(&alice), UNSIGNED),
        ("another EC key", AsymmetricKey::ecdsa().sign(&alice), UNSIGNED),
        ("another Ed key", AsymmetricKey::ed25519().sign(&alice), UNSIGNED),
        ("an unknown algorithm", with_header(json!({"alg": "HS257"})), NO_JWT),
        ("no algorithm", with_header(json!({})), NO_JWT),
        ("an algorithm that is no text", with_header(json!({"alg": 256})), NO_JWT),
    ];
    for none in ["none", "None", "NONE", "nOnE", "", "null"] {
        let header = json!({"alg": none}).to_string();
        rows.push(("none", without_signature(&header), NO_JWT));
        rows.push(("none with a signature", keys::sign_text(&header, &alice.to_string()), NO_JWT));
    }
    for pair in &pairs {
        // The public key is public: whoever signs with it as if it were a secret must not get in.
        let pem = pair.public_pem.as_str();
        for secret in [pem.to_owned(), pem.trim_end().to_owned(), pem.replace('\n', "\r\n"), body_of(pem)] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                rows.push(("a public key as a secret", hmac(algorithm, secret.as_bytes()), UNSIGNED));
            }
        }
        let (_, rest) = good.split_once('.').unwrap();
        let own = pair.sign(&alice);
        let header = own.split('.').next().unwrap();
        rows.push(("an HS256 signature under another algorithm", format!("{header}.{rest}"), UNSIGNED));
    }
    check_refused(&gateway, rows).await;
}

/// The Base64 of a PEM alone.
fn body_of(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn hmac(algorithm: Algorithm, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), &keys::claims("alice"), &key).expect("a token")
}

#[tokio::test]
async fn what_a_token_says_must_be_there_once_and_in_its_form() {
    let gateway = gateway_with(&[]).await;
    let (now, soon) = (now_s(), now_s() + 600);
    let claims = |more: &str| with_claims(&format!(r#"{{"sub":"alice",{more}}}"#));
    let sub = |sub: Value| with_claims(&json!({"sub": sub, "exp": soon}).to_string());
    check_taken(
        &gateway,
        vec![
            ("the least", claims(&format!(r#""exp":{soon}"#))),
            ("exp with a fraction", claims(&format!(r#""exp":{soon}.75"#))),
            ("a far exp", claims(r#""exp":18446744073709551615"#)),
            ("an exp within the leeway", claims(&format!(r#""exp":{}"#, now - 3))),
            ("nbf in the past", claims(&format!(r#""exp":{soon},"nbf":{}"#, now - 10))),
            ("iat in the past, with a fraction", claims(&format!(r#""exp":{soon},"iat":{}.5"#, now - 10))),
            ("iat null", claims(&format!(r#""exp":{soon},"iat":null"#))),
            ("clocks that differ a little", claims(&format!(r#""exp":{soon},"iat":{0},"nbf":{0}"#, now + 3))),
            ("unknown claims", claims(&format!(r#""exp":{soon},"admin":true,"userID":"bob","aud":["x"],"iss":"y""#))),
        ],
    )
    .await;
    let rows = vec![
        ("no exp", claims(r#""iat":1"#), FORMS),
        ("exp null", claims(r#""exp":null"#), FORMS),
        ("exp as text", claims(&format!(r#""exp":"{soon}""#)), FORMS),
        ("exp negative", claims(r#""exp":-1"#), FORMS),
        ("exp beyond 64 bits", claims(r#""exp":18446744073709551616"#), "exp"),
        ("exp beyond a double", claims(r#""exp":1e999"#), FORMS),
        ("exp as a list", claims(&format!(r#""exp":[{soon}]"#)), FORMS),
        ("exp true", claims(r#""exp":true"#), FORMS),
        ("exp 0", claims(r#""exp":0"#), "it has expired"),
        ("exp past the leeway", claims(&format!(r#""exp":{}"#, now - 6)), "it has expired"),
        ("exp past the leeway, with a fraction", claims(&format!(r#""exp":{}.9"#, now - 7)), "it has expired"),
        ("exp twice", claims(&format!(r#""exp":1,"exp":{soon}"#)), FORMS),
        ("nbf in the future", claims(&format!(r#""exp":{soon},"nbf":{}"#, now + 60)), "it is not valid yet"),
        ("nbf as text", claims(&format!(r#""exp":{soon},"nbf":"{now}""#)), FORMS),
        ("nbf twice", claims(&format!(r#""exp":{soon},"nbf":1,"nbf":{now}"#)), FORMS),
        ("iat in the future", claims(&format!(r#""exp":{soon},"iat":{}"#, now + 60)), "iat is in the future"),
        ("iat in milliseconds", claims(&format!(r#""exp":{soon},"iat":{now}000"#)), "iat is in the future"),
        ("iat as text", claims(&format!(r#""exp":{soon},"iat":"{now}""#)), FORMS),
        ("iat negative", claims(&format!(r#""exp":{soon},"iat":-1"#)), FORMS),
        ("iat twice", claims(&format!(r#""exp":{soon},"iat":1,"iat":{now}"#)), FORMS),
        ("no sub", with_claims(&format!(r#"{{"exp":{soon}}}"#)), FORMS),
        ("sub twice", with_claims(&format!(r#"{{"sub":"bob","sub":"alice","exp":{soon}}}"#)), FORMS),
        ("sub null", sub(json!(null)), FORMS),
        ("sub as a number", sub(json!(7)), FORMS),
        ("sub as a list", sub(json!(["alice"])), FORMS),
        ("sub empty", sub(json!("")), "sub: "),
        ("sub too long", sub(json!("x".repeat(129))), "sub: "),
        ("sub with a space", sub(json!("al ice")), "sub: "),
        ("sub with a line break", sub(json!("alice\r\nset-cookie: x")), "sub: "),
        ("sub with a zero", sub(json!("alice\0")), "sub: "),
        ("sub with an escape", sub(json!("\u{1b}[31malice")), "sub: "),
        ("claims that are no object", with_claims("[]"), FORMS),
        ("claims that are no JSON", with_claims("alice"), FORMS),
        ("claims with something behind them", with_claims(&format!("{}x", keys::claims("alice"))), FORMS),
        ("no claims", with_claims(""), FORMS),
    ];
    check_refused(&gateway, rows).await;
}

#[tokio::test]
async fn a_header_chooses_no_key_and_has_nothing_fetched() {
    // Whoever is asked for a key here is asked by the gateway.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lure = format!("http://{}/keys.json", listener.local_addr().unwrap());
    let gateway = gateway_with(&[]).await;
    let with = |name: &str, value: Value| with_header(json!({"alg": "HS256", name: value}));
    let foreign = AsymmetricKey::rsa();
    let long = "k".repeat(4_000);
    let kids = ["k1", "../../../etc/passwd", "' OR '1'='1", "", "\0", "{}", lure.as_str(), long.as_str()];
    let mut taken: Vec<_> = kids.iter().map(|kid| ("a kid, where keys have none", with("kid", json!(kid)))).collect();
    taken.extend([
        ("jku", with("jku", json!(lure))),
        ("x5u", with("x5u", json!(lure))),
        ("jwk", with("jwk", foreign.jwk("k1"))),
        ("no typ", with_header(json!({"alg": "HS256", "typ": null}))),
        ("b64 that is not critical", with("b64", json!(false))),
    ]);
    check_taken(&gateway, taken).await;
    let by_its_own_key = |name: &str, value: Value| {
        let mut header = json!({"alg": "RS256", "kid": "k1"});
        header[name] = value;
        let message = [header, keys::claims("alice")].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let token = foreign.sign(&keys::claims("alice"));
        format!("{message}.{}", token.rsplit('.').next().unwrap())
    };
    let rows = vec![
        ("a key of its own", by_its_own_key("jwk", foreign.jwk("k1")), UNSIGNED),
        ("an address of its own", by_its_own_key("jku", json!(lure)), UNSIGNED),
        ("a certificate's address of its own", by_its_own_key("x5u", json!(lure)), UNSIGNED),
        ("a kid without a set", foreign.token("alice", "k1"), UNSIGNED),
        ("a kid that is no text", with("kid", json!(7)), NO_JWT),
        ("crit", with("crit", json!(["exp"])), "no crit"),
        ("crit with an unknown name", with("crit", json!(["x"])), "no crit"),
        ("crit empty", with("crit", json!([])), "no crit"),
        ("crit that is no list", with("crit", json!("exp")), NO_JWT),
        ("alg twice", keys::sign_text(r#"{"alg":"HS256","alg":"none"}"#, &keys::claims("alice").to_string()), NO_JWT),
        ("more than a token may have", with("kid", json!("k".repeat(TOKEN_BYTES_MAX))), "bytes"),
    ];
    check_refused(&gateway, rows).await;
    let asked = tokio::time::timeout(std::time::Duration::from_millis(1), listener.accept()).await;
    assert!(asked.is_err(), "the gateway fetched what a token names");
}

#[tokio::test]
async fn audience_and_issuer_are_compared_as_they_are_configured() {
    let gateway = gateway_with(&["--jwt-audience", "chat", "--jwt-issuer", "login"]).await;
    let token = |aud: &str, iss: &str| {
        with_claims(&format!(r#"{{"sub":"alice","exp":{},"aud":{aud},"iss":{iss}}}"#, now_s() + 600))
    };
    check_taken(
        &gateway,
        vec![
            ("both", token(r#""chat""#, r#""login""#)),
            ("one of several audiences", token(r#"["other","chat"]"#, r#""login""#)),
        ],
    )
    .await;
    let (aud, iss) = ("aud is not the configured one", "iss is not the configured one");
    let rows = vec![
        ("another aud", token(r#""other""#, r#""login""#), aud),
        ("an aud in capitals", token(r#""CHAT""#, r#""login""#), aud),
        ("a part of the aud", token(r#""chat ""#, r#""login""#), aud),
        ("several, none of them ours", token(r#"["a","b"]"#, r#""login""#), aud),
        ("no audiences", token("[]", r#""login""#), aud),
        ("aud as a number", token("7", r#""login""#), "expected the claim aud"),
        ("aud null", token("null", r#""login""#), "expected the claim aud"),
        ("another iss", token(r#""chat""#, r#""other""#), iss),
        ("iss as an object", token(r#""chat""#, "{}"), "expected the claim iss"),
        ("iss null", token(r#""chat""#, "null"), "expected the claim iss"),
    ];
    check_refused(&gateway, rows).await;
}

#[tokio::test]
async fn white_space_belongs_to_no_token() {
    let gateway = gateway_with(&[]).await;
    let good = keys::token("alice");
    for wrong in
        [format!(" {good}"), format!("{good} "), format!("{good}\n"), format!("{good}\0"), good.replace('.', " .")]
    {
        for way in [Way::WebSocketQuery, Way::Authenticate, Way::EventsQuery] {
            assert!(refusal(&gateway, way, &wrong).await.is_some(), "{way:?}");
        }
    }
    for way in [Way::WebSocketHeader, Way::EventsHeader, Way::CallHeader] {
        assert_eq!(refusal(&gateway, way, &format!(" {good} ")).await, None, "HTTP trims a header's value");
        assert!(refusal(&gateway, way, &good.replace('.', " .")).await.is_some(), "{way:?}");
    }
}

#[tokio::test]
async fn a_token_that_comes_twice_is_refused_though_both_are_good() {
    let gateway = gateway_with(&[]).await;
    let (alice, bob) = (keys::token("alice"), keys::token("bob"));
    let bearer = format!("Bearer {alice}");
    for second in [&alice, &bob] {
        let twice =
            |transport| gateway.opening(transport, "alice").header("authorization", &format!("Bearer {second}"));
        let answer = twice(Transport::Events).refused_events().await;
        assert!(answer.refusal() == (401, 6014) && answer.text().contains("expected it once"), "{}", answer.text());
        twice(Transport::WebSocket).refused_websocket(CloseCode::Unauthenticated).await;
        let both = |transport| gateway.opening(transport, "alice").query("token", second);
        assert_eq!(both(Transport::Events).refused_events().await.refusal(), (401, 6014));
        both(Transport::WebSocket).refused_websocket(CloseCode::Unauthenticated).await;
        let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&alice).bearer(second);
        assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014));
        let call = Call::post(&format!("/v1/getTotalUnreadMessageCount?token={second}")).bearer(&alice);
        assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014));
    }
    let other_scheme = gateway.opening(Transport::Events, "alice").anonymous().header("authorization", "Basic eDp5");
    other_scheme.query("token", &alice).open().await.sync().await;
    let api = Call::post("/server/v1/getUserSessions").bearer(&keys::API_KEY).header("authorization", &bearer);
    assert_eq!(api.json(&json!({"userID": "alice"})).send(gateway.address).await.refusal(), (401, 6014));
}
