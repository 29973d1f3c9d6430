//! Whether a server's rows are those of the model, as far as the model can know.

use conversation_protocol::{Conversation, ConversationId, conversation::PIN_BIT};
use std::collections::BTreeMap;

/// Compares rows in their order, all fields except `version`, `orderKey` and `draftTimestamp`, which the model cannot
/// know. An error says which row and which field, what was expected and what is there.
pub fn assert_same(expected: &[Conversation], actual: &[Conversation]) -> Result<(), String> {
    assert_same_rows(expected, actual)?;
    let ids = |rows: &[Conversation]| rows.iter().map(|row| row.conversation_id.clone()).collect::<Vec<_>>();
    let (expected_ids, actual_ids) = (ids(expected), ids(actual));
    match (0..expected_ids.len()).find(|index| expected_ids[*index] != actual_ids[*index]) {
        Some(index) => Err(format!(
            "order: expected {} at place {index}, got {}; expected {expected_ids:?}, got {actual_ids:?}",
            expected_ids[index], actual_ids[index]
        )),
        None => assert_order(actual),
    }
}

/// Compares rows by id, in whatever order they come.
pub fn assert_same_rows(expected: &[Conversation], actual: &[Conversation]) -> Result<(), String> {
    let mut actual_by_id: BTreeMap<&ConversationId, &Conversation> = BTreeMap::new();
    for row in actual {
        if actual_by_id.insert(&row.conversation_id, row).is_some() {
            return Err(format!("{}: expected once, got twice", row.conversation_id));
        }
    }
    for row in expected {
        let Some(found) = actual_by_id.remove(&row.conversation_id) else {
            return Err(format!("{}: expected in the list, but it is not there", row.conversation_id));
        };
        assert_same_row(row, found)?;
    }
    match actual_by_id.keys().next() {
        Some(id) => Err(format!("{id}: expected not in the list, but it is there")),
        None => Ok(()),
    }
}

/// Checks the server's own order: (orderKey, conversationID) descending, the pin bit on pinned rows and only there.
pub fn assert_order(rows: &[Conversation]) -> Result<(), String> {
    for pair in rows.windows(2) {
        let [upper, lower] = pair else { continue };
        if (upper.order_key, &upper.conversation_id) <= (lower.order_key, &lower.conversation_id) {
            return Err(format!(
                "order: expected falling (orderKey, conversationID), got {} with {} above {} with {}",
                upper.conversation_id, upper.order_key, lower.conversation_id, lower.order_key
            ));
        }
    }
    for row in rows {
        if (row.order_key & PIN_BIT != 0) != row.is_pinned || row.order_key >= PIN_BIT << 1 {
            return Err(format!(
                "{}: expected the pin bit 2^52 in orderKey only if pinned, and less than 2^53; got {} with isPinned {}",
                row.conversation_id, row.order_key, row.is_pinned
            ));
        }
    }
    Ok(())
}

fn assert_same_row(expected: &Conversation, actual: &Conversation) -> Result<(), String> {
    if (actual.draft_timestamp == 0) != actual.draft_text.is_empty() {
        return Err(format!(
            "{}: expected draftTimestamp 0 exactly without a draft, got {} with draft {:?}",
            actual.conversation_id, actual.draft_timestamp, actual.draft_text
        ));
    }
    let fields = |row: &Conversation| {
        let mut value = serde_json::to_value(row).expect("a row is always JSON");
        let fields = value.as_object_mut().expect("a row is an object");
        for unknown in ["version", "orderKey", "draftTimestamp"] {
            fields.remove(unknown);
        }
        std::mem::take(fields)
    };
    let (expected_fields, mut actual_fields) = (fields(expected), fields(actual));
    for (name, value) in &expected_fields {
        let found = actual_fields.remove(name);
        if found.as_ref() != Some(value) {
            let found = found.map_or("nothing".to_owned(), |found| found.to_string());
            return Err(format!("{}.{name}: expected {value}, got {found}", expected.conversation_id));
        }
    }
    match actual_fields.iter().next() {
        Some((name, value)) => Err(format!("{}.{name}: expected nothing, got {value}", expected.conversation_id)),
        None => Ok(()),
    }
}
