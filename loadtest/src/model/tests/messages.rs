//! What messages, revokes and modifications must do to a row.

use super::*;
use conversation_protocol::conversation::AT_ALL;

#[test]
fn a_received_message_activates_shows_and_counts() {
    let mut s = Scenario::default();
    assert_eq!(s.send(1, json!({})), Effect::Changed);
    assert!(s.activates(|s| assert_eq!(s.send(2, json!({})), Effect::Changed)));
    s.check(2, 2);
    assert_eq!(s.send(2, json!({"text": "again"})), Effect::Unchanged);
    assert_eq!(s.g7().last_message.unwrap().text, "text 2");
    assert_eq!(s.model.total(&bob()), 3);
}

#[test]
fn an_own_message_activates_shows_and_reads_up_to_it() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    assert!(s.activates(|s| assert_eq!(s.own(2), Effect::Changed)));
    s.check(2, 0);
    assert!(s.g7().last_message.unwrap().is_self);
    s.send(4, json!({}));
    s.own(3);
    s.check(4, 1);
}

#[test]
fn excluded_from_the_preview_counts_only() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    assert!(!s.activates(|s| assert_eq!(s.send(2, not_in_preview()), Effect::Changed)));
    s.check(1, 2);
}

#[test]
fn excluded_from_the_count_shows_only() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    assert!(s.activates(|s| assert_eq!(s.send(2, not_counted()), Effect::Changed)));
    s.check(2, 1);
}

#[test]
fn a_message_excluded_from_both_is_only_remembered_unless_it_makes_the_row() {
    let mut s = Scenario::default();
    let mut both = not_in_preview();
    merge(&mut both, not_counted());
    assert_eq!(s.send(1, both.clone()), Effect::Changed);
    s.check(0, 0);
    assert_eq!(s.send(2, both.clone()), Effect::Hidden);
    assert_eq!(s.send(2, both), Effect::Unchanged);
}

#[test]
fn the_revoked_preview_stays_without_its_text() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(2, json!({}));
    assert!(!s.activates(|s| assert_eq!(s.revoke(2), Effect::Changed)));
    s.check(2, 1);
    let last = s.g7().last_message.unwrap();
    assert_eq!((u8::from(last.status), last.text.as_str(), last.cloud_custom_data.as_str()), (6, "", ""));
    assert_eq!(last.revoker, Some("alice".parse().unwrap()));
    assert_eq!(last.revoke_reason.as_deref(), Some("typo"));
    assert_eq!(s.revoke(2), Effect::Unchanged);
    s.check(2, 1);
}

#[test]
fn a_revoke_of_another_message_takes_it_off_only_if_it_counted() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(2, not_counted());
    s.send(3, json!({}));
    s.send(4, json!({}));
    s.read("group_g7", 0, 1).unwrap();
    s.check(4, 2);
    assert!(!s.activates(|s| assert_eq!(s.revoke(1), Effect::Hidden)));
    assert_eq!(s.revoke(2), Effect::Hidden);
    s.check(4, 2);
    assert_eq!(s.revoke(3), Effect::Changed);
    s.check(4, 1);
}

#[test]
fn a_revoke_that_came_first_is_applied_with_its_message() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    assert_eq!(s.revoke(2), Effect::Hidden);
    s.send(2, json!({"atUserList": ["bob"]}));
    s.check(2, 1);
    assert_eq!(s.g7().last_message.unwrap().text, "");
    assert_eq!(s.g7().group_at_info_list, []);
}

#[test]
fn revokes_and_modifications_do_not_make_a_row() {
    let mut s = Scenario::default();
    assert_eq!((s.revoke(1), s.modify(1, "new", None)), (Effect::Unchanged, Effect::Unchanged));
    assert_eq!(s.model.rows(&bob()), []);
}

#[test]
fn modifying_the_preview_replaces_its_content_only() {
    let mut s = Scenario::default();
    s.send(1, json!({"atUserList": ["bob"]}));
    assert!(!s.activates(|s| assert_eq!(s.modify(1, "new", Some(2)), Effect::Changed)));
    s.check(1, 1);
    let row = s.g7();
    let last = row.last_message.unwrap();
    assert_eq!((last.text.as_str(), last.at_user_list.as_slice()), ("new", ["carol".to_owned()].as_slice()));
    assert_eq!(row.group_at_info_list.len(), 1);
    assert_eq!(s.modify(1, "old", Some(1)), Effect::Unchanged);
    assert_eq!(s.modify(1, "old", Some(2)), Effect::Unchanged);
    assert_eq!(s.modify(1, "newer", None), Effect::Changed);
    assert_eq!(s.modify(1, "newer", None), Effect::Unchanged);
    s.revoke(1);
    assert_eq!(s.modify(1, "back", Some(9)), Effect::Unchanged);
    assert_eq!(s.g7().last_message.unwrap().text, "");
}

#[test]
fn modifying_another_message_shows_nothing() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(2, json!({}));
    assert!(!s.activates(|s| assert_eq!(s.modify(1, "new", None), Effect::Hidden)));
    assert_eq!(s.g7().last_message.unwrap().text, "text 2");
    assert_eq!(s.modify(3, "early", Some(1)), Effect::Hidden);
    s.send(3, json!({}));
    assert_eq!(s.g7().last_message.unwrap().text, "early");
}

#[test]
fn a_late_message_counts_and_neither_activates_nor_shows() {
    let mut s = Scenario::default();
    s.send(5, json!({}));
    let late = json!({"conversation": {"type": 2, "groupID": "g7", "showName": "Late"},
        "message": message(3, json!({}))});
    assert!(!s.activates(|s| assert_eq!(s.about("sendMessage", "g7", late), Effect::Changed)));
    s.check(5, 2);
    assert_eq!(s.g7().show_name, "");
}

#[test]
fn a_late_message_above_the_newest_shown_becomes_the_preview() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(3, not_in_preview());
    assert!(s.activates(|s| assert_eq!(s.send(2, json!({})), Effect::Changed)));
    s.check(2, 3);
}

#[test]
fn a_c2c_message_changes_both_sides() {
    let mut s = Scenario::default();
    let outcome = s.c2c(1, 100);
    assert_eq!((outcome.rows.len(), outcome.applied_bounds()), (2, (2, 2)));
    assert_eq!(s.row("c2c_alice").show_name, "Alice");
    let of_alice = s.model.rows(&"alice".parse().unwrap());
    assert_eq!((of_alice[0].show_name.as_str(), of_alice[0].unread_count), ("Bob", 0));
    assert_eq!(of_alice[0].conversation_id.as_str(), "c2c_bob");
    assert!(of_alice[0].last_message.as_ref().unwrap().is_self);
}

#[test]
fn mentions_are_of_me_all_or_both_and_only_in_groups_from_others() {
    let mut s = Scenario::default();
    for (seq, at) in [(1, json!(["bob"])), (2, json!([AT_ALL])), (3, json!([AT_ALL, "bob"])), (4, json!(["carol"]))] {
        s.send(seq, json!({ "atUserList": at }));
    }
    let kinds = |s: &Scenario| -> Vec<(u64, u8)> {
        s.g7().group_at_info_list.iter().map(|info| (info.seq, u8::from(info.at_type))).collect()
    };
    assert_eq!(kinds(&s), [(1, 1), (2, 2), (3, 3)]);
    s.read("group_g7", 0, 1).unwrap();
    s.revoke(2);
    assert_eq!(kinds(&s), [(3, 3)]);
    let own = json!({"sender": "bob", "message": message(9, json!({"atUserList": [AT_ALL]}))});
    s.about("sendMessage", "g7", own);
    assert_eq!(kinds(&s), []);
}

#[test]
fn an_av_chat_room_never_counts() {
    let mut s = Scenario::default();
    let room = json!({"conversation": {"type": 2, "groupID": "g7", "groupType": "AVChatRoom"},
        "message": message(1, json!({}))});
    s.about("sendMessage", "g7", room);
    s.send(2, json!({}));
    s.check(2, 0);
}

#[test]
fn a_modification_and_a_revoke_that_came_first_leave_the_original_without_text() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.modify(2, "early", Some(1));
    s.revoke(2);
    s.send(2, json!({"atUserList": ["dave"]}));
    let last = s.g7().last_message.unwrap();
    assert_eq!((last.text.as_str(), last.at_user_list.as_slice()), ("", ["dave".to_owned()].as_slice()));
}
