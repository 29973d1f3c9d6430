//! How a call and its answer are framed over WebSocket, and how params are read.

use crate::error::{ApiError, ErrorBody};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Reads params that are one JSON object; an error names the field and what was expected.
pub fn parse_params<T: DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    // Serde would read a struct from an array too.
    if !json.trim_start().starts_with('{') {
        return Err(ApiError::invalid("params: expected a JSON object"));
    }
    parse_json(json)
}

/// Reads params of any form; an error names the field and what was expected.
pub(crate) fn parse_json<T: DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    // To keep track of the path costs as much as to read; only an error needs it.
    serde_json::from_str(json).map_err(|_| what_is_wrong::<T>(json))
}

/// Reads once more what cannot be read, to name the field.
fn what_is_wrong<T: DeserializeOwned>(json: &str) -> ApiError {
    let mut reader = serde_json::Deserializer::from_str(json);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return ApiError::invalid("params: expected one JSON value and nothing behind it");
    };
    let path = error.path().to_string();
    let message = error.inner().to_string();
    // The position is that inside the params, which helps nobody who built them with a library.
    let message = message.split(" at line ").next().unwrap_or_default();
    if path == "." {
        ApiError::invalid(format!("params: {message}"))
    } else {
        ApiError::invalid(format!("params.{path}: {message}"))
    }
}

/// The id of a request; the answer carries it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(u64),
    /// A text of at most 64 bytes.
    Text(#[cfg_attr(feature = "schema", schemars(length(max = 64)))] String),
}

/// `{"id":7,"method":"pinConversation","params":{…}}`: a call over WebSocket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The caller's own id.
    pub id: RequestId,
    /// The method's name.
    pub method: String,
    /// The method's params; absent: `{}`.
    #[serde(default)]
    pub params: Option<Box<RawValue>>,
}

impl Request {
    /// Reads a text frame.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let malformed = |problem: String| {
            ApiError::invalid(format!(
                "expected a JSON object like {{\"id\":1,\"method\":\"ping\",\"params\":{{}}}}: {problem}"
            ))
        };
        if !text.trim_start().starts_with('{') {
            return Err(malformed("not an object".to_owned()));
        }
        let request: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        match &request.id {
            RequestId::Text(text) if text.len() > 64 => {
                Err(ApiError::invalid("id: expected a whole number or a text of at most 64 bytes"))
            }
            RequestId::Text(_) | RequestId::Number(_) => Ok(request),
        }
    }
}

/// Encodes the answer to a call over WebSocket; `id` is absent where the request had none to read.
pub fn encode_reply(id: Option<&RequestId>, outcome: &Result<Box<RawValue>, ApiError>) -> String {
    #[derive(Serialize)]
    struct Reply<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorBody>,
    }
    let reply = match outcome {
        Ok(result) => Reply { id, result: Some(result), error: None },
        Err(error) => Reply { id, result: None, error: Some(error.body()) },
    };
    serde_json::to_string(&reply).expect("a reply is always JSON")
}

/// An answer as a client reads it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reply {
    /// The request's id.
    #[serde(default)]
    pub id: Option<RequestId>,
    /// What the method answers.
    #[serde(default)]
    pub result: Option<serde_json::Value>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ErrorBody>,
}
