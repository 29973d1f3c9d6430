//! A token for trying things out, and for tools.

use super::Problem;
use crate::{
    clock,
    config::{Config, ConfigError},
};
use conversation_protocol::UserId;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use std::process::ExitCode;

pub(super) fn print(config: &Config, user: &UserId, ttl_seconds: u64) -> Result<ExitCode, Problem> {
    config.mode()?;
    let missing = || ConfigError("--jwt-secret: expected one, since tokens are signed with it".to_owned());
    let secret = config.jwt_secret.as_ref().ok_or_else(missing)?;
    let now = clock::unix_s();
    let mut claims = serde_json::json!({ "sub": user, "iat": now, "exp": now.saturating_add(ttl_seconds) });
    for (name, value) in [("iss", &config.jwt_issuer), ("aud", &config.jwt_audience)] {
        if let Some(value) = value {
            claims[name] = value.as_str().into();
        }
    }
    let key = EncodingKey::from_secret(secret.as_bytes());
    println!("{}", encode(&Header::new(Algorithm::HS256), &claims, &key)?);
    Ok(ExitCode::SUCCESS)
}
