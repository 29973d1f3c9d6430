//! How the calls about one conversation are made: one after the other, each until it is answered.
//!
//! The order of the answers is then the order of the changes, which the model needs. Different conversations run
//! at once.

use super::{
    latency::Due,
    operation::{Caller, Conversation, Operation},
};
use crate::{
    client::Client,
    clock,
    http::{BaseUrl, CallError, Http},
};
use conversation_protocol::{ErrorKind, UserId, method::BatchResult, server::ApplyResult};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long to wait before a call without an answer is repeated; what is left of it in the server is done by then.
const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// What all lanes share.
pub(super) struct World {
    pub(super) urls: Vec<BaseUrl>,
    pub(super) api_key: String,
    pub(super) http: Http,
    /// The clients of each user that has any.
    pub(super) clients: HashMap<UserId, Vec<Arc<Client>>>,
    /// How long a call is repeated, in microseconds.
    pub(super) repeat_us: u64,
    /// Calls under way at once.
    pub(super) in_flight: Semaphore,
    pub(super) tally: Tally,
}

/// What the calls came to, in numbers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) answered: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) repeated: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) outstanding: AtomicUsize,
    round_robin: AtomicUsize,
}

/// A call, and how it was answered in the end.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) operation: Operation,
    pub(super) user: Option<UserId>,
    /// The result, or the error's code; `None`: never answered.
    pub(super) outcome: Option<Result<Value, u32>>,
    /// Whether it was asked more than once, so that its counts may be those of a repetition.
    pub(super) is_repeated: bool,
}

struct Queue {
    /// When each waiting call is due.
    due_us: VecDeque<u64>,
    is_busy: bool,
}

struct Work {
    conversation: Conversation,
    log: Vec<Answered>,
}

/// One conversation's calls.
pub(super) struct Lane {
    queue: Mutex<Queue>,
    work: tokio::sync::Mutex<Work>,
    pub(super) due: Arc<Due>,
}

impl Lane {
    pub(super) fn new(conversation: Conversation) -> Self {
        Self {
            queue: Mutex::new(Queue { due_us: VecDeque::new(), is_busy: false }),
            work: tokio::sync::Mutex::new(Work { conversation, log: Vec::new() }),
            due: Arc::default(),
        }
    }

    /// Makes the rows, before the time is measured.
    pub(super) async fn prepare(&self, world: &World) {
        let mut work = self.work.lock().await;
        let operation = work.conversation.first();
        let answered = perform(world, &work.conversation, operation).await;
        work.log.push(answered);
    }

    /// Queues a call; a task works the queue off as long as there is something in it.
    pub(super) fn push(self: &Arc<Self>, world: &Arc<World>, due_us: u64) {
        world.tally.outstanding.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.due_us.push_back(due_us);
        if !std::mem::replace(&mut queue.is_busy, true) {
            tokio::spawn(self.clone().work_off(world.clone()));
        }
    }

    async fn work_off(self: Arc<Self>, world: Arc<World>) {
        let mut work = self.work.lock().await;
        while let Some(due_us) = self.pop() {
            let operation = work.conversation.next();
            if let Some(seq) = operation.timed_seq {
                self.due.set(seq, due_us);
            }
            if let ("deleteMessage", Some(seq)) = (operation.method, operation.params["seq"].as_u64()) {
                // A client that has not seen it yet never will: the next message does not bring it.
                self.due.forget(seq);
            }
            let answered = perform(&world, &work.conversation, operation).await;
            work.log.push(answered);
            world.tally.outstanding.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn pop(&self) -> Option<u64> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let next = queue.due_us.pop_front();
        queue.is_busy = next.is_some();
        next
    }

    /// The conversation, and everything that was asked and answered about it.
    pub(super) async fn into_log(self: Arc<Self>) -> (super::plan::ConversationPlan, Vec<Answered>) {
        let mut work = self.work.lock().await;
        (work.conversation.plan().clone(), std::mem::take(&mut work.log))
    }
}

/// Makes a call until it is answered, or for as long as it may take.
async fn perform(world: &World, conversation: &Conversation, operation: Operation) -> Answered {
    let user = match &operation.caller {
        Caller::Backend => None,
        Caller::Member(member) => Some(conversation.plan().members[*member].id.clone()),
    };
    let begun_us = clock::now_us();
    let mut is_repeated = false;
    let mut turn = world.tally.round_robin.fetch_add(1, Ordering::Relaxed);
    loop {
        let answer = {
            let _permit = world.in_flight.acquire().await;
            call(world, user.as_ref(), &operation, turn).await
        };
        if let Some(outcome) = settled(answer) {
            let counter = if outcome.is_ok() { &world.tally.answered } else { &world.tally.refused };
            counter.fetch_add(1, Ordering::Relaxed);
            return Answered { operation, user, outcome: Some(outcome), is_repeated };
        }
        if clock::now_us() - begun_us > world.repeat_us {
            world.tally.given_up.fetch_add(1, Ordering::Relaxed);
            return Answered { operation, user, outcome: None, is_repeated };
        }
        is_repeated = true;
        // Where one node gives no answer, the next may.
        turn += 1;
        world.tally.repeated.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(REPEAT_AFTER).await;
    }
}

async fn call(world: &World, user: Option<&UserId>, operation: &Operation, turn: usize) -> Result<Value, CallError> {
    match user {
        None => {
            let url = &world.urls[turn % world.urls.len()];
            let path = format!("/server/v1/{}", operation.method);
            world.http.post(url, &path, &world.api_key, operation.params.to_string()).await
        }
        Some(user) => {
            let clients = world.clients.get(user).filter(|clients| !clients.is_empty());
            let clients = clients.ok_or_else(|| CallError::Unanswered(format!("{user} has no client")))?;
            clients[turn % clients.len()].call(operation.method, operation.params.clone()).await
        }
    }
}

/// The answer, if it says for certain what became of the call.
fn settled(answer: Result<Value, CallError>) -> Option<Result<Value, u32>> {
    let is_passing = |code: u32| {
        [ErrorKind::TooFrequent, ErrorKind::Internal, ErrorKind::NotAuthenticated]
            .iter()
            .any(|kind| kind.code() == code)
    };
    match answer {
        Err(CallError::Unanswered(_)) => None,
        Err(CallError::Answered(error)) => (!is_passing(error.code)).then_some(Err(error.code)),
        Ok(value) => {
            let of_users: Option<ApplyResult> = serde_json::from_value(value.clone()).ok();
            let of_ids: Option<BatchResult> = serde_json::from_value(value.clone()).ok();
            let has_passing = of_users.is_some_and(|result| result.failed.iter().any(|failed| is_passing(failed.code)))
                || of_ids.is_some_and(|result| result.result_list.iter().any(|entry| is_passing(entry.result_code)));
            (!has_passing).then_some(Ok(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation_protocol::error::ErrorBody;
    use serde_json::json;

    fn error(code: u32) -> Result<Value, CallError> {
        Err(CallError::Answered(ErrorBody { code, message: "x".to_owned(), conversation: None }))
    }

    #[test]
    fn only_a_final_answer_settles_a_call() {
        assert_eq!(settled(Err(CallError::Unanswered("x".to_owned()))), None);
        assert_eq!((settled(error(7008)), settled(error(50004))), (None, None));
        assert_eq!(settled(error(6004)), Some(Err(6004)));
        let failed = |code: u32| json!({"applied": 0, "duplicates": 0, "queued": 0, "failed": [{"userID": "a", "code": code, "message": ""}]});
        assert_eq!(settled(Ok(failed(50004))), None);
        assert_eq!(settled(Ok(failed(6004))), Some(Ok(failed(6004))));
        let of_ids =
            |code: u32| json!({"resultList": [{"conversationID": "c2c_a", "resultCode": code, "resultInfo": ""}]});
        assert_eq!(settled(Ok(of_ids(50004))), None);
        assert_eq!(settled(Ok(of_ids(6004))), Some(Ok(of_ids(6004))));
        assert_eq!(settled(Ok(json!({}))), Some(Ok(json!({}))));
    }
}
