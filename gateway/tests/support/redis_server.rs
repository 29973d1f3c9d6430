//! How does a test get a Redis server of its own? A process without persistence, which ends with the test.

use super::{LOOK, soon};
use std::{
    io,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How often a start is tried: another process may take the free port first.
const STARTS_MAX: usize = 5;

/// A server on a port of its own.
pub(crate) struct RedisServer {
    child: Child,
    directory: TempDir,
    address: SocketAddr,
}

impl RedisServer {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for _ in 0..STARTS_MAX {
            let address = super::gateway::free_address();
            if let Some(child) = launch(&directory, address).await {
                return Self { child, directory, address };
            }
        }
        panic!("redis-server does not start on any of {STARTS_MAX} ports");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Runs a command of words without spaces; answers what came first.
    pub(crate) async fn command(&self, command: &str) -> String {
        command_at(&self.address.to_string(), command).await
    }

    /// Ends the server; what it holds is lost, unless it was saved.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port.
    pub(crate) async fn go_on(&mut self) {
        self.child = launch(&self.directory, self.address).await.expect("redis-server starts again");
    }
}

/// The same, of the server at an address.
pub(crate) async fn command_at(address: &str, command: &str) -> String {
    soon(command, async { try_command(address, command).await.expect("Redis answers") }).await
}

async fn try_command(address: &str, command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut bytes = vec![0; 4_096];
    let length = stream.read(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// Whether INFO is of the server with this process id.
fn is_of(info: &str, id: u32) -> bool {
    info.lines().any(|line| line == format!("process_id:{id}"))
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `None` if the server ended before it listened.
async fn launch(directory: &TempDir, address: SocketAddr) -> Option<Child> {
    let started = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--appendonly", "no"])
        .args(["--repl-diskless-sync-delay", "0", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started.unwrap_or_else(|error| panic!("no redis-server ({error}): apt-get install redis-server"));
    soon("redis-server", async {
        loop {
            if child.try_wait().expect("a child can be waited for").is_some() {
                return None;
            }
            // Somebody else may have taken the port, and answer until ours notices.
            if try_command(&address.to_string(), "INFO server").await.is_ok_and(|info| is_of(&info, child.id())) {
                return Some(());
            }
            tokio::time::sleep(LOOK).await;
        }
    })
    .await
    .map(|()| child)
}
