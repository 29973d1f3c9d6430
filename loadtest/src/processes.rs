//! How real programs are started, signalled and ended, each by its own id.

use crate::{
    clock,
    http::{BaseUrl, Http},
    measure::redis,
};
use std::{
    fs,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};
use tempfile::{NamedTempFile, TempDir};

/// How long a program may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a program.
const LOOK: Duration = Duration::from_millis(5);
/// Lines of a program that are told.
const LAST_LINES: usize = 8;
/// How often a start is tried: another program may take the free port first.
const STARTS_MAX: usize = 5;
/// The key of HS256 tokens and the backend's key, of nodes that this tool starts.
pub(crate) const SECRET: &str = "a secret of the load tool, for its own nodes only";
pub(crate) const API_KEY: &str = "dev";

/// Which programs to start.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The gateway's binary.
    pub gateway: PathBuf,
    /// The server of Redis or Valkey.
    pub redis: PathBuf,
}

impl Programs {
    /// The gateway's binary beside this program's.
    pub fn gateway_beside_tool() -> Result<PathBuf, String> {
        let tool = std::env::current_exe().map_err(|error| error.to_string())?;
        Ok(tool.with_file_name("gateway"))
    }
}

/// An address of this machine where nobody listened a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    free_address_of(Ipv4Addr::LOCALHOST)
}

/// The same with this address of the machine.
pub(crate) fn free_address_of(host: Ipv4Addr) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr());
    listener.map_err(|error| format!("no free port: {error}"))
}

/// A child of this process; it is killed with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: NamedTempFile,
    name: &'static str,
}

impl Process {
    pub(crate) fn spawn(name: &'static str, command: &mut Command) -> Result<Self, String> {
        let log = NamedTempFile::new().map_err(|error| error.to_string())?;
        let output = log.as_file().try_clone().map_err(|error| error.to_string())?;
        Self::spawn_with(name, command.stdin(Stdio::null()).stdout(output), log)
    }

    /// The same for one that is spoken with: its input and its output; only its errors are among its words.
    pub(crate) fn spawn_spoken_with(
        name: &'static str,
        command: &mut Command,
    ) -> Result<(Self, ChildStdin, ChildStdout), String> {
        let log = NamedTempFile::new().map_err(|error| error.to_string())?;
        let mut process = Self::spawn_with(name, command.stdin(Stdio::piped()).stdout(Stdio::piped()), log)?;
        let pipes = process.child.stdin.take().zip(process.child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| format!("{name}: cannot be spoken with"))?;
        Ok((process, input, output))
    }

    fn spawn_with(name: &'static str, command: &mut Command, log: NamedTempFile) -> Result<Self, String> {
        let errors = log.as_file().try_clone().map_err(|error| error.to_string())?;
        let started = command.stderr(errors).spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = started.map_err(|error| format!("{name}: {program}: {error}"))?;
        Ok(Self { child, log, name })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal by name, like STOP.
    pub(crate) fn signal(&self, name: &str) -> Result<(), String> {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        match sent {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("{}: no signal {name}: {other:?}", self.name)),
        }
    }

    /// Ends it at once, without a warning.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> Result<(), String> {
        let begun_us = clock::now_us();
        while !self.has_ended() {
            if clock::now_us() - begun_us > PATIENCE.as_micros() as u64 {
                return Err(format!("{} has not ended within {PATIENCE:?}", self.name));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// The last lines that it said.
    pub(crate) fn last_words(&self) -> String {
        let mut text = String::new();
        let _ = self.log.reopen().and_then(|mut file| file.read_to_string(&mut text));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Waits until it answers a GET with 200; false if it ended before.
    pub(crate) async fn answers_at(&mut self, url: &BaseUrl, path: &str) -> Result<bool, String> {
        let http = Http::new();
        self.wait_for(async || http.text(url, path).await.is_ok_and(|(status, _)| status == 200)).await
    }

    /// Waits until `is_there` says so; false if it ended before.
    async fn wait_for(&mut self, mut is_there: impl AsyncFnMut() -> bool) -> Result<bool, String> {
        let begun_us = clock::now_us();
        loop {
            if self.has_ended() {
                return Ok(false);
            }
            if is_there().await {
                return Ok(true);
            }
            if clock::now_us() - begun_us > PATIENCE.as_micros() as u64 {
                return Err(format!("{} does not answer within {PATIENCE:?}: {}", self.name, self.last_words()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a server on a free port, by the command that `command` makes for an address, and waits until it answers a GET of
/// `path` with 200.
pub(crate) async fn serve(
    name: &'static str,
    path: &str,
    command: impl FnMut(SocketAddr) -> Result<Command, String>,
) -> Result<(Process, BaseUrl), String> {
    serve_at(name, path, None, command).await
}

/// The same at an address, if one is given.
pub(crate) async fn serve_at(
    name: &'static str,
    path: &str,
    address: Option<SocketAddr>,
    mut command: impl FnMut(SocketAddr) -> Result<Command, String>,
) -> Result<(Process, BaseUrl), String> {
    let mut words = String::new();
    for _ in 0..STARTS_MAX {
        let address = address.map_or_else(free_address, Ok)?;
        let mut process = Process::spawn(name, &mut command(address)?)?;
        let url = url_of(address);
        if process.answers_at(&url, path).await? {
            return Ok((process, url));
        }
        words = process.last_words();
    }
    Err(format!("{name} does not start in {STARTS_MAX} attempts: {words}"))
}

/// A gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// Starts one on a free port and waits until it is ready. Variables are those of its environment.
    pub(crate) async fn start(
        programs: &Programs,
        settings: &[String],
        variables: &[(String, String)],
    ) -> Result<Self, String> {
        for _ in 0..STARTS_MAX {
            if let Some(gateway) = Self::start_at(free_address()?, programs, settings, variables).await? {
                return Ok(gateway);
            }
        }
        Err(format!("the gateway does not start on any of {STARTS_MAX} ports"))
    }

    /// The same at an address; `None` if somebody else has it.
    pub(crate) async fn start_at(
        address: SocketAddr,
        programs: &Programs,
        settings: &[String],
        variables: &[(String, String)],
    ) -> Result<Option<Self>, String> {
        let mut command = Command::new(&programs.gateway);
        command.env_clear().envs(variables.iter().cloned());
        command.args(["--listen", &address.to_string(), "--jwt-secret", SECRET, "--api-key", API_KEY]);
        let mut process = Process::spawn("gateway", command.args(settings))?;
        if process.answers_at(&url_of(address), "/readyz").await? {
            return Ok(Some(Self { process, address }));
        }
        let words = process.last_words();
        if words.contains("cannot listen") { Ok(None) } else { Err(format!("the gateway has ended: {words}")) }
    }

    pub(crate) fn url(&self) -> BaseUrl {
        url_of(self.address)
    }
}

/// The URL of an address.
pub(crate) fn url_of(address: SocketAddr) -> BaseUrl {
    format!("http://{address}").parse().expect("an address makes a URL")
}

/// A Redis server with a directory of its own, where it writes every command down.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    process: Process,
    directory: TempDir,
    settings: Vec<String>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Redis {
    /// Starts an empty one.
    pub(crate) async fn start(programs: &Programs) -> Result<Self, String> {
        Self::start_with(programs, &[]).await
    }

    /// The same with further settings.
    pub(crate) async fn start_with(programs: &Programs, settings: &[&str]) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        for _ in 0..STARTS_MAX {
            let address = free_address()?;
            if let Some(process) = launch(&programs.redis, directory.path(), address, &settings).await? {
                return Ok(Self { program: programs.redis.clone(), process, directory, settings, address });
            }
        }
        Err(format!("redis-server does not start on any of {STARTS_MAX} ports"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as an operator does: what it confirmed is in its file.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        self.process.signal("TERM")?;
        self.process.ended().await
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was, with what its file holds.
    pub(crate) async fn start_again(&mut self) -> Result<(), String> {
        let process = launch(&self.program, self.directory.path(), self.address, &self.settings).await?;
        self.process = process.ok_or_else(|| "redis-server does not start again".to_owned())?;
        Ok(())
    }

    /// Takes away what it has written down; it must not run.
    pub(crate) fn forget(&self) -> io::Result<()> {
        fs::remove_dir_all(self.directory.path().join("appendonlydir"))
    }

    /// Sends a signal by name, like STOP.
    ///
    /// # Errors
    /// In words, where it was not sent.
    pub fn signal(&self, name: &str) -> Result<(), String> {
        self.process.signal(name)
    }

    /// Runs a command of words without spaces; gives what came first, as it is on the wire.
    ///
    /// # Errors
    /// In words, where there is no answer.
    pub async fn command(&self, command: &str) -> Result<String, String> {
        redis::command(&self.address.to_string(), command)
            .await
            .map_err(|error| format!("redis-server: {command}: {error}"))
    }
}

/// `None` if it ended before it answered.
async fn launch(
    program: &Path,
    directory: &Path,
    address: SocketAddr,
    settings: &[String],
) -> Result<Option<Process>, String> {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--appendonly", "yes"]);
    // A replica may fall far behind and still catch up; fast enough for a test.
    command
        .args(["--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb", "--dir"])
        .arg(directory)
        .args(settings);
    let mut process = Process::spawn("redis-server", &mut command)?;
    // Somebody else may have taken the port, and answer until ours notices.
    let ours = format!("process_id:{}\r\n", process.id());
    let answers =
        async || redis::command(&address.to_string(), "INFO server").await.is_ok_and(|answer| answer.contains(&ours));
    Ok(process.wait_for(answers).await?.then_some(process))
}
