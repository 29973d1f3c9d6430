//! What each of a client's calls does.

use super::{CallResult, Caller, empty_result, encode, list, raw, store_error, write_error};
use crate::{
    live::SubscribeError,
    node::Node,
    session::{Input, total_of},
};
use conversation_protocol::{
    ApiError, ConversationId, Cursor, ErrorKind, Page, RowState,
    limits::FILTERS_MAX,
    method::{
        BatchResult, ClientCall, FilteredPageParams, GroupListResult, GroupParams, IdResult, ProbeResult, TotalResult,
    },
};
use conversation_store::{
    WriteError, filtered_page,
    rules::{Change, Outcome, ReadUpTo, Refusal},
};
use std::sync::Arc;

/// Does what a client asks.
pub async fn execute(node: &Arc<Node>, caller: &Caller, call: ClientCall) -> CallResult {
    let change = match call {
        ClientCall::GetConversationList(params) => {
            let page = node.store.page(&caller.user, params.next_seq, params.count).await;
            let page = page.map_err(|error| store_error(&error))?;
            return Ok(page_result(&page, params.next_seq == 0));
        }
        ClientCall::GetConversationListByFilter(params) => {
            let FilteredPageParams { filter, next_seq, count } = params;
            let page = filtered_page(&*node.store, &caller.user, &filter, next_seq, count).await;
            let page = page.map_err(|error| store_error(&error))?;
            return Ok(page_result(&page, next_seq == 0));
        }
        ClientCall::GetUnreadMessageCountByFilter(params) => {
            let unread = node.store.unread(&caller.user).await.map_err(|error| store_error(&error))?;
            let total_unread_count = total_of(&params.filter, &unread);
            return encode(&TotalResult { total_unread_count, version: unread.head.cursor.version });
        }
        ClientCall::SubscribeUnreadMessageCountByFilter(params) => {
            let session = session_only(caller, "subscribeUnreadMessageCountByFilter")?;
            return match session.subscribe(&*node.store, params.filter).await {
                Ok(total) => encode(&total),
                Err(SubscribeError::TooMany(_)) => {
                    let message = format!("params.filter: a session can have at most {FILTERS_MAX} filters");
                    Err(ApiError::invalid(message))
                }
                Err(SubscribeError::Store(error)) => Err(store_error(&error)),
            };
        }
        ClientCall::UnsubscribeUnreadMessageCountByFilter(params) => {
            session_only(caller, "unsubscribeUnreadMessageCountByFilter")?.unsubscribe(&params.filter);
            return Ok(empty_result());
        }
        ClientCall::CreateConversationGroup(params) => return create_group(node, caller, params).await,
        ClientCall::AddConversationsToGroup(params) => {
            let GroupParams { group_name, conversation_id_list } = params;
            let changes = conversation_id_list.iter().cloned().map(|conversation_id| {
                let name = group_name.clone();
                Change::AddToGroup { conversation_id, name }
            });
            return group_batch(node, caller, &conversation_id_list, changes.collect()).await;
        }
        ClientCall::DeleteConversationsFromGroup(params) => {
            let GroupParams { group_name, conversation_id_list } = params;
            let changes = conversation_id_list.iter().cloned().map(|conversation_id| {
                let name = group_name.clone();
                Change::RemoveFromGroup { conversation_id, name }
            });
            return group_batch(node, caller, &conversation_id_list, changes.collect()).await;
        }
        ClientCall::GetConversationGroupList => {
            return encode(&GroupListResult { conversation_group_list: node.head(&caller.user).await?.group_names });
        }
        ClientCall::DeleteConversationGroup(params) => Change::DeleteGroup(params.group_name),
        ClientCall::RenameConversationGroup(params) => {
            Change::RenameGroup { old_name: params.old_name, new_name: params.new_name }
        }
        ClientCall::GetConversation(params) => return conversation(node, caller, params.conversation_id).await,
        ClientCall::GetConversations(params) => return conversations(node, caller, &params.conversation_id_list).await,
        ClientCall::GetTotalUnreadMessageCount => {
            let head = node.head(&caller.user).await?;
            let (total_unread_count, version) = (head.total_unread, head.cursor.version);
            return encode(&TotalResult { total_unread_count, version });
        }
        ClientCall::Ping => return session_only(caller, "ping").map(|_| empty_result()),
        ClientCall::Probe(params) => {
            let cursor: Option<Cursor> = params.cursor.parse().ok();
            let head = node.head(&caller.user).await?;
            let up_to_date = match &caller.session {
                Some(session) => session.probe(cursor, &head),
                None => cursor == Some(head.cursor),
            };
            return encode(&ProbeResult { up_to_date });
        }
        ClientCall::RefreshToken(params) => {
            let session = session_only(caller, "refreshToken")?;
            let identity = node.in_force().authenticator.identify(&params.token).await?;
            if identity.user != caller.user {
                let message = "params.token: expected a token of the same user";
                return Err(ApiError::new(ErrorKind::NotAuthenticated, message));
            }
            let head = node.head(&caller.user).await?;
            if head.is_kicked(session.lease().device.as_ref(), identity.issued_at_us) {
                let message = "params.token: expected a token issued after the kick";
                return Err(ApiError::new(ErrorKind::NotAuthenticated, message));
            }
            let (issued_at_us, expires_at) = (identity.issued_at_us, identity.deadline());
            session.input(Input::TokenRefreshed { issued_at_us, expires_at });
            return Ok(empty_result());
        }
        ClientCall::SetReceiveMessageOpt(params) => {
            let changes = params.conversation_id_list.iter().map(|id| Change::ReceiveOption {
                conversation_id: id.clone(),
                recv_opt: params.recv_opt,
                if_version: params.if_version,
            });
            return batch(node, caller, &params.conversation_id_list, changes.collect()).await;
        }
        ClientCall::MarkConversation(params) => {
            let changes = params.conversation_id_list.iter().map(|id| Change::Mark {
                conversation_id: id.clone(),
                marks: params.mark_type,
                is_set: params.enable_mark,
                if_version: params.if_version,
            });
            return batch(node, caller, &params.conversation_id_list, changes.collect()).await;
        }
        ClientCall::SetConversationCustomData(params) => {
            let changes = params.conversation_id_list.iter().map(|id| Change::CustomData {
                conversation_id: id.clone(),
                custom_data: params.custom_data.clone(),
                if_version: params.if_version,
            });
            return batch(node, caller, &params.conversation_id_list, changes.collect()).await;
        }
        ClientCall::DeleteConversationList(params) => {
            let changes = params.conversation_id_list.iter().cloned().map(Change::Delete);
            return batch(node, caller, &params.conversation_id_list, changes.collect()).await;
        }
        ClientCall::DeleteConversation(params) => Change::Delete(params.conversation_id),
        ClientCall::PinConversation(params) => Change::Pin {
            conversation_id: params.conversation_id,
            is_pinned: params.is_pinned,
            if_version: params.if_version,
        },
        ClientCall::SetConversationDraft(params) => Change::Draft {
            conversation_id: params.conversation_id,
            text: params.draft_text,
            if_version: params.if_version,
        },
        ClientCall::ClearHistoryMessage(params) => Change::ClearHistory(params.conversation_id),
        ClientCall::CleanConversationUnreadMessageCount(scope, params) => {
            Change::Read(scope, ReadUpTo { timestamp: params.clean_timestamp, sequence: params.clean_sequence })
        }
    };
    apply(node, caller, vec![change]).await.remove(0).map_err(write_error)?;
    Ok(empty_result())
}

/// Makes changes; a client that hangs up stops nothing that was begun.
async fn apply(node: &Node, caller: &Caller, changes: Vec<Change>) -> Vec<Result<Outcome, WriteError>> {
    node.writer.apply_all(changes.into_iter().map(|change| (caller.user.clone(), change))).await
}

async fn batch(node: &Arc<Node>, caller: &Caller, ids: &[ConversationId], changes: Vec<Change>) -> CallResult {
    batch_result(ids, apply(node, caller, changes).await)
}

/// A batch about one conversation group, whose absence is the call's refusal.
async fn group_batch(node: &Arc<Node>, caller: &Caller, ids: &[ConversationId], changes: Vec<Change>) -> CallResult {
    let outcomes = apply(node, caller, changes).await;
    match outcomes.first() {
        Some(Err(WriteError::Refused(Refusal::UnknownGroup))) => {
            Err(write_error(WriteError::Refused(Refusal::UnknownGroup)))
        }
        Some(_) | None => batch_result(ids, outcomes),
    }
}

/// Makes a group, if it is not there, and puts conversations into it.
async fn create_group(node: &Arc<Node>, caller: &Caller, params: GroupParams) -> CallResult {
    let GroupParams { group_name, conversation_id_list } = params;
    let adds = conversation_id_list.iter().cloned().map(|conversation_id| {
        let name = group_name.clone();
        Change::AddToGroup { conversation_id, name }
    });
    let changes = [Change::CreateGroup(group_name.clone())].into_iter().chain(adds).collect();
    let mut outcomes = apply(node, caller, changes).await;
    outcomes.remove(0).map_err(write_error)?;
    batch_result(&conversation_id_list, outcomes)
}

fn batch_result(ids: &[ConversationId], outcomes: Vec<Result<Outcome, WriteError>>) -> CallResult {
    let result = |(id, outcome): (&ConversationId, Result<Outcome, WriteError>)| {
        let error = outcome.map_err(write_error).err();
        IdResult {
            conversation_id: id.clone(),
            result_code: error.as_ref().map_or(0, |error| error.kind.code()),
            result_info: error.as_ref().map_or_else(String::new, |error| error.message.clone()),
            conversation: error.and_then(|error| error.conversation),
        }
    };
    encode(&BatchResult { result_list: ids.iter().zip(outcomes).map(result).collect() })
}

async fn conversation(node: &Node, caller: &Caller, id: ConversationId) -> CallResult {
    let (_, mut rows) = node.store.rows(&caller.user, &[id]).await.map_err(|error| store_error(&error))?;
    match rows.pop().flatten() {
        Some(row) => Ok(raw(format!(r#"{{"conversation":{}}}"#, row.json))),
        None => Err(ApiError::new(
            ErrorKind::UnknownConversation,
            "params.conversationID: the conversation is not in the list",
        )),
    }
}

async fn conversations(node: &Node, caller: &Caller, ids: &[ConversationId]) -> CallResult {
    let (_, rows) = node.store.rows(&caller.user, ids).await.map_err(|error| store_error(&error))?;
    let result = |(id, row): (&ConversationId, &Option<RowState>)| {
        let (result_code, result_info) = match row {
            Some(_) => (0, String::new()),
            None => (ErrorKind::UnknownConversation.code(), Refusal::UnknownConversation.to_string()),
        };
        IdResult { conversation_id: id.clone(), result_code, result_info, conversation: None }
    };
    let results = encode(&ids.iter().zip(&rows).map(result).collect::<Vec<_>>())?;
    let found: Vec<RowState> = rows.into_iter().flatten().collect();
    Ok(raw(format!(r#"{{"conversationList":{},"resultList":{results}}}"#, list(&found))))
}

fn session_only<'a>(caller: &'a Caller, method: &str) -> Result<&'a Arc<crate::live::LiveSession>, ApiError> {
    caller.session.as_ref().ok_or_else(|| {
        ApiError::new(ErrorKind::UnknownMethod, format!("method: {method} is for WebSocket sessions only"))
    })
}

/// `{conversationList, nextSeq, isFinished}`, and for the first page the cursor.
fn page_result(page: &Page, is_first: bool) -> Box<serde_json::value::RawValue> {
    let rows = list(&page.rows);
    let mut json = String::with_capacity(rows.len() + 128);
    json.push_str(r#"{"conversationList":"#);
    json.push_str(&rows);
    json.push_str(&format!(r#","nextSeq":{},"isFinished":{}"#, page.next_seq, page.is_finished));
    if is_first {
        json.push_str(&format!(r#","cursor":"{}""#, page.head.cursor));
    }
    json.push('}');
    raw(json)
}
