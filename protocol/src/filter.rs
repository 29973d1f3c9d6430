//! Which rows a filter lets through (docs/DOMAIN.md, 2).

use crate::{
    conversation::ConversationType,
    facets::Facets,
    ids::ConversationId,
    limits::GROUP_NAME_BYTES_MAX,
    marks::{Bits, Marks},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Conditions on a row, all of which must hold; an absent one is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// 1 C2C, 2 group; 0 and absent: no condition.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::TypeCondition"))]
    #[serde(rename = "type", default, deserialize_with = "some_type", skip_serializing_if = "Option::is_none")]
    pub conversation_type: Option<ConversationType>,
    /// In the conversation group (folder) of this name; "": in none.
    #[cfg_attr(feature = "schema", schemars(with = "String", length(max = GROUP_NAME_BYTES_MAX)))]
    #[serde(default, deserialize_with = "some_group", skip_serializing_if = "Option::is_none")]
    pub conversation_group: Option<String>,
    /// With any of these marks; 0: with no mark.
    #[cfg_attr(feature = "schema", schemars(with = "MarkCondition"))]
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub mark_type: Option<MarkCondition>,
    /// With unread messages, or without.
    #[cfg_attr(feature = "schema", schemars(with = "bool"))]
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub has_unread_count: Option<bool>,
    /// With unread mentions, or without.
    #[cfg_attr(feature = "schema", schemars(with = "bool"))]
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    pub has_group_at_info: Option<bool>,
}

/// A condition on a row's marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkCondition {
    /// No mark at all.
    None,
    /// At least one of these.
    AnyOf(Marks),
}

/// Present and not null: null is neither absent nor a condition.
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn some_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ConversationType>, D::Error> {
    match u8::deserialize(deserializer)? {
        0 => Ok(None),
        number => ConversationType::try_from(number)
            .map(Some)
            .map_err(|_| D::Error::custom(format!("expected 0 (any), 1 (C2C) or 2 (group), got {number}"))),
    }
}

fn some_group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.len() > GROUP_NAME_BYTES_MAX {
        let bytes = name.len();
        return Err(D::Error::custom(format!("expected at most {GROUP_NAME_BYTES_MAX} bytes, got {bytes}")));
    }
    Ok(Some(name))
}

impl<'de> Deserialize<'de> for MarkCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Bits::deserialize(deserializer)? {
            Bits(0) => Ok(Self::None),
            Bits(bits) => Marks::try_from(bits).map(Self::AnyOf).map_err(D::Error::custom),
        }
    }
}

impl Serialize for MarkCondition {
    /// A single mark as a number and several as an array of them, since a sum need not be exact in a double.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_u64(0),
            Self::AnyOf(marks) => match marks.apply_to(&[], true).as_slice() {
                [single] => serializer.serialize_u64(*single),
                several => serializer.collect_seq(several),
            },
        }
    }
}

impl Filter {
    /// Whether a row passes.
    pub fn matches(&self, conversation_id: &ConversationId, facets: &Facets) -> bool {
        let is_of_type = self.conversation_type.is_none_or(|wanted| match wanted {
            ConversationType::C2c => conversation_id.is_c2c(),
            ConversationType::Group => !conversation_id.is_c2c(),
        });
        let is_in_group = self.conversation_group.as_ref().is_none_or(|name| match name.as_str() {
            "" => facets.groups.is_empty(),
            _ => facets.groups.contains(name),
        });
        let is_marked = self.mark_type.is_none_or(|condition| match condition {
            MarkCondition::None => facets.marks == 0,
            MarkCondition::AnyOf(marks) => facets.marks & u64::from(marks) != 0,
        });
        is_of_type
            && is_in_group
            && is_marked
            && self.has_unread_count.is_none_or(|wanted| wanted == (facets.unread_count > 0))
            && self.has_group_at_info.is_none_or(|wanted| wanted == facets.has_at_info)
    }

    /// What a row adds to this filter's total.
    pub fn share(&self, conversation_id: &ConversationId, facets: &Facets) -> u64 {
        if self.matches(conversation_id, facets) { facets.total_share() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::RecvOpt;

    fn filter(json: &str) -> Filter {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    fn row() -> Facets {
        Facets { unread_count: 0, recv_opt: RecvOpt::Receive, marks: 0, has_at_info: false, groups: Vec::new() }
    }

    #[track_caller]
    fn check(json: &str, passes: &[(&str, Facets)], fails: &[(&str, Facets)]) {
        for (rows, expected) in [(passes, true), (fails, false)] {
            for (id, facets) in rows {
                assert_eq!(filter(json).matches(&id.parse().unwrap(), facets), expected, "{json} {id} {facets:?}");
            }
        }
    }

    #[test]
    fn an_absent_condition_is_none_and_an_empty_one_is_one() {
        let grouped = Facets { groups: vec!["work".into(), "a".into()], ..row() };
        let starred = Facets { marks: 1, ..row() };
        check("{}", &[("c2c_a", row()), ("group_g", grouped.clone()), ("c2c_a", starred.clone())], &[]);
        check(r#"{"type":0}"#, &[("c2c_a", row()), ("group_g", row())], &[]);
        check(r#"{"type":1}"#, &[("c2c_a", row())], &[("group_g", row())]);
        check(r#"{"type":2}"#, &[("group_g", row())], &[("c2c_a", row())]);
        check(r#"{"conversationGroup":""}"#, &[("c2c_a", row())], &[("c2c_a", grouped.clone())]);
        check(r#"{"conversationGroup":"work"}"#, &[("c2c_a", grouped)], &[("c2c_a", row())]);
        check(r#"{"markType":0}"#, &[("c2c_a", row())], &[("c2c_a", starred)]);
    }

    #[test]
    fn several_marks_are_any_of_them_and_conditions_are_all_of_them() {
        let marked = |marks| Facets { marks, ..row() };
        check(r#"{"markType":5}"#, &[("c2c_a", marked(1)), ("c2c_a", marked(6))], &[("c2c_a", marked(2))]);
        let high = r#"{"markType":[1,"9223372036854775808"]}"#;
        check(high, &[("c2c_a", marked(1 << 63))], &[("c2c_a", marked(1 << 62))]);
        let both = Facets { unread_count: 2, has_at_info: true, ..row() };
        let unread = Facets { has_at_info: false, ..both.clone() };
        check(
            r#"{"hasUnreadCount":true,"hasGroupAtInfo":true}"#,
            &[("group_g", both.clone())],
            &[("group_g", unread.clone()), ("group_g", row())],
        );
        check(r#"{"hasUnreadCount":false}"#, &[("c2c_a", row())], &[("c2c_a", unread.clone())]);
        check(r#"{"hasGroupAtInfo":false}"#, &[("c2c_a", unread)], &[("c2c_a", both)]);
    }

    #[test]
    fn filters_that_mean_the_same_are_equal_and_read_back() {
        assert_eq!(filter(r#"{"type":0}"#), Filter::default());
        assert_eq!(filter(r#"{"markType":"3"}"#), filter(r#"{"markType":[2,1]}"#));
        assert_eq!(filter(r#"{"markType":"0"}"#), filter(r#"{"markType":0}"#));
        for json in [
            "{}",
            r#"{"type":2,"conversationGroup":"","markType":0,"hasUnreadCount":true,"hasGroupAtInfo":false}"#,
            r#"{"markType":9223372036854775808}"#,
            r#"{"markType":[1,9223372036854775808]}"#,
        ] {
            assert_eq!(serde_json::to_string(&filter(json)).unwrap(), json);
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for json in [
            r#"{"type":3}"#,
            r#"{"type":null}"#,
            r#"{"conversationGroup":null}"#,
            r#"{"conversationGroup":"123456789012345678901234567890123"}"#,
            r#"{"markType":16}"#,
            r#"{"markType":[]}"#,
            r#"{"hasUnreadCount":1}"#,
            r#"{"more":1}"#,
        ] {
            assert!(serde_json::from_str::<Filter>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_share_counts_only_where_messages_are_received() {
        let id = "c2c_a".parse().unwrap();
        let unread = Facets { unread_count: 3, ..row() };
        assert_eq!(filter(r#"{"type":1}"#).share(&id, &unread), 3);
        assert_eq!(filter(r#"{"type":2}"#).share(&id, &unread), 0);
        assert_eq!(Filter::default().share(&id, &Facets { recv_opt: RecvOpt::NotReceive, ..unread }), 0);
    }
}
