//! A message to 10,000 users whose node dies under way: the backend sends it again, and everybody has it once.

use super::{acts::Act, processes::API_KEY};
use crate::{
    client::{Client, ClientOptions, NoObserver, connection::Transport},
    clock,
    http::{BaseUrl, CallError, Http},
    run::{client_agrees, read_server},
};
use conversation_protocol::{UserId, limits::RECIPIENTS_MAX, server::ApplyResult};
use rand::Rng;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// Messages; the first shows how long one takes, and each other one has a kill.
const MESSAGES: u64 = 6;
/// When a node dies, as a share of the time that a message takes.
const KILL_AFTER: std::ops::Range<f64> = 0.1..0.9;
/// How long a message is sent again.
const REPEAT_US: u64 = 120_000_000;
/// Recipients with a session.
const LISTENERS: usize = 20;
/// Users read in one call.
const READ_AT_ONCE: usize = 500;
/// How long listeners have to agree.
const AGREE_US: u64 = 60_000_000;

/// Kills a node in the middle of each message.
pub(super) async fn killed_in_fanout(act: &mut Act<'_>) -> Result<(), String> {
    let recipients: Vec<UserId> = (0..RECIPIENTS_MAX)
        .map(|n| format!("faults-fan{n}").parse().map_err(|error| format!("{error}")))
        .collect::<Result<_, _>>()?;
    let (http, urls, programs) = (Http::new(), act.stage.doors(), act.stage.programs.clone());
    let listeners: Vec<Client> = recipients
        .iter()
        .step_by(RECIPIENTS_MAX / LISTENERS)
        .enumerate()
        .map(|(n, user)| listen(act, &urls, n, user))
        .collect();
    let begun_us = clock::now_us();
    send(&http, &urls[0], &recipients, 1).await.map_err(|error| format!("message 1: {error}"))?;
    let takes = Duration::from_micros(clock::now_us() - begun_us);
    let mut repeats = Vec::new();
    for seq in 2..=MESSAGES {
        let at = seq as usize % urls.len();
        let wait = takes.mul_f64(act.random.random_range(KILL_AFTER));
        let node = &mut act.stage.nodes[at];
        let (answer, restarted) = tokio::join!(send(&http, &urls[at], &recipients, seq), async {
            sleep(wait).await;
            node.gateway.process.kill();
            if seq == MESSAGES {
                act.moments.over();
            }
            let begun_us = clock::now_us();
            let repeated = repeat(&http, &urls[(at + 1) % urls.len()], &recipients, seq, begun_us).await;
            (node.start_again(&programs).await, repeated)
        });
        let (started, repeated) = restarted;
        started?;
        let result = repeated?;
        if result.applied + result.duplicates + result.queued != RECIPIENTS_MAX as u64 {
            act.violation(format!("message {seq}: expected {RECIPIENTS_MAX} rows, got {result:?}"));
        }
        match answer {
            Ok(_) => repeats.push("answered before".to_owned()),
            Err(_) => repeats.push(result.duplicates.to_string()),
        }
    }
    act.note(format!(
        "{RECIPIENTS_MAX} rows took {:.1} s; when a message was sent again, there stood {}",
        takes.as_secs_f64(),
        repeats.join(", ")
    ));
    everybody_has_all(act, &http, &urls[0], &recipients).await?;
    listeners_agree(act, &http, &urls[0], listeners).await
}

fn listen(act: &Act<'_>, urls: &[BaseUrl], n: usize, user: &UserId) -> Client {
    let options = ClientOptions {
        urls: urls.to_vec(),
        first_url: n,
        user: user.clone(),
        device: None,
        transport: if n.is_multiple_of(4) { Transport::EventStream } else { Transport::WebSocket },
        tokens: act.tokens.clone(),
        http: Http::new(),
        window: None,
        since: None,
        filters: Vec::new(),
        source: None,
    };
    Client::start(options, NoObserver)
}

async fn send(http: &Http, url: &BaseUrl, recipients: &[UserId], seq: u64) -> Result<ApplyResult, CallError> {
    let message = json!({"msgID": format!("fan{seq}"), "seq": seq, "timestamp": 1_795_373_813 + seq, "text": "to all"});
    let params = json!({"conversation": {"type": 2, "groupID": "faults-fan"}, "sender": "faults-fan-sender",
        "recipients": recipients, "message": message});
    let result = http.post(url, "/server/v1/sendMessage", API_KEY, params.to_string()).await?;
    let result: ApplyResult =
        serde_json::from_value(result).map_err(|error| CallError::Unanswered(error.to_string()))?;
    match result.failed.first() {
        None => Ok(result),
        Some(failed) => Err(CallError::Unanswered(format!("{} failed, first {failed:?}", result.failed.len()))),
    }
}

async fn repeat(
    http: &Http,
    url: &BaseUrl,
    recipients: &[UserId],
    seq: u64,
    begun_us: u64,
) -> Result<ApplyResult, String> {
    loop {
        match send(http, url, recipients, seq).await {
            Ok(result) => return Ok(result),
            Err(error) if clock::now_us() - begun_us > REPEAT_US => return Err(format!("message {seq}: {error}")),
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Each of the users has one row with every message, unread once.
async fn everybody_has_all(act: &mut Act<'_>, http: &Http, url: &BaseUrl, recipients: &[UserId]) -> Result<(), String> {
    let mut wrong = 0;
    for some in recipients.chunks(READ_AT_ONCE) {
        let entry =
            |user| json!({"method": "getConversationList", "params": {"userID": user, "nextSeq": 0, "count": 10}});
        let entries: Vec<_> = some.iter().map(entry).collect();
        let body = serde_json::to_string(&entries).map_err(|error| error.to_string())?;
        let answer = http.post(url, "/server/v1/batch", API_KEY, body).await.map_err(|error| error.to_string())?;
        let results = answer["resultList"].as_array().cloned().unwrap_or_default();
        for (user, result) in some.iter().zip(&results) {
            let rows = &result["result"]["conversationList"];
            let is_right = rows.as_array().is_some_and(|rows| rows.len() == 1)
                && rows[0]["unreadCount"] == MESSAGES
                && rows[0]["lastMessage"]["seq"] == MESSAGES;
            wrong += u64::from(!is_right);
            if !is_right && wrong == 1 {
                act.violation(format!("{user}: expected one row with {MESSAGES} unread, got {rows}"));
            }
        }
        wrong += (some.len() - results.len()) as u64;
    }
    if wrong > 0 {
        act.violation(format!("{wrong} of {} users do not have every message once", recipients.len()));
    }
    Ok(())
}

/// Those who listened have what the server has, and nothing came twice.
async fn listeners_agree(act: &mut Act<'_>, http: &Http, url: &BaseUrl, listeners: Vec<Client>) -> Result<(), String> {
    let begun_us = clock::now_us();
    for client in &listeners {
        loop {
            let token = act.tokens.issue(http, url, client.user()).await.map_err(|error| error.to_string())?;
            let agreed = match read_server(http, url, &token, 10).await {
                Ok(server) => client_agrees(client, &server),
                Err(error) => Err(error.to_string()),
            };
            match agreed {
                Ok(()) => break,
                Err(problem) if clock::now_us() - begun_us > AGREE_US => {
                    act.violation(problem);
                    break;
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
        let violations = client.with_state(|state| state.violations().to_vec());
        violations.into_iter().for_each(|violation| act.violation(format!("{}: {violation}", client.user())));
    }
    Ok(())
}
