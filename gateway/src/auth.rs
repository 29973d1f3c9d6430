//! Who a caller is: tokens of clients, keys of backends.

use crate::{
    clock,
    config::{Config, ConfigError, Mode},
};
use conversation_protocol::{ApiError, ErrorKind, UserId, limits::TOKEN_LEEWAY_S};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Seconds that a session is timed at most; no clock can add what a token's exp may hold.
const TIMER_S_MAX: u64 = 100 * 365 * 24 * 3_600;

/// What a token says of its bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose list it opens.
    pub user: UserId,
    /// When it was issued, in microseconds since 1970, if it says so.
    pub issued_at_us: Option<u64>,
    /// When it ends, in seconds since 1970, without leeway.
    pub expires_at_s: u64,
}

impl Identity {
    /// When the token ends, leeway included, on the monotonic clock.
    pub fn deadline(&self) -> Duration {
        let left_s = self.expires_at_s.saturating_add(TOKEN_LEEWAY_S).saturating_sub(clock::unix_s());
        clock::monotonic() + Duration::from_secs(left_s.min(TIMER_S_MAX))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
}

struct Key {
    decoding: DecodingKey,
    validation: Validation,
}

/// Checks tokens and keys.
pub struct Authenticator {
    keys: Vec<Key>,
    api_keys: Vec<String>,
    /// Signs tokens for anybody; in development mode alone.
    development: Option<EncodingKey>,
}

impl Authenticator {
    /// Reads the configured keys.
    pub fn new(config: &Config, mode: Mode) -> Result<Self, ConfigError> {
        let validation = |algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = TOKEN_LEEWAY_S;
            validation.set_required_spec_claims(&["exp", "sub"]);
            match &config.jwt_audience {
                Some(audience) => validation.set_audience(&[audience]),
                None => validation.validate_aud = false,
            }
            if let Some(issuer) = &config.jwt_issuer {
                validation.set_issuer(&[issuer]);
            }
            let wanted = [("aud", config.jwt_audience.is_some()), ("iss", config.jwt_issuer.is_some())];
            for (claim, _) in wanted.into_iter().filter(|(_, is_wanted)| *is_wanted) {
                validation.required_spec_claims.insert(claim.to_owned());
            }
            validation
        };
        let mut keys = Vec::new();
        let mut development = None;
        if let Some(secret) = &config.jwt_secret {
            let decoding = DecodingKey::from_secret(secret.as_bytes());
            keys.push(Key { decoding, validation: validation(Algorithm::HS256) });
        }
        for source in &config.jwt_public_key {
            let wrong = |why: String| ConfigError(format!("--jwt-public-key {}: {why}", source.file.display()));
            let pem = std::fs::read(&source.file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
            let decoding = match source.algorithm {
                Algorithm::RS256 => DecodingKey::from_rsa_pem(&pem),
                Algorithm::ES256 => DecodingKey::from_ec_pem(&pem),
                _ => DecodingKey::from_ed_pem(&pem),
            };
            let decoding = decoding
                .map_err(|error| wrong(format!("expected a {:?} public key in PEM: {error}", source.algorithm)))?;
            keys.push(Key { decoding, validation: validation(source.algorithm) });
        }
        let mut api_keys = config.api_keys.clone();
        if mode == Mode::Development {
            let secret: [u8; 32] = rand::random();
            keys.push(Key { decoding: DecodingKey::from_secret(&secret), validation: validation(Algorithm::HS256) });
            development = Some(EncodingKey::from_secret(&secret));
            api_keys.push("dev".to_owned());
        }
        Ok(Self { keys, api_keys, development })
    }

    /// Reads a token. An error says what is wrong with it, never what it was.
    pub fn identify(&self, token: &str) -> Result<Identity, ApiError> {
        let refused = |why: &str| ApiError::new(ErrorKind::NotAuthenticated, format!("token: {why}"));
        let header = decode_header(token).map_err(|_| refused("expected a JWT"))?;
        let mut reason = "expected one signed with a configured key and its algorithm";
        for key in &self.keys {
            if !key.validation.algorithms.contains(&header.alg) {
                continue;
            }
            match decode::<Claims>(token, &key.decoding, &key.validation) {
                // The library lets the last second pass, in which a session that begins would end at once.
                Ok(data) if data.claims.exp.saturating_add(TOKEN_LEEWAY_S) <= clock::unix_s() => {
                    reason = "it has expired";
                }
                Ok(data) => {
                    let user = data.claims.sub.parse().map_err(|error| refused(&format!("sub: {error}")))?;
                    let issued_at_us = data.claims.iat.map(|seconds| seconds.saturating_mul(1_000_000));
                    return Ok(Identity { user, issued_at_us, expires_at_s: data.claims.exp });
                }
                Err(error) => {
                    use jsonwebtoken::errors::ErrorKind as Jwt;
                    reason = match error.kind() {
                        Jwt::InvalidSignature => continue,
                        Jwt::ExpiredSignature => "it has expired",
                        Jwt::InvalidIssuer => "iss is not the configured one",
                        Jwt::InvalidAudience => "aud is not the configured one",
                        Jwt::ImmatureSignature => "it is not valid yet",
                        _ => "expected the claims sub and exp",
                    };
                }
            }
        }
        Err(refused(reason))
    }

    /// Whether a backend's key is one of ours; compared in constant time.
    pub fn knows_api_key(&self, key: &str) -> bool {
        let mut known = subtle::Choice::from(0);
        for api_key in &self.api_keys {
            known |= api_key.as_bytes().ct_eq(key.as_bytes());
        }
        known.into()
    }

    /// A token for anybody, for an hour; `None` unless in development mode.
    pub fn development_token(&self, user: &UserId) -> Option<String> {
        let now = clock::unix_s();
        let claims = Claims { sub: user.to_string(), exp: now + 3_600, iat: Some(now) };
        let key = self.development.as_ref()?;
        encode(&Header::new(Algorithm::HS256), &claims, key).ok()
    }
}
