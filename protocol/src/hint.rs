//! What a store tells every node after a commit: the rows that changed, as clients see them.
//!
//! A hint may be lost, doubled or late; [`Hint::previous`] lets the reader see that.

use crate::{
    cursor::Cursor,
    facets::FacetChange,
    group::GroupEvent,
    ids::{ConversationId, DeviceId},
    limits::HINT_BYTES_MAX,
    sync::Fork,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

/// A row as it is sent: encoded once, shared by all who send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowState {
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// When it last changed.
    pub version: u64,
    /// When it came into the list, or came back; a client at an older cursor does not know it.
    pub created: u64,
    /// The JSON of [`crate::Conversation`], without line breaks.
    pub json: Arc<str>,
}

/// Sessions to end, because the backend said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kick {
    /// The device to end; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Tokens issued before this are refused, in microseconds since 1970 on the store's clock.
    pub not_before: u64,
    /// What the client is told.
    pub reason: String,
}

/// One atomic step on a user's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The user's data set.
    pub epoch: u64,
    /// The clock before the step.
    pub previous: u64,
    /// The clock after the step; equal to `previous` when no row changed.
    pub clock: u64,
    /// The total unread after the step.
    pub total_unread: u64,
    /// Rows that changed, in their state after the step.
    pub rows: Vec<RowState>,
    /// Rows that went, each with its tick.
    pub deleted: Vec<(ConversationId, u64)>,
    /// How what rows add to filtered totals changed.
    pub facets: Vec<FacetChange>,
    /// What became of conversation groups, in order.
    pub groups: Vec<GroupEvent>,
    /// Whether rows, deletions and facets, and groups that are too many, were left out because the hint was too large; a
    /// reader then replays.
    pub truncated: bool,
    /// Sessions to end.
    pub kick: Option<Kick>,
    /// Set by the first step on another server: whoever has just read something in between read lost writes.
    pub fork: Option<Fork>,
    /// When the oldest change of the step was accepted, in microseconds of the store's time; absent where nobody asked for
    /// the change, or the time was not known.
    pub accepted_us: Option<u64>,
    /// Where a change of the step was traced: the W3C traceparent of the call that made it.
    pub trace: Option<Arc<str>>,
}

/// The text is no hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hint: {0}")]
pub struct InvalidHint(String);

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    /// Epoch and previous clock.
    from: Cursor,
    clock: u64,
    total: u64,
    /// Id, version, created of each row whose JSON follows, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<(ConversationId, u64, u64)>,
    #[serde(default, skip_serializing_if = "is_empty")]
    deleted: Cow<'a, [(ConversationId, u64)]>,
    #[serde(default, skip_serializing_if = "is_empty")]
    facets: Cow<'a, [FacetChange]>,
    #[serde(default, skip_serializing_if = "is_empty")]
    groups: Cow<'a, [GroupEvent]>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kick: Option<Kick>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fork: Option<Fork>,
    #[serde(default, rename = "accepted", skip_serializing_if = "Option::is_none")]
    accepted_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<Arc<str>>,
}

#[allow(clippy::ptr_arg, reason = "serde hands over the field itself")]
fn is_empty<T: Clone>(list: &Cow<'_, [T]>) -> bool {
    list.is_empty()
}

impl Hint {
    /// The clock after the step, as a cursor.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.epoch, self.clock)
    }

    /// A header line and a line per row; a bare header where that would be over [`HINT_BYTES_MAX`].
    pub fn encode(&self) -> String {
        let rows_bytes: usize = self.rows.iter().map(|row| row.json.len() + 1).sum();
        if rows_bytes <= HINT_BYTES_MAX {
            let mut text = self.header();
            if text.len() + rows_bytes <= HINT_BYTES_MAX {
                for row in &self.rows {
                    text.push('\n');
                    text.push_str(&row.json);
                }
                return text;
            }
        }
        let Self { epoch, previous, clock, total_unread, fork, accepted_us, .. } = *self;
        let mut bare = Self {
            epoch,
            previous,
            clock,
            total_unread,
            rows: Vec::new(),
            deleted: Vec::new(),
            facets: Vec::new(),
            groups: self.groups.clone(),
            truncated: true,
            kick: self.kick.clone(),
            fork,
            accepted_us,
            trace: self.trace.clone(),
        };
        let header = bare.header();
        if header.len() <= HINT_BYTES_MAX {
            return header;
        }
        bare.groups.clear();
        bare.header()
    }

    fn header(&self) -> String {
        let header = Header {
            from: Cursor::new(self.epoch, self.previous),
            clock: self.clock,
            total: self.total_unread,
            rows: self.rows.iter().map(|row| (row.conversation_id.clone(), row.version, row.created)).collect(),
            deleted: Cow::Borrowed(&self.deleted),
            facets: Cow::Borrowed(&self.facets),
            groups: Cow::Borrowed(&self.groups),
            truncated: self.truncated,
            kick: self.kick.clone(),
            fork: self.fork,
            accepted_us: self.accepted_us,
            trace: self.trace.clone(),
        };
        serde_json::to_string(&header).expect("a header is always JSON")
    }

    /// Reads what [`Hint::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, InvalidHint> {
        let mut lines = text.split('\n');
        let header: Header<'_> =
            serde_json::from_str(lines.next().unwrap_or_default()).map_err(|e| InvalidHint(e.to_string()))?;
        let mut rows = Vec::with_capacity(header.rows.len());
        for (conversation_id, version, created) in header.rows {
            let json = lines.next().ok_or_else(|| InvalidHint("a row is missing".to_owned()))?.into();
            rows.push(RowState { conversation_id, version, created, json });
        }
        Ok(Self {
            epoch: header.from.epoch,
            previous: header.from.version,
            clock: header.clock,
            total_unread: header.total,
            rows,
            deleted: header.deleted.into_owned(),
            facets: header.facets.into_owned(),
            groups: header.groups.into_owned(),
            truncated: header.truncated,
            kick: header.kick,
            fork: header.fork,
            accepted_us: header.accepted_us,
            trace: header.trace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conversation::RecvOpt, facets::Facets};

    fn hint(json: &str) -> Hint {
        Hint {
            epoch: 7,
            previous: 10,
            clock: 12,
            total_unread: 3,
            rows: vec![RowState {
                conversation_id: "c2c_bob".parse().unwrap(),
                version: 11,
                created: 4,
                json: json.into(),
            }],
            deleted: vec![("group_g".parse().unwrap(), 12)],
            facets: vec![FacetChange {
                conversation_id: "group_g".parse().unwrap(),
                before: Some(Facets {
                    unread_count: 2,
                    recv_opt: RecvOpt::Receive,
                    marks: 1,
                    has_at_info: true,
                    groups: vec!["a\nb".to_owned()],
                }),
                after: None,
            }],
            groups: vec![GroupEvent::Renamed("a\nb".to_owned(), "c".to_owned())],
            truncated: false,
            kick: Some(Kick { device: Some("phone".parse().unwrap()), not_before: 5, reason: "x\ny".to_owned() }),
            fork: Some(Fork { from: 10, to: 11 }),
            accepted_us: Some(9),
            trace: Some("00-1-2-01".into()),
        }
    }

    #[test]
    fn a_hint_survives_its_encoding() {
        let hint = hint(r#"{"conversationID":"c2c_bob","draftText":"a\nb"}"#);
        assert_eq!(Hint::decode(&hint.encode()), Ok(hint));
    }

    #[test]
    fn a_hint_that_is_too_large_leaves_its_rows_out_and_says_so() {
        let hint = hint(&format!("\"{}\"", "x".repeat(HINT_BYTES_MAX)));
        let decoded = Hint::decode(&hint.encode()).unwrap();
        assert!(decoded.truncated && decoded.rows.is_empty() && decoded.deleted.is_empty());
        assert!(decoded.facets.is_empty() && decoded.groups == hint.groups, "notices stay as long as they fit");
        assert_eq!((decoded.previous, decoded.clock, decoded.kick.clone()), (10, 12, hint.kick.clone()));
        assert_eq!((decoded.fork, decoded.accepted_us), (hint.fork, hint.accepted_us));
        assert_eq!(decoded.trace, hint.trace);
        let ids = (0..2_000).map(|n| format!("group_{n}").parse().unwrap()).collect();
        let decoded = Hint::decode(&Hint { groups: vec![GroupEvent::Added("a".to_owned(), ids)], ..hint }.encode());
        assert!(decoded.is_ok_and(|decoded| decoded.truncated && decoded.groups.is_empty()));
    }

    #[test]
    fn a_torn_hint_is_an_error() {
        let text = hint("{}").encode();
        assert!(Hint::decode(text.rsplit_once('\n').unwrap().0).is_err());
        assert!(Hint::decode("").is_err());
    }
}
