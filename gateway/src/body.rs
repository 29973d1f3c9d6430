//! The body of a call: how large it may be, and how long it may take to come.

use crate::node::Node;
use actix_web::web::Payload;
use conversation_protocol::{ApiError, ErrorKind};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time;

/// Reads a body of at most so many bytes as text; none is an empty object.
///
/// # Errors
/// Says how the body is too large, too slow or no text.
pub async fn read(node: &Node, payload: Payload, bytes_max: usize) -> Result<String, ApiError> {
    let timeouts = node.config.timeouts();
    let too_slow = |what: &str, limit: Duration| {
        node.metrics.connections.timeouts.with_label_values(&["body"]).inc();
        ApiError::invalid(format!("body: expected {what} within {} ms", limit.as_millis()))
    };
    let bytes = match time::timeout(timeouts.body, collect(payload, bytes_max, timeouts.request)).await {
        Ok(Some(bytes)) => bytes?,
        Ok(None) => return Err(too_slow("more of it", timeouts.request)),
        Err(_) => return Err(too_slow("all of it", timeouts.body)),
    };
    let text = String::from_utf8(bytes).map_err(|_| ApiError::invalid("body: expected JSON in UTF-8"))?;
    Ok(if text.trim().is_empty() { "{}".to_owned() } else { text })
}

/// Puts a body together; `None`: its next part did not come in time.
async fn collect(mut payload: Payload, bytes_max: usize, silence_max: Duration) -> Option<Result<Vec<u8>, ApiError>> {
    let mut bytes = Vec::new();
    while let Some(part) = time::timeout(silence_max, payload.next()).await.ok()? {
        match part {
            Ok(part) if bytes.len() + part.len() > bytes_max => {
                let message = format!("body: expected at most {bytes_max} bytes");
                return Some(Err(ApiError::new(ErrorKind::TooLarge, message)));
            }
            Ok(part) => bytes.extend_from_slice(&part),
            Err(error) => return Some(Err(ApiError::invalid(format!("body: cannot be read: {error}")))),
        }
    }
    Some(Ok(bytes))
}
