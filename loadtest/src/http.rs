//! How the tool calls the gateway over HTTP: plain, with kept-alive connections and a bound on waiting.

use bytes::Bytes;
use conversation_protocol::error::ErrorBody;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, str::FromStr, time::Duration};

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Where a gateway listens: `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BaseUrl {
    host: String,
    port: u16,
}

impl BaseUrl {
    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether the gateway is on this machine, by its address.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.starts_with("127.")
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

impl FromStr for BaseUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected a URL like http://127.0.0.1:8080, got {text:?}");
        let authority = text.strip_prefix("http://").ok_or_else(expected)?.trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        if host.is_empty() || host.contains(['/', '?', '@']) {
            return Err(expected());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| expected())? })
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.to_string()
    }
}

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The gateway answered with an error.
    #[error("{} {}", .0.code, .0.message)]
    Answered(ErrorBody),
    /// There was no answer, so what the call did is not known.
    #[error("no answer: {0}")]
    Unanswered(String),
}

impl CallError {
    /// The error's code, if the gateway answered.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Answered(body) => Some(body.code),
            Self::Unanswered(_) => None,
        }
    }
}

/// An answer as it came.
struct Raw {
    status: StatusCode,
    retry_after: Option<u64>,
    body: Bytes,
}

/// A pool of connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Http {
    /// An empty pool.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CALL_TIMEOUT));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(256).build(connector);
        Self { client }
    }

    /// `POST path` with a Bearer token and a JSON body.
    pub async fn post(&self, url: &BaseUrl, path: &str, token: &str, body: String) -> Result<Value, CallError> {
        self.call(Method::POST, url, path, Some(token), body).await
    }

    /// `GET path`.
    pub async fn get(&self, url: &BaseUrl, path: &str) -> Result<Value, CallError> {
        self.call(Method::GET, url, path, None, String::new()).await
    }

    /// `GET path`: the status and the text.
    pub async fn text(&self, url: &BaseUrl, path: &str) -> Result<(u16, String), CallError> {
        let unanswered = |problem: String| CallError::Unanswered(problem);
        let request = Request::get(format!("{url}{path}")).body(Full::default());
        let raw = self.exchange(request.map_err(|error| unanswered(error.to_string()))?).await?;
        Ok((raw.status.as_u16(), String::from_utf8_lossy(&raw.body).into_owned()))
    }

    /// `POST path` as in [`Self::post`], with the seconds of the answer's Retry-After.
    pub async fn post_and_hint(
        &self,
        url: &BaseUrl,
        path: &str,
        token: &str,
        body: String,
    ) -> (Result<Value, CallError>, Option<u64>) {
        match self.raw(Method::POST, url, path, Some(token), body).await {
            Ok(raw) => (read_answer(raw.status, &raw.body), raw.retry_after),
            Err(error) => (Err(error), None),
        }
    }

    async fn call(
        &self,
        method: Method,
        url: &BaseUrl,
        path: &str,
        token: Option<&str>,
        body: String,
    ) -> Result<Value, CallError> {
        let raw = self.raw(method, url, path, token, body).await?;
        read_answer(raw.status, &raw.body)
    }

    async fn raw(
        &self,
        method: Method,
        url: &BaseUrl,
        path: &str,
        token: Option<&str>,
        body: String,
    ) -> Result<Raw, CallError> {
        let mut request = Request::builder().method(method).uri(format!("{url}{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(body)));
        self.exchange(request.map_err(|error| CallError::Unanswered(error.to_string()))?).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Raw, CallError> {
        let unanswered = |problem: String| CallError::Unanswered(problem);
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| unanswered(causes(&error)))?;
            let (status, retry_after) = (response.status(), retry_after(response.headers()));
            let body = response.into_body().collect().await.map_err(|error| unanswered(causes(&error)))?;
            Ok(Raw { status, retry_after, body: body.to_bytes() })
        };
        tokio::time::timeout(CALL_TIMEOUT, exchange)
            .await
            .map_err(|_| unanswered(format!("none within {CALL_TIMEOUT:?}")))?
    }
}

/// The seconds of a Retry-After; a date is none.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()
}

fn read_answer(status: StatusCode, body: &[u8]) -> Result<Value, CallError> {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let body = value.get("error").and_then(|error| serde_json::from_value(error.clone()).ok());
    Err(match body {
        Some(body) => CallError::Answered(body),
        None => CallError::Unanswered(format!("status {status} without an error object")),
    })
}

/// An error with what caused it.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_a_host_and_a_port() {
        let url: BaseUrl = "http://127.0.0.1:8080/".parse().unwrap();
        assert_eq!((url.to_string().as_str(), url.is_loopback()), ("http://127.0.0.1:8080", true));
        assert_eq!("http://gateway".parse::<BaseUrl>().unwrap().authority(), "gateway:80");
        for wrong in ["127.0.0.1:8080", "https://a:1", "http://", "http://a:b", "http://a/b"] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_without_an_error_object_leaves_the_effect_unknown() {
        let answered = read_answer(StatusCode::NOT_FOUND, br#"{"error":{"code":6004,"message":"x"}}"#).unwrap_err();
        assert_eq!(answered.code(), Some(6004));
        assert_eq!(read_answer(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err().code(), None);
    }
}
