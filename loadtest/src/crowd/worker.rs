//! Sessions in a process of their own: orders go to its standard input, answers come from its standard output, a line of JSON
//! each.

use super::{
    arrivals::Arrivals,
    order::{Answer, Order},
    party::Party,
    returns::Returns,
};
use crate::{clock, processes::Process, progress::Progress};
use serde::{Serialize, de::DeserializeOwned};
use std::{io::ErrorKind, process::Command, sync::Arc};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader, stdin, stdout},
    process::{ChildStdin, ChildStdout},
};

/// A process that has sessions; it ends with this value.
pub(super) struct Worker {
    /// Which one it is, from 1.
    number: usize,
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts this program once more.
    pub(super) fn start(number: usize, sessions: usize) -> Result<Self, String> {
        let tool = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(tool);
        command.args(["worker", "--began-us", &clock::began_us().to_string()]);
        command.args(["--sessions", &sessions.to_string()]);
        let (process, input, output) = Process::spawn_spoken_with("worker", &mut command)?;
        let input = ChildStdin::from_std(input).map_err(|error| error.to_string())?;
        let output = ChildStdout::from_std(output).map_err(|error| error.to_string())?;
        Ok(Self { number, process, input, output: BufReader::new(output) })
    }

    /// Has it do something.
    pub(super) async fn perform(&mut self, order: &Order) -> Result<Answer, String> {
        let spoken = async {
            say(&mut self.input, order).await?;
            hear::<Result<Answer, String>>(&mut self.output).await
        };
        match spoken.await {
            Ok(Some(answer)) => answer.map_err(|problem| self.named(&problem)),
            Ok(None) => Err(self.last_words()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(self.last_words()),
            Err(error) => Err(self.named(&error.to_string())),
        }
    }

    /// Its last words, if it has ended.
    pub(super) fn end(&mut self) -> Option<String> {
        self.process.has_ended().then(|| self.last_words())
    }

    fn last_words(&self) -> String {
        self.named(&format!("it has ended: {}", self.process.last_words()))
    }

    fn named(&self, problem: &str) -> String {
        format!("worker {}: {problem}", self.number)
    }
}

/// Is a worker with so many sessions until nobody gives orders any more.
///
/// # Errors
/// Where an order cannot be read or an answer cannot be given.
pub async fn work(began_us: u64, sessions: usize) -> std::io::Result<()> {
    clock::join_run(began_us);
    let (arrivals, returns) = (Arc::new(Arrivals::of(sessions)), Arc::new(Returns::of(sessions)));
    let mut party = Party::new(arrivals, returns, Progress::silent());
    let (mut input, mut output) = (BufReader::new(stdin()), stdout());
    while let Some(order) = hear(&mut input).await? {
        say(&mut output, &party.perform(order).await).await?;
    }
    Ok(())
}

async fn say(to: &mut (impl AsyncWrite + Unpin), what: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// What is said next; `None` at the end.
async fn hear<T: DeserializeOwned>(from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<T>> {
    let mut line = String::new();
    match from.read_line(&mut line).await? {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_str(&line)?)),
    }
}
