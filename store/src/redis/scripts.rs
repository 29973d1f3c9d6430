//! Which scripts run inside Redis, and how each is called.

use redis::Cmd;
use std::sync::LazyLock;

/// A script, called by the hash of its source.
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    fn new(source: &'static str) -> Self {
        Self { source, hash: redis::Script::new(source).get_hash().to_owned() }
    }

    /// A call; its ARGV are to be added.
    pub(super) fn call(&self, keys: &[String]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash).arg(keys.len()).arg(keys);
        command
    }
}

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!($(include_str!($file)),+)));
    };
}

script!(LOAD, "lookup.lua", "load.lua");
script!(COMMIT, "lookup.lua", "commit.lua");
script!(REPLAY, "replay.lua");
script!(PAGE, "page.lua");
script!(FACETS, "first_lines.lua", "facets.lua");
script!(UNREAD, "first_lines.lua", "unread.lua");
script!(RENEW, "renew.lua");
script!(SESSIONS, "sessions.lua");
script!(ENQUEUE, "enqueue.lua");
script!(BACKLOG, "backlog.lua");
script!(HOLD, "hold.lua");
script!(RELEASE, "release.lua");
script!(FINISH, "finish.lua");
script!(NODES, "nodes.lua");

/// The same call with the source in place of its hash, for a server that does not know the script (any more); it
/// knows it afterwards. `None` if the command calls no script.
pub(super) fn with_source(command: &Cmd) -> Option<Cmd> {
    let mut arguments = command.args_iter().map(|argument| match argument {
        redis::Arg::Simple(bytes) => bytes,
        _ => &[],
    });
    if arguments.next()? != b"EVALSHA" {
        return None;
    }
    let hash = arguments.next()?;
    let of_users = [&LOAD, &COMMIT, &REPLAY, &PAGE, &FACETS, &UNREAD, &RENEW, &SESSIONS];
    let of_lanes = [&ENQUEUE, &BACKLOG, &HOLD, &RELEASE, &FINISH, &NODES];
    let script = of_users.into_iter().chain(of_lanes).find(|script| script.hash.as_bytes() == hash)?;
    let mut evaluated = redis::cmd("EVAL");
    evaluated.arg(script.source);
    for argument in arguments {
        evaluated.arg(argument);
    }
    Some(evaluated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_keeps_its_keys_and_arguments_with_the_source() {
        let mut call = REPLAY.call(&["a".to_owned(), "b".to_owned()]);
        call.arg("(7");
        let packed = String::from_utf8(with_source(&call).unwrap().get_packed_command()).unwrap();
        assert!(packed.starts_with("*6\r\n$4\r\nEVAL\r\n"), "{packed}");
        assert!(packed.ends_with("$1\r\n2\r\n$1\r\na\r\n$1\r\nb\r\n$2\r\n(7\r\n"), "{packed}");
        assert!(with_source(&redis::cmd("PING")).is_none());
    }
}
