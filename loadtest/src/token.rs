//! Where a user's token comes from: made with the shared secret, or asked for in development mode.

use crate::{
    clock,
    http::{BaseUrl, CallError, Http},
};
use conversation_protocol::UserId;
use serde_json::json;

/// How long a token that the tool makes is good, in seconds; a node's clock may be an hour ahead.
const TOKEN_SECONDS: u64 = 24 * 3_600;

/// A source of tokens.
#[derive(Debug, Clone)]
pub enum Tokens {
    /// HS256 with this secret.
    Secret(String),
    /// `GET /dev/token?user=…`.
    Development,
}

impl Tokens {
    /// A new token of a user.
    pub async fn issue(&self, http: &Http, url: &BaseUrl, user: &UserId) -> Result<String, CallError> {
        match self {
            Self::Secret(secret) => sign(secret, user),
            Self::Development => {
                let answer = http.get(url, &format!("/dev/token?user={}", percent_encode(user.as_str()))).await?;
                let token = answer["token"].as_str().map(str::to_owned);
                token.ok_or_else(|| CallError::Unanswered("/dev/token: expected {\"token\"}".to_owned()))
            }
        }
    }
}

/// A token of a user with an HS256 secret.
pub(crate) fn sign(secret: &str, user: &UserId) -> Result<String, CallError> {
    let now = clock::unix_seconds();
    let claims = json!({"sub": user, "iat": now, "exp": now + TOKEN_SECONDS});
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key)
        .map_err(|error| CallError::Unanswered(format!("no token could be made: {error}")))
}

/// A value as it may stand in a URL's query.
pub fn percent_encode(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (byte as char).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_value_keeps_only_unreserved_characters() {
        assert_eq!(percent_encode("a:1&é~"), "a%3A1%26%C3%A9~");
    }

    #[test]
    fn a_token_names_its_user_and_its_end() {
        let token = sign(&"s".repeat(32), &"alice".parse().unwrap()).unwrap();
        assert_eq!(token.split('.').count(), 3);
    }
}
