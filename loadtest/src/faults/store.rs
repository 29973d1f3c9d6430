//! What is done to Redis and to the way to it.

use super::{acts::Act, stage::proxy};
use crate::{
    clock,
    http::{BaseUrl, CallError, Http},
    processes::{API_KEY, Redis},
    proxy::{Kind, Rule},
};
use conversation_protocol::{ErrorKind, server::ApplyResult};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// Between two of a series of small faults.
const BETWEEN: Duration = Duration::from_millis(500);
/// How late Redis answers, each way.
const ANSWERS_LATE: Duration = Duration::from_millis(100);
/// How long a call may take while the store refuses it.
const REFUSAL_US: u64 = 2_000_000;
/// How long a replica may take to have everything.
const CATCH_UP: Duration = Duration::from_secs(30);

/// One small fault after the other.
async fn repeated(act: &mut Act<'_>, command: &str) -> Result<(), String> {
    let begun_us = clock::now_us();
    while clock::now_us() - begun_us < act.lasts.as_micros() as u64 {
        act.stage.redis()?.command(command).await?;
        sleep(BETWEEN).await;
    }
    act.stage.redis()?.command(command).await?;
    act.moments.over();
    Ok(())
}

/// The connections of hints are ended by Redis.
pub(super) async fn pubsub_killed(act: &mut Act<'_>) -> Result<(), String> {
    repeated(act, "CLIENT KILL TYPE pubsub").await
}

/// Redis forgets the scripts.
pub(super) async fn scripts_flushed(act: &mut Act<'_>) -> Result<(), String> {
    repeated(act, "SCRIPT FLUSH").await
}

/// The first node gets no hints, while all its commands, pings and subscriptions are answered.
pub(super) async fn deaf(act: &mut Act<'_>) -> Result<(), String> {
    let path = act.stage.nodes[0].path.as_ref().ok_or("this scenario needs Redis")?;
    path.set(Kind::Subscriber, Rule::Deaf);
    sleep(act.lasts).await;
    path.heal();
    act.moments.over();
    Ok(())
}

/// Redis ends, is away for a while, and comes back with its data.
pub(super) async fn stopped(act: &mut Act<'_>) -> Result<(), String> {
    let lasts = act.lasts;
    let redis = act.stage.redis()?;
    redis.stop().await?;
    sleep(lasts).await;
    redis.start_again().await?;
    act.moments.over();
    Ok(())
}

/// Redis stands still and goes on.
pub(super) async fn paused(act: &mut Act<'_>) -> Result<(), String> {
    act.stage.redis()?.signal("STOP")?;
    sleep(act.lasts).await;
    act.stage.redis()?.signal("CONT")?;
    act.moments.over();
    Ok(())
}

/// What Redis answers to the first node's commands comes late; its hints come at once.
pub(super) async fn slow(act: &mut Act<'_>) -> Result<(), String> {
    let path = act.stage.nodes[0].path.as_ref().ok_or("this scenario needs Redis")?;
    path.set(Kind::Calls, Rule::Delay(ANSWERS_LATE));
    sleep(act.lasts).await;
    path.heal();
    act.moments.over();
    Ok(())
}

/// Redis dies, and another one without data is in its place.
pub(super) async fn emptied(act: &mut Act<'_>) -> Result<(), String> {
    let lasts = act.lasts;
    let redis = act.stage.redis()?;
    redis.kill();
    sleep(lasts).await;
    redis.forget().map_err(|error| error.to_string())?;
    redis.start_again().await?;
    act.moments.over();
    Ok(())
}

/// Redis has more than it may have, and takes nothing more; then it may have more.
pub(super) async fn full(act: &mut Act<'_>) -> Result<(), String> {
    let (http, urls, lasts) = (Http::new(), act.stage.doors(), act.lasts);
    act.stage.redis()?.command("CONFIG SET maxmemory 1000000").await?;
    sleep(lasts / 2).await;
    for (n, url) in urls.iter().enumerate() {
        let begun_us = clock::now_us();
        if let Some(wrong) = not_refused(send(&http, url, n).await) {
            act.violation(format!("a write to a full store: {wrong}"));
        }
        if clock::now_us() - begun_us > REFUSAL_US {
            act.violation(format!("a full store's refusal took {} ms", (clock::now_us() - begun_us) / 1_000));
        }
        let read = json!({"userID": format!("faults-full{n}"), "nextSeq": 0, "count": 10}).to_string();
        match http.post(url, "/server/v1/getConversationList", API_KEY, read).await {
            Ok(page) if page["conversationList"] == json!([]) => {}
            other => act.violation(format!("a read of a full store after a refused write: {other:?}")),
        }
    }
    sleep(lasts / 2).await;
    act.stage.redis()?.command("CONFIG SET maxmemory 0").await?;
    act.moments.over();
    for (n, url) in urls.iter().enumerate() {
        match send(&http, url, n).await {
            Ok(result) if result.applied == 2 && result.failed.is_empty() => {}
            other => act.violation(format!("a refused write that is repeated: expected two rows, got {other:?}")),
        }
    }
    Ok(())
}

async fn send(http: &Http, url: &BaseUrl, n: usize) -> Result<ApplyResult, CallError> {
    let message = json!({"msgID": format!("full{n}"), "seq": 1, "timestamp": clock::unix_seconds(), "text": "hello"});
    let params = json!({"conversation": {"type": 1}, "sender": format!("faults-full-sender{n}"),
        "recipients": [format!("faults-full{n}")], "message": message});
    let result = http.post(url, "/server/v1/sendMessage", API_KEY, params.to_string()).await?;
    serde_json::from_value(result).map_err(|error| CallError::Unanswered(error.to_string()))
}

/// What is wrong with an answer that should refuse both rows of a message with the code of an internal error.
fn not_refused(answer: Result<ApplyResult, CallError>) -> Option<String> {
    let code = ErrorKind::Internal.code();
    match answer {
        Err(error) if error.code() == Some(code) => None,
        Ok(result) if result.failed.len() == 2 && result.failed.iter().all(|failed| failed.code == code) => None,
        other => Some(format!("expected code {code} for both users, got {other:?}")),
    }
}

/// A replica whose stream is held back takes the place of its primary, which dies: what the primary confirmed
/// meanwhile is lost.
pub(super) async fn failed_over(act: &mut Act<'_>) -> Result<(), String> {
    let programs = act.stage.programs.clone();
    let primary = act.stage.redis()?.address;
    let stream = proxy(primary, None).await?;
    let replica = Redis::start(&programs).await?;
    replica.command(&format!("REPLICAOF 127.0.0.1 {}", stream.address.port())).await?;
    let begun_us = clock::now_us();
    while !replica.command("INFO replication").await?.contains("master_link_status:up") {
        if clock::now_us() - begun_us > CATCH_UP.as_micros() as u64 {
            return Err("the replica does not catch up".to_owned());
        }
        sleep(Duration::from_millis(20)).await;
    }
    stream.set(Kind::Calls, Rule::StallAnswers);
    sleep(act.lasts).await;
    let written = offset(act.stage.redis()?, "master_repl_offset").await?;
    let replicated = offset(&replica, "slave_repl_offset").await?;
    act.stage.redis()?.kill();
    replica.command("REPLICAOF NO ONE").await?;
    act.stage.replace_redis(replica);
    act.moments.over();
    if written <= replicated {
        return Err("the replica had everything, so nothing was lost".to_owned());
    }
    act.note(format!("{} KiB of confirmed writes lost", (written - replicated) / 1024));
    Ok(())
}

async fn offset(redis: &Redis, name: &str) -> Result<u64, String> {
    let info = redis.command("INFO replication").await?;
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|value| value.trim().parse().ok()).ok_or_else(|| format!("no {name} in {info}"))
}
