//! Tokens: only those that were signed as they are open a list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Parser;
use conversation_gateway::{
    auth::Authenticator,
    config::{Config, Mode},
};
use conversation_protocol::UserId;
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::sync::{Arc, LazyLock};

const SECRET: &str = "a secret of at least thirty-two bytes";
/// An end that no run of the fuzzer sees.
const EXP: u64 = 1 << 40;

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let config = Config::try_parse_from(["gateway", "--jwt-secret", SECRET, "--api-key", "k"]).expect("settings");
    Authenticator::new(&config, Mode::Production, Arc::default(), None).expect("keys")
});
static GOOD: LazyLock<Vec<String>> = LazyLock::new(good);

/// Tokens that are taken, in some forms.
pub(crate) fn good() -> Vec<String> {
    let claims = [
        json!({"sub": "alice", "exp": EXP}),
        json!({"sub": "alice", "exp": EXP, "iat": 1_795_373_813, "nbf": 1_795_373_813}),
        json!({"exp": EXP, "sub": "é😀", "aud": ["a", "b"], "iss": "x", "jti": "7", "nested": {"sub": "bob", "exp": 1}}),
    ];
    let header = |kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::HS256) };
    let headers = [header(None), header(Some("k1"))];
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let sign = |claims| headers.iter().map(|header| encode(header, claims, &key).expect("a token")).collect::<Vec<_>>();
    claims.iter().flat_map(sign).collect()
}

/// A token is one of the good ones, or is refused in few words that do not show it.
pub(crate) fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check(text);
    // JSON as the parts of a token, so that mutations reach what is inside.
    let parts: Vec<_> = text.split('\n').map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
    check(&parts.join("."));
}

fn check(token: &str) {
    let identity = AUTHENTICATOR.identify(token).now_or_never().expect("keys that are there need no waiting");
    match identity {
        Ok(identity) => {
            assert!(GOOD.iter().any(|good| good == token), "nobody signed {token:?}");
            assert!(identity.user.as_str().parse::<UserId>().is_ok());
        }
        Err(error) => {
            crate::check_error(&error);
            assert!(token.len() < 16 || !error.message.contains(token), "{error}");
        }
    }
}
