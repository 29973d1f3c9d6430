//! A message to 10,000 users whose node dies under way: the backend sends it again, and everybody has it once.

use super::acts::Act;
use crate::{
    client::{Client, ClientOptions, NoObserver, connection::Transport},
    clock,
    crowd::ask_all,
    http::{BaseUrl, CallError, Http},
    processes::API_KEY,
    run::{client_agrees, read_server},
};
use conversation_protocol::{UserId, limits::RECIPIENTS_MAX, server::ApplyResult};
use rand::Rng;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Messages; the first shows how long one takes, and each other one has a kill.
const MESSAGES: u64 = 6;
/// When a node dies, as a share of the time until everybody has a message.
const KILL_AFTER: std::ops::Range<f64> = 0.02..0.9;
/// How long a message is sent again.
const REPEAT_US: u64 = 120_000_000;
/// Recipients with a session.
const LISTENERS: usize = 20;
/// How long everybody may take to have a message, and listeners to agree.
const PATIENCE_US: u64 = 60_000_000;
/// Between two looks at everybody.
const LOOK: Duration = Duration::from_millis(50);

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
    everybody_has(&http, &urls[0], &recipients, 1).await?;
    let takes = Duration::from_micros(clock::now_us() - begun_us);
    let (mut repeats, mut longest_us) = (0, 0);
    for seq in 2..=MESSAGES {
        let (at, other) = (seq as usize % urls.len(), (seq as usize + 1) % urls.len());
        let wait = takes.mul_f64(act.random.random_range(KILL_AFTER));
        let node = &mut act.stage.nodes[at];
        let (answer, killed_us) = tokio::join!(send(&http, &urls[at], &recipients, seq), async {
            sleep(wait).await;
            node.gateway.process.kill();
            clock::now_us()
        });
        if seq == MESSAGES {
            act.moments.over();
        }
        let accepted = match answer {
            Ok(result) => result,
            Err(_) => {
                repeats += 1;
                repeat(&http, &urls[other], &recipients, seq, killed_us).await?
            }
        };
        if accepted.applied + accepted.duplicates + accepted.queued != RECIPIENTS_MAX as u64 {
            act.violation(format!("message {seq}: expected {RECIPIENTS_MAX} rows, got {accepted:?}"));
        }
        // The other node alone has to finish what was accepted.
        if let Err(problem) = everybody_has(&http, &urls[other], &recipients, seq).await {
            act.violation(problem);
        }
        longest_us = longest_us.max(clock::now_us() - killed_us);
        act.stage.nodes[at].start_again(&programs).await?;
    }
    act.note(format!(
        "everybody has a message after {:.1} s, after {:.1} s at most with a kill; {} of {} were answered before the kill, the others sent again",
        takes.as_secs_f64(),
        longest_us as f64 / 1e6,
        MESSAGES - 1 - repeats,
        MESSAGES - 1
    ));
    everybody_has_all(act, &http, &urls[0], &recipients).await?;
    listeners_agree(act, &http, &urls[0], listeners).await
}

fn listen(act: &Act<'_>, urls: &[BaseUrl], n: usize, user: &UserId) -> Client {
    let options = ClientOptions {
        first_url: n,
        transport: if n.is_multiple_of(4) { Transport::EventStream } else { Transport::WebSocket },
        ..ClientOptions::of(user.clone(), urls.to_vec(), act.tokens.clone(), Http::new())
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

/// Waits until everybody has that many messages.
async fn everybody_has(http: &Http, url: &BaseUrl, users: &[UserId], count: u64) -> Result<(), String> {
    let begun_us = clock::now_us();
    loop {
        let totals =
            ask_all(http, url, API_KEY, users, "getTotalUnreadMessageCount", |user| json!({"userID": user})).await;
        let lacking = match &totals {
            Ok(totals) => totals.iter().filter(|total| total["totalUnreadCount"] != count).count(),
            Err(_) => users.len(),
        };
        if lacking == 0 {
            return Ok(());
        }
        if clock::now_us() - begun_us > PATIENCE_US {
            return Err(format!(
                "message {count}: {lacking} users do not have it long after it was accepted ({:?})",
                totals.err()
            ));
        }
        sleep(LOOK).await;
    }
}

/// Each of the users has one row with every message, unread once.
async fn everybody_has_all(act: &mut Act<'_>, http: &Http, url: &BaseUrl, users: &[UserId]) -> Result<(), String> {
    let params = |user: &UserId| json!({"userID": user, "nextSeq": 0, "count": 10});
    let pages =
        ask_all(http, url, API_KEY, users, "getConversationList", params).await.map_err(|error| error.to_string())?;
    let is_right = |page: &Value| {
        page["conversationList"].as_array().is_some_and(|rows| {
            rows.len() == 1 && rows[0]["unreadCount"] == MESSAGES && rows[0]["lastMessage"]["seq"] == MESSAGES
        })
    };
    let wrong: Vec<&Value> = pages.iter().filter(|page| !is_right(page)).collect();
    if let Some(first) = wrong.first() {
        let count = wrong.len();
        act.violation(format!(
            "{count} users do not have one row with {MESSAGES} unread messages; the first has {first}"
        ));
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
                Err(problem) if clock::now_us() - begun_us > PATIENCE_US => {
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
