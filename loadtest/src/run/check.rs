//! What is checked once a run is quiet, and how long clients have to agree.

use super::{
    Allowances, RunOptions, filters,
    open::Opened,
    verify::{Posted, client_agrees, read_server, server_agrees},
};
use crate::{clock, progress::Progress, violations::Violations};
use conversation_protocol::UserId;
use futures_util::{StreamExt, stream};
use std::{sync::atomic::Ordering, time::Duration};

/// Users checked at once.
const CHECKING_MAX: usize = 16;
/// Every so-manieth user's list is also read through filters.
const FILTERED_EVERY: usize = 4;

/// What the checks found.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) quiet_seconds: f64,
    pub(super) rows_compared: u64,
    pub(super) violations: Violations,
}

/// Compares everybody with everybody else, and the server with the model, unless writes may have been lost.
pub(super) async fn check(
    options: &RunOptions,
    allowances: Allowances,
    opened: &Opened,
    progress: &Progress,
) -> Checked {
    let mut checked = Checked::default();
    let violations = &mut checked.violations;
    let left = opened.world.tally.outstanding.load(Ordering::Relaxed);
    if left > 0 {
        violations.add(format!("{left} calls were still not answered long after the last was made"));
    }
    let mut posted = Posted::default();
    for lane in &opened.lanes {
        let (plan, log) = lane.clone().into_log().await;
        posted.add(&plan, &log);
    }
    for wrong in std::mem::take(&mut posted.wrong_answers) {
        if !allowances.lost_writes {
            violations.add(wrong);
        }
    }
    if !posted.unknown.is_empty() {
        violations
            .add(format!("{} rows are not known, because a call about them was never answered", posted.unknown.len()));
    }
    let posted = (!allowances.lost_writes).then_some(&posted);
    let begun_us = clock::now_us();
    let step = progress.step("comparing users", opened.plan.users.len() as u64);
    let results: Vec<UserChecked> = stream::iter(&opened.plan.users)
        .enumerate()
        .map(|(n, user)| check_user(options, opened, posted, (n, user), begun_us))
        .buffer_unordered(CHECKING_MAX)
        .inspect(|_| step.advance())
        .collect()
        .await;
    for of_user in results {
        checked.rows_compared += of_user.rows;
        checked.quiet_seconds = checked.quiet_seconds.max(of_user.agreed_us as f64 / 1e6);
        of_user.problems.into_iter().for_each(|problem| checked.violations.add(problem));
    }
    opened.clients.iter().for_each(|client| checked.violations.add_of_client(client));
    checked
}

struct UserChecked {
    rows: u64,
    agreed_us: u64,
    problems: Vec<String>,
}

/// Reads the user's list until every client agrees with it, or the time is up; then compares it with the model.
async fn check_user(
    options: &RunOptions,
    opened: &Opened,
    posted: Option<&Posted>,
    (n, user): (usize, &UserId),
    begun_us: u64,
) -> UserChecked {
    let none = Vec::new();
    let clients = opened.world.clients.get(user).unwrap_or(&none);
    // Some users page in very small steps.
    let count = if user.as_str().ends_with('7') { 3 } else { 100 };
    let mut token = None;
    loop {
        let outcome = async {
            let url = &options.urls[0];
            if token.is_none() {
                token =
                    Some(options.tokens.issue(&opened.world.http, url, user).await.map_err(|e| (None, e.to_string()))?);
            }
            let read = read_server(&opened.world.http, url, token.as_deref().unwrap_or_default(), count).await;
            let server = read.map_err(|error| (None, format!("{user}: no list: {error}")))?;
            let disagreement = clients.iter().find_map(|client| client_agrees(client, &server).err());
            match disagreement {
                Some(problem) => Err((Some(server), problem)),
                None => Ok(server),
            }
        }
        .await;
        let agreed_us = clock::now_us() - begun_us;
        let (server, mut problems) = match outcome {
            Ok(server) => (Some(server), Vec::new()),
            Err((server, problem)) if agreed_us as f64 / 1e6 > options.quiet_seconds => (server, vec![problem]),
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(250)).await;
                continue;
            }
        };
        let rows = server.as_ref().map_or(0, |server| server.rows.len() as u64);
        if let (Some(server), true) = (&server, n.is_multiple_of(FILTERED_EVERY)) {
            let world = &opened.world;
            let checked = filters::check(&world.http, &options.urls[0], &world.api_key, user, n, server).await;
            problems.extend(checked.err());
        }
        if let Some(Err(problem)) = server.map(|server| server_agrees(user, &server, posted)) {
            problems.push(problem);
        }
        return UserChecked { rows, agreed_us, problems };
    }
}
