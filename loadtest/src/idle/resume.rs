//! What a resume costs that finds changed rows: the CPU of the server for each session that comes back.

use super::{IdleOptions, Resume, moment};
use crate::{
    clock,
    crowd::{
        Crowd,
        order::{Return, Seat, Server},
        rows::{Rows, expected},
    },
    http::Http,
    progress::Progress,
    violations::Violations,
};

/// Sessions that come back at once.
const RETURNING_MAX: usize = 100;

/// Lets everybody with so many rows go, changes some of these, and measures how everybody comes back.
pub(super) async fn measure(
    options: &IdleOptions,
    http: &Http,
    count: u32,
    changed: u32,
    progress: &Progress,
) -> Result<(Resume, Violations), String> {
    if changed > count {
        return Err(format!("expected at least {changed} rows, as many as change, got {count}"));
    }
    let run = format!("resume{count}-{:x}", clock::unix_seconds());
    let rows = Rows::new(&options.target, &options.api_key, &run, options.sessions as usize, http, progress)?;
    rows.import(count, 0).await?;
    let crowd = Crowd::new(rows.users.len(), options.workers, progress)?;
    crowd.open(&options.target, Server::Gateway, Seat::of(&rows.users)).await?;
    let everybody: Vec<usize> = (0..rows.users.len()).collect();
    crowd.leave(&everybody, false).await?;
    rows.send(changed, 2).await?;
    rows.wait_for_unread(rows.users.len(), u64::from(count + changed)).await?;

    let returns: Vec<Return> = everybody.into_iter().map(|place| Return { place, after_ms: 0 }).collect();
    let before = moment(&options.pid)?;
    crowd.come_back(&returns, Some(RETURNING_MAX)).await?;
    let after = moment(&options.pid)?;
    let returned = crowd.returned().await?;
    let violations = crowd.compare(vec![expected(count, changed); rows.users.len()]).await?;
    crowd.close().await?;
    let cpu_us = (after.usage.cpu_seconds - before.usage.cpu_seconds) * 1e6;
    let resume = Resume {
        rows: count,
        changed,
        all_live_seconds: returned.all_live_seconds(),
        until_live: returned.until_live(),
        cpu_us_per_connect: cpu_us / rows.users.len() as f64,
    };
    Ok((resume, violations))
}
