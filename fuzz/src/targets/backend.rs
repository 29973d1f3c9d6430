//! What backends say: methods with their params, and batches of them.

use super::calls::check_call;
use crate::{check_error, check_round_trip, two_parts};
use conversation_protocol::{
    limits::{BATCH_ENTRIES_MAX, IMPORT_ROWS_MAX, RECIPIENTS_MAX, TEXT_BYTES_MAX},
    server::ServerCall,
};

/// A method and params are a call within its bounds, or an error.
pub(crate) fn backend(bytes: &[u8]) {
    let Some((method, params)) = two_parts(bytes) else { return };
    check(method, params);
}

fn check(method: &str, params: &str) {
    let call = match ServerCall::parse(method, params) {
        Ok(call) => call,
        Err(error) => return check_error(&error),
    };
    assert!(call.recipients() <= RECIPIENTS_MAX);
    match &call {
        ServerCall::SendMessage(params) => {
            assert!(params.message.text.len() <= TEXT_BYTES_MAX);
            check_round_trip(params);
        }
        ServerCall::ModifyMessage(params) => {
            assert!(params.message.text.len() <= TEXT_BYTES_MAX);
            check_round_trip(params);
        }
        ServerCall::RevokeMessage(params) => check_round_trip(params),
        ServerCall::DeleteMessage(params) => check_round_trip(params),
        ServerCall::SetProfile(params) => check_round_trip(params),
        ServerCall::JoinGroup(params) => check_round_trip(params),
        ServerCall::MarkRead(_, _, params) => check_round_trip(params),
        ServerCall::DeleteConversation(params) => check_round_trip(params),
        ServerCall::Read(_, call) => check_call(call),
        ServerCall::ImportConversations(params) => assert!(params.conversation_list.len() <= IMPORT_ROWS_MAX),
        ServerCall::ExportUser(params) | ServerCall::DeleteUser(params) | ServerCall::GetUserSessions(params) => {
            check_round_trip(params);
        }
        ServerCall::KickUser(params) => check_round_trip(params),
        ServerCall::Batch(entries) => {
            assert!((1..=BATCH_ENTRIES_MAX).contains(&entries.len()));
            for entry in entries.iter().filter(|entry| entry.method != "batch") {
                check(&entry.method, entry.params.get());
            }
        }
    }
}
