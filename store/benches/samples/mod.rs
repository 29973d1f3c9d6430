//! What do the benchmarks work on? Typical changes, and what a store holds of a user after some of them.
#![allow(dead_code, reason = "every benchmark uses its own part")]

use conversation_protocol::{
    ConversationId, GroupType, Hint, UserId,
    server::{Message, Profile},
};
use conversation_store::{
    Limits, Loaded, StoreError,
    rules::{Change, Decided, MessageSent, ReadUpTo, Remembered, Step, load_for, step, step_on},
};
use std::{collections::BTreeMap, sync::Arc};

/// The data set of every user.
const EPOCH: u64 = 0x5ef6_c754_ce4b_4ecf;
/// When it all happens, in microseconds since 1970.
const NOW_US: u64 = 1_795_373_813_000_000;
/// The conversation with the peer who writes C2C messages.
const C2C: &str = "c2c_alice";
/// A group.
pub(crate) const GROUP: &str = "group_g1024";

/// Users by number.
pub(crate) fn user(number: usize) -> UserId {
    format!("user-{number}").parse().expect("a user's id")
}

/// Alice writes to a group.
pub(crate) fn group_message(group: &str, seq: u64) -> Change {
    message(group, Some(GroupType::Work), "Release team", seq)
}

/// Alice writes to this user.
pub(crate) fn c2c_message(seq: u64) -> Change {
    message(C2C, None, "Alice", seq)
}

/// The user has read the group up to a message.
pub(crate) fn read(sequence: u64) -> Change {
    Change::Read(GROUP.parse().expect("a scope"), ReadUpTo { timestamp: 0, sequence })
}

/// The user pins the group.
pub(crate) fn pin() -> Change {
    Change::Pin { conversation_id: id(GROUP), is_pinned: true, if_version: None }
}

fn message(conversation: &str, group_type: Option<GroupType>, show_name: &str, seq: u64) -> Change {
    Change::Sent(Arc::new(MessageSent {
        conversation_id: id(conversation),
        group_type,
        profile: Profile {
            show_name: Some(show_name.to_owned()),
            face_url: Some("https://cdn.example.com/conversations/1024.png".to_owned()),
        },
        sender: "alice".parse().expect("a user's id"),
        message: Message {
            msg_id: format!("m-{seq}").parse().expect("a message's id"),
            seq,
            timestamp: NOW_US / 1_000_000 + seq,
            elem_type: 1,
            text: "The build is green again, we can ship it this afternoon.".to_owned(),
            nick_name: "Alice".to_owned(),
            face_url: "https://cdn.example.com/users/alice.png".to_owned(),
            at_user_list: Vec::new(),
            cloud_custom_data: String::new(),
            is_excluded_from_last_message: false,
            is_excluded_from_unread_count: false,
        },
    }))
}

fn id(text: &str) -> ConversationId {
    text.parse().expect("a conversation's id")
}

/// One user as a store holds them, changed by real steps.
#[derive(Default)]
pub(crate) struct Held {
    head: Option<String>,
    rows: BTreeMap<ConversationId, String>,
}

impl Held {
    /// A user who has unread messages of a group and of a peer, both up to seq 3.
    pub(crate) fn typical() -> Self {
        let mut held = Self::default();
        for seq in 1..=3 {
            held.make(group_message(GROUP, seq));
            held.make(c2c_message(seq));
        }
        held
    }

    /// The user's head, as it is kept.
    pub(crate) fn head(&self) -> &str {
        self.head.as_deref().expect("the user has data")
    }

    /// The group's row, as it is kept.
    pub(crate) fn group_row(&self) -> &str {
        &self.rows[&id(GROUP)]
    }

    /// What a store answers to the reads of a change.
    pub(crate) fn found(&self, change: &Change) -> Loaded {
        let conversation = change.conversation_id().expect("a change of one conversation");
        Loaded {
            now_us: NOW_US,
            head: self.head.clone(),
            rows: vec![(conversation.clone(), self.rows.get(conversation).cloned())],
            tombstones: Vec::new(),
            lowest: Vec::new(),
        }
    }

    /// Makes a change as if it were committed.
    pub(crate) fn make(&mut self, change: Change) -> Step {
        let step = decide(&self.found(&change), &[change]);
        let commit = step.commit.as_ref().expect("a commit");
        self.head = Some(commit.head.clone());
        for write in &commit.writes {
            let (_, value) = write.after.clone().expect("nothing is purged");
            self.rows.insert(write.conversation_id.clone(), value);
        }
        step
    }
}

/// What is remembered of the typical user once a group message came.
pub(crate) fn remembered() -> Remembered {
    Held::typical().make(group_message(GROUP, 4)).remembered.expect("a short step is remembered")
}

/// The hint of a group message to the typical user.
pub(crate) fn hint() -> Hint {
    Held::typical().make(group_message(GROUP, 4)).commit.expect("a commit").hint
}

/// What the rules make of changes to what was read: everything that happens between a load and its commit.
pub(crate) fn decide(loaded: &Loaded, changes: &[Change]) -> Step {
    let load = load_for(&user(0), changes, Limits::default());
    committing(step(load, loaded, changes, Limits::default(), EPOCH, 0))
}

/// The same to what is remembered.
pub(crate) fn decide_on(remembered: Remembered, changes: &[Change]) -> Step {
    let load = load_for(&user(0), changes, Limits::default());
    assert!(remembered.has_all(&load));
    committing(step_on(remembered, load, NOW_US, changes, Limits::default(), 0))
}

/// Changes that change nothing would not be the work that is meant.
fn committing(decided: Result<Decided, StoreError>) -> Step {
    match decided {
        Ok(Decided::Step(step)) if step.commit.is_some() => *step,
        other => panic!("expected a step with a commit, got {other:?}"),
    }
}
