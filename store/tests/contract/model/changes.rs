//! Which changes to which users' rows a call means, in the order in which the model answers.

use conversation_protocol::{
    ConversationId, ConversationType, UserId,
    method::{ClientCall, GroupParams},
    server::{ConversationRef, PreviousMessage, Profile, SendMessageParams, ServerCall},
};
use conversation_store::rules::{
    Change, Joined, MessageDeleted, MessageModified, MessageRevoked, MessageSent, ProfileSet, ReadUpTo,
};
use std::sync::Arc;

/// A call, and who made it.
#[derive(Debug)]
pub(super) enum Posted {
    Server(Box<ServerCall>),
    Client(UserId, ClientCall),
}

pub(super) fn changes_of(posted: &Posted) -> Vec<(UserId, Change)> {
    match posted {
        Posted::Server(call) => of_server(call),
        Posted::Client(user, call) => of_client(call).into_iter().map(|change| (user.clone(), change)).collect(),
    }
}

fn of_server(call: &ServerCall) -> Vec<(UserId, Change)> {
    let many = |recipients: &[UserId], change: Change| {
        recipients.iter().map(|user| (user.clone(), change.clone())).collect::<Vec<_>>()
    };
    match call {
        ServerCall::SendMessage(params) => {
            sides(&params.conversation, &params.sender, &params.recipients, |user, id| {
                Change::Sent(Arc::new(MessageSent {
                    profile: shown_to(user, params),
                    conversation_id: id,
                    group_type: params.conversation.group_type,
                    sender: params.sender.clone(),
                    message: params.message.clone(),
                }))
            })
        }
        ServerCall::ModifyMessage(params) => {
            sides(&params.conversation, &params.sender, &params.recipients, |_, conversation_id| {
                let (message, revision) = (params.message.clone(), params.revision);
                Change::Modified(Arc::new(MessageModified { conversation_id, message, revision }))
            })
        }
        ServerCall::RevokeMessage(params) => {
            sides(&params.conversation, &params.sender, &params.recipients, |_, conversation_id| {
                Change::Revoked(Arc::new(MessageRevoked {
                    conversation_id,
                    seq: params.seq,
                    revoker: params.revoker.clone().unwrap_or_else(|| params.sender.clone()),
                    reason: params.revoke_reason.clone(),
                }))
            })
        }
        ServerCall::DeleteMessage(params) => {
            sides(&params.conversation, &params.sender, &params.recipients, |_, conversation_id| {
                let previous = params.previous_message.clone().map(PreviousMessage::into_parts);
                Change::MessageDeleted(Arc::new(MessageDeleted { conversation_id, seq: params.seq, previous }))
            })
        }
        ServerCall::SetProfile(params) => many(
            &params.recipients,
            Change::Profile(Arc::new(ProfileSet {
                conversation_id: named(&params.conversation),
                profile: profile(&params.conversation),
                group_type: params.conversation.group_type,
                revision: params.revision,
            })),
        ),
        ServerCall::JoinGroup(params) => many(
            &params.recipients,
            Change::Joined(Arc::new(Joined {
                conversation_id: named(&params.conversation),
                group_type: params.conversation.group_type,
                profile: profile(&params.conversation),
                seq: params.seq,
                message: None,
            })),
        ),
        ServerCall::DeleteConversation(params) => {
            many(&params.recipients, Change::Delete(params.conversation_id.clone()))
        }
        ServerCall::ImportConversations(params) => {
            let groups = names_to_make(call).into_iter().map(Change::CreateGroup);
            let rows = params.conversation_list.iter().rev().map(|row| Change::Import(Arc::new(row.clone())));
            groups.chain(rows).map(|change| (params.user_id.clone(), change)).collect()
        }
        ServerCall::MarkRead(..)
        | ServerCall::ExportUser(_)
        | ServerCall::DeleteUser(_)
        | ServerCall::KickUser(_)
        | ServerCall::Read(..)
        | ServerCall::GetUserSessions(_)
        | ServerCall::Batch(_) => Vec::new(),
    }
}

/// The conversation groups that a call makes before its rows.
pub(super) fn names_to_make(call: &ServerCall) -> Vec<String> {
    let ServerCall::ImportConversations(params) = call else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    let of_rows = params.conversation_list.iter().flat_map(|row| &row.conversation_group_list);
    for name in params.conversation_group_list.iter().chain(of_rows) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn of_client(call: &ClientCall) -> Vec<Change> {
    match call {
        ClientCall::DeleteConversation(params) => vec![Change::Delete(params.conversation_id.clone())],
        ClientCall::DeleteConversationList(params) => {
            params.conversation_id_list.iter().cloned().map(Change::Delete).collect()
        }
        ClientCall::ClearHistoryMessage(params) => vec![Change::ClearHistory(params.conversation_id.clone())],
        ClientCall::PinConversation(params) => vec![Change::Pin {
            conversation_id: params.conversation_id.clone(),
            is_pinned: params.is_pinned,
            if_version: params.if_version,
        }],
        ClientCall::SetConversationDraft(params) => vec![Change::Draft {
            conversation_id: params.conversation_id.clone(),
            text: params.draft_text.clone(),
            if_version: params.if_version,
        }],
        ClientCall::SetReceiveMessageOpt(params) => params
            .conversation_id_list
            .iter()
            .map(|id| Change::ReceiveOption {
                conversation_id: id.clone(),
                recv_opt: params.recv_opt,
                if_version: params.if_version,
            })
            .collect(),
        ClientCall::MarkConversation(params) => params
            .conversation_id_list
            .iter()
            .map(|id| Change::Mark {
                conversation_id: id.clone(),
                marks: params.mark_type,
                is_set: params.enable_mark,
                if_version: params.if_version,
            })
            .collect(),
        ClientCall::SetConversationCustomData(params) => params
            .conversation_id_list
            .iter()
            .map(|id| Change::CustomData {
                conversation_id: id.clone(),
                custom_data: params.custom_data.clone(),
                if_version: params.if_version,
            })
            .collect(),
        ClientCall::CleanConversationUnreadMessageCount(scope, params) => {
            let up_to = ReadUpTo { timestamp: params.clean_timestamp, sequence: params.clean_sequence };
            vec![Change::Read(scope.clone(), up_to)]
        }
        ClientCall::CreateConversationGroup(params) => {
            std::iter::once(Change::CreateGroup(params.group_name.clone())).chain(added(params)).collect()
        }
        ClientCall::AddConversationsToGroup(params) => added(params).collect(),
        ClientCall::DeleteConversationsFromGroup(params) => params
            .conversation_id_list
            .iter()
            .map(|id| Change::RemoveFromGroup { conversation_id: id.clone(), name: params.group_name.clone() })
            .collect(),
        ClientCall::DeleteConversationGroup(params) => vec![Change::DeleteGroup(params.group_name.clone())],
        ClientCall::RenameConversationGroup(params) => {
            vec![Change::RenameGroup { old_name: params.old_name.clone(), new_name: params.new_name.clone() }]
        }
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
        | ClientCall::RefreshToken(_) => Vec::new(),
    }
}

fn added(params: &GroupParams) -> impl Iterator<Item = Change> {
    let add = |id: &ConversationId| Change::AddToGroup { conversation_id: id.clone(), name: params.group_name.clone() };
    params.conversation_id_list.iter().map(add)
}

/// The same change for every member, or for both sides of a C2C conversation, each as seen from there.
fn sides(
    conversation: &ConversationRef,
    sender: &UserId,
    recipients: &[UserId],
    change: impl Fn(&UserId, ConversationId) -> Change,
) -> Vec<(UserId, Change)> {
    let of = |user: &UserId, id| (user.clone(), change(user, id));
    match conversation.conversation_type {
        ConversationType::Group => recipients.iter().map(|user| of(user, named(conversation))).collect(),
        ConversationType::C2c => recipients
            .iter()
            .flat_map(|peer| [of(peer, ConversationId::c2c(sender)), of(sender, ConversationId::c2c(peer))])
            .collect(),
    }
}

fn named(conversation: &ConversationRef) -> ConversationId {
    match (&conversation.group_id, &conversation.user_id) {
        (Some(group), _) => ConversationId::group(group),
        (None, Some(user)) => ConversationId::c2c(user),
        (None, None) => panic!("a conversation without a name"),
    }
}

fn profile(conversation: &ConversationRef) -> Profile {
    Profile { show_name: conversation.show_name.clone(), face_url: conversation.face_url.clone() }
}

fn shown_to(user: &UserId, params: &SendMessageParams) -> Profile {
    match params.conversation.conversation_type {
        ConversationType::Group => profile(&params.conversation),
        ConversationType::C2c => {
            let peer = if *user == params.sender { &params.recipients[0] } else { &params.sender };
            params.profiles.get(peer).cloned().unwrap_or(Profile { show_name: None, face_url: None })
        }
    }
}
