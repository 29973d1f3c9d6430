//! What marks and custom data do to a row (DOMAIN: operations; orderKey: "read, mark, customData, …").

use super::*;
use conversation_protocol::marks::Marks;

fn mark(bits: u64, is_set: bool) -> Change {
    Change::Mark { conversation_id: id(C), marks: Marks::try_from(bits).unwrap(), is_set, if_version: None }
}

fn custom_data(text: &str) -> Change {
    Change::CustomData { conversation_id: id(C), custom_data: text.to_owned(), if_version: None }
}

#[test]
fn domain_3_marks_and_custom_data_keep_place_preview_and_unread() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    for change in [mark(3, true), mark(1, false), custom_data("{}"), custom_data("")] {
        assert!(!user.activates(C, change));
        assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 2", 2));
    }
}

#[test]
fn domain_2_marks_are_single_bits_by_rising_value_and_repeating_changes_nothing() {
    let mut user = User::with(&[received(C, 1)]);
    user.apply(mark(1 << 63 | 2, true));
    user.apply(mark(1 | 1 << 32, true));
    assert_eq!(user.row(C).mark_list, [1, 2, 1 << 32, 1 << 63]);
    user.ignores(mark(1 << 63 | 1, true));
    user.apply(mark(1 | 2 | 4, false));
    assert_eq!(user.row(C).mark_list, [1 << 32, 1 << 63]);
    user.ignores(mark(1, false));
}

#[test]
fn domain_2_custom_data_is_replaced_and_repeating_changes_nothing() {
    let mut user = User::with(&[received(C, 1), custom_data("a")]);
    user.ignores(custom_data("a"));
    user.apply(custom_data("b"));
    assert_eq!(user.row(C).custom_data, "b");
}

#[test]
fn domain_2_marks_and_custom_data_need_a_row_that_is_not_newer() {
    for change in [mark(1, true), custom_data("a")] {
        assert_eq!(User::new().try_apply(change), Err(Refusal::UnknownConversation));
    }
    let mut user = User::with(&[received(C, 1)]);
    let row = user.row(C);
    let older = Some(row.version - 1);
    let marks = Marks::try_from(1).unwrap();
    for change in [
        Change::Mark { conversation_id: id(C), marks, is_set: true, if_version: older },
        Change::CustomData { conversation_id: id(C), custom_data: "a".to_owned(), if_version: older },
    ] {
        assert_eq!(user.try_apply(change), Err(Refusal::Newer(Box::new(row.clone()))));
    }
}

#[test]
fn domain_2_deleting_drops_marks_and_custom_data_and_nothing_else_does() {
    let mut user = User::with(&[received(C, 1), mark(9, true), custom_data("a")]);
    for change in [received(C, 2), read_to(C, 0), pin(C, true), Change::ClearHistory(id(C)), draft(C, "d")] {
        user.apply(change);
        assert_eq!((user.row(C).mark_list, user.row(C).custom_data.as_str()), (vec![1, 8], "a"));
    }
    user.apply(Change::Delete(id(C)));
    user.apply(received(C, 3));
    assert_eq!((user.row(C).mark_list, user.row(C).custom_data), (Vec::new(), String::new()));
}
