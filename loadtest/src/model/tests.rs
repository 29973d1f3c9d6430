//! Each row of DOMAIN §3, and the rules of §4, as one scenario each.

use super::*;
use conversation_protocol::conversation::AT_ALL;
use serde_json::{Value, json};

/// What bob sees of the group g7 or of alice, while things happen.
#[derive(Default)]
struct Scenario {
    model: Model,
}

fn bob() -> UserId {
    "bob".parse().unwrap()
}

impl Scenario {
    fn server(&mut self, method: &str, params: Value) -> ServerOutcome {
        self.model.apply_server(&ServerCall::parse(method, &params.to_string()).unwrap())
    }

    fn client(&mut self, method: &str, params: Value) -> ClientOutcome {
        self.model.apply_client(&bob(), &ClientCall::parse(method, &params.to_string()).unwrap())
    }

    fn about(&mut self, method: &str, group: &str, extra: Value) -> Effect {
        let mut params = json!({
            "conversation": {"type": 2, "groupID": group}, "sender": "alice", "recipients": ["bob"],
        });
        merge(&mut params, extra);
        self.server(method, params).rows[0].1.unwrap()
    }

    /// A message of alice in the group g7 to bob.
    fn send(&mut self, seq: u64, extra: Value) -> Effect {
        self.send_in("g7", seq, extra)
    }

    fn send_in(&mut self, group: &str, seq: u64, extra: Value) -> Effect {
        self.about("sendMessage", group, json!({ "message": message(seq, extra) }))
    }

    fn own(&mut self, seq: u64) -> Effect {
        self.about("sendMessage", "g7", json!({"sender": "bob", "message": message(seq, json!({}))}))
    }

    fn c2c(&mut self, seq: u64, timestamp: u64) -> ServerOutcome {
        let message = message(seq, json!({ "timestamp": timestamp }));
        self.server(
            "sendMessage",
            json!({"conversation": {"type": 1}, "sender": "alice", "recipients": ["bob"], "message": message,
                "profiles": {"alice": {"showName": "Alice"}, "bob": {"showName": "Bob"}}}),
        )
    }

    fn revoke(&mut self, seq: u64) -> Effect {
        self.about("revokeMessage", "g7", json!({"msgID": format!("m{seq}"), "seq": seq, "revokeReason": "typo"}))
    }

    fn modify(&mut self, seq: u64, text: &str, revision: Option<u64>) -> Effect {
        let mut params = json!({ "message": message(seq, json!({"text": text, "atUserList": ["carol"]})) });
        if let Some(revision) = revision {
            params["revision"] = revision.into();
        }
        self.about("modifyMessage", "g7", params)
    }

    fn join(&mut self, extra: Value) -> Effect {
        let mut params = json!({"conversation": {"type": 2, "groupID": "g7"}, "recipients": ["bob"]});
        merge(&mut params, extra);
        self.server("joinGroup", params).rows[0].1.unwrap()
    }

    fn read(&mut self, id: &str, timestamp: u64, seq: u64) -> RowOutcome {
        let params = json!({"conversationID": id, "cleanTimestamp": timestamp, "cleanSequence": seq});
        whole(self.client("cleanConversationUnreadMessageCount", params))
    }

    fn on(&mut self, method: &str, id: &str, extra: Value) -> RowOutcome {
        let mut params = json!({ "conversationID": id });
        merge(&mut params, extra);
        whole(self.client(method, params))
    }

    fn mute(&mut self, id: &str, recv_opt: u8) -> RowOutcome {
        match self.client("setReceiveMessageOpt", json!({"conversationIDList": [id], "recvOpt": recv_opt})) {
            ClientOutcome::PerId(outcomes) => outcomes[0].1,
            other => panic!("not per id: {other:?}"),
        }
    }

    fn row(&self, id: &str) -> Conversation {
        let rows = self.model.rows(&bob());
        rows.into_iter().find(|row| row.conversation_id.as_str() == id).expect("the row is there")
    }

    fn g7(&self) -> Conversation {
        self.row("group_g7")
    }

    fn order(&self) -> Vec<String> {
        self.model.rows(&bob()).iter().map(|row| row.conversation_id.to_string()).collect()
    }

    /// (preview's seq or 0, unread) of g7, and whether the last step activated it.
    fn check(&self, preview: u64, unread: u64) {
        let row = self.g7();
        assert_eq!((row.last_message.map_or(0, |last| last.seq), row.unread_count), (preview, unread));
    }

    /// Whether what is done raises g7 above a group that was activated just before.
    fn activates(&mut self, act: impl FnOnce(&mut Self)) -> bool {
        let other = format!("other{}", self.model.clock);
        self.send_in(&other, 1, json!({}));
        let before = self.order();
        act(self);
        self.order() != before && self.order()[0] == "group_g7"
    }
}

fn whole(outcome: ClientOutcome) -> RowOutcome {
    match outcome {
        ClientOutcome::Whole(outcome) => outcome,
        other => panic!("not one outcome: {other:?}"),
    }
}

fn merge(into: &mut Value, extra: Value) {
    let Value::Object(extra) = extra else { panic!("not an object") };
    into.as_object_mut().unwrap().extend(extra);
}

fn message(seq: u64, extra: Value) -> Value {
    let mut message = json!({
        "msgID": format!("m{seq}"), "seq": seq, "timestamp": 1000 + seq, "text": format!("text {seq}"),
        "cloudCustomData": "data",
    });
    merge(&mut message, extra);
    message
}

fn not_in_preview() -> Value {
    json!({"isExcludedFromLastMessage": true})
}

fn not_counted() -> Value {
    json!({"isExcludedFromUnreadCount": true})
}

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
