//! Socket.IO: how its server is started, and how its clients and publishers speak.

use super::peer::{Call, Peer, Reaction, find, not_installed};
use crate::{
    floor::Publish,
    http::BaseUrl,
    processes::{Process, serve},
};
use serde_json::json;
use std::{net::SocketAddr, path::Path, process::Command};

/// Node with a server of Socket.IO.
pub(super) struct SocketIo {
    node: Process,
    url: BaseUrl,
}

impl SocketIo {
    /// Starts one on a free port; an error says what is missing. `directory` has the server and its packages.
    pub(super) async fn start(node: &Path, directory: &Path, redis: Option<SocketAddr>) -> Result<Self, String> {
        let node = find(node).ok_or_else(|| not_installed("node", "make peers, or apt-get install nodejs npm"))?;
        let package = directory.join("node_modules/socket.io");
        if !package.exists() {
            let how = format!("make peers, or npm ci in {}", directory.display());
            return Err(not_installed(&package.display().to_string(), &how));
        }
        let command = |address: SocketAddr| {
            let mut command = Command::new(&node);
            command.arg("server.js").current_dir(directory).env("NODE_ENV", "production");
            command.env("HOST", address.ip().to_string()).env("PORT", address.port().to_string());
            if let Some(redis) = redis {
                command.env("REDIS_URL", format!("redis://{redis}"));
            }
            Ok(command)
        };
        let (node, url) = serve("socket.io", "/healthz", command).await?;
        Ok(Self { node, url })
    }
}

impl Peer for SocketIo {
    const LACKS: &'static str = "no list of a user: no unread totals, no merging of changes to one state, no deletions; \
         who comes back within 5 minutes gets the events since, in memory of this process only, \
         with Redis of the last 10,000 events to anybody; no token is checked";

    fn url(&self) -> &BaseUrl {
        &self.url
    }

    fn ids(&self) -> Vec<u32> {
        vec![self.node.id()]
    }

    fn path(&self, _user: &str) -> String {
        "/socket.io/?EIO=4&transport=websocket".to_owned()
    }

    fn hear(&self, user: &str, frame: Option<&str>) -> Reaction {
        hear(user, frame)
    }

    fn call(&self, recipients: &[String], text: &str) -> Call {
        Call::json("/publish", &Publish { recipients: recipients.to_vec(), text: text.to_owned() })
    }
}

/// A packet of Engine.IO begins with a digit, and one of Socket.IO inside its message with a second.
fn hear(user: &str, frame: Option<&str>) -> Reaction {
    let Some(frame) = frame else { return Reaction::Wait };
    match frame.as_bytes() {
        [b'0', ..] => Reaction::Say(format!("40{}", json!({"user": user}))),
        [b'2', ..] => Reaction::Say("3".to_owned()),
        [b'4', b'0', ..] => Reaction::Ready,
        [b'1', ..] | [b'4', b'1' | b'4', ..] => Reaction::Refused,
        _ => Reaction::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_joins_and_answers_pings() {
        let frames = [r#"0{"sid":"x","pingInterval":25000}"#, r#"40{"sid":"y"}"#, r#"42["message",{}]"#, "2", "41"];
        let reactions: Vec<Reaction> = frames.iter().map(|frame| hear("u1", Some(frame))).collect();
        let say = |text: &str| Reaction::Say(text.to_owned());
        let expected = [say(r#"40{"user":"u1"}"#), Reaction::Ready, Reaction::Wait, say("3"), Reaction::Refused];
        assert_eq!(reactions, expected);
        assert_eq!(hear("u1", None), Reaction::Wait);
    }
}
