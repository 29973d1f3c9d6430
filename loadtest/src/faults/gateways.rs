//! What is done to gateways: killed, frozen, drained, given another clock.

use super::acts::Act;
use crate::{http::Http, processes::API_KEY};
use conversation_protocol::UserId;
use rand::Rng;
use serde_json::json;
use std::{fs, time::Duration};
use tokio::time::sleep;

/// How far a clock is off.
const CLOCK_OFFSET: &str = "+3600";
/// How long a node runs between two deaths, in milliseconds.
const BETWEEN_KILLS_MS: std::ops::Range<u64> = 200..1_200;
/// How long a draining node may take beyond what it was told.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// One of two nodes dies, and is started again after a while.
pub(super) async fn killed(act: &mut Act<'_>) -> Result<(), String> {
    let programs = act.stage.programs.clone();
    let last = act.last_node();
    last.gateway.process.kill();
    act.moments.over();
    sleep(act.lasts).await;
    act.last_node().start_again(&programs).await
}

/// Nodes die in turn at moments that are drawn, and are started again at once.
pub(super) async fn killed_often(act: &mut Act<'_>) -> Result<(), String> {
    let programs = act.stage.programs.clone();
    let (mut kills, mut done) = (0_usize, Duration::ZERO);
    while done < act.lasts {
        let wait = Duration::from_millis(act.random.random_range(BETWEEN_KILLS_MS));
        sleep(wait).await;
        done += wait;
        let at = kills % act.stage.nodes.len();
        let node = &mut act.stage.nodes[at];
        node.gateway.process.kill();
        kills += 1;
        if done >= act.lasts {
            act.moments.over();
        }
        node.start_again(&programs).await?;
    }
    act.note(format!("{kills} kills"));
    Ok(())
}

/// A node stands still and goes on where it was.
pub(super) async fn frozen(act: &mut Act<'_>) -> Result<(), String> {
    act.last_node().gateway.process.signal("STOP")?;
    sleep(act.lasts).await;
    act.last_node().gateway.process.signal("CONT")?;
    act.moments.over();
    Ok(())
}

/// A new node is started, the old one is told to end, and whoever comes after it is not ready any more is sent to the
/// new one, as a balancer does.
pub(super) async fn drained(act: &mut Act<'_>) -> Result<(), String> {
    let programs = act.stage.programs.clone();
    let successor = act.last_node().successor(&programs).await?;
    let node = act.last_node();
    let http = Http::new();
    node.gateway.process.signal("TERM")?;
    while http.text(&node.gateway.url(), "/readyz").await.is_ok_and(|(status, _)| status == 200) {
        sleep(DRAIN_LOOK).await;
    }
    node.door.switch(successor.address);
    node.gateway.process.ended().await?;
    node.gateway = successor;
    act.moments.over();
    Ok(())
}

/// Nothing happens but the load, with a kick by the node whose clock is wrong: a token from before it is refused, and
/// one from after it is good, on both nodes.
pub(super) async fn clocks_apart(act: &mut Act<'_>) -> Result<(), String> {
    sleep(act.lasts / 2).await;
    let (http, urls) = (Http::new(), act.stage.doors());
    let user: UserId = "faults-kicked".parse().map_err(|_| "the id is too long".to_owned())?;
    let old = act.tokens.issue(&http, &urls[0], &user).await.map_err(|error| error.to_string())?;
    let kick = json!({"userID": user, "reason": "test"}).to_string();
    let last = urls.len() - 1;
    http.post(&urls[last], "/server/v1/kickUser", API_KEY, kick).await.map_err(|error| format!("kickUser: {error}"))?;
    // A token counts in seconds: the next one must be from a later one.
    sleep(Duration::from_millis(2_100)).await;
    let new = act.tokens.issue(&http, &urls[0], &user).await.map_err(|error| error.to_string())?;
    for url in &urls {
        for (token, is_good) in [(&old, false), (&new, true)] {
            let answer = http.post(url, "/v1/getTotalUnreadMessageCount", token, "{}".to_owned()).await;
            if answer.is_ok() != is_good {
                let when = if is_good { "after" } else { "before" };
                act.violation(format!("a token from {when} the kick got {answer:?}"));
            }
        }
    }
    sleep(act.lasts / 2).await;
    act.moments.over();
    Ok(())
}

/// The environment of a process whose clock is an hour ahead, by the library faketime.
pub(super) fn clock_of_another_hour() -> Result<Vec<(String, String)>, String> {
    let directories = fs::read_dir("/usr/lib").map_err(|error| error.to_string())?;
    let library = directories
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
        .ok_or_else(|| "libfaketime is not installed (apt-get install libfaketime)".to_owned())?;
    let variables = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", CLOCK_OFFSET.to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    Ok(variables.map(|(name, value)| (name.to_owned(), value)).to_vec())
}
