//! The body of a call: how large it may be, and how long it may take to come.

use crate::server::watchdog::Timeouts;
use actix_web::web::Payload;
use conversation_protocol::{ApiError, ErrorKind};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time;

/// Reads a body of at most so many bytes as text; none is an empty object.
///
/// # Errors
/// Says how the body is too large, too slow or no text.
pub async fn read(payload: Payload, bytes_max: usize, timeouts: Timeouts) -> Result<String, ApiError> {
    let whole = collect(payload, bytes_max, timeouts.request);
    let Ok(bytes) = time::timeout(timeouts.body, whole).await else { return Err(too_slow("all of it", timeouts.body)) };
    let text = String::from_utf8(bytes?).map_err(|_| ApiError::invalid("body: expected JSON in UTF-8"))?;
    Ok(if text.trim().is_empty() { "{}".to_owned() } else { text })
}

async fn collect(mut payload: Payload, bytes_max: usize, silence_max: Duration) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    loop {
        let Ok(part) = time::timeout(silence_max, payload.next()).await else {
            return Err(too_slow("more of it", silence_max));
        };
        let Some(part) = part else { return Ok(bytes) };
        let part = part.map_err(|error| ApiError::invalid(format!("body: cannot be read: {error}")))?;
        if bytes.len() + part.len() > bytes_max {
            return Err(ApiError::new(ErrorKind::TooLarge, format!("body: expected at most {bytes_max} bytes")));
        }
        bytes.extend_from_slice(&part);
    }
}

fn too_slow(what: &str, limit: Duration) -> ApiError {
    ApiError::invalid(format!("body: expected {what} within {} ms", limit.as_millis()))
}
