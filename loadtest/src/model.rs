//! What a user's rows must be, computed from everything that was posted, in the plainest way.
//!
//! The rules of docs/DOMAIN.md, 3 and 4, with sets of sequences and no bounds, independent of the store's rules, to compare
//! those with. Not modelled, because no small test reaches them: 5,000 rows a user, 100 mentions a row, 64 early
//! changes a row, 256 ranges and times, 16 KiB a row, the age and number of tombstones. `ifVersion` is ignored: a
//! caller applies such a call only when it was answered as done.

mod compare;
mod groups;
mod import;
mod row;
#[cfg(test)]
mod tests;

use conversation_protocol::{
    Conversation, ConversationId, ConversationType, ErrorKind, UserId,
    limits::PINNED_MAX,
    method::{ClientCall, DraftParams, PinParams, ReadScope},
    server::{ConversationRef, PreviousMessage, Profile, ServerCall},
};
use row::{Arrival, ReadUpTo, RowHistory};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

pub use compare::{assert_order, assert_same, assert_same_rows};
pub use groups::passes;

/// What a change did to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing: it must be answered as a duplicate.
    Unchanged,
    /// Something is remembered that no client sees yet; either count is right.
    Hidden,
    /// The row as clients see it, or its place, changed: it must be answered as applied.
    Changed,
}

/// What a change did to one row, or why it was refused.
pub type RowOutcome = Result<Effect, ErrorKind>;

/// What is expected of the answer to a client's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOutcome {
    /// A call about one row, or about all of a kind.
    Whole(RowOutcome),
    /// A batch: an outcome per id, in the order asked.
    PerId(Vec<(ConversationId, RowOutcome)>),
    /// A call that changes no rows.
    Query,
}

/// What is expected of the answer to a backend's call: an outcome per row, in the order of the recipients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerOutcome {
    /// Whose row, and what happened to it.
    pub rows: Vec<(UserId, RowOutcome)>,
}

impl ServerOutcome {
    /// The rows that must be answered as applied, and those that may be.
    pub fn applied_bounds(&self) -> (u64, u64) {
        let count = |from: Effect| self.rows.iter().filter(|(_, outcome)| outcome.is_ok_and(|e| e >= from)).count();
        (count(Effect::Changed) as u64, count(Effect::Hidden) as u64)
    }
}

#[derive(Debug, Default)]
struct UserRows {
    rows: BTreeMap<ConversationId, RowHistory>,
    /// In the order in which the groups were made.
    group_names: Vec<String>,
}

/// Everything that was posted, and the rows that follow from it.
#[derive(Debug, Default)]
pub struct Model {
    users: HashMap<UserId, UserRows>,
    /// Rises by one with each change; the activation of a row is taken from it.
    clock: u64,
}

impl Model {
    /// A model of an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The users that something was posted about.
    pub fn users(&self) -> Vec<UserId> {
        let mut users: Vec<UserId> = self.users.keys().cloned().collect();
        users.sort();
        users
    }

    /// A user's list in its order. `version` is 0; `orderKey` and `draftTimestamp` mean nothing to anyone else.
    pub fn rows(&self, user: &UserId) -> Vec<Conversation> {
        let Some(of_user) = self.users.get(user) else { return Vec::new() };
        let mut rows: Vec<Conversation> =
            of_user.rows.iter().filter_map(|(id, history)| history.conversation(id, user)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.order_key));
        rows
    }

    /// The sum of the unread counts of the rows with receive option 0.
    pub fn total(&self, user: &UserId) -> u64 {
        let receives = |row: &&Conversation| u8::from(row.recv_opt) == 0;
        self.rows(user).iter().filter(receives).map(|row| row.unread_count).sum()
    }

    /// Applies a backend's call.
    pub fn apply_server(&mut self, call: &ServerCall) -> ServerOutcome {
        let mut outcome = ServerOutcome::default();
        match call {
            ServerCall::SendMessage(params) => {
                let message = Arc::new(params.message.clone());
                for (user, id) in targets(&params.conversation, Some(&params.sender), &params.recipients) {
                    let profile = match params.conversation.conversation_type {
                        ConversationType::C2c => shown_to(&user, &params.sender, &params.recipients, &params.profiles),
                        ConversationType::Group => profile_of(&params.conversation),
                    };
                    let arrival = Arrival {
                        message: message.clone(),
                        sender: &params.sender,
                        profile: &profile,
                        group_type: params.conversation.group_type,
                    };
                    let effect = self.change(&user, &id, |row, clock| row.message(&user, &id, &arrival, clock));
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::ModifyMessage(params) => {
                let message = Arc::new(params.message.clone());
                for (user, id) in targets(&params.conversation, Some(&params.sender), &params.recipients) {
                    let effect = self.change(&user, &id, |row, _| row.modify(&message, params.revision));
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::RevokeMessage(params) => {
                let revoker = params.revoker.as_ref().unwrap_or(&params.sender);
                for (user, id) in targets(&params.conversation, Some(&params.sender), &params.recipients) {
                    let reason = params.revoke_reason.as_deref();
                    let effect = self.change(&user, &id, |row, _| row.revoke(params.seq, revoker, reason));
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::DeleteMessage(params) => {
                let previous = params.previous_message.clone().map(PreviousMessage::into_parts);
                let previous = previous.map(|(sender, message)| (Arc::new(message), sender));
                for (user, id) in targets(&params.conversation, Some(&params.sender), &params.recipients) {
                    let effect = self.change(&user, &id, |row, _| row.delete_message(params.seq, previous.clone()));
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::SetProfile(params) => {
                let profile = profile_of(&params.conversation);
                for (user, id) in targets(&params.conversation, None, &params.recipients) {
                    let effect = self.change(&user, &id, |row, _| {
                        row.set_profile(&profile, params.conversation.group_type, params.revision);
                    });
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::JoinGroup(params) => {
                let profile = profile_of(&params.conversation);
                let message = params.message.clone().map(Arc::new).zip(params.sender.as_ref());
                for (user, id) in targets(&params.conversation, None, &params.recipients) {
                    let effect = self.change(&user, &id, |row, clock| {
                        row.join(params.seq, message.clone(), &profile, params.conversation.group_type, clock);
                    });
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::MarkRead(user, scope, params) => {
                let up_to = ReadUpTo { timestamp: params.clean_timestamp, sequence: params.clean_sequence };
                for (_, effect) in self.read(user, scope, up_to) {
                    outcome.rows.push((user.clone(), effect));
                }
            }
            ServerCall::DeleteConversation(params) => {
                for user in unique(&params.recipients) {
                    let effect = self.change(&user, &params.conversation_id, |row, _| row.delete());
                    outcome.rows.push((user, Ok(effect)));
                }
            }
            ServerCall::ImportConversations(params) => outcome.rows = self.import(params),
            ServerCall::DeleteUser(params) => {
                self.users.remove(&params.user_id);
            }
            ServerCall::ExportUser(_)
            | ServerCall::KickUser(_)
            | ServerCall::Read(..)
            | ServerCall::GetUserSessions(_) => {}
            ServerCall::Batch(entries) => {
                for entry in entries {
                    if let Ok(call) = ServerCall::parse(&entry.method, entry.params.get()) {
                        outcome.rows.extend(self.apply_server(&call).rows);
                    }
                }
            }
        }
        outcome
    }

    /// Applies a client's call.
    pub fn apply_client(&mut self, user: &UserId, call: &ClientCall) -> ClientOutcome {
        match call {
            ClientCall::DeleteConversation(params) => {
                ClientOutcome::Whole(Ok(self.change(user, &params.conversation_id, |row, _| row.delete())))
            }
            ClientCall::DeleteConversationList(params) => {
                self.per_id(&params.conversation_id_list, |model, id| Ok(model.change(user, id, |row, _| row.delete())))
            }
            ClientCall::PinConversation(params) => ClientOutcome::Whole(self.pin(user, params)),
            ClientCall::SetConversationDraft(DraftParams { conversation_id, draft_text, if_version: _ }) => {
                ClientOutcome::Whole(Ok(
                    self.change(user, conversation_id, |row, clock| row.set_draft(draft_text, clock))
                ))
            }
            ClientCall::SetReceiveMessageOpt(params) => self.per_id(&params.conversation_id_list, |model, id| {
                model.change_present(user, id, |row| row.set_recv_opt(params.recv_opt))
            }),
            ClientCall::MarkConversation(params) => self.per_id(&params.conversation_id_list, |model, id| {
                model.change_present(user, id, |row| row.mark(params.mark_type.into(), params.enable_mark))
            }),
            ClientCall::SetConversationCustomData(params) => self.per_id(&params.conversation_id_list, |model, id| {
                model.change_present(user, id, |row| row.set_custom_data(&params.custom_data))
            }),
            ClientCall::ClearHistoryMessage(params) => {
                ClientOutcome::Whole(self.change_present(user, &params.conversation_id, RowHistory::clear_history))
            }
            ClientCall::CleanConversationUnreadMessageCount(scope, params) => {
                let up_to = ReadUpTo { timestamp: params.clean_timestamp, sequence: params.clean_sequence };
                let outcomes = self.read(user, scope, up_to);
                let whole = outcomes.into_iter().map(|(_, outcome)| outcome).max_by_key(|outcome| match outcome {
                    Ok(effect) => *effect as u8,
                    Err(_) => u8::MAX,
                });
                ClientOutcome::Whole(whole.unwrap_or(Ok(Effect::Unchanged)))
            }
            ClientCall::CreateConversationGroup(params) => self.create_group(user, params),
            ClientCall::DeleteConversationGroup(params) => self.delete_group(user, &params.group_name),
            ClientCall::RenameConversationGroup(params) => self.rename_group(user, params),
            ClientCall::AddConversationsToGroup(params) => self.add_to_group(user, params),
            ClientCall::DeleteConversationsFromGroup(params) => self.remove_from_group(user, params),
            ClientCall::GetConversationList(_)
            | ClientCall::GetConversationListByFilter(_)
            | ClientCall::GetUnreadMessageCountByFilter(_)
            | ClientCall::SubscribeUnreadMessageCountByFilter(_)
            | ClientCall::UnsubscribeUnreadMessageCountByFilter(_)
            | ClientCall::GetConversationGroupList
            | ClientCall::GetConversation(_)
            | ClientCall::GetConversations(_)
            | ClientCall::GetTotalUnreadMessageCount
            | ClientCall::Ping
            | ClientCall::Probe(_)
            | ClientCall::RefreshToken(_) => ClientOutcome::Query,
        }
    }

    fn per_id(
        &mut self,
        ids: &[ConversationId],
        mut change: impl FnMut(&mut Self, &ConversationId) -> RowOutcome,
    ) -> ClientOutcome {
        ClientOutcome::PerId(ids.iter().map(|id| (id.clone(), change(self, id))).collect())
    }

    fn pin(&mut self, user: &UserId, params: &PinParams) -> RowOutcome {
        let is_pinned = self.row(user, &params.conversation_id).is_some_and(RowHistory::is_pinned);
        if params.is_pinned && !is_pinned && self.count(user, RowHistory::is_pinned) >= PINNED_MAX {
            return Err(ErrorKind::TooManyPinned);
        }
        Ok(self.change(user, &params.conversation_id, |row, clock| row.set_pinned(params.is_pinned, clock)))
    }

    fn read(&mut self, user: &UserId, scope: &ReadScope, up_to: ReadUpTo) -> Vec<(ConversationId, RowOutcome)> {
        let all = |model: &Self| model.rows(user).into_iter().map(|row| row.conversation_id);
        let ids: Vec<ConversationId> = match scope {
            ReadScope::One(id) => vec![id.clone()],
            ReadScope::AllC2c => all(self).filter(ConversationId::is_c2c).collect(),
            ReadScope::AllGroups => all(self).filter(|id| !id.is_c2c()).collect(),
            ReadScope::All => all(self).collect(),
        };
        ids.into_iter()
            .map(|id| {
                let outcome = self.change_present(user, &id, |row| row.read(&id, up_to));
                (id, outcome)
            })
            .collect()
    }

    /// Makes a change on a row that may be absent, and compares the row before and after it.
    fn change(&mut self, user: &UserId, id: &ConversationId, change: impl FnOnce(&mut RowHistory, u64)) -> Effect {
        self.clock += 1;
        let row = self.users.entry(user.clone()).or_default().rows.entry(id.clone()).or_default();
        let before = row.clone();
        change(row, self.clock);
        if before.conversation(id, user) != row.conversation(id, user) {
            Effect::Changed
        } else if before != *row {
            Effect::Hidden
        } else {
            Effect::Unchanged
        }
    }

    fn row(&self, user: &UserId, id: &ConversationId) -> Option<&RowHistory> {
        self.users.get(user).and_then(|of_user| of_user.rows.get(id))
    }

    /// How many rows of a user are so.
    fn count(&self, user: &UserId, is_so: impl Fn(&RowHistory) -> bool) -> usize {
        self.users.get(user).map_or(0, |of_user| of_user.rows.values().filter(|row| is_so(row)).count())
    }

    fn change_present(
        &mut self,
        user: &UserId,
        id: &ConversationId,
        change: impl FnOnce(&mut RowHistory),
    ) -> RowOutcome {
        if !self.row(user, id).is_some_and(RowHistory::is_there) {
            return Err(ErrorKind::UnknownConversation);
        }
        Ok(self.change(user, id, |row, _| change(row)))
    }
}

fn unique(users: &[UserId]) -> Vec<UserId> {
    let mut seen = BTreeSet::new();
    users.iter().filter(|user| seen.insert((*user).clone())).cloned().collect()
}

/// Whose rows a call is about. A C2C message is about two rows, a C2C profile about one row of each recipient.
fn targets(
    conversation: &ConversationRef,
    sender: Option<&UserId>,
    recipients: &[UserId],
) -> Vec<(UserId, ConversationId)> {
    match (conversation.conversation_type, sender) {
        (ConversationType::Group, _) => {
            let Some(group) = &conversation.group_id else { return Vec::new() };
            unique(recipients).into_iter().map(|user| (user, ConversationId::group(group))).collect()
        }
        (ConversationType::C2c, Some(sender)) => recipients
            .iter()
            .flat_map(|peer| [(peer.clone(), ConversationId::c2c(sender)), (sender.clone(), ConversationId::c2c(peer))])
            .collect(),
        (ConversationType::C2c, None) => {
            let Some(shown) = &conversation.user_id else { return Vec::new() };
            unique(recipients).into_iter().map(|user| (user, ConversationId::c2c(shown))).collect()
        }
    }
}

fn profile_of(conversation: &ConversationRef) -> Profile {
    Profile { show_name: conversation.show_name.clone(), face_url: conversation.face_url.clone() }
}

/// How the other side of a C2C message is shown to `user`.
fn shown_to(user: &UserId, sender: &UserId, recipients: &[UserId], profiles: &BTreeMap<UserId, Profile>) -> Profile {
    let other = if user == sender { recipients.first() } else { Some(sender) };
    let nothing = Profile { show_name: None, face_url: None };
    other.and_then(|other| profiles.get(other)).cloned().unwrap_or(nothing)
}
