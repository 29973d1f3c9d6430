//! What deleting a message must do to a row.

use super::*;

fn delete(s: &mut Scenario, seq: u64, previous: Option<u64>) -> Effect {
    let mut params = json!({"msgID": format!("m{seq}"), "seq": seq});
    if let Some(previous) = previous {
        params["previousMessage"] = message(previous, json!({"sender": "carol"}));
    }
    s.about("deleteMessage", "g7", params)
}

#[test]
fn the_deleted_preview_gives_way_to_the_named_one_or_none() {
    let mut s = Scenario::default();
    s.send(1, json!({"atUserList": ["bob"]}));
    s.send(2, json!({}));
    assert!(!s.activates(|s| assert_eq!(delete(s, 2, Some(1)), Effect::Changed)));
    s.check(1, 1);
    assert_eq!(s.g7().last_message.unwrap().sender, "carol".parse().unwrap());
    assert_eq!(delete(&mut s, 2, Some(1)), Effect::Unchanged);
    assert!(!s.activates(|s| assert_eq!(delete(s, 1, None), Effect::Changed)));
    s.check(0, 0);
    assert_eq!(s.g7().group_at_info_list, []);
    s.send(3, json!({}));
    s.check(3, 1);
}

#[test]
fn another_deleted_message_is_taken_off_only_if_it_counted() {
    let mut s = Scenario::default();
    for seq in 1..=4 {
        s.send(seq, if seq == 2 { not_counted() } else { json!({}) });
    }
    s.read("group_g7", 0, 1).unwrap();
    assert_eq!((delete(&mut s, 1, None), delete(&mut s, 2, None)), (Effect::Hidden, Effect::Hidden));
    s.check(4, 2);
    assert_eq!(delete(&mut s, 3, Some(2)), Effect::Changed);
    s.check(4, 1);
}

#[test]
fn a_deletion_that_came_first_keeps_its_message_out() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    assert_eq!(delete(&mut s, 3, None), Effect::Hidden);
    s.revoke(3);
    assert_eq!(s.send(3, json!({"atUserList": ["bob"]})), Effect::Hidden);
    s.check(1, 1);
    assert!(s.activates(|s| assert_eq!(s.send(2, json!({})), Effect::Changed)));
    s.check(2, 2);
}

#[test]
fn the_named_preview_is_edited_and_revoked_and_no_late_message_replaces_it() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(4, json!({}));
    delete(&mut s, 4, Some(2));
    assert_eq!(s.modify(2, "edited", Some(3)), Effect::Changed);
    assert_eq!(
        (s.modify(2, "older", Some(2)), s.g7().last_message.unwrap().text.as_str()),
        (Effect::Unchanged, "edited")
    );
    s.send(3, json!({}));
    s.check(2, 2);
    s.revoke(2);
    assert_eq!(s.g7().last_message.unwrap().text, "");
    s.send(2, json!({}));
    s.check(2, 2);
}

#[test]
fn what_was_cleared_is_not_shown_again() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.on("clearHistoryMessage", "group_g7", json!({})).unwrap();
    s.send(2, json!({}));
    delete(&mut s, 2, Some(1));
    s.check(0, 0);
    assert_eq!((delete(&mut s, 9, None), s.model.rows(&bob()).len()), (Effect::Hidden, 1));
}
