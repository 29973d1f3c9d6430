//! How a test gets a Redis server of its own, without persistence, which ends with the test.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// How often a start is tried: another process may take the free port first.
const STARTS_MAX: usize = 5;
/// How often, 10 ms apart, it is looked whether the server listens.
const LOOKS_MAX: usize = 1_000;

/// Users of a server: a gateway may do what it needs, and nothing else.
pub(super) const USERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/redis/users.acl");
/// The gateway's name and password there.
pub(super) const GATEWAY_USER: &str = "gateway:change-me";

/// A server on a port of its own.
pub(super) struct RedisServer {
    directory: TempDir,
    port: u16,
    child: Child,
    settings: Vec<String>,
}

impl RedisServer {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    /// One with further settings.
    pub(super) fn start_with(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        for _ in 0..STARTS_MAX {
            let port = free_port();
            if let Some(child) = launch(&directory, port, &settings) {
                return Self { directory, port, child, settings };
            }
        }
        panic!("redis-server does not start on any of {STARTS_MAX} ports");
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// For the gateway's own user, on a server that has [`USERS`].
    pub(super) fn url_of_gateway(&self) -> String {
        format!("redis://{GATEWAY_USER}@{}", self.address())
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server at once; everything it held is lost.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, empty, on the same port.
    pub(super) fn restart(&mut self) {
        self.kill();
        self.child = launch(&self.directory, self.port, &self.settings).expect("redis-server starts again");
    }

    /// Makes the server silent without closing a connection, or lets it go on.
    pub(super) fn pause(&self, is_paused: bool) {
        let signal = if is_paused { "-STOP" } else { "-CONT" };
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `None` if the server ended before it listened.
fn launch(directory: &TempDir, port: u16, settings: &[String]) -> Option<Child> {
    let started = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .args(["--repl-diskless-sync-delay", "0", "--dir"])
        .arg(directory.path())
        .args(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => panic!("redis-server is needed for these tests ({error}): apt-get install redis-server"),
    };
    for _ in 0..LOOKS_MAX {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        // Somebody else may have taken the port, and answer until ours notices.
        if info(port).is_ok_and(|info| info.lines().any(|line| line == format!("process_id:{}", child.id()))) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn info(port: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"INFO server\r\n")?;
    let mut bytes = vec![0; 4_096];
    let length = stream.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}
