//! How the messages are sent: when they are due, whatever became of earlier ones.

use super::{
    BurstOptions,
    fates::{Fates, message_id},
};
use crate::{
    clock,
    http::{CallError, Http},
    progress::Progress,
    run::Schedule,
};
use conversation_protocol::{ErrorKind, UserId, server::ApplyResult};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::sync::Semaphore;

/// Calls under way at once: fewer than the gaps in a row's seqs that the rules keep apart, so that no message that is
/// overtaken by others counts as one that came before.
const CALLS_MAX: usize = 128;
/// Messages that may be due and not answered; further ones are not sent.
const OUTSTANDING_MAX: usize = 50_000;
/// How often due messages are looked for.
const TICK: Duration = Duration::from_millis(2);
/// How long a message whose fate is not known is sent again, and how long between.
const REPEAT_US: u64 = 60_000_000;
const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// By all members but these.
    Accepted(Vec<u32>),
    Refused {
        has_hint: bool,
    },
    /// Nothing for certain.
    Nothing,
}

struct Sender<'a> {
    options: &'a BurstOptions,
    http: &'a Http,
    run: &'a str,
    fates: &'a Fates,
    recipients: String,
    /// The place of each member.
    places: HashMap<UserId, u32>,
    in_flight: Semaphore,
}

/// Sends for as long as the options say, and waits for the answers.
pub(super) async fn send(
    options: &BurstOptions,
    http: &Http,
    run: &str,
    users: &[UserId],
    fates: &Fates,
    begun_us: u64,
    progress: &Progress,
) {
    let sender = Sender {
        options,
        http,
        run,
        fates,
        recipients: json!(users).to_string(),
        places: users.iter().cloned().zip(0..).collect(),
        in_flight: Semaphore::new(CALLS_MAX),
    };
    let (schedule, all) = (Schedule::new(begun_us, options.rate), (options.rate * options.seconds) as u64);
    let (mut calls, mut made) = (FuturesUnordered::new(), 0_u64);
    let mut ticks = tokio::time::interval(TICK);
    let step = progress.step("sending messages", all);
    loop {
        let due = schedule.due_by(clock::now_us()).min(all);
        while made < due {
            let due_us = schedule.due_us(made);
            made += 1;
            if calls.len() >= OUTSTANDING_MAX {
                fates.count(|tally| tally.overrun += 1);
                continue;
            }
            let seq = fates.due(due_us);
            calls.push(sender.send(seq));
        }
        step.reach(made);
        if made == all {
            break;
        }
        tokio::select! {
            _ = ticks.tick() => {}
            Some(()) = calls.next() => {}
        }
    }
    drop(step);
    let step = progress.step("waiting for answers", calls.len() as u64);
    while calls.next().await.is_some() {
        step.advance();
    }
}

impl Sender<'_> {
    /// Sends a message until it is known what becomes of it.
    async fn send(&self, seq: u64) {
        let Ok(_permit) = self.in_flight.acquire().await else { return };
        let (begun_us, mut is_doubtful) = (clock::now_us(), false);
        while clock::now_us() - begun_us < REPEAT_US {
            match self.call(seq).await {
                Said::Accepted(refused) if refused.is_empty() || !is_doubtful => {
                    return self.fates.accepted(seq, refused);
                }
                Said::Refused { has_hint } if !is_doubtful => return self.fates.refused(seq, has_hint),
                // An earlier call may have been done for those whom this one refuses.
                Said::Accepted(_) | Said::Refused { .. } => {}
                Said::Nothing => is_doubtful = true,
            }
            self.fates.count(|tally| tally.repeated += 1);
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        self.fates.count(|tally| tally.unknown += 1);
    }

    async fn call(&self, seq: u64) -> Said {
        let url = &self.options.target.url[seq as usize % self.options.target.url.len()];
        let (run, recipients) = (self.run, &self.recipients);
        let message = json!({"msgID": message_id(run, seq), "seq": seq, "timestamp": clock::unix_seconds(),
            "text": format!("message {seq}")});
        let body = format!(
            r#"{{"conversation":{{"type":2,"groupID":"{run}"}},"sender":"{run}-sender","recipients":{recipients},"message":{message}}}"#
        );
        let (answer, hint) = self.http.post_and_hint(url, "/server/v1/sendMessage", &self.options.api_key, body).await;
        said(answer, hint.is_some(), |user| self.places.get(user).copied())
    }
}

fn said(answer: Result<Value, CallError>, has_hint: bool, place: impl Fn(&UserId) -> Option<u32>) -> Said {
    let too_frequent = ErrorKind::TooFrequent.code();
    let value = match answer {
        Ok(value) => value,
        Err(error) if error.code() == Some(too_frequent) => return Said::Refused { has_hint },
        Err(_) => return Said::Nothing,
    };
    let Ok(result) = serde_json::from_value::<ApplyResult>(value) else { return Said::Nothing };
    let refused =
        result.failed.iter().map(|failed| if failed.code == too_frequent { place(&failed.user_id) } else { None });
    refused.collect::<Option<Vec<u32>>>().map_or(Said::Nothing, Said::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation_protocol::error::ErrorBody;

    #[test]
    fn an_answer_says_who_will_have_the_message() {
        let place = |user: &UserId| (user.as_str() == "bob").then_some(7);
        let failed = |user: &str, code: u32| json!({"applied": 0, "duplicates": 0, "queued": 3, "failed": [{"userID": user, "code": code, "message": "x"}]});
        let error = |code| Err(CallError::Answered(ErrorBody { code, message: "x".to_owned(), conversation: None }));
        let none = json!({"applied": 0, "duplicates": 0, "queued": 3, "failed": []});
        assert_eq!(said(Ok(none), false, place), Said::Accepted(Vec::new()));
        assert_eq!(said(Ok(failed("bob", 7008)), false, place), Said::Accepted(vec![7]));
        assert_eq!(said(Ok(failed("bob", 50004)), false, place), Said::Nothing);
        assert_eq!(said(Ok(failed("eve", 7008)), false, place), Said::Nothing);
        assert_eq!(said(error(7008), true, place), Said::Refused { has_hint: true });
        assert_eq!(said(error(50004), false, place), Said::Nothing);
        assert_eq!(said(Err(CallError::Unanswered("x".to_owned())), false, place), Said::Nothing);
    }
}
