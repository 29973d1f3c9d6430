//! Whether the table of limits in PROTOCOL.md has every limit of the code, each with its value.

use super::document;
use conversation_protocol::limits;

const SOURCE: &str = include_str!("../../src/limits.rs");

macro_rules! values {
    ($($name:ident)*) => { vec![$((stringify!($name), u128::try_from(limits::$name).unwrap())),*] };
}

/// The limits and their values, in the order of the table.
fn limits_of_the_code() -> Vec<(&'static str, u128)> {
    values! {
        ID_BYTES_MAX MESSAGE_ID_BYTES_MAX DEVICE_BYTES_MAX FRAME_BYTES_MAX CLIENT_BODY_BYTES_MAX SERVER_BODY_BYTES_MAX
        ERROR_BYTES_MAX TEXT_BYTES_MAX CLOUD_CUSTOM_DATA_BYTES_MAX PROFILE_FIELD_BYTES_MAX AT_USERS_MAX ROW_BYTES_MAX DRAFT_BYTES_MAX
        CUSTOM_DATA_BYTES_MAX IDS_MAX PINNED_MAX PAGE_ROWS_MAX WINDOW_ROWS_DEFAULT FRAME_ROWS_MAX SLICE_BYTES_MAX
        REPLAY_ROWS_MAX RECIPIENTS_MAX BATCH_ENTRIES_MAX SEQ_LIMIT TIMESTAMP_LIMIT READ_AHEAD_MAX HINT_BYTES_MAX
        MAILBOX_ROWS_MAX MAILBOX_BYTES_MAX CALLS_IN_FLIGHT_MAX MALFORMED_FRAMES_MAX MALFORMED_FRAMES_WINDOW_MS
        AUTHENTICATE_TIMEOUT_MS PING_INTERVAL_MS PONG_TIMEOUT_MS COMMENT_INTERVAL_MS WRITE_STALL_MS COMPARE_INTERVAL_MS
        COMPARE_GRACE_MS SESSIONS_PER_USER_MAX CALL_UNITS_PER_SECOND FILTERED_PAGE_UNITS FILTER_TOTAL_UNITS
        GROUP_UNITS CALL_UNITS_BURST TOKEN_BYTES_MAX TOKEN_LEEWAY_S SECRET_BYTES_MIN
        SEQ_RANGES_MAX MESSAGE_TIMES_MAX EARLY_CHANGES_MAX EARLY_CHANGES_BYTES_MAX AT_INFO_MAX STEP_ROWS_MAX USER_ROWS_MAX TOMBSTONES_MAX
        TOMBSTONE_AGE_MAX_US GROUP_NAME_BYTES_MAX GROUPS_MAX GROUPED_MAX FILTERS_MAX FILTER_SCAN_ROWS_MAX
        MAILBOX_GROUP_EVENTS_MAX IMPORT_ROWS_MAX
    }
}

#[test]
fn the_table_has_every_limit_with_its_value() {
    let documented: Vec<(String, u128)> = document::table("limits")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].replace(',', "").parse().unwrap()))
        .collect();
    let of_the_code: Vec<(String, u128)> =
        limits_of_the_code().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(documented, of_the_code);
}

#[test]
fn no_limit_of_the_source_is_left_out() {
    let mut in_source: Vec<&str> =
        SOURCE.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next()).collect();
    let mut listed: Vec<&str> = limits_of_the_code().into_iter().map(|(name, _)| name).collect();
    in_source.sort_unstable();
    listed.sort_unstable();
    assert_eq!(in_source, listed);
}
