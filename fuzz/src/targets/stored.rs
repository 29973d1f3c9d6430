//! What stores give back: hints, rows, tombstones, heads, entries of lanes.

use conversation_protocol::{Hint, limits::HINT_BYTES_MAX};
use conversation_store::{
    StoreError,
    lanes::Entry,
    record::{Lines, StoredHead, read_entry, read_facets, read_head, read_row, read_row_count},
};

/// Bytes of a store's error, at most: it goes into a log.
const STORE_ERROR_BYTES_MAX: usize = 200;

/// A hint is read as it is written, but for what is left out because it is too large.
pub(crate) fn hints(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(hint) = Hint::decode(text) else { return };
    let encoded = hint.encode();
    let again = Hint::decode(&encoded).expect("what was written can be read");
    if again.truncated && !hint.truncated {
        assert!(again.rows.is_empty() && again.deleted.is_empty() && again.facets.is_empty());
        assert_eq!(again.cursor(), hint.cursor());
    } else {
        assert!(encoded.len() <= HINT_BYTES_MAX || hint.kick.is_some(), "{} bytes", encoded.len());
        assert!(again == hint || again.truncated);
    }
}

/// A value is read as it is written, and an error shows nothing of it.
pub(crate) fn records(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Lines::read(text) {
        Ok(lines) => assert_eq!(Lines::read(&lines.write()).expect("what was written can be read"), lines),
        Err(error) => check_error(&error, text),
    }
    match StoredHead::decode(text) {
        Ok(head) => {
            assert_eq!(StoredHead::decode(&head.encode()).expect("what was written can be read"), head);
            assert_eq!(read_row_count(text).expect("a head has a count"), head.rows);
            assert_eq!(read_head(Some(text)).expect("a head").cursor, head.cursor);
        }
        Err(error) => check_error(&error, text),
    }
    let id = "c2c_bob".parse().expect("an id");
    for error in [read_entry(&id, text).err(), read_row(&id, text).err(), read_facets(text).err()].into_iter().flatten()
    {
        check_error(&error, text);
    }
}

/// An entry of a lane is read as it is written, and an error shows nothing of it.
pub(crate) fn entries(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Entry::decode(text) {
        Ok(entry) => match entry.encode() {
            Ok(encoded) => assert_eq!(Entry::decode(&encoded).expect("what was written can be read"), entry),
            Err(error) => check_error(&error, text),
        },
        Err(error) => check_error(&error, text),
    }
}

fn check_error(error: &StoreError, value: &str) {
    let error = error.to_string();
    assert!(error.len() <= STORE_ERROR_BYTES_MAX, "{} bytes", error.len());
    for secret in ["secret", "marker"] {
        assert!(!value.contains(secret) || !error.contains(secret), "{error}");
    }
}
