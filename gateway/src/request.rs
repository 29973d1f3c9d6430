//! What a request says of who sends it and where it stands, and how an error is answered over HTTP.

use crate::live::Opening;
use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder,
    dev::Payload,
    error::InternalError,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    web,
};
use conversation_protocol::{
    ApiError, DeviceId, ErrorKind, Filter,
    limits::{FILTERS_MAX, PAGE_ROWS_MAX, WINDOW_ROWS_DEFAULT},
};
use std::future::{Ready, ready};

/// What a client says in the URL when it connects.
#[derive(Debug, Default)]
pub struct ConnectQuery {
    since: Option<String>,
    window: Option<String>,
    device: Option<String>,
    /// Filters as JSON; the only field that may come several times.
    filters: Vec<String>,
    /// For browsers, which cannot send a header.
    token: Option<String>,
}

impl FromRequest for ConnectQuery {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = Self::read(request.query_string());
        ready(query.map_err(|error| InternalError::from_response(error.message.clone(), error_response(&error)).into()))
    }
}

impl ConnectQuery {
    /// Reads the query of a URL.
    pub fn read(query: &str) -> Result<Self, ApiError> {
        let fields = web::Query::<Vec<(String, String)>>::from_query(query);
        let fields = fields.map_err(|error| ApiError::invalid(format!("query: {error}")))?;
        Self::of(fields.into_inner())
    }

    fn of(fields: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (name, value) in fields {
            let field = match name.as_str() {
                "since" => &mut query.since,
                "window" => &mut query.window,
                "device" => &mut query.device,
                "token" => &mut query.token,
                "filter" => {
                    query.filters.push(value);
                    continue;
                }
                // Whatever a proxy or a client adds does no harm.
                _ => continue,
            };
            if field.replace(value).is_some() {
                return Err(ApiError::invalid(format!("query: expected {name} at most once")));
            }
        }
        Ok(query)
    }

    /// The token that came with a request: in its header, or in the URL. Several are refused, since a proxy may have
    /// looked at another one.
    pub fn token(&self, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
        let in_header = bearer_token(headers);
        if headers.get_all(header::AUTHORIZATION).count() > 1 || (in_header.is_some() && self.token.is_some()) {
            let message = "token: expected it once, in one Authorization header or as ?token=";
            return Err(ApiError::new(ErrorKind::NotAuthenticated, message));
        }
        Ok(in_header.or_else(|| self.token.clone()))
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
        let filters = self.filters.iter().map(|json| {
            let filter: Result<Filter, _> = serde_json::from_str(json);
            filter.map_err(|error| ApiError::invalid(format!("filter: expected a filter as JSON: {error}")))
        });
        let filters = filters.collect::<Result<Vec<_>, _>>()?;
        if filters.len() > FILTERS_MAX {
            let count = filters.len();
            return Err(ApiError::invalid(format!("filter: expected at most {FILTERS_MAX} filters, got {count}")));
        }
        Ok(Opening { since, window, device, filters })
    }
}

/// The token or key of the one `Authorization: Bearer` header.
pub fn bearer_token(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok()?;
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
