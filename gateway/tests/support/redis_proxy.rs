//! How does a test stand between a gateway and its Redis? A proxy that can swallow what is published, hold what a
//! server says to subscribers, and lead to another server.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinHandle,
};

/// What becomes of what a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It passes.
    Pass,
    /// Published messages are lost; answers pass, those to PING and SSUBSCRIBE too.
    Deaf,
    /// To subscribers nothing passes.
    Silent,
}

#[derive(Debug, Clone, Copy)]
struct State {
    target: SocketAddr,
    rule: Rule,
    /// Connections made under an earlier number end.
    generation: u64,
}

/// A listener in front of a Redis. It ends with this value.
#[derive(Debug)]
pub(crate) struct RedisProxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    accepting: JoinHandle<()>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl RedisProxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(watch::Sender::new(State { target, rule: Rule::Pass, generation: 0 }));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepting = tokio::spawn(accept(listener, state.clone(), connections.clone()));
        Self { address, state, accepting, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on, also for the connections that are there.
    pub(crate) fn set(&self, rule: Rule) {
        self.state.send_modify(|state| state.rule = rule);
    }

    /// Ends all connections, and leads to another server.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| *state = State { target, generation: state.generation + 1, ..*state });
    }
}

impl Drop for RedisProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        for connection in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            connection.abort();
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<watch::Sender<State>>, connections: Arc<Mutex<Vec<JoinHandle<()>>>>) {
    while let Ok((client, _)) = listener.accept().await {
        let connection = tokio::spawn(serve(client, state.subscribe()));
        connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

async fn serve(mut client: TcpStream, state: watch::Receiver<State>) {
    let State { target, generation, .. } = *state.borrow();
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let mut ending = state.clone();
    let ((mut from_client, to_client), (from_server, mut to_server)) = (client.split(), server.split());
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        _ = carry_answers(from_server, to_client, state) => {}
        _ = ending.wait_for(|state| state.generation != generation) => {}
    }
}

async fn carry_answers(
    mut from: tcp::ReadHalf<'_>,
    mut to: tcp::WriteHalf<'_>,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let (mut waiting, mut is_subscriber) = (Vec::new(), false);
    loop {
        while let Some(length) = length(&waiting) {
            let message: Vec<u8> = waiting.drain(..length).collect();
            is_subscriber |= starts(&message, b"$10\r\nssubscribe\r\n");
            if is_subscriber {
                let _ = state.wait_for(|state| state.rule != Rule::Silent).await;
            }
            if state.borrow().rule != Rule::Deaf || !starts(&message, b"$8\r\nsmessage\r\n") {
                to.write_all(&message).await?;
            }
        }
        if from.read_buf(&mut waiting).await? == 0 {
            return Ok(());
        }
    }
}

/// Whether a message of Redis's protocol is an array with this first part.
fn starts(message: &[u8], part: &[u8]) -> bool {
    message.first() == Some(&b'*') && message.get(4..).is_some_and(|rest| rest.starts_with(part))
}

/// How long the first message is; `None` if it is not whole yet.
fn length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    let count = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<usize>().ok();
    match bytes[0] {
        b'$' => {
            let length = count().map_or(line, |count| line + count + 2);
            (bytes.len() >= length).then_some(length)
        }
        b'*' => (0..count().unwrap_or(0)).try_fold(line, |at, _| Some(at + length(&bytes[at..])?)),
        _ => Some(line),
    }
}
