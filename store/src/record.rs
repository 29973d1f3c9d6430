//! How rows, tombstones and heads look in a store: text whose first line is all that a reader must parse.
//!
//! A row is three lines: `R <version> <created> <facets>`, the JSON that clients see, and what only the rules need.
//! The facets are the JSON of what filters ask for, so that a filter reads first lines only.
//! A tombstone is two: `T <version>`, and what only the rules need. JSON has no raw line breaks, so lines are safe.

use crate::{StoreError, lanes::EntryId};
use conversation_protocol::{Conversation, ConversationId, Cursor, DeviceId, Facets, Fork, Head, LogEntry, RowState};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// The head of a user as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredHead {
    /// Epoch and clock.
    pub cursor: Cursor,
    /// The sum of the unread counts of the rows with receive option 0.
    pub total_unread: u64,
    /// How many rows there are.
    pub rows: u64,
    /// How many of them are pinned.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pinned: u64,
    /// How many rows are in conversation groups.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub grouped: u64,
    /// How many tombstones there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tombstones: u64,
    /// The newest version of a purged tombstone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tombstone_floor: u64,
    /// The replication id of the server that wrote it; 0 in a store that has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replication_id: u64,
    /// Where writes were lost, in order, at most [`FORKS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<Fork>,
    /// The names of the conversation groups (folders).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_names: Vec<String>,
    /// A change that is not done: the next step goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
    /// The last entry of the user's lane that was made; older ones are not made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_entry: Option<EntryId>,
    /// Tokens issued before this are refused, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_before: u64,
    /// The same, for single devices.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_not_before: BTreeMap<DeviceId, u64>,
}

/// Most heads take fewer bytes, as they are kept.
const HEAD_BYTES_USUAL: usize = 256;
/// Forks that a head keeps.
pub const FORKS_MAX: usize = 8;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over the field itself")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A change to more rows than one step may write, begun and not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unfinished {
    /// All C2C conversations are being read.
    ReadC2c,
    /// All groups are being read.
    ReadGroups,
    /// Everything is being read.
    ReadAll,
    /// The rows of a conversation group that was deleted lose its name.
    DeleteGroup(String),
    /// The rows of a conversation group that was renamed get the new name: the old one, the new one.
    RenameGroup(String, String),
}

impl StoredHead {
    /// The head of a user whose first data is being written.
    pub fn new(epoch: u64) -> Self {
        Self {
            cursor: Cursor::new(epoch, 0),
            total_unread: 0,
            rows: 0,
            pinned: 0,
            grouped: 0,
            tombstones: 0,
            tombstone_floor: 0,
            replication_id: 0,
            forks: Vec::new(),
            group_names: Vec::new(),
            unfinished: None,
            last_entry: None,
            not_before: 0,
            device_not_before: BTreeMap::new(),
        }
    }

    /// The server with this id writes the user from now on: it found the clock at `found`, and its first tick is `first`.
    pub fn follow(&mut self, replication_id: u64, found: u64, first: u64) -> Option<Fork> {
        if replication_id == self.replication_id {
            return None;
        }
        self.replication_id = replication_id;
        // A user without data has lost nothing that a client could have.
        if found == 0 {
            return None;
        }
        let fork = Fork { from: found, to: first };
        self.forks.push(fork);
        // Cursors below the floor are not served anyway.
        self.forks.retain(|fork| fork.to > self.tombstone_floor);
        if self.forks.len() > FORKS_MAX {
            // As one they refuse also what lies between them.
            let oldest = self.forks.remove(0);
            self.forks[0].from = oldest.from;
        }
        Some(fork)
    }

    /// The value to keep.
    pub fn encode(&self) -> String {
        let mut text = Vec::with_capacity(HEAD_BYTES_USUAL);
        append_json(self, &mut text);
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// Reads a value.
    pub fn decode(value: &str) -> Result<Self, StoreError> {
        serde_json::from_str(value).map_err(|error| corrupt_json("head", value, &error))
    }
}

/// How many rows a user has, without reading the rest of the head.
pub fn read_row_count(value: &str) -> Result<u64, StoreError> {
    #[derive(Deserialize)]
    struct RowCount {
        rows: u64,
    }
    let head: RowCount = serde_json::from_str(value).map_err(|error| corrupt_json("head", value, &error))?;
    Ok(head.rows)
}

/// What sessions and clients need of a head that may not be there.
pub fn read_head(value: Option<&str>) -> Result<Head, StoreError> {
    let Some(value) = value else { return Ok(Head::empty()) };
    let head = StoredHead::decode(value)?;
    Ok(Head {
        cursor: head.cursor,
        total_unread: head.total_unread,
        row_count: head.rows,
        tombstone_floor: head.tombstone_floor,
        forks: head.forks,
        group_names: head.group_names,
        not_before: head.not_before,
        device_not_before: head.device_not_before,
    })
}

/// A value's parts, without reading its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines<'a> {
    /// A row.
    Row {
        /// When it last changed.
        version: u64,
        /// When it came, or came back.
        created: u64,
        /// The JSON of its [`Facets`].
        facets: &'a str,
        /// The JSON that clients see.
        visible: &'a str,
        /// What only the rules need.
        hidden: &'a str,
    },
    /// A tombstone.
    Tombstone {
        /// When the row went.
        version: u64,
        /// What only the rules need.
        hidden: &'a str,
    },
}

impl<'a> Lines<'a> {
    /// Splits a value.
    pub fn read(value: &'a str) -> Result<Self, StoreError> {
        let wrong = |why: &str| corrupt("row", value, why);
        let (first, rest) = value.split_once('\n').ok_or_else(|| wrong("no first line"))?;
        let mut words = first.splitn(4, ' ');
        let kind = words.next();
        let mut number =
            || words.next().and_then(|word| word.parse::<u64>().ok()).ok_or_else(|| wrong("a number is missing"));
        match kind {
            Some("R") => {
                let (version, created) = (number()?, number()?);
                let facets = words.next().ok_or_else(|| wrong("no facets"))?;
                let (visible, hidden) = rest.split_once('\n').ok_or_else(|| wrong("no third line"))?;
                Ok(Self::Row { version, created, facets, visible, hidden })
            }
            Some("T") => Ok(Self::Tombstone { version: number()?, hidden: rest }),
            _ => Err(wrong("neither row nor tombstone")),
        }
    }

    /// Joins the parts to a value.
    pub fn write(&self) -> String {
        match self {
            Self::Row { version, created, facets, visible, hidden } => {
                format!("R {version} {created} {facets}\n{visible}\n{hidden}")
            }
            Self::Tombstone { version, hidden } => format!("T {version}\n{hidden}"),
        }
    }
}

/// Most rows take fewer bytes, as they are kept.
const ROW_BYTES_USUAL: usize = 1_024;

/// The value of a row from what its lines are the JSON of, and where in it the JSON stands that clients see. All of it is
/// written in one place: rows are written more often than anything else.
pub(crate) fn write_row(
    version: u64,
    created: u64,
    facets: &Facets,
    visible: &Conversation,
    hidden: &impl Serialize,
) -> (String, Range<usize>) {
    let mut text = Vec::with_capacity(ROW_BYTES_USUAL);
    text.extend_from_slice(format!("R {version} {created} ").as_bytes());
    append_json(facets, &mut text);
    text.push(b'\n');
    let begin = text.len();
    append_json(visible, &mut text);
    let end = text.len();
    text.push(b'\n');
    append_json(hidden, &mut text);
    (String::from_utf8(text).expect("JSON is UTF-8"), begin..end)
}

fn append_json(value: &impl Serialize, text: &mut Vec<u8>) {
    serde_json::to_writer(text, value).expect("what is kept is always JSON");
}

/// A row as it is sent; `None` for a tombstone.
pub fn read_row(conversation_id: &ConversationId, value: &str) -> Result<Option<RowState>, StoreError> {
    match read_entry(conversation_id, value)? {
        LogEntry::Row(row) => Ok(Some(row)),
        LogEntry::Deleted { .. } => Ok(None),
    }
}

/// What filters ask for, from the first line of a row.
pub fn read_facets(first_line: &str) -> Result<Facets, StoreError> {
    let facets = first_line.splitn(4, ' ').nth(3).ok_or_else(|| corrupt("row", first_line, "no facets"))?;
    serde_json::from_str(facets).map_err(|error| corrupt_json("facets", facets, &error))
}

/// The same from a row's whole value.
pub(crate) fn read_facets_of(value: &str) -> Result<Facets, StoreError> {
    read_facets(value.split('\n').next().unwrap_or_default())
}

/// An entry of the log as it is sent.
pub fn read_entry(conversation_id: &ConversationId, value: &str) -> Result<LogEntry, StoreError> {
    let conversation_id = conversation_id.clone();
    Ok(match Lines::read(value)? {
        Lines::Row { version, created, visible, .. } => {
            LogEntry::Row(RowState { conversation_id, version, created, json: Arc::from(visible) })
        }
        Lines::Tombstone { version, .. } => LogEntry::Deleted { conversation_id, version },
    })
}

fn corrupt(what: &str, value: &str, why: &str) -> StoreError {
    // Only the value's size is told: texts and drafts do not belong in a log.
    StoreError::Corrupt(format!("{what} of {} bytes: {why}", value.len()))
}

/// The same where JSON cannot be read: its kind and place, as its text would show what stands there.
pub(crate) fn corrupt_json(what: &str, value: &str, error: &serde_json::Error) -> StoreError {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    corrupt(what, value, &format!("{kind:?} error at line {line} column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_their_text() {
        for lines in [
            Lines::Row { version: 9, created: 3, facets: r#"{"g":["a b"]}"#, visible: r#"{"a":"x\ny"}"#, hidden: "{}" },
            Lines::Tombstone { version: 12, hidden: r#"{"barrier":4}"# },
        ] {
            assert_eq!(Lines::read(&lines.write()).unwrap(), lines);
        }
        let head = StoredHead::new(7);
        assert_eq!(StoredHead::decode(&head.encode()).unwrap(), head);
        assert_eq!(read_row_count(&StoredHead { rows: 12, ..head }.encode()).unwrap(), 12);
    }

    #[test]
    fn a_value_of_another_kind_is_an_error_that_does_not_show_it() {
        for value in ["", "R 1 {}\n{}\n{}", "R 1 2\n{}\n{}", "R 1 2 {}\n{}", "T x\n{}", "Z 1\nsecret"] {
            let error = Lines::read(value).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let error = StoredHead::decode(r#"{"cursor":"7:1","totalUnread":"secret"}"#).unwrap_err().to_string();
        assert_eq!(error, "the store holds what cannot be read: head of 39 bytes: Data error at line 1 column 38");
        let error = read_facets(r#"R 1 2 {"u":"secret"}"#).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
