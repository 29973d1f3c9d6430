//! Who a caller is: tokens of clients, keys of backends.

mod followed;
mod jwks;
mod source;
mod token;

pub use followed::FollowedKeys;

use crate::{
    clock,
    config::{Config, ConfigError, Mode},
    metrics::Metrics,
};
use conversation_protocol::{ApiError, UserId, limits::TOKEN_LEEWAY_S};
use followed::Following;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use source::JwksSource;
use std::{sync::Arc, time::Duration};
use subtle::ConstantTimeEq;
use token::{Key, Rules, Token};

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

/// Checks tokens and keys.
pub struct Authenticator {
    /// Keys that stay as long as the process.
    keys: Vec<Key>,
    /// Keys that come from `--jwks`.
    followed: Option<Arc<Following>>,
    api_keys: Vec<String>,
    /// Signs tokens for anybody; in development mode alone.
    development: Option<EncodingKey>,
}

impl Authenticator {
    /// Reads the configured keys, and follows those of `--jwks` on the current tokio runtime. Those of an address come later; but
    /// where this takes the place of an earlier one they are that one's, if they are followed in the same way, or are read now.
    pub fn new(
        config: &Config,
        mode: Mode,
        metrics: Arc<Metrics>,
        earlier: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        let rules = Rules::new(config);
        let mut keys = Vec::new();
        if let Some(secret) = &config.jwt_secret {
            keys.push(rules.key(Algorithm::HS256, DecodingKey::from_secret(secret.as_bytes()), None));
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
            keys.push(rules.key(source.algorithm, decoding, None));
        }
        let mut api_keys = config.api_keys.clone();
        let mut development = None;
        if mode == Mode::Development {
            let secret: [u8; 32] = rand::random();
            keys.push(rules.key(Algorithm::HS256, DecodingKey::from_secret(&secret), None));
            development = Some(EncodingKey::from_secret(&secret));
            api_keys.push("dev".to_owned());
        }
        let followed = match &config.jwks {
            Some(text) => {
                // Read here, since the parser of flags would show the whole of a wrong address, and a password in it.
                let source: JwksSource = text.parse().map_err(|why| ConfigError(format!("--jwks: {why}")))?;
                let refresh = Duration::from_millis(config.jwks_refresh_ms);
                let known = earlier.and_then(|earlier| earlier.followed.clone());
                match known.filter(|known| known.keys().follows(&source, &rules, refresh)) {
                    Some(known) => Some(known),
                    None => {
                        let keys = FollowedKeys::new(source.clone(), rules, refresh, metrics, earlier.is_some());
                        let keys = keys.map_err(|why| ConfigError(format!("--jwks {source}: {why}")))?;
                        Some(Arc::new(Following::start(keys)))
                    }
                }
            }
            None => {
                metrics.jwks_keys.set(0);
                None
            }
        };
        Ok(Self { keys, followed, api_keys, development })
    }

    /// The keys that come from `--jwks`.
    pub fn followed(&self) -> Option<&FollowedKeys> {
        self.followed.as_deref().map(Following::keys)
    }

    /// Reads a token. An error says what is wrong with it, never what it was; or that nobody can tell yet.
    pub async fn identify(&self, token: &str) -> Result<Identity, ApiError> {
        let token = Token::parse(token)?;
        if let Some(identity) = token.check(&self.keys)? {
            return Ok(identity);
        }
        let Some(followed) = self.followed().filter(|_| token.has_public_key()) else {
            return Err(token.unsigned());
        };
        let keys = followed.keys_for(&token).await?;
        token.check(&keys)?.ok_or_else(|| token.unsigned())
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
        let claims = serde_json::json!({ "sub": user, "exp": now + 3_600, "iat": now });
        let key = self.development.as_ref()?;
        encode(&Header::new(Algorithm::HS256), &claims, key).ok()
    }
}
