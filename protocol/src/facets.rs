//! What filters and totals need to know of a row, without the row.

use crate::{
    conversation::{Conversation, RecvOpt},
    ids::ConversationId,
};
use serde::{Deserialize, Serialize};

/// The little of a row that decides which filters match it and what it adds to totals. Kept beside every row, and told
/// with every change of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facets {
    /// Messages that count as unread.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    pub unread_count: u64,
    /// How messages are received.
    #[serde(rename = "o", default = "receive", skip_serializing_if = "is_receive")]
    pub recv_opt: RecvOpt,
    /// The sum of the marks.
    #[serde(rename = "m", default, skip_serializing_if = "is_zero")]
    pub marks: u64,
    /// Whether there are unread mentions.
    #[serde(rename = "a", default, skip_serializing_if = "std::ops::Not::not")]
    pub has_at_info: bool,
    /// The conversation groups (folders) that hold the row.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn receive() -> RecvOpt {
    RecvOpt::Receive
}

fn is_receive(recv_opt: &RecvOpt) -> bool {
    *recv_opt == RecvOpt::Receive
}

impl Facets {
    /// Those of a row.
    pub fn of(row: &Conversation) -> Self {
        Self {
            unread_count: row.unread_count,
            recv_opt: row.recv_opt,
            marks: row.mark_list.iter().fold(0, |sum, mark| sum | mark),
            has_at_info: !row.group_at_info_list.is_empty(),
            groups: row.conversation_group_list.clone(),
        }
    }

    /// What the row adds to totals: its unread messages, where the receive option is 0.
    pub fn total_share(&self) -> u64 {
        if self.recv_opt == RecvOpt::Receive { self.unread_count } else { 0 }
    }
}

/// How a step changed what a row adds to totals. Changes that move no total, filtered or not, are not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetChange {
    /// Which conversation.
    #[serde(rename = "i")]
    pub conversation_id: ConversationId,
    /// Before the step; absent: there was no row, or it added nothing.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Facets>,
    /// After the step; absent: there is no row, or it adds nothing.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Facets>,
}

impl FacetChange {
    /// The change from `before` to `after`, if it can move a total.
    pub fn between(conversation_id: &ConversationId, before: Option<Facets>, after: Option<Facets>) -> Option<Self> {
        let counts = |facets: &Facets| facets.total_share() > 0;
        let (before, after) = (before.filter(counts), after.filter(counts));
        (before != after).then(|| Self { conversation_id: conversation_id.clone(), before, after })
    }
}

/// What filter totals are summed up from, all read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadFacets {
    /// The head at the time of reading.
    pub head: crate::Head,
    /// At least every row with unread messages.
    pub rows: Vec<(ConversationId, Facets)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facets(unread_count: u64, marks: u64) -> Facets {
        Facets { unread_count, recv_opt: RecvOpt::Receive, marks, has_at_info: false, groups: Vec::new() }
    }

    #[test]
    fn facets_are_small_and_survive_their_encoding() {
        assert_eq!(serde_json::to_string(&facets(0, 0)).unwrap(), "{}");
        let mut all = facets(3, 1 << 63);
        all.recv_opt = RecvOpt::NotReceive;
        all.has_at_info = true;
        all.groups = vec!["a b\n\"".to_owned()];
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(text, r#"{"u":3,"o":1,"m":9223372036854775808,"a":true,"g":["a b\n\""]}"#);
        assert_eq!(serde_json::from_str::<Facets>(&text).unwrap(), all);
    }

    #[test]
    fn a_change_is_told_only_if_a_total_can_move() {
        let id: ConversationId = "c2c_bob".parse().unwrap();
        let muted = Facets { recv_opt: RecvOpt::NotReceive, ..facets(3, 0) };
        let told = |before, after| FacetChange::between(&id, before, after).is_some();
        assert!(told(None, Some(facets(1, 0))) && told(Some(facets(1, 0)), None));
        assert!(told(Some(facets(1, 0)), Some(facets(1, 4))), "another mark");
        assert!(told(Some(facets(1, 0)), Some(muted.clone())));
        assert!(!told(None, Some(facets(0, 1))) && !told(Some(muted), None) && !told(None, None));
        assert!(!told(Some(facets(1, 1)), Some(facets(1, 1))));
    }
}
