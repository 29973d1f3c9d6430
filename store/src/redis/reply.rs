//! What the scripts' answers mean.

use super::link::unexpected;
use crate::{Committed, Load, Loaded, RowSelection, StoreError};
use conversation_protocol::ConversationId;
use redis::Value;

/// Splits an array of a known length.
pub(super) fn fields<const N: usize>(value: Value) -> Result<[Value; N], StoreError> {
    list(value)?.try_into().map_err(|_| unexpected("an array of another length"))
}

/// An array.
pub(super) fn list(value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(unexpected("not an array")),
    }
}

/// A text, or nothing.
pub(super) fn text(value: Value) -> Result<Option<String>, StoreError> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| unexpected("not UTF-8")),
        Value::Nil => Ok(None),
        _ => Err(unexpected("neither text nor nil")),
    }
}

/// An integer, which comes as one or as the text of a score.
pub(super) fn number(value: Value) -> Result<u64, StoreError> {
    let wrong = || unexpected("not a number");
    match value {
        Value::Int(number) => u64::try_from(number).map_err(|_| wrong()),
        Value::BulkString(_) => {
            let text = text(value)?.ok_or_else(wrong)?;
            // Scores below 2^53 are whole and exact, however a server writes them.
            text.parse().or_else(|_| match text.parse::<f64>() {
                Ok(score) if score >= 0.0 && score < (1_u64 << 53) as f64 && score.fract() == 0.0 => Ok(score as u64),
                Ok(_) | Err(_) => Err(wrong()),
            })
        }
        _ => Err(wrong()),
    }
}

/// A conversation's id.
pub(super) fn conversation_id(value: Value) -> Result<ConversationId, StoreError> {
    let text = text(value)?.unwrap_or_default();
    text.parse().map_err(|_| StoreError::Corrupt("an index of redis holds no conversationID".to_owned()))
}

/// A value that an index names.
pub(super) fn indexed(value: Value) -> Result<String, StoreError> {
    text(value)?.ok_or_else(|| StoreError::Corrupt("an index of redis names a conversation without a value".to_owned()))
}

/// What TIME answers, in microseconds since 1970.
pub(super) fn time_us(value: Value) -> Result<u64, StoreError> {
    let [seconds, microseconds] = fields(value)?;
    Ok(number(seconds)? * 1_000_000 + number(microseconds)?)
}

/// What lookup.lua read.
pub(super) fn loaded(load: &Load, value: Value) -> Result<Loaded, StoreError> {
    let [time, head, found, rows, tombstones, lowest] = fields(value)?;
    let now_us = time_us(time)?;
    let rows = list(rows)?.into_iter();
    let rows = match &load.rows {
        RowSelection::Ids(ids) => {
            if ids.len() != rows.len() {
                return Err(unexpected("another number of rows"));
            }
            ids.iter().zip(rows).map(|(id, row)| Ok((id.clone(), text(row)?))).collect::<Result<_, StoreError>>()?
        }
        RowSelection::Unread(_) | RowSelection::Grouped(_) => list(found)?
            .into_iter()
            .zip(rows)
            .map(|(id, row)| Ok((conversation_id(id)?, Some(indexed(row)?))))
            .collect::<Result<_, StoreError>>()?,
    };
    let mut tombstones = list(tombstones)?.into_iter();
    let mut oldest = Vec::new();
    while let (Some(id), Some(version)) = (tombstones.next(), tombstones.next()) {
        oldest.push((conversation_id(id)?, number(version)?));
    }
    let mut lowest = list(lowest)?.into_iter();
    let mut last_rows = Vec::new();
    while let (Some(id), Some(value)) = (lowest.next(), lowest.next()) {
        last_rows.push((conversation_id(id)?, indexed(value)?));
    }
    Ok(Loaded { now_us, head: text(head)?, rows, tombstones: oldest, lowest: last_rows })
}

/// What commit.lua answered.
pub(super) fn committed(load: &Load, value: Value) -> Result<Committed, StoreError> {
    match value {
        Value::Int(1) => Ok(Committed::Done),
        conflict => Ok(Committed::Conflict(loaded(load, conflict)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_exactly_whichever_way_they_are_written() {
        let read = |text: &str| number(Value::BulkString(text.as_bytes().to_vec())).ok();
        assert_eq!(read("9007199254740991"), Some((1 << 53) - 1));
        assert_eq!(read("9.007199254740991e+15"), Some((1 << 53) - 1));
        assert_eq!((read("-1"), read("1.5"), read("x"), read("inf")), (None, None, None, None));
    }
}
