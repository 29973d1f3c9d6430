//! What Redis says of itself: `INFO`, and its commands as plain lines.

use serde::Serialize;
use std::{collections::BTreeMap, io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command of words without spaces, on a connection of its own; gives what came first, as it is on the wire.
pub(crate) async fn command(address: &str, command: &str) -> io::Result<String> {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut bytes = vec![0; 64 * 1024];
        let mut length = stream.read(&mut bytes).await?;
        while length < announced(&bytes[..length]).min(bytes.len()) {
            match stream.read(&mut bytes[length..]).await? {
                0 => break,
                more => length += more,
            }
        }
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    };
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// How many bytes an answer has by its first line, where that is a text of many lines.
fn announced(bytes: &[u8]) -> usize {
    let Some(line) = bytes.split(|byte| *byte == b'\r').next().and_then(|line| line.strip_prefix(b"$")) else {
        return 0;
    };
    let length = std::str::from_utf8(line).ok().and_then(|text| text.parse::<usize>().ok());
    length.map_or(0, |length| 1 + line.len() + 2 + length + 2)
}

/// The fields of `INFO`.
#[derive(Debug, Clone, Default)]
pub struct Info(BTreeMap<String, String>);

/// Commands that were run, inside scripts too.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Commands {
    /// All together.
    pub total: u64,
    /// By name.
    pub by_name: BTreeMap<String, u64>,
}

/// Asks the server for everything.
pub async fn info(address: &str) -> Result<Info, String> {
    let text = command(address, "INFO everything").await.map_err(|error| format!("redis {address}: {error}"))?;
    Ok(Info::read(&text))
}

impl Info {
    fn read(text: &str) -> Self {
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Self(text.lines().filter_map(field).collect())
    }

    /// A number by its name; 0 where there is none.
    pub fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// A number with a fraction by its name; 0 where there is none.
    pub fn decimal(&self, name: &str) -> f64 {
        self.0.get(name).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// The commands since the server began.
    pub fn commands(&self) -> Commands {
        let calls = |(name, value): (&String, &String)| {
            let name = name.strip_prefix("cmdstat_")?.to_owned();
            let calls = value.split(',').find_map(|part| part.strip_prefix("calls="))?;
            Some((name, calls.parse().ok()?))
        };
        let total = self.number("total_commands_processed");
        Commands { total, by_name: self.0.iter().filter_map(calls).collect() }
    }
}

impl Commands {
    /// What came since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let before = |name: &String| earlier.by_name.get(name).copied().unwrap_or(0);
        let risen = |(name, count): (&String, &u64)| (name.clone(), count.saturating_sub(before(name)));
        let by_name = self.by_name.iter().map(risen).filter(|(_, count)| *count > 0).collect();
        Self { total: self.total.saturating_sub(earlier.total), by_name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_is_read_and_commands_are_counted_between_two_looks() {
        let text = |evalsha: u64| {
            format!(
                "$99\r\n# Stats\r\ntotal_commands_processed:{}\r\nconnected_clients:3\r\nused_cpu_sys:1.5\r\n\
                 cmdstat_evalsha:calls={evalsha},usec=5,failed_calls=0\r\ncmdstat_get:calls=2,usec=1\r\n",
                evalsha + 2
            )
        };
        let (before, after) = (Info::read(&text(5)), Info::read(&text(9)));
        assert_eq!((after.number("connected_clients"), after.number("absent")), (3, 0));
        assert_eq!((after.decimal("used_cpu_sys"), after.decimal("absent")), (1.5, 0.0));
        let commands = after.commands().since(&before.commands());
        assert_eq!(commands, Commands { total: 4, by_name: BTreeMap::from([("evalsha".to_owned(), 4)]) });
    }

    #[test]
    fn a_text_of_many_lines_says_how_long_it_is() {
        assert_eq!(announced(b"$5\r\nab"), 11);
        assert_eq!(announced(b"$5\r\nabcde\r\n"), 11);
        assert_eq!((announced(b"+PONG\r\n"), announced(b"$-1\r\n")), (0, 0));
    }
}
