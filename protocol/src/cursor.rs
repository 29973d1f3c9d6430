//! Where a client stands in its user's changes: what `cursor`, `since` and `Last-Event-ID` carry.

use serde::{Deserialize, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// A point on a user's clock in one data set. Opaque on the wire; a client hands back what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor {
    /// The random number of the user's data set; 0 for a user without data.
    pub epoch: u64,
    /// The clock up to which everything was given.
    pub version: u64,
    /// The clock at which it was read: later than `version` in the middle of a replay, whose slices leave out what they
    /// give in a newer state later. Not written where it is the same.
    pub read_at: u64,
}

impl Cursor {
    /// The cursor of a user without data; it fits every epoch.
    pub const EMPTY: Self = Self::new(0, 0);

    /// A point up to which everything is given in its newest state.
    pub const fn new(epoch: u64, version: u64) -> Self {
        Self { epoch, version, read_at: version }
    }
}

/// The text is no cursor of ours; a server answers it with a full sync, not with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor must be one that the server gave")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{}", self.epoch, self.version)?;
        if self.read_at == self.version { Ok(()) } else { write!(f, ":{}", self.read_at) }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| InvalidCursor);
        let (epoch, rest) = text.split_once(':').ok_or(InvalidCursor)?;
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| InvalidCursor)?;
        let (version, read_at) = match rest.split_once(':') {
            Some((version, read_at)) => (number(version)?, number(read_at)?),
            None => (number(rest)?, number(rest)?),
        };
        let cursor = Self { epoch, version, read_at };
        // Only the canonical form is ours: no sign, no leading zero, no capital.
        if cursor.to_string() == text && version <= read_at { Ok(cursor) } else { Err(InvalidCursor) }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
        let cursor = Cursor::new(u64::MAX, 1_795_373_813_000_001);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        let of_slice = Cursor { read_at: u64::MAX, ..cursor };
        assert_eq!(of_slice.to_string().parse(), Ok(of_slice));
        assert_eq!("0:0".parse(), Ok(Cursor::EMPTY));
        assert_eq!("7:5:9".parse(), Ok(Cursor { epoch: 7, version: 5, read_at: 9 }));
    }

    #[test]
    fn what_the_server_never_gave_is_no_cursor() {
        let of_two = ["", ":", "0", "0:", ":0", "+1:2", "01:2", "1:02", "A:1", "1:-2", "10000000000000000:1"];
        for text in of_two.into_iter().chain(["1:2:2", "1:2:1", "1:2:03", "1:2:", "1:2:3:4"]) {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
