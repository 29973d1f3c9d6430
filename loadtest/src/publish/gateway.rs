//! The gateway's way: groups of connected users, a message for one of them with each call.

use super::{PublishOptions, Publisher, arrivals::Arrivals};
use crate::{
    client::{Client, ClientOptions, Observer, connection::Transport},
    clock,
    crowd::{self, Reader},
    http::{CallError, Http},
    progress::Progress,
    violations::Violations,
};
use conversation_protocol::{UserId, server::ApplyResult};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long everybody may take to agree with the server.
const PATIENCE: Duration = Duration::from_secs(60);

struct Watcher {
    number: usize,
    arrivals: Arc<Arrivals>,
}

impl Observer for Watcher {
    fn frame(&mut self, text: &str) {
        self.arrivals.frame(self.number, text);
    }
}

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

/// The gateway with everybody connected.
pub(crate) struct Gateway {
    options: PublishOptions,
    http: Http,
    run: String,
    groups: Vec<Group>,
    clients: Vec<Arc<Client>>,
    pub(crate) arrivals: Arc<Arrivals>,
}

impl Gateway {
    /// Opens everybody's session.
    pub(crate) async fn open(options: &PublishOptions, http: &Http, progress: &Progress) -> Result<Self, String> {
        let run = format!("pub{:x}", clock::unix_seconds());
        let users = (0..options.sessions).map(|n| format!("{run}-u{n}").parse().map_err(|error| format!("{error}")));
        let users: Vec<UserId> = users.collect::<Result<_, String>>()?;
        let group = |(n, members): (usize, &[UserId])| Group {
            name: format!("{run}-g{n}"),
            recipients: json!(members).to_string(),
            seq: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            doubtful: AtomicU64::new(0),
        };
        let groups: Vec<Group> = users.chunks_exact(options.recipients as usize).enumerate().map(group).collect();
        let arrivals = Arc::new(Arrivals::default());
        let sse_users = (f64::from(options.sessions) * options.sse.clamp(0.0, 1.0)) as usize;
        let start = |(n, user): (usize, &UserId)| {
            let of = ClientOptions::of(user.clone(), options.target.url.clone(), options.target.tokens(), http.clone());
            let transport = if n < sse_users { Transport::EventStream } else { Transport::WebSocket };
            let options = ClientOptions { first_url: n, transport, source: Some(crowd::source(n)), ..of };
            (options, Watcher { number: n, arrivals: arrivals.clone() })
        };
        let clients = crowd::open(users.iter().enumerate().map(start), progress).await?;
        Ok(Self { options: options.clone(), http: http.clone(), run, groups, clients, arrivals })
    }

    /// Makes the row of each, before publishing is measured.
    pub(crate) async fn first_messages(&self, progress: &Progress) -> Result<(), String> {
        let step = progress.step("sending first messages", self.groups.len() as u64);
        for group in 0..self.groups.len() {
            self.publish(group, "first".to_owned()).await.map_err(|error| error.to_string())?;
            step.advance();
        }
        Ok(())
    }

    /// Everybody has what the server has, and that is what was sent.
    pub(crate) async fn check(&self, progress: &Progress) -> Violations {
        let url = self.options.target.url[0].clone();
        let reader = Reader { http: self.http.clone(), url, tokens: self.options.target.tokens() };
        let recipients = self.options.recipients as usize;
        let violations = reader.compare(&self.clients, PATIENCE, progress, |n, server| {
            let Some(group) = self.groups.get(n / recipients) else { return Ok(()) };
            let (taken, doubtful) = (group.taken.load(Ordering::Relaxed), group.doubtful.load(Ordering::Relaxed));
            if (taken..=taken + doubtful).contains(&server.total) {
                return Ok(());
            }
            Err(format!("expected {taken} to {} unread messages, got {}", taken + doubtful, server.total))
        });
        violations.await
    }

    pub(crate) async fn close(self) {
        for client in self.clients.into_iter().filter_map(Arc::into_inner) {
            client.stop().await;
        }
    }
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
