//! Whether everybody has what was posted: clients against the server, the server against the model.

use super::{filters, lane::Answered, plan::ConversationPlan};
use crate::{
    client::{Client, state::ClientState},
    http::{BaseUrl, CallError, Http},
    model::{ClientOutcome, Effect, Model, RowOutcome, assert_order, assert_same_rows},
};
use conversation_protocol::{
    Conversation, ConversationId, ErrorKind, UserId,
    method::{BatchResult, ClientCall, GroupListResult, PageResult, TotalResult},
    server::{ApplyResult, ServerCall},
};
use serde_json::json;
use std::collections::BTreeSet;

/// What was posted, as the model sees it.
#[derive(Default)]
pub(super) struct Posted {
    pub(super) model: Model,
    /// Rows about which a call was never answered, so that they cannot be known.
    pub(super) unknown: BTreeSet<(UserId, ConversationId)>,
    /// Answers that are not what the model expects.
    pub(super) wrong_answers: Vec<String>,
}

impl Posted {
    /// Takes over what was asked and answered about one conversation, in its order.
    pub(super) fn add(&mut self, plan: &ConversationPlan, log: &[Answered]) {
        for answered in log {
            let operation = &answered.operation;
            let params = operation.params.to_string();
            let Some(outcome) = &answered.outcome else {
                let rows = plan.members.iter().map(|member| (member.id.clone(), member.conversation_id.clone()));
                self.unknown.extend(rows);
                return;
            };
            let wrong = match &answered.user {
                None => match ServerCall::parse(operation.method, &params) {
                    Ok(call) => {
                        let expected = self.model.apply_server(&call).rows;
                        check_server(&call, &expected, outcome, answered.is_repeated)
                    }
                    Err(error) => Err(error.to_string()),
                },
                Some(user) => match ClientCall::parse(operation.method, &params) {
                    Ok(call) => check_client(&self.model.apply_client(user, &call), outcome, answered.is_repeated),
                    Err(error) => Err(error.to_string()),
                },
            };
            if let Err(wrong) = wrong {
                self.wrong_answers.push(format!("{} {params}: {wrong}", operation.method));
            }
        }
    }
}

fn check_server(
    call: &ServerCall,
    expected: &[(UserId, RowOutcome)],
    outcome: &Result<serde_json::Value, u32>,
    is_repeated: bool,
) -> Result<(), String> {
    // A read that the backend reports for one user may be refused as a whole or for its user.
    if let (ServerCall::MarkRead(..), [(_, Err(kind))]) = (call, expected) {
        let code = match outcome {
            Err(code) => Some(*code),
            Ok(value) => value["failed"][0]["code"].as_u64().map(|code| code as u32),
        };
        return if code == Some(kind.code()) {
            Ok(())
        } else {
            Err(format!("expected error {}, got {outcome:?}", kind.code()))
        };
    }
    let value = outcome.as_ref().map_err(|code| format!("expected a result, got error {code}"))?;
    let result: ApplyResult = serde_json::from_value(value.clone())
        .map_err(|error| format!("expected counts of rows, got {value}: {error}"))?;
    let told = result.applied + result.duplicates + result.queued + result.failed.len() as u64;
    if told != expected.len() as u64 {
        return Err(format!("expected counts of {} rows, got {value}", expected.len()));
    }
    if !result.failed.is_empty() {
        return Err(format!("expected no failures, got {value}"));
    }
    let count = |from: Effect| expected.iter().filter(|(_, row)| row.is_ok_and(|effect| effect >= from)).count() as u64;
    let (least, most) = (count(Effect::Changed), count(Effect::Hidden));
    if !is_repeated && result.queued == 0 && !(least..=most).contains(&result.applied) {
        return Err(format!("expected {least} to {most} rows applied, got {value}"));
    }
    Ok(())
}

fn check_client(
    expected: &ClientOutcome,
    outcome: &Result<serde_json::Value, u32>,
    is_repeated: bool,
) -> Result<(), String> {
    match (expected, outcome) {
        (ClientOutcome::Query, _) => Ok(()),
        // What was renamed or deleted by the first call, whose answer was lost, is not there for the second.
        (ClientOutcome::Whole(Ok(_)), Err(code)) if is_repeated && *code == ErrorKind::UnknownGroup.code() => Ok(()),
        (ClientOutcome::Whole(expected), outcome) => {
            let expected = expected.err().map(|kind| kind.code());
            let got = outcome.as_ref().err().copied();
            if expected == got { Ok(()) } else { Err(format!("expected error {expected:?}, got {got:?}")) }
        }
        (ClientOutcome::PerId(_), Err(code)) => Err(format!("expected results per id, got error {code}")),
        (ClientOutcome::PerId(expected), Ok(value)) => {
            let result: BatchResult = serde_json::from_value(value.clone())
                .map_err(|error| format!("expected results per id, got {value}: {error}"))?;
            let expected: Vec<_> = expected
                .iter()
                .map(|(id, outcome)| (id.clone(), outcome.err().map_or(0, |kind| kind.code())))
                .collect();
            let got: Vec<_> =
                result.result_list.into_iter().map(|entry| (entry.conversation_id, entry.result_code)).collect();
            if expected == got { Ok(()) } else { Err(format!("expected {expected:?}, got {got:?}")) }
        }
    }
}

/// A user's list, total and names of conversation groups, as the server gives them.
pub(crate) struct ServerRows {
    pub(crate) rows: Vec<Conversation>,
    pub(crate) total: u64,
    pub(crate) group_names: BTreeSet<String>,
}

/// Reads all pages, `count` rows each.
pub(crate) async fn read_server(http: &Http, url: &BaseUrl, token: &str, count: u32) -> Result<ServerRows, CallError> {
    let mut rows: Vec<Conversation> = Vec::new();
    let mut next_seq = 0;
    let unexpected = |error: serde_json::Error| CallError::Unanswered(format!("not the expected result: {error}"));
    // More pages than a list may have would mean that it never ends.
    for _ in 0..=5_000 {
        let params = json!({"nextSeq": next_seq, "count": count}).to_string();
        let page = http.post(url, "/v1/getConversationList", token, params).await?;
        let page: PageResult = serde_json::from_value(page).map_err(unexpected)?;
        rows.extend(page.conversation_list);
        next_seq = page.next_seq;
        if page.is_finished {
            let total = http.post(url, "/v1/getTotalUnreadMessageCount", token, "{}".to_owned()).await?;
            let total: TotalResult = serde_json::from_value(total).map_err(unexpected)?;
            let names = http.post(url, "/v1/getConversationGroupList", token, "{}".to_owned()).await?;
            let names: GroupListResult = serde_json::from_value(names).map_err(unexpected)?;
            let group_names = names.conversation_group_list.into_iter().collect();
            return Ok(ServerRows { rows, total: total.total_unread_count, group_names });
        }
    }
    Err(CallError::Unanswered("the pages of the list never end".to_owned()))
}

/// A client has exactly the server's rows, in the server's order, and its total.
pub(crate) fn client_agrees(client: &Client, server: &ServerRows) -> Result<(), String> {
    client.with_state(|state| state_agrees(state, server)).map_err(|problem| format!("{}: {problem}", client.user()))
}

fn state_agrees(state: &ClientState, server: &ServerRows) -> Result<(), String> {
    if !state.is_complete() {
        return Err(format!("the client is {:?}, paging {:?}", state.phase(), state.paging()));
    }
    let mine = state.list();
    if let Some((mine, theirs)) = mine.iter().zip(&server.rows).find(|(mine, theirs)| mine != theirs) {
        return Err(format!("the client has {mine:?}, the server {theirs:?}"));
    }
    if mine.len() != server.rows.len() {
        return Err(format!("the client has {} rows, the server {}", mine.len(), server.rows.len()));
    }
    if *state.group_names() != server.group_names {
        return Err(format!("the client has groups {:?}, the server {:?}", state.group_names(), server.group_names));
    }
    for (filter, total) in state.filter_totals() {
        let expected = filters::total_of(&server.rows, filter);
        if total != Some(expected) {
            return Err(format!("the client has total {total:?} of {filter:?}, the server {expected}"));
        }
    }
    match state.total() {
        Some(total) if total == server.total => Ok(()),
        total => Err(format!("the client has total {total:?}, the server {}", server.total)),
    }
}

/// The server's rows are those that follow from what was posted and answered, if that is known; in any case their
/// order and their total are right.
pub(super) fn server_agrees(user: &UserId, server: &ServerRows, posted: Option<&Posted>) -> Result<(), String> {
    let of_user = |problem: String| format!("{user}: {problem}");
    assert_order(&server.rows).map_err(of_user)?;
    let sum: u64 = server.rows.iter().filter(|row| u8::from(row.recv_opt) == 0).map(|row| row.unread_count).sum();
    if sum != server.total {
        return Err(of_user(format!("the server's total is {}, the sum of its rows {sum}", server.total)));
    }
    let Some(posted) = posted else { return Ok(()) };
    let expected: BTreeSet<String> = posted.model.group_names(user).into_iter().collect();
    if expected != server.group_names && !posted.unknown.iter().any(|(other, _)| other == user) {
        return Err(of_user(format!("expected groups {expected:?}, the server has {:?}", server.group_names)));
    }
    let is_known = |row: &&Conversation| !posted.unknown.contains(&(user.clone(), row.conversation_id.clone()));
    let expected: Vec<Conversation> = posted.model.rows(user).iter().filter(is_known).cloned().collect();
    let actual: Vec<Conversation> = server.rows.iter().filter(is_known).cloned().collect();
    assert_same_rows(&expected, &actual).map_err(of_user)
}

#[cfg(test)]
mod tests {
    use super::super::{
        operation::{Caller, Operation},
        plan::Member,
    };
    use super::*;
    use crate::client::state::ClientState;
    use conversation_protocol::event::ReceivedFrame;
    use serde_json::Value;

    fn bob() -> UserId {
        "bob".parse().unwrap()
    }

    fn send(seq: u64) -> Value {
        json!({"conversation": {"type": 2, "groupID": "g"}, "sender": "alice", "recipients": ["bob"],
            "message": {"msgID": format!("m{seq}"), "seq": seq, "timestamp": 5, "text": "hi"}})
    }

    fn applied(rows: u64) -> Option<Result<Value, u32>> {
        Some(Ok(json!({"applied": rows, "duplicates": 1 - rows, "queued": 0, "failed": []})))
    }

    fn answered(
        user: Option<UserId>,
        method: &'static str,
        params: Value,
        outcome: Option<Result<Value, u32>>,
    ) -> Answered {
        let caller = if user.is_some() { Caller::Member(0) } else { Caller::Backend };
        let operation = Operation { caller, method, params, timed_seq: None };
        Answered { operation, user, outcome, is_repeated: false }
    }

    fn posted(log: &[Answered]) -> Posted {
        let id: ConversationId = "group_g".parse().unwrap();
        let member = Member { user: 0, id: bob(), conversation_id: id, has_session: true, may_pin: true, folder: None };
        let plan = ConversationPlan { group: None, is_audience: false, members: vec![member] };
        let mut posted = Posted::default();
        posted.add(&plan, log);
        posted
    }

    fn one_message() -> Posted {
        posted(&[answered(None, "sendMessage", send(1), applied(1))])
    }

    fn server(posted: &Posted) -> ServerRows {
        let mut rows = posted.model.rows(&bob());
        rows.iter_mut().for_each(|row| row.version = 9);
        ServerRows { rows, total: posted.model.total(&bob()), group_names: BTreeSet::new() }
    }

    #[test]
    fn a_server_that_lost_changed_or_invented_a_row_is_found_out() {
        let posted = one_message();
        assert_eq!(server_agrees(&bob(), &server(&posted), Some(&posted)), Ok(()));
        let lost = ServerRows { rows: Vec::new(), total: 0, group_names: BTreeSet::new() };
        assert!(server_agrees(&bob(), &lost, Some(&posted)).unwrap_err().contains("group_g: expected in the list"));
        let mut changed = server(&posted);
        changed.rows[0].last_message.as_mut().unwrap().text = "ho".to_owned();
        assert!(server_agrees(&bob(), &changed, Some(&posted)).unwrap_err().contains("lastMessage"));
        let mut total = server(&posted);
        total.total = 2;
        assert!(server_agrees(&bob(), &total, Some(&posted)).unwrap_err().contains("the sum of its rows 1"));
        assert!(server_agrees(&bob(), &server(&posted), Some(&Posted::default())).is_err());
    }

    #[test]
    fn an_answer_that_the_model_does_not_expect_is_found_out() {
        let first = || answered(None, "sendMessage", send(1), applied(1));
        let wrong = |second: Answered| posted(&[first(), second]).wrong_answers.len();
        assert_eq!(wrong(answered(None, "sendMessage", send(1), applied(0))), 0);
        assert_eq!(wrong(answered(None, "sendMessage", send(1), applied(1))), 1);
        assert_eq!(wrong(answered(None, "sendMessage", send(2), applied(0))), 1);
        assert_eq!(wrong(answered(None, "sendMessage", send(2), Some(Err(6017)))), 1);
        let clear = |id: &str, outcome| {
            answered(Some(bob()), "clearHistoryMessage", json!({ "conversationID": id }), Some(outcome))
        };
        assert_eq!(wrong(clear("group_g", Ok(json!({})))), 0);
        assert_eq!(wrong(clear("group_g", Err(6004))), 1);
        assert_eq!(wrong(clear("group_absent", Err(6004))), 0);
    }

    #[test]
    fn a_call_without_an_answer_makes_only_its_row_unknown() {
        let posted = posted(&[answered(None, "sendMessage", send(1), None)]);
        assert_eq!(posted.unknown.len(), 1);
        assert_eq!(server_agrees(&bob(), &server(&one_message()), Some(&posted)), Ok(()));
    }

    #[test]
    fn a_client_that_lacks_a_row_or_a_total_is_found_out() {
        let server = server(&one_message());
        let client = |rows: &[Conversation], total: u64| {
            let mut state = ClientState::default();
            state.connected();
            let mut frames = vec![json!({"event": "syncServerStart", "data": {"mode": "full"}})];
            if !rows.is_empty() {
                frames.push(json!({"event": "newConversation", "data": {"conversationList": rows}}));
            }
            let of_total = json!({"totalUnreadCount": total, "version": 9});
            frames.push(json!({"event": "totalUnreadMessageCountChanged", "data": of_total}));
            let finish = json!({"mode": "full", "nextSeq": 0, "isFinished": true, "conversationGroupList": [],
                "conversationCount": rows.len()});
            frames.push(json!({"event": "syncServerFinish", "cursor": "7:9", "data": finish}));
            for frame in frames {
                state.frame(&serde_json::from_value::<ReceivedFrame>(frame).unwrap(), |_, _| {});
            }
            state_agrees(&state, &server)
        };
        assert_eq!(client(&server.rows, 1), Ok(()));
        assert!(client(&[], 1).unwrap_err().contains("the client has 0 rows, the server 1"));
        assert!(client(&server.rows, 2).unwrap_err().contains("total Some(2)"));
        let mut older = server.rows.clone();
        older[0].version = 8;
        assert!(client(&older, 1).unwrap_err().contains("the client has Conversation"));
        assert!(state_agrees(&ClientState::default(), &server).unwrap_err().contains("Offline"));
    }
}
