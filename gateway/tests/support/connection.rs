//! How does a test connect? Over either transport, with what it wants in the URL and the headers.

use super::{
    Answer, Call, Gateway, Session,
    events::EventStream,
    keys, soon,
    tcp::{self, HERE},
};
use conversation_protocol::CloseCode;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        client::IntoClientRequest,
        http::{HeaderName, header::AUTHORIZATION},
    },
};

/// The two ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Events,
}

/// Both ways in.
pub(crate) const BOTH: [Transport; 2] = [Transport::WebSocket, Transport::Events];

/// An open connection.
pub(crate) enum Stream {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    Events(Box<EventStream>),
}

/// Bytes that a client takes in without reading them, where a test says so.
const NARROW_BYTES: u32 = 32 * 1024;

/// A connection that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    address: SocketAddr,
    transport: Transport,
    token: Option<String>,
    user: String,
    query: Vec<String>,
    headers: Vec<(String, String)>,
    is_narrow: bool,
    from: &'static str,
}

fn percent_encode(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl Gateway {
    /// A connection of a user, with a new token in the header.
    pub(crate) fn opening(&self, transport: Transport, user: &str) -> Opening {
        let (address, token, user) = (self.address, Some(keys::token(user)), user.to_owned());
        Opening {
            address,
            transport,
            token,
            user,
            query: Vec::new(),
            headers: Vec::new(),
            is_narrow: false,
            from: HERE,
        }
    }

    /// A session of a user, not yet synced.
    pub(crate) async fn open(&self, transport: Transport, user: &str) -> Session {
        self.opening(transport, user).open().await
    }

    /// A WebSocket session of a user that has synced.
    pub(crate) async fn live(&self, user: &str) -> Session {
        let mut session = self.open(Transport::WebSocket, user).await;
        session.sync().await;
        session
    }
}

impl Opening {
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Without a token in the header.
    pub(crate) fn anonymous(mut self) -> Self {
        self.token = None;
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(format!("{name}={}", percent_encode(value)));
        self
    }

    pub(crate) fn since(self, cursor: &str) -> Self {
        self.query("since", cursor)
    }

    pub(crate) fn window(self, rows: u32) -> Self {
        self.query("window", &rows.to_string())
    }

    pub(crate) fn device(self, device: &str) -> Self {
        self.query("device", device)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A WebSocket that soon takes no more where the test does not read.
    pub(crate) fn narrow(mut self) -> Self {
        self.is_narrow = true;
        self
    }

    /// From another address of this machine.
    pub(crate) fn from(mut self, from: &'static str) -> Self {
        self.from = from;
        self
    }

    /// To another address than the gateway's own, such as a balancer's.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = tcp::socket_from(self.from)?;
        if self.is_narrow {
            socket.set_recv_buffer_size(NARROW_BYTES)?;
        }
        socket.connect(self.address).await
    }

    fn path(&self) -> String {
        let path = match self.transport {
            Transport::WebSocket => "/v1/ws",
            Transport::Events => "/v1/events",
        };
        if self.query.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query.join("&")) }
    }

    fn all_headers(&self) -> impl Iterator<Item = (String, String)> {
        let token = self.token.iter().map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
        token.chain(self.headers.clone())
    }

    /// Connects, whatever comes then.
    pub(crate) async fn open(self) -> Session {
        match self.transport {
            Transport::WebSocket => self.open_websocket().await.0,
            Transport::Events => match self.try_events().await {
                Ok(session) => session,
                Err(answer) => panic!("no event stream: {} {}", answer.status, answer.text()),
            },
        }
    }

    /// Connects over WebSocket; answers also the subprotocol that was agreed on.
    pub(crate) async fn open_websocket(self) -> (Session, Option<String>) {
        let mut request = format!("ws://{}{}", self.address, self.path()).into_client_request().expect("a URL");
        for (name, value) in self.all_headers() {
            let name: HeaderName = name.parse().expect("a header's name");
            let value = value.parse().expect("a header's value");
            if name == AUTHORIZATION {
                request.headers_mut().append(name, value);
            } else {
                request.headers_mut().insert(name, value);
            }
        }
        let (stream, response) = soon("a WebSocket", async {
            let stream = self.connect().await.expect("the gateway takes connections");
            stream.set_nodelay(true).expect("a socket");
            client_async(request, stream).await.expect("the upgrade succeeds")
        })
        .await;
        let protocol = response.headers().get("sec-websocket-protocol");
        let protocol = protocol.map(|value| value.to_str().expect("a text").to_owned());
        (Session::new(Stream::WebSocket(Box::new(stream)), self.user), protocol)
    }

    async fn try_events(self) -> Result<Session, Answer> {
        let mut call = Call::get(&self.path()).from(self.from).header("accept", "text/event-stream");
        for (name, value) in self.all_headers() {
            call = call.header(&name, &value);
        }
        let response = soon("an event stream", call.connect(self.address)).await.expect("an answer");
        if response.status != 200 {
            return Err(response.answer().await.expect("a body"));
        }
        Ok(Session::new(Stream::Events(Box::new(EventStream::new(response))), self.user))
    }

    /// Connects to an event stream; `None` if it opens, else the answer.
    pub(crate) async fn events_or_answer(self) -> Option<Answer> {
        self.try_events().await.err()
    }

    /// Connects to an event stream that must be refused.
    pub(crate) async fn refused_events(self) -> Answer {
        assert_eq!(self.transport, Transport::Events);
        self.try_events().await.err().expect("no event stream opens")
    }

    /// Connects over WebSocket and expects to be closed before any sync, with this code.
    pub(crate) async fn refused_websocket(self, code: CloseCode) {
        let mut session = self.open_websocket().await.0;
        let (closed_with, events) = session.closed().await;
        assert_eq!((closed_with, events), (Some(code.code()), Vec::new()));
    }
}
