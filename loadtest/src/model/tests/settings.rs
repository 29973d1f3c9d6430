//! What reading, pins, drafts, joins, deletions and comparisons must do.

use super::*;

#[test]
fn clearing_the_history_reads_all_and_keeps_the_place() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(5, json!({"atUserList": ["bob"]}));
    assert!(!s.activates(|s| assert_eq!(s.on("clearHistoryMessage", "group_g7", json!({})), Ok(Effect::Changed))));
    s.check(0, 0);
    assert_eq!(s.g7().group_at_info_list, []);
    assert_eq!(s.on("clearHistoryMessage", "group_g7", json!({})), Ok(Effect::Unchanged));
    assert_eq!(s.send(4, json!({})), Effect::Hidden);
    s.check(0, 0);
    s.send(6, json!({}));
    s.check(6, 1);
}

#[test]
fn read_mute_and_profile_keep_the_place() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send(2, json!({}));
    assert!(!s.activates(|s| assert_eq!(s.read("group_g7", 0, 1), Ok(Effect::Changed))));
    s.check(2, 1);
    assert!(!s.activates(|s| assert_eq!(s.mute("group_g7", 2), Ok(Effect::Changed))));
    let profile = json!({"conversation": {"type": 2, "groupID": "g7", "showName": "Team"}, "recipients": ["bob"]});
    assert!(!s.activates(|s| assert_eq!(s.server("setProfile", profile.clone()).rows[0].1, Ok(Effect::Changed))));
    assert_eq!(s.server("setProfile", profile).rows[0].1, Ok(Effect::Unchanged));
    assert_eq!(s.g7().show_name, "Team");
}

#[test]
fn an_older_revision_of_a_profile_is_ignored() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    let mut set = |name: &str, revision: u64| {
        s.server(
            "setProfile",
            json!({"conversation": {"type": 2, "groupID": "g7", "showName": name}, "recipients": ["bob"],
                "revision": revision}),
        )
        .rows[0]
            .1
    };
    assert_eq!(set("b", 2), Ok(Effect::Changed));
    assert_eq!((set("c", 2), set("a", 1)), (Ok(Effect::Unchanged), Ok(Effect::Unchanged)));
    assert_eq!(set("b", 3), Ok(Effect::Hidden));
}

#[test]
fn a_pin_lifts_the_row_and_an_unpin_puts_it_back() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send_in("a", 1, json!({}));
    let before = s.order();
    assert_eq!(s.on("pinConversation", "group_g7", json!({"isPinned": true})), Ok(Effect::Changed));
    assert_eq!(s.order(), ["group_g7", "group_a"]);
    assert_eq!(s.on("pinConversation", "group_g7", json!({"isPinned": true})), Ok(Effect::Unchanged));
    s.on("pinConversation", "group_g7", json!({"isPinned": false})).unwrap();
    assert_eq!(s.order(), before);
    assert_eq!(s.on("pinConversation", "group_none", json!({"isPinned": false})), Ok(Effect::Unchanged));
}

#[test]
fn pinned_rows_stay_in_activity_order() {
    let mut s = Scenario::default();
    for group in ["a", "g7", "c"] {
        s.send_in(group, 1, json!({}));
    }
    s.on("pinConversation", "group_g7", json!({"isPinned": true})).unwrap();
    s.on("pinConversation", "group_a", json!({"isPinned": true})).unwrap();
    assert_eq!(s.order(), ["group_g7", "group_a", "group_c"]);
    s.send_in("a", 2, json!({}));
    assert_eq!(s.order(), ["group_a", "group_g7", "group_c"]);
}

#[test]
fn the_51st_pin_is_refused_and_makes_no_row() {
    let mut s = Scenario::default();
    for n in 0..50 {
        s.on("pinConversation", &format!("group_{n}"), json!({"isPinned": true})).unwrap();
    }
    let pin = |s: &mut Scenario, id: &str| s.on("pinConversation", id, json!({"isPinned": true}));
    assert_eq!(pin(&mut s, "group_new"), Err(ErrorKind::TooManyPinned));
    assert_eq!(pin(&mut s, "group_7"), Ok(Effect::Unchanged));
    assert_eq!(s.order().len(), 50);
    s.on("pinConversation", "group_7", json!({"isPinned": false})).unwrap();
    assert_eq!(pin(&mut s, "group_new"), Ok(Effect::Changed));
}

#[test]
fn a_draft_activates_when_set_and_not_when_cleared() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    let draft = |s: &mut Scenario, text: &str| s.on("setConversationDraft", "group_g7", json!({ "draftText": text }));
    assert!(s.activates(|s| assert_eq!(draft(s, "hm"), Ok(Effect::Changed))));
    assert!(!s.activates(|s| assert_eq!(draft(s, "hm"), Ok(Effect::Unchanged))));
    assert!(!s.activates(|s| assert_eq!(draft(s, ""), Ok(Effect::Changed))));
    assert_eq!(s.on("setConversationDraft", "group_none", json!({"draftText": ""})), Ok(Effect::Unchanged));
    assert_eq!(s.on("setConversationDraft", "group_made", json!({"draftText": "x"})), Ok(Effect::Changed));
    assert_eq!(s.row("group_made").last_message, None);
}

#[test]
fn joining_makes_the_row_and_starts_its_read_mark() {
    let mut s = Scenario::default();
    assert_eq!(s.join(json!({"seq": 40})), Effect::Changed);
    s.check(0, 0);
    assert_eq!(s.g7().group_read_sequence, Some(40));
    assert_eq!(s.join(json!({"seq": 60})), Effect::Unchanged);
    s.send(39, json!({"atUserList": ["bob"]}));
    s.check(39, 0);
    assert_eq!(s.g7().group_at_info_list, []);
    s.send(41, json!({}));
    s.check(41, 1);
}

#[test]
fn joining_with_a_message_shows_it_uncounted() {
    let mut s = Scenario::default();
    s.join(json!({"message": message(40, json!({})), "sender": "alice"}));
    s.check(40, 0);
    assert_eq!(s.send(40, json!({})), Effect::Unchanged);
}

#[test]
fn a_deleted_row_comes_back_fresh_with_its_receive_option() {
    let mut s = Scenario::default();
    s.send(5, json!({"atUserList": ["bob"]}));
    s.mute("group_g7", 1).unwrap();
    s.on("pinConversation", "group_g7", json!({"isPinned": true})).unwrap();
    s.on("setConversationDraft", "group_g7", json!({"draftText": "x"})).unwrap();
    assert_eq!(s.on("deleteConversation", "group_g7", json!({})), Ok(Effect::Changed));
    assert_eq!(s.on("deleteConversation", "group_g7", json!({})), Ok(Effect::Unchanged));
    assert_eq!(s.model.rows(&bob()), []);
    assert_eq!((s.send(5, json!({})), s.send(4, json!({}))), (Effect::Unchanged, Effect::Unchanged));
    assert_eq!(s.join(json!({"seq": 5})), Effect::Unchanged);
    assert_eq!(s.send(6, json!({})), Effect::Changed);
    s.check(6, 1);
    let row = s.g7();
    assert_eq!((u8::from(row.recv_opt), row.is_pinned, row.draft_text.as_str()), (1, false, ""));
    assert_eq!((row.group_read_sequence, row.group_at_info_list.len()), (Some(5), 0));
    assert_eq!(s.send(4, json!({})), Effect::Unchanged);
    assert_eq!(s.model.total(&bob()), 0);
}

#[test]
fn a_pin_on_a_deleted_row_keeps_its_barrier() {
    let mut s = Scenario::default();
    s.send(5, json!({}));
    s.on("deleteConversation", "group_g7", json!({})).unwrap();
    s.on("pinConversation", "group_g7", json!({"isPinned": true})).unwrap();
    assert_eq!(s.send(5, json!({})), Effect::Unchanged);
    s.check(0, 0);
    s.send(6, json!({}));
    s.check(6, 1);
}

#[test]
fn a_mark_ahead_is_remembered_up_to_1000() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.read("group_g7", 0, 1001).unwrap();
    assert_eq!(s.g7().group_read_sequence, Some(1001));
    s.send(1001, json!({}));
    s.check(1001, 0);
    s.read("group_g7", 0, 2002).unwrap();
    assert_eq!(s.g7().group_read_sequence, Some(1001));
    assert_eq!(s.read("group_g7", 0, 7), Ok(Effect::Unchanged));
    s.send(1002, json!({}));
    s.check(1002, 1);
}

#[test]
fn a_time_reads_up_to_the_newest_message_not_after_it() {
    let mut s = Scenario::default();
    for (seq, timestamp) in [(1, 100), (2, 200), (4, 400)] {
        s.c2c(seq, timestamp);
    }
    s.read("c2c_alice", 250, 0).unwrap();
    assert_eq!((s.row("c2c_alice").unread_count, s.row("c2c_alice").c2c_read_timestamp), (1, Some(200)));
    s.read("c2c_alice", 99, 0).unwrap();
    assert_eq!(s.row("c2c_alice").c2c_read_timestamp, Some(200));
    s.read("c2c_alice", 0, 3).unwrap();
    s.c2c(3, 300);
    assert_eq!((s.row("c2c_alice").unread_count, s.row("c2c_alice").c2c_read_timestamp), (1, Some(300)));
    s.read("c2c_alice", 0, 0).unwrap();
    assert_eq!((s.row("c2c_alice").unread_count, s.row("c2c_alice").c2c_read_timestamp), (0, Some(400)));
}

#[test]
fn reading_a_kind_reads_every_row_of_it() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.c2c(1, 100);
    assert_eq!(s.read("c2c", 0, 0), Ok(Effect::Changed));
    assert_eq!(s.model.total(&bob()), 1);
    assert_eq!(s.read("", 0, 0), Ok(Effect::Changed));
    assert_eq!((s.model.total(&bob()), s.read("", 0, 0)), (0, Ok(Effect::Unchanged)));
}

#[test]
fn what_needs_a_row_is_refused_without_one() {
    let mut s = Scenario::default();
    let absent = Err(ErrorKind::UnknownConversation);
    assert_eq!(s.read("group_g7", 0, 0), absent);
    assert_eq!(s.mute("group_g7", 1), absent);
    assert_eq!(s.on("clearHistoryMessage", "group_g7", json!({})), absent);
    s.send(1, json!({}));
    s.on("deleteConversation", "group_g7", json!({})).unwrap();
    assert_eq!(s.mute("group_g7", 1), absent);
}

#[test]
fn a_comparison_names_the_row_and_the_field() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send_in("a", 1, json!({}));
    let expected = s.model.rows(&bob());
    assert_eq!(assert_same(&expected, &expected), Ok(()));

    let mut actual = expected.clone();
    actual[1].unread_count = 7;
    assert_eq!(assert_same(&expected, &actual), Err("group_g7.unreadCount: expected 1, got 7".to_owned()));
    actual = expected.clone();
    actual.swap(0, 1);
    assert!(assert_same(&expected, &actual).unwrap_err().starts_with("order: expected group_a at place 0"));
    assert!(assert_same_rows(&expected, &actual).is_ok());
    assert!(assert_order(&actual).is_err());
    assert!(assert_same(&expected, &expected[..1]).unwrap_err().contains("group_g7: expected in the list"));
    assert!(assert_same(&expected[..1], &expected).unwrap_err().contains("expected not in the list"));
    actual = expected.clone();
    actual[0].is_pinned = true;
    assert!(assert_order(&actual).unwrap_err().contains("pin bit"));
    actual = expected.clone();
    actual[0].draft_timestamp = 5;
    assert!(assert_same(&expected, &actual).unwrap_err().contains("draftTimestamp 0"));
}
