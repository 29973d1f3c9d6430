//! Where a JSON Web Key Set is read from: a file, or an address over HTTP.

use crate::outgoing;
use std::{fmt, io::Read, path::PathBuf, str::FromStr, time::Duration};
use ureq::{
    Agent,
    http::{Uri, uri::Scheme},
};

/// How long an address may take to answer, from the first look for its name to the last byte.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a set; more are refused.
const SET_BYTES_MAX: u64 = 256 * 1024;

/// A place with a JSON Web Key Set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JwksSource {
    /// A file.
    File(PathBuf),
    /// An address, https or http.
    Address(Uri),
}

impl FromStr for JwksSource {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let expected = "expected a file, or an address like https://login.example/jwks.json";
        let uri: Uri = text.parse().map_err(|error| format!("{expected}: {error}"))?;
        let is_http = [Scheme::HTTPS, Scheme::HTTP].iter().any(|scheme| uri.scheme() == Some(scheme));
        match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => Err(format!("{expected}, without a user")),
            Some(_) if is_http => Ok(Self::Address(uri)),
            _ => Err(expected.to_owned()),
        }
    }
}

impl fmt::Display for JwksSource {
    /// Without a query, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Address(uri) => {
                let (scheme, host) = (uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |host| host.as_str()));
                write!(f, "{scheme}://{host}{}", uri.path())
            }
        }
    }
}

/// Reads one source.
#[derive(Clone)]
pub(super) enum Reader {
    File(PathBuf),
    Address(Uri, Agent),
}

impl Reader {
    pub(super) fn new(source: JwksSource) -> Result<Self, String> {
        match source {
            JwksSource::File(file) => Ok(Self::File(file)),
            JwksSource::Address(uri) => {
                let agent = outgoing::agent(uri.scheme() == Some(&Scheme::HTTPS), FETCH_TIMEOUT)?;
                Ok(Self::Address(uri, agent))
            }
        }
    }

    /// What is there now. Blocks.
    pub(super) fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(file) => {
                let file = std::fs::File::open(file).map_err(|error| format!("cannot be read: {error}"))?;
                bounded(file)
            }
            Self::Address(uri, agent) => {
                let response =
                    agent.get(uri).call().map_err(|error| format!("does not answer as it should: {error}"))?;
                // Redirects come here too: whoever can send one must not choose where keys come from.
                if response.status() != 200 {
                    return Err(format!("expected the status 200, got {}", response.status().as_u16()));
                }
                bounded(response.into_body().into_reader())
            }
        }
    }
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let result = reader.take(SET_BYTES_MAX + 1).read_to_end(&mut bytes);
    result.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > SET_BYTES_MAX {
        return Err(format!("expected at most {SET_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}
