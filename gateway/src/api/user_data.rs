//! What a backend does with all that is kept of one user: import, export, deletion.

use super::{CallResult, encode, raw, sessions, store_error, write_error};
use crate::node::Node;
use conversation_protocol::{
    UserId,
    method::IdResult,
    server::{ImportParams, ImportResult, KickUserParams},
};
use conversation_store::rules::Change;
use std::{collections::HashSet, sync::Arc};

/// What the sessions of a user are told whose data go.
const DELETED: &str = "the user was deleted";

/// Makes the rows that are not there, the last one first: each step then puts its rows above those before it, and an
/// import that is cut short and repeated still ends in the order of the list.
pub(super) async fn import(node: &Arc<Node>, params: ImportParams) -> CallResult {
    let ImportParams { user_id, conversation_list, conversation_group_list } = params;
    let mut named = HashSet::new();
    let names = conversation_list.iter().flat_map(|row| &row.conversation_group_list);
    let names: Vec<String> =
        conversation_group_list.iter().chain(names).filter(|name| named.insert(name.as_str())).cloned().collect();
    let ids: Vec<_> = conversation_list.iter().map(|row| row.conversation_id.clone()).collect();
    let groups = names.iter().cloned().map(Change::CreateGroup);
    let rows = conversation_list.into_iter().rev().map(|row| Change::Import(Arc::new(row)));
    let changes = groups.chain(rows).map(|change| (user_id.clone(), change));
    let mut outcomes = node.writer.apply_all(changes).await.into_iter();
    // A group that could not be made fails with the rows that are to be in it.
    for outcome in outcomes.by_ref().take(names.len()) {
        match outcome {
            Ok(_) | Err(conversation_store::WriteError::Refused(_)) => {}
            Err(error) => return Err(write_error(error)),
        }
    }
    let mut result = ImportResult::default();
    for (conversation_id, outcome) in ids.into_iter().rev().zip(outcomes) {
        match outcome.map_err(write_error) {
            Ok(outcome) if outcome.changed > 0 => result.applied += 1,
            Ok(_) => result.duplicates += 1,
            Err(error) => result.failed.push(IdResult {
                conversation_id,
                result_code: error.kind.code(),
                result_info: error.message,
                conversation: None,
            }),
        }
    }
    result.failed.reverse();
    encode(&result)
}

/// The whole list and the names of the groups, as they are at one moment.
pub(super) async fn export(node: &Node, user: &UserId) -> CallResult {
    let page = node.store.page(user, 0, u32::MAX).await.map_err(|error| store_error(&error))?;
    let names = encode(&page.head.group_names)?;
    let rows = super::list(&page.rows);
    Ok(raw(format!(r#"{{"conversationList":{rows},"conversationGroupList":{names}}}"#)))
}

/// Ends the user's sessions, then forgets everything; a change that comes later begins anew.
pub(super) async fn delete(node: &Arc<Node>, user_id: UserId) -> CallResult {
    let kick = KickUserParams { user_id: user_id.clone(), device: None, reason: DELETED.to_owned() };
    let kicked = sessions::kick(node, kick).await?;
    node.store.delete_user(&user_id).await.map_err(|error| store_error(&error))?;
    Ok(kicked)
}
