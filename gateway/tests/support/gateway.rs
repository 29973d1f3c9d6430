//! How does a test get a gateway of its own? The real binary, on a free port, ended with the test.

use super::{
    Answer, Call, LOOK, PATIENCE, Value, json,
    keys::{self, API_KEY, SECRET},
    soon,
};
use std::{
    fs::File,
    io::Read,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, ExitStatus, Stdio},
};
use tempfile::NamedTempFile;

/// How often a start is tried: another process may take the free port first.
const STARTS_MAX: usize = 5;

/// A running gateway.
pub(crate) struct Gateway {
    child: Child,
    log: NamedTempFile,
    arguments: Vec<String>,
    /// Where clients connect.
    pub(crate) address: SocketAddr,
}

/// An address of this machine where nobody listened a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// As in a shell, NAME=VALUE in front of the flags is environment.
fn command(arguments: &[String], log: &File) -> Command {
    let flags = arguments.iter().position(|argument| argument.starts_with('-')).unwrap_or(arguments.len());
    let (environment, flags) = arguments.split_at(flags);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .env_clear()
        // Every test runs with every driver: GATEWAY_WEBSOCKET=actix-ws cargo test -p conversation-gateway
        .envs(std::env::var("GATEWAY_WEBSOCKET").map(|driver| ("GATEWAY_WEBSOCKET", driver)))
        .envs(environment.iter().filter_map(|pair| pair.split_once('=')))
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.stderr(log.try_clone().expect("a file can be shared"));
    command
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// Runs a gateway that must not start; answers what it says.
pub(crate) async fn refused_start(arguments: &[&str]) -> String {
    let log = NamedTempFile::new().expect("a temporary file");
    let mut child = command(&owned(arguments), log.as_file()).spawn().expect("the gateway is there");
    let status = soon("the refusal to start", async {
        loop {
            match child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    });
    assert!(!status.await.success(), "a refusal must show in the exit code");
    read(&log)
}

fn read(log: &NamedTempFile) -> String {
    let mut text = String::new();
    let _ = log.reopen().and_then(|mut file| file.read_to_string(&mut text));
    text
}

impl Gateway {
    /// With keys, in memory.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With keys and these settings, which overrule the usual ones.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let usual = [("--jwt-secret", SECRET.as_str()), ("--api-key", &API_KEY), ("--workers", "1")];
        let mut all = owned(arguments);
        for (name, value) in usual {
            let has_other_key =
                name == "--jwt-secret" && arguments.iter().any(|name| ["--jwt-public-key", "--jwks"].contains(name));
            if !has_other_key && !arguments.contains(&name) {
                all.extend([name.to_owned(), value.to_owned()]);
            }
        }
        Self::launch(all).await
    }

    /// Without keys.
    pub(crate) async fn development() -> Self {
        Self::launch(owned(&["--workers", "1"])).await
    }

    /// With the settings of a file alone.
    pub(crate) async fn from_file(file: &str) -> Self {
        Self::launch(owned(&["--config", file])).await
    }

    async fn launch(mut arguments: Vec<String>) -> Self {
        if !arguments.iter().any(|argument| argument == "--store") {
            arguments.extend(owned(&["--store", "memory:"]));
        }
        for _ in 0..STARTS_MAX {
            let address = free_address();
            if let Some(gateway) = Self::launch_at(&arguments, address).await {
                return gateway;
            }
        }
        panic!("the gateway does not start on any of {STARTS_MAX} ports");
    }

    /// `None` if somebody else had the port.
    async fn launch_at(arguments: &[String], address: SocketAddr) -> Option<Self> {
        let log = NamedTempFile::new().expect("a temporary file");
        let mut all = arguments.to_vec();
        all.extend(["--listen".to_owned(), address.to_string()]);
        let child = command(&all, log.as_file()).spawn().expect("the gateway is there");
        let mut gateway = Self { child, log, arguments: arguments.to_vec(), address };
        let ready = async {
            loop {
                if let Some(status) = gateway.child.try_wait().expect("a child can be waited for") {
                    let log = gateway.log();
                    assert!(log.contains("cannot listen"), "the gateway ended with {status}: {log}");
                    return false;
                }
                if matches!(Call::get("/readyz").try_send(address).await, Ok(answer) if answer.status == 200) {
                    return true;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        let is_ready = ready.unwrap_or_else(|_| panic!("not ready within {PATIENCE:?}: {}", gateway.log()));
        is_ready.then_some(gateway)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name, like TERM.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill is there").success());
    }

    /// Waits for the process to end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        soon("the end of the gateway", async {
            loop {
                match self.child.try_wait().expect("a child can be waited for") {
                    Some(status) => break status,
                    None => tokio::time::sleep(LOOK).await,
                }
            }
        })
        .await
    }

    /// Ends the process without a warning.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again with the same settings, at the same address or, if that was taken, at another.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let (arguments, address) = (self.arguments.clone(), self.address);
        *self = match Self::launch_at(&arguments, address).await {
            Some(gateway) => gateway,
            None => Self::launch(arguments).await,
        };
    }

    /// Where its lists are kept.
    fn store(&self) -> &str {
        let place = self.arguments.iter().position(|argument| argument == "--store").expect("a store");
        &self.arguments[place + 1]
    }

    /// Whether its lists outlive its process.
    pub(crate) fn keeps_lists(&self) -> bool {
        self.store() != "memory:"
    }

    /// Runs a command of words without spaces on its Redis; `None`: its store is another.
    pub(crate) async fn redis(&self, words: &str) -> Option<String> {
        Some(super::redis_server::command_at(self.store().strip_prefix("redis://")?, words).await)
    }

    /// `GET path`, as nobody in particular.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Call::get(path).send(self.address).await
    }

    /// A client's call over HTTP: its result, or its error object.
    pub(crate) async fn call(&self, user: &str, method: &str, params: Value) -> Result<Value, Value> {
        result(Call::post(&format!("/v1/{method}")).bearer(&keys::token(user)).json(&params).send(self.address).await)
    }

    /// A backend's call: its result, or its error object.
    pub(crate) async fn backend(&self, method: &str, params: Value) -> Result<Value, Value> {
        result(Call::post(&format!("/server/v1/{method}")).bearer(&API_KEY).json(&params).send(self.address).await)
    }

    /// A backend's call that is done.
    #[track_caller]
    pub(crate) fn post(&self, method: &str, params: Value) -> impl Future<Output = Value> {
        let (answer, caller) = (self.backend(method, params), std::panic::Location::caller());
        async move { answer.await.unwrap_or_else(|error| panic!("{error} at {caller}")) }
    }

    /// A message that is sent, and changes rows.
    #[track_caller]
    pub(crate) fn send(&self, message: Value) -> impl Future<Output = Value> {
        let (answer, caller) = (self.post("sendMessage", message), std::panic::Location::caller());
        async move {
            let result = answer.await;
            assert!(result["applied"].as_u64() > Some(0) && result["failed"] == json!([]), "{result} at {caller}");
            result
        }
    }

    /// A user's whole list, as the server pages it.
    pub(crate) async fn list(&self, user: &str) -> Vec<Value> {
        let (mut rows, mut next_seq) = (Vec::new(), json!(0));
        loop {
            let params = json!({"nextSeq": next_seq, "count": 1_000});
            let page = self.call(user, "getConversationList", params).await.expect("a page");
            rows.extend(page["conversationList"].as_array().expect("rows").clone());
            if page["isFinished"] == json!(true) {
                return rows;
            }
            next_seq = page["nextSeq"].clone();
        }
    }

    /// One row of a user.
    pub(crate) async fn row(&self, user: &str, id: &str) -> Option<Value> {
        let answer = self.call(user, "getConversation", json!({"conversationID": id})).await;
        answer.ok().map(|result| result["conversation"].clone())
    }

    /// A user's total unread.
    pub(crate) async fn total(&self, user: &str) -> u64 {
        let result = self.call(user, "getTotalUnreadMessageCount", json!({})).await.expect("a total");
        result["totalUnreadCount"].as_u64().expect("a number")
    }

    /// The value of a metric by its full name, labels included, or its sum over all labels by its name alone; 0 where there is none.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.text();
        let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
        let meant = samples.filter(|(sample, _)| *sample == name || sample.split('{').next() == Some(name));
        meant.filter_map(|(_, value)| value.parse::<f64>().ok()).sum::<f64>() as u64
    }
}

fn result(answer: Answer) -> Result<Value, Value> {
    let json = answer.json();
    if answer.status == 200 { Ok(json) } else { Err(json["error"].clone()) }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}", self.log());
        }
    }
}
