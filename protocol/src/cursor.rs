//! Where a client stands in its user's changes: what `cursor`, `since` and `Last-Event-ID` carry.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A point on a user's clock in one data set. Opaque on the wire; a client hands back what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cursor {
    /// The random number of the user's data set; 0 for a user without data.
    pub epoch: u64,
    /// The clock up to which everything was given.
    pub version: u64,
}

impl Cursor {
    /// The cursor of a user without data; it fits every epoch.
    pub const EMPTY: Self = Self { epoch: 0, version: 0 };
}

/// The text is no cursor of ours; a server answers it with a full sync, not with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor must be one that the server gave")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{}", self.epoch, self.version)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (epoch, version) = text.split_once(':').ok_or(InvalidCursor)?;
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| InvalidCursor)?;
        let version = version.parse().map_err(|_| InvalidCursor)?;
        let cursor = Self { epoch, version };
        // Only the canonical form is ours: no sign, no leading zero, no capital.
        if cursor.to_string() == text { Ok(cursor) } else { Err(InvalidCursor) }
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

impl TryFrom<String> for Cursor {
    type Error = InvalidCursor;
    fn try_from(text: String) -> Result<Self, InvalidCursor> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { epoch: u64::MAX, version: 1_795_373_813_000_001 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!("0:0".parse(), Ok(Cursor::EMPTY));
    }

    #[test]
    fn what_the_server_never_gave_is_no_cursor() {
        for text in ["", ":", "0", "0:", ":0", "+1:2", "01:2", "1:02", "A:1", "1:-2", "1:2:3", "10000000000000000:1"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
