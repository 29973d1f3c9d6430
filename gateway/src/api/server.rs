//! What each of a backend's calls does.

use super::{CallResult, Caller, client, encode, sessions, user_data, write_error};
use crate::{node::Node, traces};
use conversation_protocol::{
    ApiError, ConversationId, ConversationType, ErrorKind, UserId,
    ids::Peer,
    limits::RECIPIENTS_MAX,
    method::ClientCall,
    server::{
        ApplyResult, BatchEntry, BatchOutcome, BatchResult, ConversationRef, FailedUser, ImportParams, KickUserParams,
        PreviousMessage, Profile, SendMessageParams, ServerCall, UserTotals, too_many_recipients,
    },
};
use conversation_store::{
    WriteError,
    rules::{
        Change, Joined, MessageDeleted, MessageModified, MessageRevoked, MessageSent, Outcome, ProfileSet, ReadUpTo,
    },
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};
use tracing::Instrument;

/// Bytes of a call that is worked on where it came in; a longer one would keep the sessions there waiting.
const NEAR_BYTES_MAX: usize = 64 * 1024;

/// Does what a backend asks, in a task of its own: a backend that hangs up stops nothing that was begun.
/// `parent` is the W3C traceparent that came with the call.
pub async fn execute(node: &Arc<Node>, method: String, params: String, parent: Option<String>) -> CallResult {
    let in_task = node.clone();
    let is_near = params.len() <= NEAR_BYTES_MAX;
    let work = async move {
        let mut span = traces::call(super::known(&method), parent.as_deref());
        let call = ServerCall::parse(&method, &params);
        let outcome = match call {
            Ok(call) => run(&in_task, span.trace().as_ref(), plan(call)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            span.failed(error.kind.code());
        }
        super::count(&in_task, "server", &method, outcome.as_ref().err());
        outcome
    }
    .in_current_span();
    let work = if is_near { tokio::spawn(work) } else { node.runtime.spawn(work) };
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a backend's call failed");
        Err(ApiError::new(ErrorKind::Internal, "the server failed"))
    })
}

/// What a call comes to.
enum Work {
    /// Changes to rows, which may go together with those of other calls.
    Changes(Plan),
    Sessions(UserId),
    Read(UserId, ClientCall),
    Kick(KickUserParams),
    Import(ImportParams),
    Export(UserId),
    Delete(UserId),
    Batch(Vec<BatchEntry>),
}

/// Does it; `trace` is where the call is traced.
async fn run(node: &Arc<Node>, trace: Option<&Arc<str>>, work: Work) -> CallResult {
    match work {
        Work::Changes(Plan { changes: Changes::Shared(users, change), answer })
            if !node.fanout.is_direct(users.len()) =>
        {
            queue(node, trace, users, change, &answer).await
        }
        Work::Changes(plan) => apply(node, trace, vec![plan]).await.remove(0),
        Work::Sessions(user) => sessions::list(node, &user).await,
        Work::Read(user, call) => client::execute(node, &Caller { user, session: None }, call).await,
        Work::Kick(params) => sessions::kick(node, params).await,
        Work::Import(params) => user_data::import(node, params).await,
        Work::Export(user) => user_data::export(node, &user).await,
        Work::Delete(user) => user_data::delete(node, user).await,
        Work::Batch(entries) => Box::pin(batch(node, trace, entries)).await,
    }
}

/// The changes of one call.
struct Plan {
    changes: Changes,
    answer: Answer,
}

/// Whose rows change, and how.
enum Changes {
    /// Each user's in its own way.
    Each(Vec<(UserId, Change)>),
    /// All in the same way.
    Shared(Vec<UserId>, Change),
}

impl Changes {
    fn users(&self) -> Vec<UserId> {
        match self {
            Self::Each(changes) => changes.iter().map(|(user, _)| user.clone()).collect(),
            Self::Shared(users, _) => users.clone(),
        }
    }

    fn into_each(self) -> Vec<(UserId, Change)> {
        match self {
            Self::Each(changes) => changes,
            Self::Shared(users, change) => users.into_iter().map(|user| (user, change.clone())).collect(),
        }
    }
}

/// How a call is answered.
#[derive(Clone)]
enum Answer {
    /// By counts of rows.
    Counts,
    /// By counts of rows, and by what an offline push needs to know of everybody but the sender.
    Totals { sender: UserId },
    /// The call is about one user, whose refusal is the call's.
    Single,
}

fn plan(call: ServerCall) -> Work {
    let many = |recipients, change| Plan { changes: Changes::Shared(once(recipients), change), answer: Answer::Counts };
    Work::Changes(match call {
        ServerCall::SendMessage(params) => plan_message(params),
        ServerCall::ModifyMessage(params) => {
            let (message, revision) = (params.message, params.revision);
            let change = move |conversation_id| {
                let message = message.clone();
                Change::Modified(Arc::new(MessageModified { conversation_id, message, revision }))
            };
            on_both_sides(&params.conversation, &params.sender, params.recipients, change)
        }
        ServerCall::RevokeMessage(params) => {
            let revoker = params.revoker.unwrap_or_else(|| params.sender.clone());
            let (seq, reason) = (params.seq, params.revoke_reason);
            let change = move |conversation_id| {
                let (revoker, reason) = (revoker.clone(), reason.clone());
                Change::Revoked(Arc::new(MessageRevoked { conversation_id, seq, revoker, reason }))
            };
            on_both_sides(&params.conversation, &params.sender, params.recipients, change)
        }
        ServerCall::DeleteMessage(params) => {
            let (seq, previous) = (params.seq, params.previous_message.map(PreviousMessage::into_parts));
            let change = move |conversation_id| {
                let previous = previous.clone();
                Change::MessageDeleted(Arc::new(MessageDeleted { conversation_id, seq, previous }))
            };
            on_both_sides(&params.conversation, &params.sender, params.recipients, change)
        }
        ServerCall::SetProfile(params) => {
            let set = Arc::new(ProfileSet {
                conversation_id: named_conversation(&params.conversation),
                profile: profile(&params.conversation),
                group_type: params.conversation.group_type,
                revision: params.revision,
            });
            many(params.recipients, Change::Profile(set))
        }
        ServerCall::JoinGroup(params) => {
            let conversation_id = named_conversation(&params.conversation);
            let (profile, group_type) = (profile(&params.conversation), params.conversation.group_type);
            let message = params.message.zip(params.sender).map(|(message, sender)| {
                let (conversation_id, profile) = (conversation_id.clone(), profile.clone());
                Box::new(MessageSent { conversation_id, group_type, profile, sender, message })
            });
            let joined = Arc::new(Joined { conversation_id, group_type, profile, seq: params.seq, message });
            many(params.recipients, Change::Joined(joined))
        }
        ServerCall::DeleteConversation(params) => many(params.recipients, Change::Delete(params.conversation_id)),
        ServerCall::MarkRead(user, scope, params) => {
            let up_to = ReadUpTo { timestamp: params.clean_timestamp, sequence: params.clean_sequence };
            Plan { changes: Changes::Each(vec![(user, Change::Read(scope, up_to))]), answer: Answer::Single }
        }
        ServerCall::ImportConversations(params) => return Work::Import(params),
        ServerCall::ExportUser(params) => return Work::Export(params.user_id),
        ServerCall::DeleteUser(params) => return Work::Delete(params.user_id),
        ServerCall::GetUserSessions(params) => return Work::Sessions(params.user_id),
        ServerCall::Read(user, call) => return Work::Read(user, call),
        ServerCall::KickUser(params) => return Work::Kick(params),
        ServerCall::Batch(entries) => return Work::Batch(entries),
    })
}

/// The conversation that a group's id, or the id of a C2C peer, names.
fn named_conversation(conversation: &ConversationRef) -> ConversationId {
    match (&conversation.group_id, &conversation.user_id) {
        (Some(group), _) => ConversationId::group(group),
        (None, Some(user)) => ConversationId::c2c(user),
        (None, None) => unreachable!("parsing asks for one of them"),
    }
}

/// Each user once, in the order given.
fn once(users: Vec<UserId>) -> Vec<UserId> {
    let mut seen = HashSet::with_capacity(users.len());
    users.into_iter().filter(|user| seen.insert(user.clone())).collect()
}

fn profile(conversation: &ConversationRef) -> Profile {
    Profile { show_name: conversation.show_name.clone(), face_url: conversation.face_url.clone() }
}

/// The same change for every recipient of a group, or for both sides of a C2C conversation, each seen from its side.
fn on_both_sides(
    conversation: &ConversationRef,
    sender: &UserId,
    recipients: Vec<UserId>,
    change: impl Fn(ConversationId) -> Change,
) -> Plan {
    let changes = match conversation.conversation_type {
        ConversationType::Group => Changes::Shared(once(recipients), change(named_conversation(conversation))),
        ConversationType::C2c => {
            let both = recipients.into_iter().flat_map(|peer| {
                [(sender.clone(), change(ConversationId::c2c(&peer))), (peer, change(ConversationId::c2c(sender)))]
            });
            Changes::Each(both.collect())
        }
    };
    Plan { changes, answer: Answer::Counts }
}

fn plan_message(params: SendMessageParams) -> Plan {
    let SendMessageParams { conversation, sender, recipients, message, profiles, want_totals } = params;
    let group_type = conversation.group_type;
    let answer = if want_totals { Answer::Totals { sender: sender.clone() } } else { Answer::Counts };
    let plan = on_both_sides(&conversation, &sender, recipients, |conversation_id| {
        let profile = match conversation_id.peer() {
            Peer::Group(_) => profile(&conversation),
            Peer::User(peer) => profiles.get(&peer).cloned().unwrap_or(Profile { show_name: None, face_url: None }),
        };
        let (sender, message) = (sender.clone(), message.clone());
        Change::Sent(Arc::new(MessageSent { conversation_id, group_type, profile, sender, message }))
    });
    Plan { answer, ..plan }
}

/// Makes the changes of several calls, in order, all at once; one answer per call.
async fn apply(node: &Arc<Node>, trace: Option<&Arc<str>>, plans: Vec<Plan>) -> Vec<CallResult> {
    let shapes: Vec<(Vec<UserId>, Answer)> =
        plans.iter().map(|plan| (plan.changes.users(), plan.answer.clone())).collect();
    let changes = plans.into_iter().flat_map(|plan| plan.changes.into_each());
    let mut outcomes = node.writer.traced(trace.cloned()).apply_all(changes).await.into_iter();
    let mut results = Vec::with_capacity(shapes.len());
    for (users, answer) in shapes {
        results.push(match tell(users, answer, &mut outcomes) {
            Ok(mut result) => match mark_online(node, &mut result).await {
                Ok(()) => encode(&result),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        });
    }
    results
}

/// Puts the one change of a call into the lanes of its users; it is made after the answer.
async fn queue(
    node: &Node,
    trace: Option<&Arc<str>>,
    users: Vec<UserId>,
    change: Change,
    answer: &Answer,
) -> CallResult {
    let outcome = node.fanout.enqueue(users, change, trace).await?;
    let failed = outcome.failed.into_iter().map(|(user_id, error)| failed_user(user_id, error));
    let users = matches!(answer, Answer::Totals { .. }).then(BTreeMap::new);
    encode(&ApplyResult { queued: outcome.queued, failed: failed.collect(), users, ..ApplyResult::default() })
}

fn failed_user(user_id: UserId, error: ApiError) -> FailedUser {
    FailedUser { user_id, code: error.kind.code(), message: error.message }
}

/// Counts what became of a call's rows.
fn tell(
    users: Vec<UserId>,
    answer: Answer,
    outcomes: &mut impl Iterator<Item = Result<Outcome, WriteError>>,
) -> Result<ApplyResult, ApiError> {
    let mut result = ApplyResult::default();
    let mut totals = BTreeMap::new();
    for (user_id, outcome) in users.into_iter().zip(outcomes) {
        match (outcome.map_err(write_error), &answer) {
            (Ok(outcome), answer) => {
                result.applied += outcome.changed;
                result.duplicates += u64::from(outcome.changed == 0);
                if let (Answer::Totals { sender }, Some(recv_opt)) = (answer, outcome.recv_opt)
                    && *sender != user_id
                {
                    let total_unread_count = outcome.total_unread;
                    totals.insert(user_id, UserTotals { total_unread_count, online: false, recv_opt });
                }
            }
            (Err(error), Answer::Single) => return Err(error),
            (Err(error), Answer::Counts | Answer::Totals { .. }) => {
                result.failed.push(failed_user(user_id, error));
            }
        }
    }
    result.users = matches!(answer, Answer::Totals { .. }).then_some(totals);
    Ok(result)
}

/// Says of the users in an answer whether they have a live session on any node.
async fn mark_online(node: &Node, result: &mut ApplyResult) -> Result<(), ApiError> {
    let Some(totals) = &mut result.users else { return Ok(()) };
    let users: Vec<UserId> = totals.keys().cloned().collect();
    let sessions = node.store.sessions(&users).await.map_err(|error| super::store_error(&error))?;
    for (totals, sessions) in totals.values_mut().zip(sessions) {
        totals.online = !sessions.is_empty();
    }
    Ok(())
}

/// Runs several calls in order. Changes with nothing else between them go together; those of one user keep their order.
async fn batch(node: &Arc<Node>, trace: Option<&Arc<str>>, entries: Vec<BatchEntry>) -> CallResult {
    let parse = |entry: BatchEntry| ServerCall::parse(&entry.method, entry.params.get());
    let calls: Vec<_> = entries.into_iter().map(parse).collect();
    let recipients: usize = calls.iter().flatten().map(ServerCall::recipients).sum();
    if recipients > RECIPIENTS_MAX {
        return Err(too_many_recipients(recipients));
    }
    let mut results: Vec<Option<CallResult>> = calls.iter().map(|_| None).collect();
    let mut together: Vec<(usize, Plan)> = Vec::new();
    for (index, call) in calls.into_iter().enumerate() {
        match call.map(plan) {
            Err(error) => results[index] = Some(Err(error)),
            Ok(Work::Changes(plan)) => together.push((index, plan)),
            Ok(Work::Batch(_)) => {
                results[index] = Some(Err(ApiError::invalid("method: expected no batch in a batch")));
            }
            Ok(
                work @ (Work::Sessions(_)
                | Work::Read(..)
                | Work::Kick(_)
                | Work::Import(_)
                | Work::Export(_)
                | Work::Delete(_)),
            ) => {
                apply_together(node, trace, std::mem::take(&mut together), &mut results).await;
                results[index] = Some(run(node, trace, work).await);
            }
        }
    }
    apply_together(node, trace, together, &mut results).await;
    let outcome = |result: CallResult| match result {
        Ok(result) => BatchOutcome::Result(result),
        Err(error) => BatchOutcome::Error(error.body()),
    };
    encode(&BatchResult { result_list: results.into_iter().flatten().map(outcome).collect() })
}

async fn apply_together(
    node: &Arc<Node>,
    trace: Option<&Arc<str>>,
    plans: Vec<(usize, Plan)>,
    results: &mut [Option<CallResult>],
) {
    let (indexes, plans): (Vec<usize>, Vec<Plan>) = plans.into_iter().unzip();
    for (index, result) in indexes.into_iter().zip(apply(node, trace, plans).await) {
        results[index] = Some(result);
    }
}
