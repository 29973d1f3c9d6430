//! Which keys and tokens does a test use? All of them are made when it runs.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        Ed25519KeyPair, KeyPair,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use conversation_gateway::clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::{path::Path, sync::LazyLock};

/// The HS256 secret of this run.
pub(crate) static SECRET: LazyLock<String> = LazyLock::new(|| format!("{:032x}", rand::random::<u128>()));
/// The backend's key of this run.
pub(crate) static API_KEY: LazyLock<String> = LazyLock::new(|| format!("{:016x}", rand::random::<u64>()));

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    clock::unix_s()
}

/// The claims of a good token, valid for an hour.
pub(crate) fn claims(user: &str) -> Value {
    json!({"sub": user, "iat": now_s(), "exp": now_s() + 3_600})
}

/// A token signed with the secret of this run.
pub(crate) fn sign(claims: &Value) -> String {
    sign_with(SECRET.as_bytes(), claims)
}

/// A token signed with any HS256 secret.
pub(crate) fn sign_with(secret: &[u8], claims: &Value) -> String {
    encode(Algorithm::HS256, &EncodingKey::from_secret(secret), claims)
}

/// A token of any header and claims, also such as no library would write, signed with the secret of this run.
pub(crate) fn sign_text(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

fn encode(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, key).expect("claims can be signed")
}

/// A new token for a user.
pub(crate) fn token(user: &str) -> String {
    sign(&claims(user))
}

/// A token that ends so many seconds from now, without leeway.
pub(crate) fn token_until(user: &str, in_s: i64) -> String {
    let exp = now_s().checked_add_signed(in_s).expect("a time after 1970");
    sign(&json!({"sub": user, "iat": now_s(), "exp": exp}))
}

/// A key pair of an algorithm, its public half in PEM.
pub(crate) struct AsymmetricKey {
    algorithm: Algorithm,
    name: &'static str,
    private: EncodingKey,
    pub(crate) public_pem: String,
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

impl AsymmetricKey {
    pub(crate) fn rsa() -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("an RSA key");
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("PKCS 8");
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("X.509");
        Self {
            algorithm: Algorithm::RS256,
            name: "RS256",
            private: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("a PEM"),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    pub(crate) fn ecdsa() -> Self {
        Self::of_curve(&ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::ES256, "ES256")
    }

    pub(crate) fn ecdsa_384() -> Self {
        Self::of_curve(&ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::ES384, "ES384")
    }

    fn of_curve(curve: &'static EcdsaSigningAlgorithm, algorithm: Algorithm, name: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(curve).expect("a key");
        let private = pair.to_pkcs8v1().expect("PKCS 8");
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("X.509");
        Self {
            algorithm,
            name,
            private: EncodingKey::from_ec_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("a PEM"),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    pub(crate) fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().expect("an Ed25519 key");
        let private = pair.to_pkcs8v1().expect("PKCS 8");
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("X.509");
        Self {
            algorithm: Algorithm::EdDSA,
            name: "EdDSA",
            private: EncodingKey::from_ed_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("a PEM"),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    /// Writes the public half to a directory; answers what `--jwt-public-key` takes.
    pub(crate) fn publish(&self, directory: &Path) -> String {
        let file = directory.join(format!("{}.pem", self.name));
        std::fs::write(&file, &self.public_pem).expect("a file can be written");
        format!("{}:{}", self.name, file.display())
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(self.algorithm, &self.private, claims)
    }

    /// A token whose header names this algorithm, which must be of the same family, and this key.
    pub(crate) fn sign_as(&self, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, claims, &self.private).expect("claims can be signed")
    }

    /// A good token that names its key.
    pub(crate) fn token(&self, user: &str, kid: &str) -> String {
        self.sign_as(self.algorithm, Some(kid), &claims(user))
    }

    /// The public half as a set has it.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let jwk = Jwk::from_encoding_key(&self.private, self.algorithm).expect("a public half");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk
    }
}
