//! What a JSON Web Key Set (RFC 7517) says: the public keys in it that tokens may be signed with.

use super::token::{Key, Rules};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// Keys of a set; more are refused.
const KEYS_MAX: usize = 64;
/// Bytes of an RSA modulus at least: 2,048 bits.
const MODULUS_BYTES_MIN: usize = 256;

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// There in a private key alone.
    d: Option<serde_json::Value>,
}

/// The keys of a set that tokens can be signed with, and for each other one why it is left out. A set may have none.
pub(super) fn read(bytes: &[u8], rules: &Rules) -> Result<(Vec<Key>, Vec<String>), String> {
    let set: Set = serde_json::from_slice(bytes)
        .map_err(|error| format!("expected a JSON Web Key Set like {{\"keys\": […]}}: {error}"))?;
    if set.keys.len() > KEYS_MAX {
        return Err(format!("expected at most {KEYS_MAX} keys, got {}", set.keys.len()));
    }
    let (mut keys, mut left_out) = (Vec::new(), Vec::new());
    for (place, jwk) in set.keys.into_iter().enumerate() {
        match read_key(jwk, rules) {
            Ok(key) => keys.push(key),
            Err(why) => left_out.push(format!("key {place}: {why}")),
        }
    }
    Ok((keys, left_out))
}

fn read_key(jwk: serde_json::Value, rules: &Rules) -> Result<Key, String> {
    let jwk: Jwk = serde_json::from_value(jwk).map_err(|error| format!("expected a JSON Web Key: {error}"))?;
    if jwk.kty == "oct" {
        return Err("expected a public key, got a secret".to_owned());
    }
    if jwk.d.is_some() {
        return Err("expected a public key, got a private one".to_owned());
    }
    let is_for_others = jwk.usage.as_deref().is_some_and(|usage| usage != "sig")
        || jwk.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|operation| operation == "verify"));
    if is_for_others {
        return Err("expected the use sig".to_owned());
    }
    let algorithm = algorithm(&jwk)?;
    let decoding = decoding_key(&jwk, algorithm)?;
    Ok(rules.key(algorithm, decoding, jwk.kid))
}

/// What the key is for: its `alg`, which must suit its type, or else the usual one of its type.
fn algorithm(jwk: &Jwk) -> Result<Algorithm, String> {
    let curve = jwk.crv.as_deref().unwrap_or("");
    match (jwk.kty.as_str(), curve, jwk.alg.as_deref()) {
        ("RSA", _, None | Some("RS256")) => Ok(Algorithm::RS256),
        ("RSA", _, Some("RS384")) => Ok(Algorithm::RS384),
        ("RSA", _, Some("RS512")) => Ok(Algorithm::RS512),
        ("RSA", _, Some("PS256")) => Ok(Algorithm::PS256),
        ("RSA", _, Some("PS384")) => Ok(Algorithm::PS384),
        ("RSA", _, Some("PS512")) => Ok(Algorithm::PS512),
        ("EC", "P-256", None | Some("ES256")) => Ok(Algorithm::ES256),
        ("EC", "P-384", None | Some("ES384")) => Ok(Algorithm::ES384),
        ("OKP", "Ed25519", None | Some("EdDSA" | "Ed25519")) => Ok(Algorithm::EdDSA),
        (kty, curve, alg) => Err(format!(
            "expected kty RSA, EC with P-256 or P-384, or OKP with Ed25519, and an alg of that kind, got kty {kty:?}, \
             crv {curve:?}, alg {:?}",
            alg.unwrap_or("")
        )),
    }
}

fn decoding_key(jwk: &Jwk, algorithm: Algorithm) -> Result<DecodingKey, String> {
    let decoded = |name: &str, value: &Option<String>| {
        let value = value.as_deref().ok_or_else(|| format!("expected {name}"))?;
        URL_SAFE_NO_PAD.decode(value).map_err(|_| format!("{name}: expected base64url without padding"))
    };
    let coordinate = |name: &str, value: &Option<String>, length: usize| {
        let bytes = decoded(name, value)?;
        let got = bytes.len();
        if got == length { Ok(bytes) } else { Err(format!("{name}: expected {length} bytes, got {got}")) }
    };
    let point = |length: usize| {
        let (x, y) = (coordinate("x", &jwk.x, length)?, coordinate("y", &jwk.y, length)?);
        Ok(DecodingKey::from_ec_der(&[&[4], x.as_slice(), y.as_slice()].concat()))
    };
    match algorithm {
        Algorithm::ES256 => point(32),
        Algorithm::ES384 => point(48),
        Algorithm::EdDSA => Ok(DecodingKey::from_ed_der(&coordinate("x", &jwk.x, 32)?)),
        _ => {
            let (n, e) = (decoded("n", &jwk.n)?, decoded("e", &jwk.e)?);
            let n = &n[n.iter().take_while(|byte| **byte == 0).count()..];
            if n.len() < MODULUS_BYTES_MIN {
                return Err(format!("n: expected at least {MODULUS_BYTES_MIN} bytes, got {}", n.len()));
            }
            Ok(DecodingKey::from_rsa_raw_components(n, &e))
        }
    }
}
