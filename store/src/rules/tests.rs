//! Each row of the table of orderKey and each line on unread in docs/DOMAIN.md, as one scenario.

mod deletions;
mod forks;
mod groups;
mod import;
mod marks;

use super::*;
use crate::{
    Loaded, RowSelection,
    record::{Lines, StoredHead, read_facets},
};
use conversation_protocol::{
    AtType, Facets, GroupAtInfo, GroupEvent, GroupType, MessageStatus, RecvOpt, UserId,
    conversation::{AT_ALL, PIN_BIT},
    server::{Message, Profile},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A user's data in memory, changed through the real steps; checks the total after each.
struct User {
    now_us: u64,
    head: Option<String>,
    values: BTreeMap<ConversationId, String>,
    limits: Limits,
    /// The server that takes the steps.
    replication_id: u64,
    /// What the last step told clients: ids of rows and of deletions.
    told: Vec<String>,
    /// What all steps told of conversation groups.
    notices: Vec<GroupEvent>,
    /// What the last step left for further ones.
    unfinished: Option<Unfinished>,
}

const ALICE: &str = "alice";

fn id(text: &str) -> ConversationId {
    text.parse().unwrap()
}

fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

fn message(seq: u64) -> Message {
    Message {
        msg_id: format!("m{seq}").parse().unwrap(),
        seq,
        timestamp: 1_000 + seq,
        elem_type: 1,
        text: format!("text {seq}"),
        nick_name: String::new(),
        face_url: String::new(),
        at_user_list: Vec::new(),
        cloud_custom_data: "custom".to_owned(),
        is_excluded_from_last_message: false,
        is_excluded_from_unread_count: false,
    }
}

fn sent_by(sender: &str, conversation: &str, message: Message) -> Change {
    Change::Sent(Arc::new(MessageSent {
        conversation_id: id(conversation),
        group_type: None,
        profile: Profile { show_name: None, face_url: None },
        sender: user(sender),
        message,
    }))
}

fn received(conversation: &str, seq: u64) -> Change {
    sent_by("bob", conversation, message(seq))
}

fn revoked(conversation: &str, seq: u64) -> Change {
    Change::Revoked(Arc::new(MessageRevoked {
        conversation_id: id(conversation),
        seq,
        revoker: user("bob"),
        reason: Some("typo".to_owned()),
    }))
}

fn modified(conversation: &str, seq: u64, text: &str, revision: Option<u64>) -> Change {
    let message = Message { text: text.to_owned(), ..message(seq) };
    Change::Modified(Arc::new(MessageModified { conversation_id: id(conversation), message, revision }))
}

fn read_to(conversation: &str, sequence: u64) -> Change {
    Change::Read(conversation.parse().unwrap(), ReadUpTo { timestamp: 0, sequence })
}

fn read_at(conversation: &str, timestamp: u64) -> Change {
    Change::Read(conversation.parse().unwrap(), ReadUpTo { timestamp, sequence: 0 })
}

fn pin(conversation: &str, is_pinned: bool) -> Change {
    Change::Pin { conversation_id: id(conversation), is_pinned, if_version: None }
}

fn option(conversation: &str, recv_opt: RecvOpt) -> Change {
    Change::ReceiveOption { conversation_id: id(conversation), recv_opt, if_version: None }
}

fn draft(conversation: &str, text: &str) -> Change {
    Change::Draft { conversation_id: id(conversation), text: text.to_owned(), if_version: None }
}

fn joined(conversation: &str, seq: Option<u64>, message: Option<Message>) -> Change {
    let conversation_id = id(conversation);
    let profile = Profile { show_name: Some("Team".to_owned()), face_url: None };
    let sent = message.map(|message| MessageSent {
        conversation_id: conversation_id.clone(),
        group_type: None,
        profile: profile.clone(),
        sender: user("bob"),
        message,
    });
    Change::Joined(Arc::new(Joined { conversation_id, group_type: None, profile, seq, message: sent.map(Box::new) }))
}

fn named(show_name: &str, revision: Option<u64>) -> Change {
    Change::Profile(Arc::new(ProfileSet {
        conversation_id: id("c2c_bob"),
        profile: Profile { show_name: Some(show_name.to_owned()), face_url: None },
        group_type: None,
        revision,
    }))
}

impl User {
    fn new() -> Self {
        let (values, limits) = (BTreeMap::new(), Limits::default());
        Self {
            now_us: 1_700_000_000_000_000,
            head: None,
            values,
            limits,
            replication_id: 0,
            told: Vec::new(),
            notices: Vec::new(),
            unfinished: None,
        }
    }

    /// A user with so many rows, `group_0` the lowest, each with one unread message, who may have no more.
    fn at_the_limit(rows_per_user: u64) -> Self {
        let mut user = Self { limits: Limits { rows_per_user }, ..Self::new() };
        for number in 0..rows_per_user {
            user.apply(received(&format!("group_{number}"), 1));
        }
        assert_eq!(user.ids().len() as u64, rows_per_user);
        user
    }

    fn with(changes: &[Change]) -> Self {
        let mut user = Self::new();
        for change in changes {
            user.apply(change.clone());
        }
        user
    }

    fn try_steps(&mut self, changes: &[Change]) -> Vec<Result<Outcome, Refusal>> {
        let load = load_for(&user(ALICE), changes, self.limits);
        let ids: Vec<_> = match &load.rows {
            RowSelection::Ids(ids) => ids.clone(),
            RowSelection::Unread(_) => self.values.keys().filter(|id| self.stands_in(id).0).cloned().collect(),
            RowSelection::Grouped(_) => self.values.keys().filter(|id| self.stands_in(id).1).cloned().collect(),
        };
        let rows = ids.into_iter().map(|id| (id.clone(), self.values.get(&id).cloned())).collect();
        let list = self.rows();
        let (lowest_max, tombstones_max) = match load.lowest {
            Some(lowest) if list.len() as u64 >= lowest.rows_at_least => (lowest.count, lowest.tombstones),
            Some(_) | None => (0, load.tombstones),
        };
        let tombstones = self.tombstones().into_iter().take(tombstones_max).collect();
        let lowest = list.iter().rev().take(lowest_max).map(|row| &row.conversation_id);
        let lowest = lowest.map(|id| (id.clone(), self.values[id].clone())).collect();
        let loaded = Loaded { now_us: self.now_us, head: self.head.clone(), rows, tombstones, lowest };
        let step = match step(load, &loaded, changes, self.limits, 7, self.replication_id).unwrap() {
            Decided::Step(step) => *step,
            Decided::Unfinished(unfinished) => {
                self.try_steps(&[Change::Continue(unfinished)]).remove(0).unwrap();
                return self.try_steps(changes);
            }
        };
        self.told.clear();
        self.unfinished = step.unfinished;
        if let Some(commit) = step.commit {
            self.notices.extend(commit.hint.groups);
            assert!(commit.clock > commit.expected_clock, "the clock strictly rises with a commit");
            for write in commit.writes {
                match write.after {
                    Some((_, value)) => self.values.insert(write.conversation_id, value),
                    None => self.values.remove(&write.conversation_id),
                };
            }
            self.head = Some(commit.head);
            self.told.extend(commit.hint.rows.iter().map(|row| row.conversation_id.to_string()));
            self.told.extend(commit.hint.deleted.iter().map(|(id, _)| format!("-{id}")));
        }
        self.check_head();
        step.outcomes
    }

    /// Whether a store's indexes of unread rows and of grouped rows have the row.
    fn stands_in(&self, id: &ConversationId) -> (bool, bool) {
        match row::Slot::decode(Some(&self.values[id])).unwrap().indexed().unwrap().kind {
            crate::IndexedKind::Row { has_unread, is_grouped, .. } => (has_unread, is_grouped),
            crate::IndexedKind::Tombstone => (false, false),
        }
    }

    fn try_apply(&mut self, change: Change) -> Result<Outcome, Refusal> {
        self.now_us += 10;
        self.try_steps(&[change]).remove(0)
    }

    fn apply(&mut self, change: Change) -> Outcome {
        self.try_apply(change).unwrap()
    }

    /// The change does nothing: the clock stands still and nobody is told.
    fn ignores(&mut self, change: Change) {
        let before = (self.head.clone(), self.values.clone());
        let outcome = self.apply(change);
        assert_eq!((outcome.changed, self.told.len()), (0, 0));
        assert_eq!((self.head.clone(), self.values.clone()), before);
    }

    fn rows(&self) -> Vec<Conversation> {
        let visible = |value: &String| match Lines::read(value).unwrap() {
            Lines::Row { visible, .. } => Some(serde_json::from_str::<Conversation>(visible).unwrap()),
            Lines::Tombstone { .. } => None,
        };
        let mut rows: Vec<_> = self.values.values().filter_map(visible).collect();
        rows.sort_by(|a, b| (b.order_key, &b.conversation_id).cmp(&(a.order_key, &a.conversation_id)));
        rows
    }

    /// The list's ids from the top.
    fn ids(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.conversation_id.to_string()).collect()
    }

    fn tombstones(&self) -> Vec<(ConversationId, u64)> {
        let version = |value: &String| match Lines::read(value).unwrap() {
            Lines::Row { .. } => None,
            Lines::Tombstone { version, .. } => Some(version),
        };
        let mut all: Vec<_> = self.values.iter().filter_map(|(id, v)| Some((id.clone(), version(v)?))).collect();
        all.sort_by_key(|(_, version)| *version);
        all
    }

    fn row(&self, conversation: &str) -> Conversation {
        self.rows().into_iter().find(|row| row.conversation_id == id(conversation)).expect("the row is in the list")
    }

    fn head(&self) -> StoredHead {
        StoredHead::decode(self.head.as_ref().unwrap()).unwrap()
    }

    fn unread(&self, conversation: &str) -> u64 {
        self.row(conversation).unread_count
    }

    fn preview(&self, conversation: &str) -> Option<String> {
        self.row(conversation).last_message.map(|message| message.text)
    }

    /// Whether a change raises the row's orderKey.
    fn activates(&mut self, conversation: &str, change: Change) -> bool {
        let before = self.row(conversation);
        self.apply(change);
        let after = self.row(conversation);
        assert!(after.version >= before.version);
        assert!(after.order_key >= before.order_key || before.is_pinned && !after.is_pinned);
        after.order_key > before.order_key
    }

    fn check_head(&self) {
        let Some(value) = &self.head else { return };
        let (head, rows) = (StoredHead::decode(value).unwrap(), self.rows());
        let sum = rows.iter().filter(|row| row.recv_opt == RecvOpt::Receive).map(|row| row.unread_count).sum::<u64>();
        assert_eq!(head.total_unread, sum, "total = the sum");
        assert_eq!((head.rows, head.pinned), (rows.len() as u64, rows.iter().filter(|r| r.is_pinned).count() as u64));
        assert_eq!(head.tombstones, self.tombstones().len() as u64);
        let grouped = rows.iter().filter(|row| !row.conversation_group_list.is_empty()).count();
        assert_eq!(head.grouped, grouped as u64);
        for row in &rows {
            let first_line = self.values[&row.conversation_id].lines().next().unwrap();
            assert_eq!(read_facets(first_line).unwrap(), Facets::of(row), "the first line has the row's facets");
        }
        assert!(rows.iter().all(|row| row.version <= head.cursor.version));
    }
}

const C: &str = "c2c_bob";
const G: &str = "group_g";

#[test]
fn domain_3_message_received_rises_replaces_and_counts_one() {
    let mut user = User::with(&[received(C, 1)]);
    assert!(user.activates(C, received(C, 2)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 2", 2));
    assert!(!user.row(C).last_message.unwrap().is_self);
}

#[test]
fn domain_3_message_sent_by_this_user_rises_replaces_and_reads_up_to_it() {
    let mut user = User::with(&[received(C, 1), received(C, 3)]);
    assert!(!user.activates(C, sent_by(ALICE, C, message(2))), "a late one neither rises nor replaces");
    assert_eq!(user.unread(C), 1, "what is after it stays unread");
    assert!(user.activates(C, sent_by(ALICE, C, message(4))));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 4", 0));
    assert!(user.row(C).last_message.unwrap().is_self);
    user.ignores(received(C, 3));
}

#[test]
fn domain_3_excluded_from_last_message_keeps_place_and_preview_and_counts() {
    let mut user = User::with(&[received(C, 1)]);
    let excluded = Message { is_excluded_from_last_message: true, ..message(2) };
    assert!(!user.activates(C, sent_by("bob", C, excluded)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 1", 2));
}

#[test]
fn domain_3_excluded_from_unread_count_rises_and_replaces_but_does_not_count() {
    let mut user = User::with(&[received(C, 1)]);
    let excluded = Message { is_excluded_from_unread_count: true, ..message(2) };
    assert!(user.activates(C, sent_by("bob", C, excluded)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 2", 1));
}

#[test]
fn domain_3_both_exclusions_are_independent_and_nobody_is_told() {
    let mut user = User::with(&[received(C, 1)]);
    let silent = Message { is_excluded_from_last_message: true, is_excluded_from_unread_count: true, ..message(2) };
    let before = user.row(C);
    assert_eq!(user.apply(sent_by("bob", C, silent)).changed, 0);
    assert!(user.told.is_empty());
    assert_eq!(user.row(C), before);
}

#[test]
fn domain_3_last_message_revoked_keeps_place_loses_text_and_counts_one_less_if_unread() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    assert!(!user.activates(C, revoked(C, 2)));
    let preview = user.row(C).last_message.unwrap();
    assert_eq!((preview.seq, preview.status, preview.text.as_str()), (2, MessageStatus::Revoked, ""));
    assert_eq!((preview.revoker.unwrap().as_str(), preview.revoke_reason.as_deref()), ("bob", Some("typo")));
    assert_eq!(user.unread(C), 1);
    user.apply(read_to(C, 0));
    user.ignores(revoked(C, 2));
}

#[test]
fn domain_3_other_message_revoked_keeps_place_and_preview() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    assert!(!user.activates(C, revoked(C, 1)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 2", 1));
    user.ignores(revoked(C, 1));
}

#[test]
fn domain_3_a_read_message_revoked_does_not_count_less() {
    let mut user = User::with(&[received(C, 1), received(C, 2), read_to(C, 1)]);
    user.ignores(revoked(C, 1));
    assert_eq!(user.unread(C), 1);
}

#[test]
fn domain_3_last_message_modified_replaces_its_content_only() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    assert!(!user.activates(C, modified(C, 2, "edited", None)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("edited", 2));
    user.ignores(modified(C, 2, "edited", None));
    user.ignores(received(C, 2));
}

#[test]
fn domain_3_other_message_modified_changes_nothing() {
    User::with(&[received(C, 1), received(C, 2)]).ignores(modified(C, 1, "edited", None));
}

#[test]
fn a_revision_that_is_not_greater_is_ignored() {
    let mut user = User::with(&[received(C, 1), modified(C, 1, "third", Some(3))]);
    user.ignores(modified(C, 1, "second", Some(2)));
    user.ignores(modified(C, 1, "third again", Some(3)));
    user.apply(modified(C, 1, "fourth", Some(4)));
    assert_eq!(user.preview(C).unwrap(), "fourth");
    let mut user = User::with(&[received(C, 1), named("B", Some(2))]);
    user.ignores(named("A", Some(1)));
    assert_eq!(user.row(C).show_name, "B");
}

#[test]
fn domain_3_history_cleared_empties_preview_and_unread_and_keeps_place() {
    let mut user = User::with(&[received(C, 1), received(C, 3)]);
    assert!(!user.activates(C, Change::ClearHistory(id(C))));
    assert_eq!((user.preview(C), user.unread(C)), (None, 0));
    user.ignores(Change::ClearHistory(id(C)));
    user.apply(received(C, 2));
    assert_eq!((user.preview(C), user.unread(C)), (None, 0), "no older message becomes the preview again");
    assert!(user.activates(C, received(C, 4)));
}

#[test]
fn domain_3_read_option_and_profile_keep_the_place() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    assert!(!user.activates(C, read_to(C, 1)));
    assert_eq!(user.unread(C), 1);
    assert!(!user.activates(C, option(C, RecvOpt::ReceiveNotNotify)));
    assert!(!user.activates(C, named("Bob", None)));
    user.ignores(read_to(C, 1));
    user.ignores(option(C, RecvOpt::ReceiveNotNotify));
    user.ignores(named("Bob", None));
}

#[test]
fn domain_3_pinning_sets_and_removes_the_pin_bit_alone() {
    let mut user = User::with(&[received(C, 1)]);
    let before = user.row(C).order_key;
    user.apply(pin(C, true));
    assert_eq!(user.row(C).order_key, before | PIN_BIT);
    user.ignores(pin(C, true));
    assert!(user.activates(C, received(C, 2)), "a pinned row stays in activity order among the pinned");
    let activated = user.row(C).order_key;
    user.apply(pin(C, false));
    assert_eq!(user.row(C).order_key, activated & !PIN_BIT);
    user.ignores(pin(C, false));
}

#[test]
fn domain_3_draft_set_rises_cleared_keeps_the_place() {
    let mut user = User::with(&[received(C, 1)]);
    assert!(user.activates(C, draft(C, "hel")));
    assert_eq!((user.row(C).draft_text.as_str(), user.row(C).draft_timestamp), ("hel", 1_700_000_000));
    user.ignores(draft(C, "hel"));
    assert!(!user.activates(C, draft(C, "")));
    assert_eq!((user.row(C).draft_text.as_str(), user.row(C).draft_timestamp), ("", 0));
    user.ignores(draft(C, ""));
}

#[test]
fn domain_3_joined_makes_the_row_with_what_is_given_and_nothing_unread() {
    let mut user = User::with(&[joined(G, None, None)]);
    assert_eq!((user.preview(G), user.unread(G), user.row(G).show_name.as_str()), (None, 0, "Team"));
    user.ignores(joined(G, None, Some(message(5))));
    let user = User::with(&[joined(G, None, Some(message(5)))]);
    assert_eq!((user.preview(G).unwrap().as_str(), user.unread(G)), ("text 5", 0));
}

#[test]
fn domain_3_deleted_then_a_message_makes_a_fresh_row_with_one_unread() {
    let mut user = User::with(&[
        received(C, 1),
        received(C, 2),
        named("Bob", None),
        pin(C, true),
        draft(C, "x"),
        option(C, RecvOpt::ReceiveNotNotify),
    ]);
    user.apply(Change::Delete(id(C)));
    assert_eq!((user.rows().len(), user.told.as_slice()), (0, ["-c2c_bob".to_owned()].as_slice()));
    user.ignores(Change::Delete(id(C)));
    user.ignores(received(C, 2));
    user.ignores(received(C, 1));
    user.apply(received(C, 3));
    let row = user.row(C);
    assert_eq!((row.unread_count, row.show_name.as_str(), row.is_pinned, row.draft_text.as_str()), (1, "", false, ""));
    assert_eq!(row.recv_opt, RecvOpt::ReceiveNotNotify, "the receive option comes back with the row");
}

#[test]
fn domain_3_a_late_message_counts_but_neither_rises_nor_replaces() {
    let mut user = User::with(&[received(C, 1), received(C, 5)]);
    assert!(!user.activates(C, received(C, 3)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 5", 3));
    assert_eq!(user.told, [C]);
}

#[test]
fn domain_3_several_changes_in_one_step_take_one_tick_each() {
    let mut user = User::new();
    user.try_steps(&[received(C, 1), received(G, 1), received(C, 2), pin("c2c_x", true)]);
    let rows = user.rows();
    let mut keys: Vec<_> = rows.iter().map(|row| row.order_key & !PIN_BIT).collect();
    assert_eq!(rows.iter().map(|row| row.conversation_id.as_str()).collect::<Vec<_>>(), ["c2c_x", C, G]);
    keys.dedup();
    assert_eq!(keys.len(), 3);
    assert_eq!(user.head().cursor.version, user.now_us + 3);
}

#[test]
fn domain_3_names_in_a_repeated_or_late_message_change_nothing() {
    let with_name = |seq, name: &str| {
        Change::Sent(Arc::new(MessageSent {
            conversation_id: id(C),
            group_type: None,
            profile: Profile { show_name: Some(name.to_owned()), face_url: Some(format!("{name}.png")) },
            sender: user("bob"),
            message: message(seq),
        }))
    };
    let mut user = User::with(&[with_name(5, "Bob")]);
    user.ignores(with_name(5, "Rob"));
    user.apply(with_name(4, "Old"));
    assert_eq!((user.row(C).show_name.as_str(), user.row(C).face_url.as_str()), ("Bob", "Bob.png"));
    user.apply(with_name(6, "New"));
    assert_eq!(user.row(C).show_name, "New");
}

#[test]
fn domain_3_pinned_rows_sort_above_all_and_by_activity_among_themselves() {
    let mut user = User::with(&[received("c2c_a", 1), received("c2c_b", 1), received("c2c_c", 1)]);
    user.apply(pin("c2c_a", true));
    user.apply(pin("c2c_b", true));
    let order = |user: &User| user.rows().iter().map(|row| row.conversation_id.to_string()).collect::<Vec<_>>();
    assert_eq!(order(&user), ["c2c_b", "c2c_a", "c2c_c"]);
    user.apply(received("c2c_a", 2));
    assert_eq!(order(&user), ["c2c_a", "c2c_b", "c2c_c"]);
    assert!(user.rows().iter().all(|row| row.order_key < 1 << 53), "exact in a double");
}

#[test]
fn domain_3_a_clock_that_steps_back_never_takes_the_user_back() {
    let mut user = User::with(&[received(C, 1)]);
    let clock = user.head().cursor.version;
    user.now_us -= 3_600_000_000;
    assert!(user.activates(C, received(C, 2)));
    assert_eq!(user.head().cursor.version, clock + 1);
}

#[test]
fn domain_2_the_51st_pin_is_refused_and_changes_nothing() {
    let mut user = User::new();
    for number in 0..50 {
        user.apply(pin(&format!("c2c_u{number}"), true));
    }
    assert_eq!(user.try_apply(pin("c2c_u50", true)), Err(Refusal::TooManyPinned));
    assert_eq!(user.rows().len(), 50);
    user.apply(pin("c2c_u0", false));
    user.apply(pin("c2c_u50", true));
}

#[test]
fn domain_2_on_a_row_that_is_not_there_some_succeed_some_make_it_and_some_are_refused() {
    let mut user = User::new();
    for change in [Change::Delete(id(C)), pin(C, false), draft(C, ""), named("x", None), revoked(C, 1)] {
        user.ignores(change);
    }
    for change in [read_to(C, 1), option(C, RecvOpt::NotReceive), Change::ClearHistory(id(C))] {
        assert_eq!(user.try_apply(change), Err(Refusal::UnknownConversation));
    }
    for change in [pin(C, true), draft(C, "x")] {
        let mut user = User::with(&[change]);
        assert_eq!((user.preview(C), user.unread(C)), (None, 0));
        assert!(user.activates(C, received(C, 1)));
    }
}

#[test]
fn domain_2_if_version_refuses_a_newer_row_and_hands_it_over() {
    let mut user = User::with(&[received(C, 1)]);
    let row = user.row(C);
    let change = |if_version| Change::Pin { conversation_id: id(C), is_pinned: true, if_version: Some(if_version) };
    assert_eq!(user.try_apply(change(row.version - 1)), Err(Refusal::Newer(Box::new(row.clone()))));
    user.apply(change(row.version));
    assert!(user.row(C).is_pinned);
}

#[test]
fn domain_4_own_messages_and_avchatrooms_never_count() {
    let mut user = User::with(&[sent_by(ALICE, C, message(1))]);
    assert_eq!(user.unread(C), 0);
    user.apply(Change::Sent(Arc::new(MessageSent {
        conversation_id: id(G),
        group_type: Some(GroupType::AVChatRoom),
        profile: Profile { show_name: None, face_url: None },
        sender: self::user("bob"),
        message: message(1),
    })));
    assert_eq!(user.unread(G), 0);
    assert_eq!(user.preview(G).unwrap(), "text 1");
}

#[test]
fn domain_4_the_same_seq_twice_counts_once() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    user.ignores(received(C, 2));
    user.ignores(received(C, 1));
    assert_eq!(user.unread(C), 2);
}

#[test]
fn domain_4_a_seq_at_or_below_the_read_mark_never_counts() {
    let mut user = User::with(&[received(G, 5), read_to(G, 5)]);
    user.ignores(received(G, 4));
    assert_eq!(user.unread(G), 0);
}

#[test]
fn domain_4_reading_up_to_a_time_means_the_newest_message_not_after_it() {
    let mut user = User::with(&[received(C, 1), received(C, 2), received(C, 3)]);
    user.apply(read_at(C, 1_002));
    assert_eq!((user.unread(C), user.row(C).c2c_read_timestamp), (1, Some(1_002)));
    user.ignores(read_at(C, 1_001));
    user.ignores(read_at(C, 1_002));
    user.apply(read_at(C, 9_999));
    assert_eq!((user.unread(C), user.row(C).c2c_read_timestamp), (0, Some(1_003)));
}

#[test]
fn domain_4_the_mark_may_be_1000_ahead_and_covers_messages_when_they_come() {
    let mut user = User::with(&[received(G, 5)]);
    user.apply(read_to(G, 1_005));
    assert_eq!((user.unread(G), user.row(G).group_read_sequence), (0, Some(1_005)));
    user.apply(received(G, 1_005));
    assert_eq!(user.unread(G), 0);
    user.apply(received(G, 1_006));
    assert_eq!(user.unread(G), 1);
    user.apply(read_to(G, 9_999));
    assert_eq!((user.unread(G), user.row(G).group_read_sequence), (0, Some(1_006)), "too far ahead: the newest");
}

#[test]
fn domain_4_the_read_time_is_that_of_the_message_at_the_mark_also_when_it_comes_late() {
    let mut user = User::with(&[received(C, 1), read_to(C, 10)]);
    assert_eq!(user.row(C).c2c_read_timestamp, Some(1_001));
    user.apply(received(C, 7));
    user.apply(received(C, 6));
    assert_eq!(user.row(C).c2c_read_timestamp, Some(1_007));
}

#[test]
fn domain_4_times_of_the_newest_256_messages_are_kept() {
    let mut user = User::new();
    for seq in 1..=300 {
        user.apply(received(C, seq));
    }
    user.ignores(read_at(C, 1_044));
    user.apply(read_at(C, 1_045));
    assert_eq!(user.unread(C), 255);
}

#[test]
fn domain_4_early_revokes_and_edits_wait_for_their_message() {
    let mut user = User::with(&[received(C, 1)]);
    assert_eq!(user.apply(revoked(C, 2)).changed, 0);
    user.apply(modified(C, 3, "edited", Some(1)));
    user.apply(received(C, 2));
    let preview = user.row(C).last_message.unwrap();
    assert_eq!((preview.status, preview.text.as_str(), user.unread(C)), (MessageStatus::Revoked, "", 1));
    user.apply(received(C, 3));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("edited", 2));
    user.ignores(modified(C, 3, "older", Some(1)));
}

#[test]
fn an_early_edit_without_a_revision_keeps_the_revision_of_the_one_it_replaces() {
    let mut user = User::with(&[received(C, 1), modified(C, 2, "fifth", Some(5)), modified(C, 2, "plain", None)]);
    user.ignores(modified(C, 2, "third", Some(3)));
    user.apply(received(C, 2));
    assert_eq!(user.preview(C).unwrap(), "plain");
    user.ignores(modified(C, 2, "fourth", Some(4)));
}

#[test]
fn domain_4_at_most_64_early_changes_are_kept_and_the_lowest_seq_goes() {
    let mut user = User::with(&[received(C, 1)]);
    for seq in 2..=66 {
        user.apply(revoked(C, seq));
    }
    user.apply(received(C, 2));
    user.apply(received(C, 3));
    assert_eq!(user.unread(C), 2);
}

#[test]
fn domain_4_64_early_edits_are_kept_however_long_their_texts() {
    let mut user = User::with(&[received(C, 1)]);
    let text = "x".repeat(1_024);
    for seq in 2..=66 {
        user.apply(modified(C, seq, &text, None));
    }
    user.apply(received(C, 2));
    assert_eq!(user.preview(C).unwrap(), "text 2");
    user.apply(received(C, 3));
    assert_eq!(user.preview(C).unwrap(), text);
}

#[test]
fn domain_4_joining_with_a_seq_starts_the_read_mark_there() {
    let mut user = User::with(&[joined(G, Some(40), None)]);
    user.apply(received(G, 40));
    assert_eq!(user.unread(G), 0);
    user.apply(received(G, 41));
    assert_eq!(user.unread(G), 1);
    user.apply(Change::Delete(id(G)));
    user.ignores(joined(G, Some(41), None));
    user.apply(joined(G, Some(42), None));
    assert_eq!(user.unread(G), 0);
}

#[test]
fn domain_4_only_rows_that_are_received_count_in_the_total() {
    let mut user = User::with(&[received(C, 1), received(G, 1), received(G, 2)]);
    assert_eq!(user.head().total_unread, 3);
    user.apply(option(G, RecvOpt::ReceiveNotNotify));
    assert_eq!((user.head().total_unread, user.unread(G)), (1, 2));
    user.apply(option(G, RecvOpt::Receive));
    assert_eq!(user.head().total_unread, 3);
}

#[test]
fn domain_4_mentions_are_me_all_or_both_and_go_by_reading_or_revoking() {
    let at = |seq, names: &[&str]| {
        let at_user_list = names.iter().map(|name| (*name).to_owned()).collect();
        sent_by("bob", G, Message { at_user_list, ..message(seq) })
    };
    let mut user = User::with(&[at(3, &["alice", AT_ALL]), at(1, &["alice"]), at(2, &[AT_ALL]), at(4, &["carol"])]);
    let infos = |user: &User| user.row(G).group_at_info_list;
    let info = |seq, at_type| GroupAtInfo { seq, at_type };
    assert_eq!(infos(&user), [info(1, AtType::Me), info(2, AtType::All), info(3, AtType::AllAndMe)]);
    user.apply(read_to(G, 1));
    assert_eq!(infos(&user), [info(2, AtType::All), info(3, AtType::AllAndMe)]);
    user.apply(revoked(G, 2));
    assert_eq!(infos(&user), [info(3, AtType::AllAndMe)]);
    user.apply(read_to(G, 0));
    user.ignores(at(3, &["alice"]));
    user.apply(sent_by(ALICE, G, Message { at_user_list: vec![AT_ALL.to_owned()], ..message(9) }));
    assert_eq!(infos(&user), [], "never for own messages");
}

#[test]
fn domain_4_reading_everything_reads_rows_of_its_kind_in_steps_of_256() {
    let mut user = User::new();
    for number in 0..300 {
        user.apply(received(&format!("c2c_u{number}"), 1));
    }
    user.apply(received(G, 1));
    let first = user.apply(read_to("c2c", 0));
    assert_eq!(
        (first.changed, user.unfinished.clone(), user.head().total_unread),
        (256, Some(Unfinished::ReadC2c), 45)
    );
    // Whatever comes next, the rest comes first.
    user.apply(received("c2c_u0", 2));
    assert_eq!((user.unfinished.clone(), user.head().total_unread), (None, 2));
    user.apply(read_to("", 0));
    assert_eq!(user.head().total_unread, 0);
}

#[test]
fn domain_4_reading_everything_also_moves_the_mark_past_what_did_not_count() {
    let uncounted = Message { is_excluded_from_unread_count: true, ..message(10) };
    let mut user = User::with(&[received(G, 1), read_to(G, 1), sent_by("bob", G, uncounted), read_to("", 0)]);
    assert_eq!(user.row(G).group_read_sequence, Some(10));
    user.ignores(received(G, 9));
}

#[test]
fn a_repeated_message_below_the_delete_barrier_leaves_the_read_time_alone() {
    let mut user = User::with(&[received(C, 5), Change::Delete(id(C)), received(C, 6)]);
    user.ignores(received(C, 5));
    user.ignores(received(C, 4));
}

#[test]
fn domain_5_tombstones_are_kept_at_most_1000_and_30_days_and_the_floor_rises() {
    let mut user = User::new();
    let mut versions = Vec::new();
    for number in 0..1_002 {
        let conversation = format!("c2c_u{number}");
        user.apply(received(&conversation, 1));
        user.apply(Change::Delete(id(&conversation)));
        versions.push(user.head().cursor.version);
    }
    assert_eq!((user.head().tombstones, user.head().tombstone_floor), (1_000, versions[1]));
    user.now_us += 31 * 24 * 3_600 * 1_000_000;
    user.apply(received(C, 1));
    user.apply(Change::Delete(id(C)));
    assert_eq!((user.head().tombstones, user.head().tombstone_floor), (996, versions[6]));
}

#[test]
fn domain_5_the_5001st_row_takes_the_place_of_the_lowest_unpinned_one() {
    let mut user = User::new();
    let rows: Vec<_> = (0..5_000).map(|number| received(&format!("group_{number}"), 1)).collect();
    for some in rows.chunks(256) {
        user.try_steps(some);
    }
    user.apply(pin("group_0", true));
    assert_eq!((user.head().rows, user.head().total_unread, user.head().tombstones), (5_000, 5_000, 0));
    let before = user.head().cursor.version;
    let outcome = user.apply(received(C, 1));
    assert_eq!((outcome.changed, &user.told), (1, &vec![C.to_owned(), "-group_1".to_owned()]));
    assert_eq!((user.head().rows, user.head().total_unread, user.head().tombstones), (5_000, 5_000, 1));
    assert_eq!(user.tombstones()[0].1, user.head().cursor.version, "the deletion has a tick of its own");
    assert!(before < user.row(C).version && user.row(C).version < user.head().cursor.version);
    assert_eq!((user.ids()[0].as_str(), user.ids()[4_999].as_str()), ("group_0", "group_2"));
}

#[test]
fn domain_5_every_change_that_makes_a_row_retires_one_and_no_other_change_does() {
    let mut user = User::at_the_limit(5);
    for change in [pin("group_a", true), draft("group_b", "x"), joined("group_c", None, None), received("group_d", 1)] {
        user.apply(change);
        assert_eq!((user.told.len(), user.ids().len()), (2, 5));
    }
    assert_eq!(user.ids(), ["group_a", "group_d", "group_c", "group_b", "group_4"]);
    for change in [received("group_4", 2), draft("group_4", "x"), read_to("group_4", 0), revoked("group_4", 2)] {
        user.apply(change);
        assert_eq!((user.told.len(), user.ids().len()), (1, 5));
    }
    user.ignores(draft("group_e", ""));
    user.ignores(pin("group_e", false));
}

#[test]
fn domain_5_a_retired_row_comes_back_fresh_with_a_newer_message_and_retires_the_next() {
    let mut user = User::at_the_limit(3);
    for change in [received("group_0", 4), option("group_0", RecvOpt::ReceiveNotNotify), received("group_1", 2)] {
        user.apply(change);
    }
    user.apply(received("group_2", 2));
    user.apply(received(C, 1));
    assert_eq!(user.told, [C, "-group_0"]);
    user.ignores(received("group_0", 4));
    user.ignores(received("group_0", 3));
    user.ignores(joined("group_0", Some(4), None));
    user.apply(received("group_0", 5));
    assert_eq!(user.told, ["group_0", "-group_1"]);
    let row = user.row("group_0");
    assert_eq!((row.unread_count, row.group_read_sequence), (1, Some(4)));
    assert_eq!(row.recv_opt, RecvOpt::ReceiveNotNotify, "the receive option outlives the retirement");
    assert_eq!(user.head().total_unread, 3, "1 of {C}, 2 of group_2, none of the muted row");
    user.ignores(received("group_1", 2));
}

#[test]
fn domain_5_rows_made_in_one_step_retire_as_many_that_the_step_left_alone() {
    let mut user = User::at_the_limit(10);
    user.apply(pin("group_2", true));
    let out = user.try_steps(&[
        received("group_a", 1),
        revoked("group_0", 1),
        received("group_b", 1),
        received("group_3", 1),
        received("group_c", 1),
        Change::Delete(id("group_4")),
    ]);
    assert!(out.iter().all(Result::is_ok));
    // group_0 was changed by the step, group_2 is pinned, group_3 was named by a repeat alone.
    assert_eq!(user.told, ["group_0", "group_a", "group_b", "group_c", "-group_3", "-group_4", "-group_1"]);
    assert_eq!(user.ids().len(), 10);
    user.try_steps(&[received("group_d", 1), Change::Delete(id("group_d"))]);
    assert_eq!((user.told.clone(), user.ids().len()), (vec!["-group_d".to_owned()], 10));
}

#[test]
fn domain_5_a_lowered_limit_shortens_the_list_step_by_step_and_a_repeat_does_not() {
    let mut user = User::at_the_limit(20);
    user.limits.rows_per_user = 6;
    user.ignores(received("group_19", 1));
    let mut seq = 1;
    while user.ids().len() > 6 {
        let before = user.ids().len();
        seq += 1;
        user.apply(received("group_19", seq));
        assert!((1..=5).contains(&(before - user.ids().len())));
    }
    assert_eq!(user.ids(), ["group_19", "group_18", "group_17", "group_16", "group_15", "group_14"]);
    user.apply(received("group_19", seq + 1));
    assert_eq!(user.ids().len(), 6);
}

#[test]
fn domain_5_where_every_row_is_pinned_or_made_by_the_step_the_list_stays_too_long() {
    let mut user = User::at_the_limit(2);
    user.apply(pin("group_0", true));
    user.apply(pin("group_1", true));
    user.try_steps(&[received("group_a", 1), received("group_b", 1)]);
    assert_eq!(user.ids(), ["group_1", "group_0", "group_b", "group_a"]);
    user.apply(received("group_b", 2));
    assert_eq!(user.ids(), ["group_1", "group_0", "group_b"]);
}

#[test]
fn domain_5_tombstones_of_retired_rows_are_kept_at_most_1000() {
    let mut user = User::at_the_limit(10);
    for some in 0..250 {
        let news: Vec<_> = (0..5).map(|number| received(&format!("c2c_u{some}_{number}"), 1)).collect();
        user.try_steps(&news);
        assert!(user.head().tombstones <= 1_000);
        assert_eq!((user.head().rows, user.head().total_unread), (10, 10));
    }
    // 1,250 went; the floor is the newest of the 250 forgotten.
    assert_eq!(user.head().tombstones, 1_000);
    let oldest = user.tombstones()[0].1;
    assert!(user.head().tombstone_floor > 0 && user.head().tombstone_floor < oldest);
    // A deletion at the same time: the tombstones asked for are enough for both.
    user.try_steps(&[Change::Delete(id("c2c_u249_4")), received("group_x", 1), received("group_y", 1)]);
    assert_eq!((user.head().rows, user.head().tombstones), (10, 1_000));
}

#[test]
fn a_step_that_makes_no_row_does_not_ask_for_the_lowest() {
    let limits = Limits { rows_per_user: 100 };
    let asked = |changes: &[Change]| load_for(&user(ALICE), changes, limits).lowest.map(|lowest| lowest.rows_at_least);
    let makes_none = [
        revoked(C, 1),
        modified(C, 1, "x", None),
        read_to(C, 1),
        pin(C, false),
        option(C, RecvOpt::Receive),
        draft(C, ""),
        Change::Delete(id(C)),
        Change::ClearHistory(id(C)),
        named("Bob", None),
    ];
    assert_eq!(asked(&makes_none), None);
    assert_eq!(asked(&[received(C, 1), received(C, 2), pin(C, true)]), Some(100));
    assert_eq!(asked(&[received(C, 1), joined(G, None, None), draft("c2c_x", "x"), revoked("c2c_y", 1)]), Some(98));
    assert_eq!(asked(&[read_to("", 0)]), None);
}

#[test]
fn a_kick_remembers_its_time_and_tells_no_row() {
    let mut user = User::with(&[received(C, 1)]);
    user.apply(Change::Kick { device: Some("phone".parse().unwrap()), reason: "x".to_owned() });
    assert_eq!((user.told.len(), user.head().device_not_before.len(), user.head().not_before), (0, 1, 0));
    user.apply(Change::Kick { device: None, reason: "x".to_owned() });
    assert_eq!((user.head().device_not_before.len(), user.head().not_before), (0, user.head().cursor.version));
}

#[test]
fn a_row_that_would_be_too_large_is_refused_and_nothing_changes() {
    let mut user = User::with(&[received(C, 1)]);
    let before = user.row(C);
    assert_eq!(user.try_apply(draft(C, &"\u{1}".repeat(4_000))), Err(Refusal::RowTooLarge));
    assert_eq!(user.row(C), before);
    user.apply(draft(C, &"x".repeat(4_096)));
}

/// What clients see, version and orderKey apart.
fn comparable(user: &User) -> Vec<Conversation> {
    let mut rows = user.rows();
    for row in &mut rows {
        (row.version, row.order_key) = (0, 0);
    }
    rows.sort_by(|a, b| a.conversation_id.cmp(&b.conversation_id));
    rows
}

prop_compose! {
    fn any_message()(seq in 1u64..30, group in any::<bool>()) -> Change {
        // One seq is one message: everything about it follows from its number.
        let flags = if seq % 3 == 0 { 0 } else { seq % 4 };
        let at_user_list = match seq % 5 { 0 => vec![ALICE.to_owned()], 1 => vec![AT_ALL.to_owned()], _ => vec![] };
        let sender = if seq % 7 == 0 { ALICE } else { "bob" };
        let message = Message {
            is_excluded_from_last_message: flags & 1 != 0,
            is_excluded_from_unread_count: flags & 2 != 0,
            at_user_list,
            ..message(seq)
        };
        sent_by(sender, if group { G } else { C }, message)
    }
}

fn any_commuting_change() -> impl Strategy<Value = Change> {
    let conversation = |group: bool| if group { G } else { C };
    prop_oneof![
        6 => any_message(),
        2 => (any::<bool>(), 1u64..30).prop_map(move |(group, seq)| revoked(conversation(group), seq)),
        1 => (any::<bool>(), 1u64..40).prop_map(move |(group, seq)| read_to(conversation(group), seq)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_9_shuffled_and_repeated_messages_revokes_and_reads_give_the_same_rows(
        changes in prop::collection::vec(any_commuting_change(), 1..25),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..60),
    ) {
        let there = [joined(G, None, None), draft(C, "there beforehand")];
        let mut straight = User::with(&there);
        for change in &changes {
            straight.apply(change.clone());
        }
        let mut shuffled = User::with(&there);
        let mut left: Vec<Change> = changes.clone();
        for (index, repeats) in &order {
            if left.is_empty() { break; }
            let position = index.index(left.len());
            let change = if *repeats { left[position].clone() } else { left.remove(position) };
            shuffled.apply(change);
        }
        for change in left.into_iter().rev() {
            shuffled.apply(change);
        }
        prop_assert_eq!(comparable(&straight), comparable(&shuffled));
    }

    #[test]
    fn changes_in_one_step_do_what_they_do_one_by_one(changes in prop::collection::vec(any_commuting_change(), 1..20)) {
        let mut one_by_one = User::new();
        for change in &changes {
            let _ = one_by_one.try_apply(change.clone());
        }
        let mut together = User::new();
        together.try_steps(&changes);
        prop_assert_eq!(comparable(&one_by_one), comparable(&together));
    }
}
