//! The gateway's way: groups of users, a message for one of them with each call.

use super::{PublishOptions, Publisher};
use crate::{
    clock,
    crowd::{
        Crowd, Expected, Reader,
        order::{Seat, Server},
        rows::Rows,
    },
    http::{CallError, Http},
    progress::Progress,
    violations::Violations,
};
use conversation_protocol::{UserId, server::ApplyResult};
use serde_json::json;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long the server may take to have what was sent to users without a session.
const PATIENCE: Duration = Duration::from_secs(60);
/// Users without a session whose lists are read.
const SAMPLE: usize = 200;

struct Group {
    name: String,
    /// The members as JSON.
    recipients: String,
    /// The last seq.
    seq: AtomicU64,
    /// Messages that were taken for all members.
    taken: AtomicU64,
    /// Messages that may have been taken.
    doubtful: AtomicU64,
}

/// The gateway with everybody connected who is online.
pub(crate) struct Gateway {
    options: PublishOptions,
    rows: u32,
    http: Http,
    run: String,
    imported: Rows,
    groups: Vec<Group>,
    pub(crate) crowd: Crowd,
}

impl Gateway {
    /// Makes everybody's rows and opens the sessions.
    pub(crate) async fn open(
        options: &PublishOptions,
        rows: u32,
        http: &Http,
        progress: &Progress,
    ) -> Result<Self, String> {
        let run = format!("pub{rows}-{:x}", clock::unix_seconds());
        let imported = Rows::new(&options.target, &options.api_key, &run, options.sessions as usize, http, progress)?;
        imported.import(rows - 1, 0).await?;
        let group = |(n, members): (usize, &[UserId])| Group {
            name: format!("{run}-group{n}"),
            recipients: json!(members).to_string(),
            seq: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            doubtful: AtomicU64::new(0),
        };
        let groups: Vec<Group> =
            imported.users.chunks_exact(options.recipients as usize).enumerate().map(group).collect();
        let seats = seats(options, &imported.users);
        let crowd = Crowd::new(seats.len(), options.workers, progress)?;
        crowd.open(&options.target, Server::Gateway, seats).await?;
        Ok(Self { options: options.clone(), rows, http: http.clone(), run, imported, groups, crowd })
    }

    /// Makes the row that changes, of each, before publishing is measured.
    pub(crate) async fn first_messages(&self) -> Result<(), String> {
        let step = self.crowd.progress().step("sending first messages", self.groups.len() as u64);
        for group in 0..self.groups.len() {
            self.publish(group, "first".to_owned()).await.map_err(|error| error.to_string())?;
            step.advance();
        }
        let recipients = self.groups.len() * self.options.recipients as usize;
        self.imported.wait_for_unread(recipients, u64::from(self.rows)).await
    }

    /// Everybody has what the server has, and that is what was sent; so it is for some of those without a session.
    pub(crate) async fn check(&self) -> Result<Violations, String> {
        let (online, offline): (Vec<usize>, Vec<usize>) =
            (0..self.imported.users.len()).partition(|n| self.options.is_online(*n));
        let mut violations = self.crowd.compare(online.into_iter().map(|n| self.expected(n)).collect()).await?;
        let sample: Vec<usize> = offline.iter().copied().step_by(offline.len() / SAMPLE + 1).collect();
        let users = sample.iter().map(|n| &self.imported.users[*n]);
        let reader = Reader::of(&self.options.target, &self.http);
        let broken = reader
            .compare_users(users, PATIENCE, self.crowd.progress(), |place, server| {
                self.expected(sample[place]).of(server)
            })
            .await;
        violations.add_all(broken);
        Ok(violations)
    }

    /// What the user of a number has once nothing is on its way.
    fn expected(&self, user: usize) -> Expected {
        let imported = u64::from(self.rows - 1);
        match self.groups.get(user / self.options.recipients as usize) {
            Some(group) => {
                let (taken, doubtful) = (group.taken.load(Ordering::Relaxed), group.doubtful.load(Ordering::Relaxed));
                Expected { rows: imported + 1, changed: None, unread: imported + taken..=imported + taken + doubtful }
            }
            None => Expected { rows: imported, changed: Some(0), unread: imported..=imported },
        }
    }

    pub(crate) async fn close(self) -> Result<(), String> {
        self.crowd.close().await
    }
}

/// The sessions of those who are online; the first ones over SSE.
pub(super) fn seats(options: &PublishOptions, users: &[UserId]) -> Vec<Seat> {
    let online = users.iter().enumerate().filter(|(n, _)| options.is_online(*n));
    let mut seats: Vec<Seat> =
        online.map(|(number, user)| Seat { number, user: user.clone(), is_sse: false }).collect();
    let event_streams = (seats.len() as f64 * options.sse.clamp(0.0, 1.0)) as usize;
    seats.iter_mut().take(event_streams).for_each(|seat| seat.is_sse = true);
    seats
}

impl Publisher for Gateway {
    async fn publish(&self, group: usize, text: String) -> Result<(), CallError> {
        let group = &self.groups[group];
        let seq = group.seq.fetch_add(1, Ordering::Relaxed) + 1;
        let text = format!("{text:.<width$}", width = self.options.text_bytes as usize);
        let message = json!({"msgID": format!("{}-{seq}", group.name), "seq": seq, "timestamp": clock::unix_seconds(), "text": text});
        let body = format!(
            r#"{{"conversation":{{"type":2,"groupID":"{}"}},"sender":"{}-sender","recipients":{},"message":{message}}}"#,
            group.name, self.run, group.recipients
        );
        let url = &self.options.target.url[seq as usize % self.options.target.url.len()];
        let answer = self.http.post(url, "/server/v1/sendMessage", &self.options.api_key, body).await;
        let result = answer.and_then(|value| {
            let result: ApplyResult =
                serde_json::from_value(value).map_err(|error| CallError::Unanswered(error.to_string()))?;
            match result.failed.first() {
                None => Ok(()),
                Some(failed) => Err(CallError::Unanswered(format!("{failed:?}"))),
            }
        });
        let counted = if result.is_ok() { &group.taken } else { &group.doubtful };
        counted.fetch_add(1, Ordering::Relaxed);
        result
    }
}
