//! What each of a backend's calls does.

use super::{CallResult, Caller, client, encode, write_error};
use crate::node::Node;
use conversation_protocol::{
    ApiError, ConversationId, ConversationType, ErrorKind, UserId,
    ids::Peer,
    limits::RECIPIENTS_MAX,
    method::ClientCall,
    server::{
        ApplyResult, BatchEntry, BatchOutcome, BatchResult, ConversationRef, FailedUser, KickResult, KickUserParams,
        PreviousMessage, Profile, SendMessageParams, ServerCall, SessionInfo, SessionsResult, too_many_recipients,
    },
};
use conversation_store::{
    SessionLease, WriteError,
    rules::{
        Change, Joined, MessageDeleted, MessageModified, MessageRevoked, MessageSent, Outcome, ProfileSet, ReadUpTo,
    },
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time;

/// How long a kick waits for sessions to go, and how often it looks.
const KICK_WAIT: Duration = Duration::from_secs(2);
const KICK_POLL: Duration = Duration::from_millis(40);

/// Does what a backend asks, in a task of its own: a backend that hangs up stops nothing that was begun.
pub async fn execute(node: &Arc<Node>, method: String, params: String) -> CallResult {
    let in_task = node.clone();
    let work = node.runtime.spawn(async move {
        let call = ServerCall::parse(&method, &params);
        let outcome = match call {
            Ok(call) => run(&in_task, plan(call)).await,
            Err(error) => Err(error),
        };
        super::count(&in_task, "server", &method, outcome.as_ref().err());
        outcome
    });
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
    Batch(Vec<BatchEntry>),
}

async fn run(node: &Arc<Node>, work: Work) -> CallResult {
    match work {
        Work::Changes(plan) => apply(node, vec![plan]).await.remove(0),
        Work::Sessions(user) => sessions(node, &user).await,
        Work::Read(user, call) => client::execute(node, &Caller { user, session: None }, call).await,
        Work::Kick(params) => kick(node, params).await.and_then(|result| encode(&result)),
        Work::Batch(entries) => Box::pin(batch(node, entries)).await,
    }
}

/// A user's sessions on all nodes, the longest connected first.
async fn sessions(node: &Node, user: &UserId) -> CallResult {
    let mut leases = node.store.sessions(user).await.map_err(|error| super::store_error(&error))?;
    leases.sort_by(|a, b| (a.connected_at, &a.node, a.session).cmp(&(b.connected_at, &b.node, b.session)));
    let info = |lease: SessionLease| SessionInfo {
        device: lease.device,
        transport: lease.transport,
        node: lease.node,
        connected_at: lease.connected_at,
    };
    encode(&SessionsResult { session_list: leases.into_iter().map(info).collect() })
}

/// The changes of one call.
struct Plan {
    changes: Vec<(UserId, Change)>,
    /// Whether the call is about one user, whose refusal is the call's.
    is_single: bool,
}

fn plan(call: ServerCall) -> Work {
    let many = |recipients: Vec<UserId>, change: &dyn Fn(&UserId) -> Change| {
        let mut seen = HashSet::with_capacity(recipients.len());
        let changes = recipients.into_iter().filter(|user| seen.insert(user.clone()));
        Plan { changes: changes.map(|user| (user.clone(), change(&user))).collect(), is_single: false }
    };
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
            many(params.recipients, &|_| Change::Profile(set.clone()))
        }
        ServerCall::JoinGroup(params) => {
            let conversation_id = named_conversation(&params.conversation);
            let (profile, group_type) = (profile(&params.conversation), params.conversation.group_type);
            let message = params.message.zip(params.sender).map(|(message, sender)| {
                let (conversation_id, profile) = (conversation_id.clone(), profile.clone());
                Box::new(MessageSent { conversation_id, group_type, profile, sender, message })
            });
            let joined = Arc::new(Joined { conversation_id, group_type, profile, seq: params.seq, message });
            many(params.recipients, &|_| Change::Joined(joined.clone()))
        }
        ServerCall::DeleteConversation(params) => {
            many(params.recipients, &|_| Change::Delete(params.conversation_id.clone()))
        }
        ServerCall::MarkRead(user, scope, params) => {
            let up_to = ReadUpTo { timestamp: params.clean_timestamp, sequence: params.clean_sequence };
            Plan { changes: vec![(user, Change::Read(scope, up_to))], is_single: true }
        }
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
        ConversationType::Group => {
            // All members share one change.
            let change = change(named_conversation(conversation));
            let mut seen = HashSet::with_capacity(recipients.len());
            let users = recipients.into_iter().filter(|user| seen.insert(user.clone()));
            users.map(|user| (user, change.clone())).collect()
        }
        ConversationType::C2c => recipients
            .into_iter()
            .flat_map(|peer| {
                [(sender.clone(), change(ConversationId::c2c(&peer))), (peer, change(ConversationId::c2c(sender)))]
            })
            .collect(),
    };
    Plan { changes, is_single: false }
}

fn plan_message(params: SendMessageParams) -> Plan {
    let SendMessageParams { conversation, sender, recipients, message, profiles } = params;
    let group_type = conversation.group_type;
    on_both_sides(&conversation, &sender, recipients, |conversation_id| {
        let profile = match conversation_id.peer() {
            Peer::Group(_) => profile(&conversation),
            Peer::User(peer) => profiles.get(&peer).cloned().unwrap_or(Profile { show_name: None, face_url: None }),
        };
        let (sender, message) = (sender.clone(), message.clone());
        Change::Sent(Arc::new(MessageSent { conversation_id, group_type, profile, sender, message }))
    })
}

/// Makes the changes of several calls, in order, all at once; one answer per call.
async fn apply(node: &Arc<Node>, plans: Vec<Plan>) -> Vec<CallResult> {
    let shapes: Vec<(Vec<UserId>, bool)> = plans
        .iter()
        .map(|plan| (plan.changes.iter().map(|(user, _)| user.clone()).collect(), plan.is_single))
        .collect();
    let changes = plans.into_iter().flat_map(|plan| plan.changes);
    let mut outcomes = node.writer.apply_all(changes).await.into_iter();
    shapes.into_iter().map(|(users, is_single)| tell(users, is_single, &mut outcomes)).collect()
}

/// Counts what became of a call's rows.
fn tell(
    users: Vec<UserId>,
    is_single: bool,
    outcomes: &mut impl Iterator<Item = Result<Outcome, WriteError>>,
) -> CallResult {
    let mut result = ApplyResult::default();
    for (user_id, outcome) in users.into_iter().zip(outcomes) {
        match outcome.map_err(write_error) {
            Ok(outcome) if outcome.changed > 0 => result.applied += outcome.changed,
            Ok(_) => result.duplicates += 1,
            Err(error) if is_single => return Err(error),
            Err(error) => {
                let (code, message) = (error.kind.code(), error.message);
                result.failed.push(FailedUser { user_id, code, message });
            }
        }
    }
    encode(&result)
}

/// Runs several calls in order. Changes with nothing else between them go together; those of one user keep their order.
async fn batch(node: &Arc<Node>, entries: Vec<BatchEntry>) -> CallResult {
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
            Ok(work @ (Work::Sessions(_) | Work::Read(..) | Work::Kick(_))) => {
                apply_together(node, std::mem::take(&mut together), &mut results).await;
                results[index] = Some(run(node, work).await);
            }
        }
    }
    apply_together(node, together, &mut results).await;
    let outcome = |result: CallResult| match result {
        Ok(result) => BatchOutcome::Result(result),
        Err(error) => BatchOutcome::Error(error.body()),
    };
    encode(&BatchResult { result_list: results.into_iter().flatten().map(outcome).collect() })
}

async fn apply_together(node: &Arc<Node>, plans: Vec<(usize, Plan)>, results: &mut [Option<CallResult>]) {
    let (indexes, plans): (Vec<usize>, Vec<Plan>) = plans.into_iter().unzip();
    for (index, result) in indexes.into_iter().zip(apply(node, plans).await) {
        results[index] = Some(result);
    }
}

/// Ends a user's sessions on all nodes, and waits a while for them to go.
async fn kick(node: &Arc<Node>, params: KickUserParams) -> Result<KickResult, ApiError> {
    let KickUserParams { user_id, device, reason } = params;
    let live = async || -> Result<HashSet<SessionLease>, ApiError> {
        let sessions = node.store.sessions(&user_id).await.map_err(|error| super::store_error(&error))?;
        Ok(sessions.into_iter().filter(|lease| device.is_none() || lease.device == device).collect())
    };
    let before = live().await?;
    let change = Change::Kick { device: device.clone(), reason };
    node.writer.apply(user_id.clone(), change).await.map_err(write_error)?;
    let mut left = before.len();
    let mut waited = Duration::ZERO;
    while left > 0 && waited < KICK_WAIT {
        time::sleep(KICK_POLL).await;
        waited += KICK_POLL;
        left = live().await?.intersection(&before).count();
    }
    Ok(KickResult { kicked: (before.len() - left) as u64, unconfirmed: left as u64 })
}
