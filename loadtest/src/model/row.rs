//! What one row of one user must be, computed from everything that was posted about it.

use conversation_protocol::{
    AtType, Conversation, ConversationId, ConversationType, GroupAtInfo, GroupType, LastMessage, MessageStatus,
    RecvOpt, UserId,
    conversation::{AT_ALL, PIN_BIT},
    ids::Peer,
    limits::{READ_AHEAD_MAX, SEQ_LIMIT},
    server::{ImportedConversation, Message, Profile},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A message on its way into a row.
pub(super) struct Arrival<'a> {
    pub(super) message: Arc<Message>,
    pub(super) sender: &'a UserId,
    /// How the conversation is shown, taken from a fresh message only.
    pub(super) profile: &'a Profile,
    pub(super) group_type: Option<GroupType>,
}

/// Up to where to read; both 0 means everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadUpTo {
    pub(super) timestamp: u64,
    pub(super) sequence: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    message: Arc<Message>,
    sender: UserId,
    /// Whether it counts as unread as long as it is neither read nor revoked.
    counts: bool,
    /// Whom it mentions, seen from the row's user.
    mention: Option<AtType>,
    /// Whether its time is known; not of messages that an import only counts.
    has_time: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Revocation {
    /// Absent only where an import does not say.
    revoker: Option<UserId>,
    reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Edit {
    message: Arc<Message>,
    /// The greatest revision so far; 0 if none was given.
    revision: u64,
}

/// What the backend named as the preview when the preview was deleted.
#[derive(Debug, Clone, PartialEq)]
struct Named {
    /// Only a message above this takes its place.
    up_to: u64,
    /// The message and its sender, unless there is none to show.
    shown: Option<(Arc<Message>, UserId)>,
    revocation: Option<Revocation>,
    edit: Option<Edit>,
}

/// A row that is in the list.
#[derive(Debug, Clone, PartialEq, Default)]
struct Live {
    messages: BTreeMap<u64, Seen>,
    /// By seq, of messages seen and not yet seen alike.
    revocations: BTreeMap<u64, Revocation>,
    /// By seq, of messages seen and not yet seen alike.
    edits: BTreeMap<u64, Edit>,
    /// Of messages seen and not yet seen alike.
    deletions: BTreeSet<u64>,
    named: Option<Named>,
    /// The seq at which the user joined; 0 if not known.
    joined_at: u64,
    read_mark: u64,
    /// No message up to this seq is shown as the preview.
    cleared_up_to: u64,
    show_name: String,
    face_url: String,
    group_type: Option<GroupType>,
    /// The greatest revision so far; 0 if none was given.
    profile_revision: u64,
    is_pinned: bool,
    draft_text: String,
    /// Single bits.
    marks: BTreeSet<u64>,
    custom_data: String,
    /// In the order in which it was put into them.
    groups: Vec<String>,
    /// Imported, in a C2C row: up to which seq, and when, the user had read.
    imported_read: Option<(u64, u64)>,
    /// Imported: the preview's seq, and who had revoked it elsewhere. That hides its text and nothing else.
    imported_revocation: Option<(u64, Revocation)>,
    /// When it was last activated, on the model's clock.
    activation: u64,
}

/// A row that is, was or was never in the list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowHistory {
    live: Option<Live>,
    /// Whether it was in the list before.
    was_there: bool,
    /// The newest seq when the row was last deleted; messages up to it change nothing.
    barrier: u64,
    recv_opt: RecvOpt,
}

impl Default for RowHistory {
    fn default() -> Self {
        Self { live: None, was_there: false, barrier: 0, recv_opt: RecvOpt::Receive }
    }
}

impl RowHistory {
    pub(super) fn is_there(&self) -> bool {
        self.live.is_some()
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.is_pinned)
    }

    pub(super) fn is_grouped(&self) -> bool {
        self.live.as_ref().is_some_and(|live| !live.groups.is_empty())
    }

    /// The row that is there, or one that is made now.
    fn live_or_made(&mut self, clock: u64) -> &mut Live {
        let barrier = self.barrier;
        self.live.get_or_insert_with(|| Live {
            joined_at: barrier,
            read_mark: barrier,
            cleared_up_to: barrier,
            activation: clock,
            ..Live::default()
        })
    }

    pub(super) fn message(&mut self, user: &UserId, id: &ConversationId, arrival: &Arrival<'_>, clock: u64) {
        let message = &arrival.message;
        if message.seq <= self.barrier {
            return;
        }
        let live = self.live_or_made(clock);
        if live.messages.contains_key(&message.seq) {
            return;
        }
        if message.seq > live.newest() {
            live.take_profile(arrival.profile, arrival.group_type);
        }
        let is_own = arrival.sender == user;
        let previous_preview = live.preview_seq();
        live.messages.insert(
            message.seq,
            Seen {
                message: message.clone(),
                sender: arrival.sender.clone(),
                counts: !is_own
                    && !message.is_excluded_from_unread_count
                    && live.group_type != Some(GroupType::AVChatRoom),
                mention: if is_own || id.is_c2c() { None } else { mention(user, &message.at_user_list) },
                has_time: true,
            },
        );
        if is_own {
            live.read_mark = live.read_mark.max(message.seq);
        }
        if live.preview_seq() != previous_preview {
            live.activation = clock;
        }
    }

    pub(super) fn modify(&mut self, message: &Arc<Message>, revision: Option<u64>) {
        let Some(live) = &mut self.live else { return };
        if let Some(named) = live.named_of(message.seq) {
            let known = named.edit.as_ref().map_or(0, |edit| edit.revision);
            if named.revocation.is_none() && revision.is_none_or(|revision| revision > known) {
                named.edit = Some(Edit { message: message.clone(), revision: revision.unwrap_or(known) });
            }
            return;
        }
        if live.revocations.contains_key(&message.seq) || live.imported_revocation_of(message.seq).is_some() {
            return;
        }
        let known = live.edits.get(&message.seq).map_or(0, |edit| edit.revision);
        if revision.is_some_and(|revision| revision <= known) {
            return;
        }
        live.edits.insert(message.seq, Edit { message: message.clone(), revision: revision.unwrap_or(known) });
    }

    pub(super) fn revoke(&mut self, seq: u64, revoker: &UserId, reason: Option<&str>) {
        let Some(live) = &mut self.live else { return };
        if !live.messages.contains_key(&seq) {
            // What is revoked before it came keeps the content that it comes with, without the text.
            live.edits.remove(&seq);
        }
        let revocation = Revocation { revoker: Some(revoker.clone()), reason: reason.map(str::to_owned) };
        if let Some(named) = live.named_of(seq) {
            named.revocation.get_or_insert(revocation.clone());
        }
        live.revocations.entry(seq).or_insert(revocation);
    }

    pub(super) fn delete_message(&mut self, seq: u64, previous: Option<(Arc<Message>, UserId)>) {
        let Some(live) = &mut self.live else { return };
        if live.preview_seq() == Some(seq) {
            let up_to = live.named.as_ref().map_or(0, |named| named.up_to).max(seq);
            let shown = previous.filter(|(message, _)| message.seq > live.cleared_up_to);
            live.named = Some(Named { up_to, shown, revocation: None, edit: None });
        }
        live.deletions.insert(seq);
    }

    pub(super) fn set_profile(&mut self, profile: &Profile, group_type: Option<GroupType>, revision: Option<u64>) {
        let Some(live) = &mut self.live else { return };
        if revision.is_some_and(|revision| revision <= live.profile_revision) {
            return;
        }
        live.profile_revision = revision.unwrap_or(live.profile_revision);
        live.take_profile(profile, group_type);
    }

    pub(super) fn join(
        &mut self,
        seq: Option<u64>,
        message: Option<(Arc<Message>, &UserId)>,
        profile: &Profile,
        group_type: Option<GroupType>,
        clock: u64,
    ) {
        let given = seq.max(message.as_ref().map(|(message, _)| message.seq));
        if self.is_there() || given.is_some_and(|given| given <= self.barrier) {
            return;
        }
        let live = self.live_or_made(clock);
        live.joined_at = live.joined_at.max(given.unwrap_or(0));
        live.read_mark = live.joined_at;
        live.take_profile(profile, group_type);
        if let Some((message, sender)) = message {
            // The backend names the preview, so neither its exclusion nor an earlier deletion hides it.
            live.cleared_up_to = live.cleared_up_to.min(message.seq - 1);
            let message = Arc::new(Message { is_excluded_from_last_message: false, ..(*message).clone() });
            let seen =
                Seen { message: message.clone(), sender: sender.clone(), counts: false, mention: None, has_time: true };
            live.messages.insert(message.seq, seen);
        }
    }

    pub(super) fn delete(&mut self) {
        if let Some(live) = self.live.take() {
            self.barrier = live.newest().max(self.barrier);
            self.was_there = true;
        }
    }

    pub(super) fn set_pinned(&mut self, is_pinned: bool, clock: u64) {
        if is_pinned {
            self.live_or_made(clock).is_pinned = true;
        } else if let Some(live) = &mut self.live {
            live.is_pinned = false;
        }
    }

    pub(super) fn set_draft(&mut self, text: &str, clock: u64) {
        if text.is_empty() {
            if let Some(live) = &mut self.live {
                live.draft_text.clear();
            }
            return;
        }
        let live = self.live_or_made(clock);
        if live.draft_text != text {
            live.draft_text = text.to_owned();
            live.activation = clock;
        }
    }

    pub(super) fn set_recv_opt(&mut self, recv_opt: RecvOpt) {
        self.recv_opt = recv_opt;
    }

    pub(super) fn mark(&mut self, marks: u64, is_set: bool) {
        let Some(live) = &mut self.live else { return };
        for bit in (0..64).map(|place| 1 << place).filter(|bit| marks & bit != 0) {
            if is_set {
                live.marks.insert(bit);
            } else {
                live.marks.remove(&bit);
            }
        }
    }

    pub(super) fn set_custom_data(&mut self, custom_data: &str) {
        let Some(live) = &mut self.live else { return };
        custom_data.clone_into(&mut live.custom_data);
    }

    pub(super) fn add_to_group(&mut self, name: &str) {
        let Some(live) = &mut self.live else { return };
        if !live.groups.iter().any(|other| other == name) {
            live.groups.push(name.to_owned());
        }
    }

    pub(super) fn remove_from_group(&mut self, name: &str) {
        let Some(live) = &mut self.live else { return };
        live.groups.retain(|other| other != name);
    }

    pub(super) fn rename_group(&mut self, old_name: &str, new_name: &str) {
        let Some(live) = &mut self.live else { return };
        live.groups.iter_mut().filter(|name| *name == old_name).for_each(|name| new_name.clone_into(name));
    }

    /// Whether an import leaves it as it is: it is there, or was deleted with all that the import knows.
    pub(super) fn stays(&self, row: &ImportedConversation) -> bool {
        let newest = row.last_message.as_ref().map_or(0, |message| message.seq);
        self.is_there() || (self.was_there && newest <= self.barrier)
    }

    /// Makes the row as it was elsewhere.
    pub(super) fn import(&mut self, id: &ConversationId, user: &UserId, row: &ImportedConversation, clock: u64) {
        let newest = row.last_message.as_ref().map_or(0, |message| message.seq);
        self.recv_opt = row.recv_opt;
        let live = self.live_or_made(clock);
        let group_type = row.group_type.filter(|_| !id.is_c2c());
        let profile = Profile { show_name: Some(row.show_name.clone()), face_url: Some(row.face_url.clone()) };
        live.take_profile(&profile, group_type);
        live.is_pinned = row.is_pinned;
        live.draft_text.clone_from(&row.draft_text);
        live.marks = (0..64).map(|place| 1 << place).filter(|bit| row.mark_list.iter().any(|m| m & bit != 0)).collect();
        live.custom_data.clone_from(&row.custom_data);
        for name in &row.conversation_group_list {
            if !live.groups.contains(name) {
                live.groups.push(name.clone());
            }
        }
        let counts = group_type != Some(GroupType::AVChatRoom);
        let unread = if counts { row.unread_count } else { 0 };
        live.read_mark = live.read_mark.max(newest - unread);
        live.imported_read = row.c2c_read_timestamp.map(|timestamp| (newest - unread, timestamp));
        live.joined_at = live.joined_at.max(live.read_mark);
        let Some(last) = &row.last_message else { return };
        live.imported_revocation = (last.status == MessageStatus::Revoked).then(|| {
            // Nobody need be named.
            (newest, Revocation { revoker: last.revoker.clone(), reason: last.revoke_reason.clone() })
        });
        for seq in live.read_mark + 1..=newest {
            let mentions = row.group_at_info_list.iter().filter(|_| !id.is_c2c());
            let mention = mentions.filter(|info| info.seq == seq).map(|info| info.at_type).next();
            let message = Arc::new(counted_message(last, seq));
            let is_last = seq == newest;
            let sender = if is_last { last.sender.clone() } else { user.clone() };
            live.messages.insert(seq, Seen { message, sender, counts: true, mention, has_time: is_last });
        }
        if unread == 0 {
            let message = Arc::new(counted_message(last, newest));
            let seen = Seen { message, sender: last.sender.clone(), counts: false, mention: None, has_time: true };
            live.messages.insert(newest, seen);
        }
        live.cleared_up_to = live.cleared_up_to.min(newest - 1);
    }

    pub(super) fn clear_history(&mut self) {
        let Some(live) = &mut self.live else { return };
        live.cleared_up_to = live.newest();
        live.named = None;
        live.read_mark = live.read_mark.max(live.newest());
    }

    pub(super) fn read(&mut self, id: &ConversationId, up_to: ReadUpTo) {
        let Some(live) = &mut self.live else { return };
        let newest = live.newest();
        let seq = if up_to.sequence > 0 {
            let may_come = up_to.sequence <= newest + READ_AHEAD_MAX && up_to.sequence < SEQ_LIMIT;
            if may_come { up_to.sequence } else { newest }
        } else if id.is_c2c() && up_to.timestamp > 0 {
            let not_after = |(_, seen): &(&u64, &Seen)| seen.has_time && seen.message.timestamp <= up_to.timestamp;
            live.messages.iter().filter(not_after).map(|(seq, _)| *seq).max().unwrap_or(0)
        } else {
            newest
        };
        live.read_mark = live.read_mark.max(seq);
    }

    /// The row as clients see it, with `version` 0; `None` if it is not in the list.
    pub(super) fn conversation(&self, id: &ConversationId, user: &UserId) -> Option<Conversation> {
        let live = self.live.as_ref()?;
        let (conversation_type, user_id, group_id) = match id.peer() {
            Peer::User(peer) => (ConversationType::C2c, Some(peer), None),
            Peer::Group(group) => (ConversationType::Group, None, Some(group)),
        };
        Some(Conversation {
            conversation_id: id.clone(),
            conversation_type,
            user_id,
            group_id,
            group_type: live.group_type,
            show_name: live.show_name.clone(),
            face_url: live.face_url.clone(),
            unread_count: live.unread().filter(|seen| seen.counts).count() as u64,
            recv_opt: self.recv_opt,
            last_message: live.last_message(user),
            group_at_info_list: live
                .unread()
                .filter_map(|seen| seen.mention.map(|at_type| GroupAtInfo { seq: seen.message.seq, at_type }))
                .collect(),
            draft_text: live.draft_text.clone(),
            draft_timestamp: u64::from(!live.draft_text.is_empty()),
            is_pinned: live.is_pinned,
            order_key: live.activation + if live.is_pinned { PIN_BIT } else { 0 },
            mark_list: live.marks.iter().copied().collect(),
            custom_data: live.custom_data.clone(),
            conversation_group_list: live.groups.clone(),
            c2c_read_timestamp: id.is_c2c().then(|| live.read_timestamp()),
            group_read_sequence: (!id.is_c2c()).then_some(live.read_mark),
            version: 0,
        })
    }
}

impl Live {
    /// The highest seq seen in any way.
    fn newest(&self) -> u64 {
        self.messages.keys().next_back().copied().unwrap_or(0).max(self.joined_at)
    }

    /// When the newest message that was read was sent, as far as that is known.
    fn read_timestamp(&self) -> u64 {
        let (imported_seq, imported) = self.imported_read.unwrap_or((0, 0));
        if self.read_mark <= imported_seq {
            return imported;
        }
        let mut read = self.messages.range(imported_seq + 1..=self.read_mark);
        read.rfind(|(_, seen)| seen.has_time).map_or(imported, |(_, seen)| seen.message.timestamp)
    }

    /// The messages after the read mark that are neither revoked nor deleted.
    fn unread(&self) -> impl Iterator<Item = &Seen> {
        let after_mark = self.messages.range(self.read_mark + 1..);
        let is_gone = |seq: &u64| self.revocations.contains_key(seq) || self.deletions.contains(seq);
        after_mark.filter(move |(seq, _)| !is_gone(seq)).map(|(_, seen)| seen)
    }

    /// The newest message that is fit for the preview and newer than what the backend named.
    fn newest_fit(&self) -> Option<&Seen> {
        let above = self.cleared_up_to.max(self.named.as_ref().map_or(0, |named| named.up_to));
        let mut fit = self.messages.range(above + 1..).map(|(_, seen)| seen);
        fit.rfind(|seen| !seen.message.is_excluded_from_last_message && !self.deletions.contains(&seen.message.seq))
    }

    fn imported_revocation_of(&self, seq: u64) -> Option<&Revocation> {
        self.imported_revocation.as_ref().filter(|(revoked, _)| *revoked == seq).map(|(_, revocation)| revocation)
    }

    fn preview_seq(&self) -> Option<u64> {
        let named = || self.named.as_ref().and_then(|named| named.shown.as_ref()).map(|(message, _)| message.seq);
        self.newest_fit().map(|seen| seen.message.seq).or_else(named)
    }

    /// What the backend named, if that is the preview and has this seq.
    fn named_of(&mut self, seq: u64) -> Option<&mut Named> {
        if self.newest_fit().is_some() {
            return None;
        }
        self.named.as_mut().filter(|named| named.shown.as_ref().is_some_and(|(message, _)| message.seq == seq))
    }

    fn last_message(&self, user: &UserId) -> Option<LastMessage> {
        let (message, sender, edit, revocation) = match (self.newest_fit(), &self.named) {
            (Some(seen), _) => {
                let seq = &seen.message.seq;
                let revocation = self.imported_revocation_of(*seq).or_else(|| self.revocations.get(seq));
                (&seen.message, &seen.sender, self.edits.get(seq), revocation)
            }
            (None, Some(named)) => {
                let (message, sender) = named.shown.as_ref()?;
                (message, sender, named.edit.as_ref(), named.revocation.as_ref())
            }
            (None, None) => return None,
        };
        let content = edit.map_or(message, |edit| &edit.message);
        let unless_revoked = |text: &str| if revocation.is_some() { String::new() } else { text.to_owned() };
        Some(LastMessage {
            msg_id: message.msg_id.clone(),
            seq: message.seq,
            sender: sender.clone(),
            nick_name: content.nick_name.clone(),
            face_url: content.face_url.clone(),
            is_self: sender == user,
            timestamp: message.timestamp,
            elem_type: content.elem_type,
            text: unless_revoked(&content.text),
            status: if revocation.is_some() { MessageStatus::Revoked } else { MessageStatus::Sent },
            revoker: revocation.and_then(|revocation| revocation.revoker.clone()),
            revoke_reason: revocation.and_then(|revocation| revocation.reason.clone()),
            at_user_list: content.at_user_list.clone(),
            cloud_custom_data: unless_revoked(&content.cloud_custom_data),
        })
    }

    fn take_profile(&mut self, profile: &Profile, group_type: Option<GroupType>) {
        if let Some(show_name) = &profile.show_name {
            self.show_name.clone_from(show_name);
        }
        if let Some(face_url) = &profile.face_url {
            self.face_url.clone_from(face_url);
        }
        self.group_type = group_type.or(self.group_type);
    }
}

/// The imported preview as a message, or one before it that is only counted and never shown.
fn counted_message(last: &LastMessage, seq: u64) -> Message {
    Message {
        msg_id: last.msg_id.clone(),
        seq,
        timestamp: last.timestamp,
        elem_type: last.elem_type,
        text: last.text.clone(),
        nick_name: last.nick_name.clone(),
        face_url: last.face_url.clone(),
        at_user_list: last.at_user_list.clone(),
        cloud_custom_data: last.cloud_custom_data.clone(),
        is_excluded_from_last_message: seq != last.seq,
        is_excluded_from_unread_count: false,
    }
}

/// Whom a message mentions, seen from one user.
fn mention(user: &UserId, at_user_list: &[String]) -> Option<AtType> {
    let me = at_user_list.iter().any(|mentioned| mentioned == user.as_str());
    let all = at_user_list.iter().any(|mentioned| mentioned == AT_ALL);
    match (me, all) {
        (true, true) => Some(AtType::AllAndMe),
        (true, false) => Some(AtType::Me),
        (false, true) => Some(AtType::All),
        (false, false) => None,
    }
}
