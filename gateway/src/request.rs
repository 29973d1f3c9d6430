//! What a request says of who sends it and where it stands, and how an error is answered over HTTP.

use crate::live::Opening;
use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
};
use conversation_protocol::{
    ApiError, DeviceId,
    limits::{PAGE_ROWS_MAX, WINDOW_ROWS_DEFAULT},
};
use serde::Deserialize;

/// What a client says in the URL when it connects.
#[derive(Debug, Default, Deserialize)]
pub struct ConnectQuery {
    since: Option<String>,
    window: Option<String>,
    device: Option<String>,
    /// For browsers, which cannot send a header.
    token: Option<String>,
}

impl ConnectQuery {
    /// The token that came with a request: in its header, or in the URL.
    pub fn token(&self, headers: &HeaderMap) -> Option<String> {
        bearer_token(headers).or_else(|| self.token.clone())
    }

    /// Reads what was asked for. A cursor that is not ours is none: the answer is a full sync.
    pub fn opening(&self) -> Result<Opening, ApiError> {
        let window = match self.window.as_deref() {
            None | Some("") => WINDOW_ROWS_DEFAULT,
            Some(text) => text.parse().ok().filter(|rows| (1..=PAGE_ROWS_MAX).contains(rows)).ok_or_else(|| {
                ApiError::invalid(format!("window: expected a number from 1 to {PAGE_ROWS_MAX}, got {text:?}"))
            })?,
        };
        let device = match self.device.as_deref() {
            None | Some("") => None,
            Some(text) => {
                let device: DeviceId = text.parse().map_err(|error| ApiError::invalid(format!("device: {error}")))?;
                Some(device)
            }
        };
        let since = self.since.as_deref().and_then(|text| text.parse().ok());
        Ok(Opening { since, window, device })
    }
}

/// The token or key of an `Authorization: Bearer` header.
pub fn bearer_token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// An error as an HTTP response.
pub fn error_response(error: &ApiError) -> HttpResponse {
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponseBuilder::new(status);
    if let Some(retry_after_ms) = error.retry_after_ms {
        response.insert_header((header::RETRY_AFTER, retry_after_ms.div_ceil(1_000).to_string()));
    }
    response.json(serde_json::json!({ "error": error.body() }))
}
