//! Messages to a group whose rows are made through lanes, and now and then the deletion of all its rows.

use super::{SoakOptions, servers::Servers};
use crate::{
    client::{Client, ClientOptions, NoObserver, connection::Transport},
    clock,
    crowd::{self, Reader},
    http::{CallError, Http},
    progress::Progress,
    run::ServerRows,
    violations::Violations,
};
use conversation_protocol::{UserId, server::ApplyResult};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Every so-manieth call deletes everybody's row.
const DELETE_EVERY: u64 = 20;
/// Every so-manieth member listens.
const LISTENER_EVERY: usize = 25;
/// How long a call is repeated.
const REPEAT_US: u64 = 60_000_000;
const REPEAT_AFTER: Duration = Duration::from_millis(500);
/// How long listeners may take to agree with the server in the end.
const PATIENCE: Duration = Duration::from_secs(90);

struct Group<'a> {
    servers: &'a Servers,
    http: Http,
    name: String,
    members: Vec<UserId>,
}

/// Calls for so long, then compares; how many messages there were, and what was broken.
pub(super) async fn fan_out(
    options: &SoakOptions,
    servers: &Servers,
    seconds: f64,
    progress: &Progress,
) -> Result<(u64, Violations), String> {
    let name = format!("soak{:x}", clock::unix_seconds());
    let members =
        (0..options.fanout_members).map(|n| format!("{name}-u{n}").parse().map_err(|error| format!("{error}")));
    let members = members.collect::<Result<Vec<UserId>, String>>()?;
    let group = Group { servers, http: Http::new(), name, members };
    let listeners = group.listen(progress).await?;
    let between = Duration::from_secs_f64(1.0 / options.fanout_rate.max(0.001));
    let (begun_us, mut ticks) = (clock::now_us(), tokio::time::interval(between));
    let (mut calls, mut messages, mut since_deletion) = (0, 0, 0);
    let step = progress.step("making calls", (seconds / between.as_secs_f64()) as u64);
    while (clock::now_us() - begun_us) as f64 / 1e6 < seconds {
        ticks.tick().await;
        calls += 1;
        step.reach(calls);
        if calls % DELETE_EVERY == 0 {
            group.delete().await?;
            since_deletion = 0;
        } else {
            messages += 1;
            since_deletion += 1;
            group.send(messages).await?;
        }
    }
    drop(step);
    // A row that is there makes the comparison worth more.
    messages += 1;
    group.send(messages).await?;
    let violations = group.compare(&listeners, messages, since_deletion + 1, progress).await;
    for client in listeners.into_iter().filter_map(Arc::into_inner) {
        client.stop().await;
    }
    Ok((messages, violations))
}

impl Group<'_> {
    async fn listen(&self, progress: &Progress) -> Result<Vec<Arc<Client>>, String> {
        let listeners = self.members.iter().step_by(LISTENER_EVERY).enumerate();
        let starts = listeners.map(|(n, user)| {
            let (urls, tokens) = (self.servers.urls.clone(), self.servers.tokens.clone());
            let options = ClientOptions {
                first_url: n,
                transport: if n.is_multiple_of(4) { Transport::EventStream } else { Transport::WebSocket },
                ..ClientOptions::of(user.clone(), urls, tokens, self.http.clone())
            };
            (options, NoObserver)
        });
        crowd::open(starts, progress).await
    }

    async fn send(&self, seq: u64) -> Result<(), String> {
        let message = json!({"msgID": format!("{}-m{seq}", self.name), "seq": seq, "timestamp": clock::unix_seconds(), "text": "to all"});
        let params = json!({"conversation": {"type": 2, "groupID": self.name}, "sender": format!("{}-sender", self.name),
            "recipients": self.members, "message": message});
        self.call(seq, "sendMessage", &params).await
    }

    async fn delete(&self) -> Result<(), String> {
        let params = json!({"recipients": self.members, "conversationID": format!("group_{}", self.name)});
        self.call(0, "deleteConversation", &params).await
    }

    /// Calls until everybody's change is taken; the calls are made one after the other, so that their order is known.
    async fn call(&self, turn: u64, method: &str, params: &Value) -> Result<(), String> {
        let (begun_us, path) = (clock::now_us(), format!("/server/v1/{method}"));
        let mut turn = turn as usize;
        loop {
            let url = &self.servers.urls[turn % self.servers.urls.len()];
            turn += 1;
            let answer = self.http.post(url, &path, &self.servers.api_key, params.to_string()).await;
            match answer.and_then(taken) {
                Ok(()) => return Ok(()),
                Err(error) if clock::now_us() - begun_us > REPEAT_US => return Err(format!("{method}: {error}")),
                Err(_) => tokio::time::sleep(REPEAT_AFTER).await,
            }
        }
    }

    async fn compare(&self, listeners: &[Arc<Client>], newest: u64, unread: u64, progress: &Progress) -> Violations {
        let (url, tokens) = (self.servers.urls[0].clone(), self.servers.tokens.clone());
        let reader = Reader { http: self.http.clone(), url, tokens };
        let expected = |_: usize, server: &ServerRows| {
            let found: Vec<_> = server
                .rows
                .iter()
                .map(|row| (row.unread_count, row.last_message.as_ref().map(|last| last.seq)))
                .collect();
            match found[..] == [(unread, Some(newest))] && server.total == unread {
                true => Ok(()),
                false => Err(format!(
                    "expected {unread} unread up to message {newest}, got {found:?}, in all {}",
                    server.total
                )),
            }
        };
        reader.compare(listeners, PATIENCE, progress, expected).await
    }
}

fn taken(value: Value) -> Result<(), CallError> {
    let result: ApplyResult =
        serde_json::from_value(value).map_err(|error| CallError::Unanswered(error.to_string()))?;
    match result.failed.first() {
        None => Ok(()),
        Some(failed) => Err(CallError::Unanswered(format!("{failed:?}"))),
    }
}
