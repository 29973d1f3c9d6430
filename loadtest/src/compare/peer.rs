//! What the tool must know of another push server to give it the gateway's work.

use crate::http::BaseUrl;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A server that runs; it ends with this value.
pub(super) trait Peer: Send + Sync + 'static {
    /// What it does not do of what the gateway does in the same run.
    const LACKS: &'static str;

    /// Where it listens.
    fn url(&self) -> &BaseUrl;

    /// Its processes.
    fn ids(&self) -> Vec<u32>;

    /// Path and query of a user's WebSocket.
    fn path(&self, user: &str) -> String;

    /// What a user's client does when its connection stands (`None`), or when a frame came.
    fn hear(&self, _user: &str, frame: Option<&str>) -> Reaction {
        if frame.is_none() { Reaction::Ready } else { Reaction::Wait }
    }

    /// The call that sends a text to users. The text needs no escapes.
    fn call(&self, recipients: &[String], text: &str) -> Call;
}

/// What a client does.
#[derive(Debug, PartialEq)]
pub(super) enum Reaction {
    /// It waits for the next frame.
    Wait,
    /// It answers.
    Say(String),
    /// It gets what is published from now on.
    Ready,
    /// It has been refused.
    Refused,
}

/// A POST.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) path: String,
    pub(super) body: String,
}

impl Call {
    pub(super) fn json(path: &str, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("names and a text are always JSON");
        Self { path: path.to_owned(), body }
    }
}

/// Why a server is not in the comparison.
pub(super) fn not_installed(what: &str, how: &str) -> String {
    format!("{what} is not there: {how}")
}

/// A program by its path, or by its name where shells look, and where Debian has servers.
pub(super) fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.exists().then(|| program.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    directories.map(|directory| directory.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_path_and_by_its_name() {
        let tool = std::env::current_exe().unwrap();
        assert_eq!(find(&tool), Some(tool.clone()));
        assert!(find(Path::new("sh")).is_some_and(|path| path.is_absolute()));
        for missing in ["no-such-program", "/nowhere/sh"] {
            assert_eq!(find(Path::new(missing)), None, "{missing}");
        }
    }
}
