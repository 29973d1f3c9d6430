//! Which tokens are good: who may have signed them, and what they must say.

use super::Identity;
use crate::{clock, config::Config};
use conversation_protocol::{
    ApiError, ErrorKind,
    limits::{TOKEN_BYTES_MAX, TOKEN_LEEWAY_S},
};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header, errors::ErrorKind as Jwt,
};
use serde::{Deserialize, Deserializer};

/// What every token must satisfy.
#[derive(PartialEq)]
pub(super) struct Rules {
    template: Validation,
}

impl Rules {
    pub(super) fn new(config: &Config) -> Self {
        let mut template = Validation::default();
        let mut required = vec!["exp", "sub"];
        template.leeway = TOKEN_LEEWAY_S;
        template.validate_nbf = true;
        match &config.jwt_audience {
            Some(audience) => {
                template.set_audience(&[audience]);
                required.push("aud");
            }
            None => template.validate_aud = false,
        }
        if let Some(issuer) = &config.jwt_issuer {
            template.set_issuer(&[issuer]);
            required.push("iss");
        }
        template.set_required_spec_claims(&required);
        Self { template }
    }

    /// A key, and the one algorithm that it is for.
    pub(super) fn key(&self, algorithm: Algorithm, decoding: DecodingKey, id: Option<String>) -> Key {
        let validation = Validation { algorithms: vec![algorithm], ..self.template.clone() };
        Key { id, algorithm, decoding, validation }
    }
}

/// A key that tokens may be signed with.
pub(super) struct Key {
    /// Its `kid`, in a set.
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    decoding: DecodingKey,
    validation: Validation,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    #[serde(deserialize_with = "seconds")]
    exp: u64,
    #[serde(default, deserialize_with = "seconds_or_none")]
    iat: Option<u64>,
}

/// Seconds since 1970, which RFC 7519 lets have a fraction.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Fraction(f64),
}

impl Seconds {
    fn whole<E: serde::de::Error>(self) -> Result<u64, E> {
        match self {
            Self::Whole(seconds) => Ok(seconds),
            Self::Fraction(seconds) if seconds >= 0.0 => Ok(seconds as u64),
            Self::Fraction(_) => Err(E::custom("expected seconds since 1970")),
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Seconds::deserialize(deserializer)?.whole()
}

fn seconds_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::<Seconds>::deserialize(deserializer)?.map(Seconds::whole).transpose()
}

fn refused(why: &str) -> ApiError {
    ApiError::new(ErrorKind::NotAuthenticated, format!("token: {why}"))
}

/// A token whose header was read, and nothing else yet. What its header says of keys (`jwk`, `jku`, `x5u`, `x5c`) is never
/// looked at, but for `kid`.
pub(super) struct Token<'a> {
    text: &'a str,
    header: Header,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(refused(&format!("expected at most {TOKEN_BYTES_MAX} bytes")));
        }
        let header = decode_header(text).map_err(|_| refused("expected a JWT"))?;
        // RFC 7515: what is critical must be understood, or the token refused.
        if header.crit.is_some() {
            return Err(refused("expected no crit in its header"));
        }
        Ok(Self { text, header })
    }

    /// Whether a key may have signed it: one of its algorithm which the header names, or which has no name.
    pub(super) fn names(&self, key: &Key) -> bool {
        key.algorithm == self.header.alg && (key.id.is_none() || key.id == self.header.kid)
    }

    /// Whether its algorithm is one with a public key, as those of a set are.
    pub(super) fn has_public_key(&self) -> bool {
        self.header.alg.family() != AlgorithmFamily::Hmac
    }

    pub(super) fn unsigned(&self) -> ApiError {
        refused("expected one signed with a configured key and its algorithm")
    }

    /// Who its bearer is; `None`: no key has signed it.
    pub(super) fn check(&self, keys: &[Key]) -> Result<Option<Identity>, ApiError> {
        for key in keys.iter().filter(|key| self.names(key)) {
            match decode::<Claims>(self.text, &key.decoding, &key.validation) {
                Ok(data) => return identity(data.claims).map(Some),
                Err(error) => match error.kind() {
                    Jwt::ExpiredSignature => return Err(refused("it has expired")),
                    Jwt::InvalidIssuer => return Err(refused("iss is not the configured one")),
                    Jwt::InvalidAudience => return Err(refused("aud is not the configured one")),
                    Jwt::ImmatureSignature => return Err(refused("it is not valid yet")),
                    Jwt::MissingRequiredClaim(claim) => return Err(refused(&format!("expected the claim {claim}"))),
                    Jwt::Json(_) | Jwt::Utf8(_) | Jwt::InvalidClaimFormat(_) => {
                        return Err(refused("expected the claims sub and exp, once and in their forms"));
                    }
                    _ => {}
                },
            }
        }
        Ok(None)
    }
}

fn identity(claims: Claims) -> Result<Identity, ApiError> {
    let now_s = clock::unix_s();
    // The library lets the last second pass, in which a session that begins would end at once.
    if claims.exp.saturating_add(TOKEN_LEEWAY_S) <= now_s {
        return Err(refused("it has expired"));
    }
    // One that claims to come from the future would outlive every kick until then.
    if claims.iat.is_some_and(|iat| iat > now_s + TOKEN_LEEWAY_S) {
        return Err(refused("iat is in the future"));
    }
    let user = claims.sub.parse().map_err(|error| refused(&format!("sub: {error}")))?;
    // What is here was issued before now, whatever the clock of who signed it says: else a kick would miss its session.
    let issued_at_us = claims.iat.map(|seconds| seconds.saturating_mul(1_000_000).min(clock::unix_us()));
    Ok(Identity { user, issued_at_us, expires_at_s: claims.exp })
}
