//! A TCP proxy of our own, whose connections can be cut, delayed, stalled, slowed and deafened while they are in use.

mod delay;
mod resp;

use crate::{http::BaseUrl, processes::url_of};
use delay::Late;
use resp::Splitter;
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, tcp},
    sync::{Notify, watch},
    task::JoinHandle,
};

/// Bytes taken at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes that a slowed connection takes at once.
const SLOW_CHUNK_BYTES: usize = 256;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;
/// How Redis's protocol begins a subscription, within a command.
const SUBSCRIBE: &[u8] = b"\r\nSSUBSCRIBE\r\n";

/// What a connection is for, by what its client said on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing was said yet, or commands and calls.
    Calls,
    /// A client's session: a GET of the WebSocket or the events.
    Session,
    /// Redis's channels: SSUBSCRIBE was said.
    Subscriber,
}

const KINDS: [Kind; 3] = [Kind::Calls, Kind::Session, Kind::Subscriber];

/// What happens to a connection's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// They pass.
    Pass,
    /// They pass after a while.
    Delay(Duration),
    /// They are held both ways; what is already underway is not lost.
    Stall,
    /// Only what the server says is held.
    StallAnswers,
    /// What the server says passes at so many bytes a second.
    Slow(u32),
    /// The client's side was closed; the server's is read on.
    HalfClosed,
    /// Messages published by Redis are lost; everything else passes.
    Deaf,
}

/// The rule of each kind; `every` so-manieth connection follows it, the others pass.
#[derive(Debug, Clone, Copy)]
struct Rules {
    by_kind: [Rule; KINDS.len()],
    every: u64,
}

impl Rules {
    const PASS: Self = Self { by_kind: [Rule::Pass; KINDS.len()], every: 1 };

    fn rule(&self, connection: &Connection) -> Rule {
        let kind = connection.kind.load(Ordering::Relaxed);
        if connection.number.is_multiple_of(self.every) { self.by_kind[usize::from(kind)] } else { Rule::Pass }
    }
}

#[derive(Debug)]
struct Connection {
    number: u64,
    /// Of [`KINDS`].
    kind: AtomicU8,
    cut: Notify,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    /// Bytes that the kernel holds of what the server said; small, so that a server notices who does not read.
    receive_buffer: Option<u32>,
    rules: watch::Sender<Rules>,
    connections: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
}

/// A listener in front of a server. It ends with this value.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens in front of a server, which need not be there yet.
    pub(crate) async fn start(target: SocketAddr, receive_buffer: Option<u32>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            receive_buffer,
            rules: watch::Sender::new(Rules::PASS),
            connections: Mutex::default(),
            next: AtomicU64::new(1),
        });
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, accepting })
    }

    /// Where clients connect, as a URL.
    pub(crate) fn url(&self) -> BaseUrl {
        url_of(self.address)
    }

    /// Sends connections made from now on to another server.
    pub(crate) fn switch(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// Sets the rule of one kind of connections, those of now and of later; the other kinds pass.
    pub(crate) fn set(&self, kind: Kind, rule: Rule) {
        self.set_some(kind, rule, 1);
    }

    /// The same for every so-manieth connection.
    pub(crate) fn set_some(&self, kind: Kind, rule: Rule, every: u64) {
        let mut rules = Rules { every, ..Rules::PASS };
        rules.by_kind[kind as usize] = rule;
        self.shared.rules.send_replace(rules);
    }

    /// Lets everything pass.
    pub(crate) fn heal(&self) {
        self.shared.rules.send_replace(Rules::PASS);
    }

    /// Resets all connections of some kinds, both ways; what was held is lost. Says how many there were.
    pub(crate) fn cut(&self, kinds: &[Kind]) -> usize {
        let connections = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |connection: &&Arc<Connection>| {
            kinds.iter().any(|kind| *kind as u8 == connection.kind.load(Ordering::Relaxed))
        };
        connections.values().filter(is_meant).map(|connection| connection.cut.notify_one()).count()
    }

    /// Resets all connections.
    pub(crate) fn cut_all(&self) -> usize {
        self.cut(&KINDS)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(serve(client, shared.clone()))),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Carries one connection until it ends or is cut.
async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let number = shared.next.fetch_add(1, Ordering::Relaxed);
    let connection = Arc::new(Connection { number, kind: AtomicU8::new(Kind::Calls as u8), cut: Notify::new() });
    let registry = || shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
    registry().insert(number, connection.clone());
    let result = match dial(&shared).await {
        Ok(mut server) => {
            let rules = shared.rules.subscribe();
            let result = {
                let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
                let calls = carry_calls(from_client, to_server, &connection, rules.clone());
                let answers = carry_answers(from_server, to_client, &connection, rules);
                tokio::select! {
                    ended = async { tokio::try_join!(calls, answers) } => ended.map(drop),
                    () = connection.cut.notified() => Err(io::ErrorKind::ConnectionAborted.into()),
                }
            };
            if result.is_err() {
                let _ = server.set_zero_linger();
            }
            result
        }
        Err(error) => Err(error),
    };
    if result.is_err() {
        let _ = client.set_zero_linger();
    }
    registry().remove(&number);
}

async fn dial(shared: &Shared) -> io::Result<TcpStream> {
    let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = shared.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Carries what the client says, and learns from it what the connection is for.
async fn carry_calls(
    mut from: tcp::ReadHalf<'_>,
    mut to: tcp::WriteHalf<'_>,
    connection: &Connection,
    mut rules: watch::Receiver<Rules>,
) -> io::Result<()> {
    let (mut chunk, mut said, mut late) = (vec![0; CHUNK_BYTES], Vec::new(), Late::default());
    loop {
        let rule = rules.borrow_and_update().rule(connection);
        match rule {
            Rule::Stall => {
                let _ = rules.changed().await;
                continue;
            }
            Rule::HalfClosed => break,
            Rule::Pass | Rule::Delay(_) | Rule::StallAnswers | Rule::Slow(_) | Rule::Deaf => {}
        }
        let length = tokio::select! {
            length = from.read(&mut chunk) => length?,
            () = late.is_due(rule) => {
                late.write_due(rule, &mut to).await?;
                continue;
            }
            _ = rules.changed() => continue,
        };
        if length == 0 {
            break;
        }
        learn(connection, &mut said, &chunk[..length]);
        late.carry(rule, &chunk[..length], &mut to).await?;
    }
    late.write_due(Rule::Pass, &mut to).await?;
    to.shutdown().await
}

/// What a connection is for shows in how it begins, or in a subscription.
fn learn(connection: &Connection, said: &mut Vec<u8>, bytes: &[u8]) {
    if connection.kind.load(Ordering::Relaxed) != Kind::Calls as u8 {
        return;
    }
    let is_first = said.is_empty();
    said.extend_from_slice(bytes);
    let kind = if is_first && (said.starts_with(b"GET /v1/ws") || said.starts_with(b"GET /v1/events")) {
        Kind::Session
    } else if said.windows(SUBSCRIBE.len()).any(|window| window == SUBSCRIBE) {
        Kind::Subscriber
    } else {
        // The word may stand across two chunks.
        said.drain(..said.len().saturating_sub(SUBSCRIBE.len()));
        Kind::Calls
    };
    connection.kind.store(kind as u8, Ordering::Relaxed);
}

/// Carries what the server says.
async fn carry_answers(
    mut from: tcp::ReadHalf<'_>,
    mut to: tcp::WriteHalf<'_>,
    connection: &Connection,
    mut rules: watch::Receiver<Rules>,
) -> io::Result<()> {
    let (mut chunk, mut splitter, mut late) = (vec![0; CHUNK_BYTES], Splitter::default(), Late::default());
    loop {
        let rule = rules.borrow_and_update().rule(connection);
        let most = match rule {
            Rule::Stall | Rule::StallAnswers => {
                let _ = rules.changed().await;
                continue;
            }
            Rule::Slow(_) => SLOW_CHUNK_BYTES,
            Rule::Pass | Rule::Delay(_) | Rule::HalfClosed | Rule::Deaf => CHUNK_BYTES,
        };
        let length = tokio::select! {
            length = from.read(&mut chunk[..most]) => length?,
            () = late.is_due(rule) => {
                late.write_due(rule, &mut to).await?;
                continue;
            }
            _ = rules.changed() => continue,
        };
        if length == 0 {
            late.write_due(Rule::Pass, &mut to).await?;
            return to.shutdown().await;
        }
        if let Rule::Slow(bytes_per_second) = rule {
            let wait = Duration::from_secs(1) * length as u32 / bytes_per_second.max(1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = rules.changed() => {}
            }
        }
        if connection.kind.load(Ordering::Relaxed) == Kind::Subscriber as u8 {
            let passed = splitter.push(&chunk[..length], rule != Rule::Deaf);
            late.carry(rule, &passed, &mut to).await?;
        } else {
            late.carry(rule, &chunk[..length], &mut to).await?;
        }
    }
}

#[cfg(test)]
mod tests;
