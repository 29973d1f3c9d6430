//! Centrifugo 6: how it is started, and how its clients and publishers speak.

use super::peer::{Call, Peer, Reaction, find, not_installed};
use crate::{
    http::BaseUrl,
    processes::{Process, SECRET, serve},
    token,
};
use conversation_protocol::UserId;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::Path, process::Command};
use tempfile::TempDir;

const CONFIG: &str = include_str!("../../peers/centrifugo.json");

/// Centrifugo on one core, each user with a channel that it subscribes for him.
pub(super) struct Centrifugo {
    process: Process,
    url: BaseUrl,
    _directory: TempDir,
}

impl Centrifugo {
    /// Starts one on a free port; an error says what is missing.
    pub(super) async fn start(program: &Path, redis: Option<SocketAddr>) -> Result<Self, String> {
        let how = "see centrifugal.dev/docs/getting-started/installation, and name it with --centrifugo";
        let program = find(program).ok_or_else(|| not_installed("centrifugo", how))?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = directory.path().join("config.json");
        fs::write(&file, CONFIG).map_err(|error| error.to_string())?;
        let command = |address: SocketAddr| {
            let mut command = Command::new(&program);
            command.arg("--config").arg(&file).env("GOMAXPROCS", "1");
            command.env("CENTRIFUGO_HTTP_SERVER_ADDRESS", address.ip().to_string());
            command.env("CENTRIFUGO_HTTP_SERVER_PORT", address.port().to_string());
            command.env("CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY", SECRET);
            if let Some(redis) = redis {
                command.env("CENTRIFUGO_ENGINE_TYPE", "redis");
                command.env("CENTRIFUGO_ENGINE_REDIS_ADDRESS", format!("redis://{redis}"));
            }
            Ok(command)
        };
        let (process, url) = serve("centrifugo", "/health", command).await?;
        Ok(Self { process, url, _directory: directory })
    }
}

impl Peer for Centrifugo {
    const LACKS: &'static str = "no list of a user: no unread totals, no merging of changes to one state, no deletions; \
         who comes back gets what is left of the last 100 messages and 5 minutes";

    fn url(&self) -> &BaseUrl {
        &self.url
    }

    fn ids(&self) -> Vec<u32> {
        vec![self.process.id()]
    }

    fn path(&self, _user: &str) -> String {
        "/connection/websocket".to_owned()
    }

    fn hear(&self, user: &str, frame: Option<&str>) -> Reaction {
        hear(user, frame)
    }

    fn call(&self, recipients: &[String], text: &str) -> Call {
        call(recipients, text)
    }
}

/// A frame has one reply or several, a line for each; an empty one is a ping, and is answered with the same.
fn hear(user: &str, frame: Option<&str>) -> Reaction {
    let Some(frame) = frame else { return connect(user) };
    for line in frame.lines() {
        if line == "{}" {
            return Reaction::Say(line.to_owned());
        }
        if line.starts_with(r#"{"id":"#) {
            let is_connected = serde_json::from_str::<Value>(line).is_ok_and(|reply| reply["connect"].is_object());
            return if is_connected { Reaction::Ready } else { Reaction::Refused };
        }
    }
    Reaction::Wait
}

fn connect(user: &str) -> Reaction {
    let token = user.parse::<UserId>().ok().and_then(|user| token::sign(SECRET, &user).ok());
    match token {
        Some(token) => Reaction::Say(json!({"id": 1, "connect": {"token": token}}).to_string()),
        None => Reaction::Refused,
    }
}

fn call(recipients: &[String], text: &str) -> Call {
    let publish = |user: &String| json!({"publish": {"channel": format!("personal:#{user}"), "data": {"to": user, "text": text}}});
    let commands: Vec<Value> = recipients.iter().map(publish).collect();
    Call::json("/api/batch", &json!({"commands": commands}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_connects_with_a_token_and_answers_pings() {
        let Reaction::Say(connect) = hear("u1", None) else { panic!("a client connects first") };
        assert!(serde_json::from_str::<Value>(&connect).unwrap()["connect"]["token"].is_string());
        let connected = r#"{"id":1,"connect":{"client":"x","subs":{"personal:#u1":{"recoverable":true}},"ping":25}}"#;
        assert_eq!(hear("u1", Some(connected)), Reaction::Ready);
        assert_eq!(hear("u1", Some(r#"{"id":1,"error":{"code":101}}"#)), Reaction::Refused);
        let publication = r#"{"push":{"channel":"personal:#u1","pub":{"data":{},"offset":1}}}"#;
        assert_eq!(hear("u1", Some(publication)), Reaction::Wait);
        assert_eq!(hear("u1", Some(&format!("{publication}\n{{}}\n"))), Reaction::Say("{}".to_owned()));
    }

    #[test]
    fn each_recipient_has_a_publication_of_his_own() {
        let call = call(&["a".to_owned(), "b".to_owned()], "x");
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let second = json!({"publish": {"channel": "personal:#b", "data": {"to": "b", "text": "x"}}});
        assert_eq!((call.path.as_str(), &body["commands"][1]), ("/api/batch", &second));
    }
}
