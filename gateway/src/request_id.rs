//! Which call does a log line belong to? To that whose answer has the same `X-Request-Id`.

use actix_web::{
    Error,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use tracing::Instrument;

/// The header, of a request and of its answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of an id.
const ID_BYTES_MAX: usize = 64;

/// Names a call in the log and in its answer, as its caller did or else anew.
pub async fn name(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() != Method::POST {
        return next.call(request).await;
    }
    let id = given(request.headers()).unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
    // At the highest level, so that it is there for every line that is logged at all.
    let span = tracing::error_span!("call", request_id = id);
    let mut response = next.call(request).instrument(span).await?;
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

/// The caller's id, if it may stand in a log.
fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_sane = (1..=ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_sane.then(|| id.to_owned())
}
