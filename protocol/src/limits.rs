//! Every bound of the wire, by name and unit, in one place.

/// As much of a text as fits into so many bytes, up to the end of a character.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=text.len().min(bytes_max)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Bytes of a user's or a group's id.
pub const ID_BYTES_MAX: usize = 128;
/// Bytes of a message's id.
pub const MESSAGE_ID_BYTES_MAX: usize = 128;
/// Bytes of a device's name.
pub const DEVICE_BYTES_MAX: usize = 64;
/// Bytes of a frame from a client; larger: close 1009.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the body of a client's HTTP call; larger: 413.
pub const CLIENT_BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the body of a backend's call; larger: 413.
pub const SERVER_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of an error's message; longer: cut on a character boundary.
pub const ERROR_BYTES_MAX: usize = 2_048;
/// Bytes of a message's preview; a longer text is cut on a character boundary.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Bytes of a message's cloudCustomData.
pub const CLOUD_CUSTOM_DATA_BYTES_MAX: usize = 1_024;
/// Bytes of a showName, nickName, faceUrl, faceURL or revokeReason.
pub const PROFILE_FIELD_BYTES_MAX: usize = 1_024;
/// Users named in one message's atUserList.
pub const AT_USERS_MAX: usize = 100;
/// Bytes of one row as a client sees it.
pub const ROW_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a draft.
pub const DRAFT_BYTES_MAX: usize = 4_096;
/// Bytes of a row's custom data.
pub const CUSTOM_DATA_BYTES_MAX: usize = 256;
/// Ids in a batch of a client's call.
pub const IDS_MAX: usize = 100;
/// Pinned conversations of a user.
pub const PINNED_MAX: usize = 50;
/// Rows of a page.
pub const PAGE_ROWS_MAX: u32 = 1_000;
/// Rows of a full sync when the client names no window.
pub const WINDOW_ROWS_DEFAULT: u32 = 100;
/// Rows in one event frame.
pub const FRAME_ROWS_MAX: usize = 100;
/// Bytes of rows in one slice of a replay.
pub const SLICE_BYTES_MAX: usize = 256 * 1024;
/// Changed rows that a replay serves; more: a full sync.
pub const REPLAY_ROWS_MAX: u64 = 1_000;
/// Recipients of one backend call, and of all entries of a batch together.
pub const RECIPIENTS_MAX: usize = 10_000;
/// Entries of a batch.
pub const BATCH_ENTRIES_MAX: usize = 1_000;
/// Largest sequence of a message (exclusive): exact in a double.
pub const SEQ_LIMIT: u64 = 1 << 53;
/// Largest timestamp in seconds (exclusive).
pub const TIMESTAMP_LIMIT: u64 = 1 << 42;
/// How far ahead of the newest message a read mark may be and still be remembered as it is.
pub const READ_AHEAD_MAX: u64 = 1_000;
/// Bytes of a hint with rows; larger: the rows are left out.
pub const HINT_BYTES_MAX: usize = 16 * 1024;
/// Conversations with a pending change in one session's mailbox; more: a replay.
pub const MAILBOX_ROWS_MAX: usize = 256;
/// Bytes of pending rows in one session's mailbox; more: a replay.
pub const MAILBOX_BYTES_MAX: usize = 1024 * 1024;
/// Calls of one session that may be under way at once; more: 7008.
pub const CALLS_IN_FLIGHT_MAX: usize = 16;
/// Malformed frames within [`MALFORMED_FRAMES_WINDOW_MS`] that close a session with 4000.
pub const MALFORMED_FRAMES_MAX: u32 = 10;
/// Milliseconds in which malformed frames add up.
pub const MALFORMED_FRAMES_WINDOW_MS: u64 = 60_000;
/// Milliseconds a WebSocket has to authenticate.
pub const AUTHENTICATE_TIMEOUT_MS: u64 = 10_000;
/// Milliseconds between WebSocket pings.
pub const PING_INTERVAL_MS: u64 = 25_000;
/// Milliseconds within which a pong must come.
pub const PONG_TIMEOUT_MS: u64 = 10_000;
/// Milliseconds between SSE comments.
pub const COMMENT_INTERVAL_MS: u64 = 15_000;
/// Milliseconds without any progress of writing that close a session with 4203.
pub const WRITE_STALL_MS: u64 = 30_000;
/// Milliseconds between comparisons of a followed user's clock (with jitter of a fifth).
pub const COMPARE_INTERVAL_MS: u64 = 30_000;
/// Milliseconds that a clock found ahead may stay ahead before a replay.
pub const COMPARE_GRACE_MS: u64 = 1_000;
/// Live sessions of a user on one node; one more kicks the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 16;
/// Units of calls a second, per session and, over HTTP, per user.
pub const CALL_UNITS_PER_SECOND: u32 = 50;
/// Units of a filtered page, which may look at a whole list.
pub const FILTERED_PAGE_UNITS: u32 = 20;
/// Units of a filtered total, which looks at the rows with unread messages.
pub const FILTER_TOTAL_UNITS: u32 = 4;
/// Units of a call that may change every row of a conversation group.
pub const GROUP_UNITS: u32 = 10;
/// Units of calls that may come at once.
pub const CALL_UNITS_BURST: u32 = 100;
/// Bytes of a token; a larger one is refused unread.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Seconds by which clocks may differ: a token's exp may lie in the past, its nbf and iat in the future.
pub const TOKEN_LEEWAY_S: u64 = 5;
/// Bytes of an HS secret at least.
pub const SECRET_BYTES_MIN: usize = 32;
/// Ranges of sequences kept per row above its read mark.
pub const SEQ_RANGES_MAX: usize = 256;
/// Times of messages kept per C2C row above its read mark.
pub const MESSAGE_TIMES_MAX: usize = 256;
/// Revokes, edits and deletions kept per row that came before their message.
pub const EARLY_CHANGES_MAX: usize = 64;
/// Bytes of these: room for 64 of any usual size, and a bound for the unusual.
pub const EARLY_CHANGES_BYTES_MAX: usize = 256 * 1024;
/// Unread mentions kept per row.
pub const AT_INFO_MAX: usize = 100;
/// Rows written by one step.
pub const STEP_ROWS_MAX: usize = 256;
/// Rows of a user, unless a node is configured otherwise; past it the unpinned row with the smallest orderKey goes.
pub const USER_ROWS_MAX: u64 = 5_000;
/// Tombstones of a user.
pub const TOMBSTONES_MAX: u64 = 1_000;
/// Microseconds that a tombstone is kept.
pub const TOMBSTONE_AGE_MAX_US: u64 = 30 * 24 * 3_600 * 1_000_000;
/// Bytes of a conversation group's name at most; at least 1.
pub const GROUP_NAME_BYTES_MAX: usize = 32;
/// Conversation groups of a user.
pub const GROUPS_MAX: usize = 20;
/// Conversations of a user that are in conversation groups.
pub const GROUPED_MAX: u64 = 1_000;
/// Filters whose unread total one session subscribes to.
pub const FILTERS_MAX: usize = 20;
/// Rows that one call of a filtered page looks at; the page may end there without being the last.
pub const FILTER_SCAN_ROWS_MAX: usize = 5_000;
/// Group events that wait in one session's mailbox; more: a replay.
pub const MAILBOX_GROUP_EVENTS_MAX: usize = 64;
/// Rows of one import.
pub const IMPORT_ROWS_MAX: usize = 5_000;
