//! How one connection is made and read, over WebSocket or as an event stream.

use super::{
    backoff::Ended,
    event_stream::{EventStreamParser, StreamItem},
};
use crate::{
    http::{BaseUrl, causes, retry_after},
    token::percent_encode,
};
use bytes::Bytes;
use conversation_protocol::{Cursor, Filter, limits};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming as Body,
    header::{HeaderName, HeaderValue},
};
use std::{collections::VecDeque, net::Ipv4Addr, time::Duration};
use tokio::{net::TcpSocket, net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

/// How long connecting may take, handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long nothing at all may come: more than the server's heartbeats need on either transport.
const SILENCE_MAX: Duration =
    Duration::from_millis(limits::PING_INTERVAL_MS + limits::PONG_TIMEOUT_MS + limits::COMMENT_INTERVAL_MS);
/// Bytes of the read buffer of a WebSocket; the library's own default of 128 KiB is too much for thousands.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// The two ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `GET /v1/ws`.
    WebSocket,
    /// `GET /v1/events`.
    EventStream,
}

/// What a connection is opened with.
#[derive(Debug, Clone)]
pub struct Hello<'a> {
    /// Where.
    pub url: &'a BaseUrl,
    /// Who.
    pub token: &'a str,
    /// The client's cursor.
    pub since: Option<Cursor>,
    /// Rows of a full sync.
    pub window: Option<u32>,
    /// The device's name.
    pub device: Option<&'a str>,
    /// Filters whose totals are told.
    pub filters: &'a [Filter],
    /// The address to connect from; only for a gateway on this machine.
    pub source: Option<Ipv4Addr>,
}

/// What comes in.
#[derive(Debug)]
pub enum Incoming {
    /// A text message, or an event put into the same form.
    Text(String),
    /// A ping or a comment.
    SignOfLife,
    /// Nothing more will come.
    Ended(Ended),
}

/// An open connection.
pub struct Connection {
    stream: Stream,
}

enum Stream {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    Events { body: Body, parser: EventStreamParser, ready: VecDeque<StreamItem> },
}

impl Connection {
    /// Connects and waits for the server's consent.
    pub async fn open(transport: Transport, hello: &Hello<'_>) -> Result<Self, Ended> {
        match timeout(CONNECT_TIMEOUT, connect(transport, hello)).await {
            Ok(result) => result.map(|stream| Self { stream }),
            Err(_) => Err(Ended::TimedOut(format!("not connected within {CONNECT_TIMEOUT:?}"))),
        }
    }

    /// Waits for what comes next. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Incoming {
        match timeout(SILENCE_MAX, self.stream.next()).await {
            Ok(incoming) => incoming,
            Err(_) => Incoming::Ended(Ended::TimedOut(format!("silent for {SILENCE_MAX:?}"))),
        }
    }

    /// Whether calls can be made on this connection.
    pub fn takes_calls(&self) -> bool {
        matches!(self.stream, Stream::WebSocket(_))
    }

    /// Sends a call.
    pub async fn send(&mut self, text: String) -> Result<(), Ended> {
        match &mut self.stream {
            Stream::WebSocket(stream) => stream.send(Message::text(text)).await.map_err(|error| ended(&error)),
            Stream::Events { .. } => Err(Ended::Broken("an event stream takes no calls".to_owned())),
        }
    }

    /// Says goodbye, as far as the transport knows how to.
    pub async fn close(mut self) {
        if let Stream::WebSocket(stream) = &mut self.stream {
            let _ = timeout(Duration::from_secs(1), WebSocketStream::close(stream, None)).await;
        }
    }
}

impl Stream {
    async fn next(&mut self) -> Incoming {
        match self {
            Self::WebSocket(stream) => match stream.next().await {
                Some(Ok(Message::Text(text))) => Incoming::Text(text.as_str().to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {
                    Incoming::SignOfLife
                }
                Some(Ok(Message::Close(Some(frame)))) => Incoming::Ended(Ended::Code(frame.code.into())),
                Some(Ok(Message::Close(None))) => Incoming::Ended(Ended::Code(1005)),
                Some(Err(error)) => Incoming::Ended(ended(&error)),
                None => Incoming::Ended(Ended::Broken("closed without a word".to_owned())),
            },
            Self::Events { body, parser, ready } => loop {
                match ready.pop_front() {
                    Some(StreamItem::Comment) => return Incoming::SignOfLife,
                    Some(StreamItem::Event { name, id, data }) => return Incoming::Text(as_text(&name, id, &data)),
                    None => {}
                }
                match body.frame().await {
                    Some(Ok(frame)) => {
                        ready.extend(frame.data_ref().map(|bytes| parser.push(bytes)).unwrap_or_default())
                    }
                    Some(Err(error)) => return Incoming::Ended(Ended::Broken(causes(&error))),
                    None => return Incoming::Ended(Ended::Broken("the stream ended".to_owned())),
                }
            },
        }
    }
}

/// An event of the stream in the form it has over WebSocket.
fn as_text(name: &str, id: Option<String>, data: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let cursor = id.map(|id| format!(r#""cursor":{},"#, quoted(&id))).unwrap_or_default();
    format!(r#"{{"event":{},{cursor}"data":{data}}}"#, quoted(name))
}

async fn connect(transport: Transport, hello: &Hello<'_>) -> Result<Stream, Ended> {
    let broken = |problem: String| Ended::Broken(problem);
    let query = query(hello);
    match transport {
        Transport::WebSocket => {
            let bearer = format!("Bearer {}", hello.token).parse().map_err(|_| broken("token".to_owned()))?;
            let headers =
                [("authorization", bearer), ("sec-websocket-protocol", HeaderValue::from_static("conversations.v1"))];
            let stream = open_websocket(hello.url, &format!("/v1/ws{query}"), headers, hello.source).await?;
            Ok(Stream::WebSocket(Box::new(stream)))
        }
        Transport::EventStream => {
            let io = hyper_util::rt::TokioIo::new(dial(hello.url, hello.source).await?);
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(io).await.map_err(|error| broken(causes(&error)))?;
            // It ends when the body is dropped.
            tokio::spawn(connection);
            let request = hyper::Request::get(format!("/v1/events{query}"))
                .header("host", hello.url.authority())
                .header("authorization", format!("Bearer {}", hello.token))
                .header("accept", "text/event-stream")
                .body(Empty::<Bytes>::new())
                .map_err(|error| broken(error.to_string()))?;
            let response = sender.send_request(request).await.map_err(|error| broken(causes(&error)))?;
            if response.status() != 200 {
                return Err(Ended::Status(response.status().as_u16(), retry_after(response.headers())));
            }
            let body = response.into_body();
            Ok(Stream::Events { body, parser: EventStreamParser::default(), ready: VecDeque::new() })
        }
    }
}

/// Opens a WebSocket at a path, with small buffers; `source` is the address to connect from, as in [`Hello`].
pub(crate) async fn open_websocket(
    url: &BaseUrl,
    path: &str,
    headers: impl IntoIterator<Item = (&'static str, HeaderValue)>,
    source: Option<Ipv4Addr>,
) -> Result<WebSocketStream<TcpStream>, Ended> {
    let tcp = dial(url, source).await?;
    let request = format!("ws://{}{path}", url.authority()).into_client_request();
    let mut request = request.map_err(|error| Ended::Broken(error.to_string()))?;
    request.headers_mut().extend(headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)));
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    let opened = client_async_with_config(request, tcp, Some(config)).await;
    opened.map(|(stream, _)| stream).map_err(|error| ended(&error))
}

async fn dial(url: &BaseUrl, source: Option<Ipv4Addr>) -> Result<TcpStream, Ended> {
    let dialled = async {
        let address = tokio::net::lookup_host(url.authority()).await?.next();
        let address = address.ok_or_else(|| std::io::Error::other("the host has no address"))?;
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let (Some(source), true) = (source, address.is_ipv4() && url.is_loopback()) {
            socket.bind((source, 0).into())?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    dialled.await.map_err(|error: std::io::Error| Ended::Broken(format!("{url}: {error}")))
}

fn query(hello: &Hello<'_>) -> String {
    let since = hello.since.map(|since| ("since", since.to_string()));
    let window = hello.window.map(|window| ("window", window.to_string()));
    let device = hello.device.map(|device| ("device", device.to_owned()));
    let filters = hello.filters.iter().map(|filter| {
        let json = serde_json::to_string(filter).expect("a filter is always JSON");
        ("filter", json)
    });
    let given: Vec<String> = [since, window, device]
        .into_iter()
        .flatten()
        .chain(filters)
        .map(|(name, value)| format!("{name}={}", percent_encode(&value)))
        .collect();
    if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
}

fn ended(error: &Error) -> Ended {
    match error {
        Error::Http(response) => Ended::Status(response.status().as_u16(), retry_after(response.headers())),
        other => Ended::Broken(causes(other)),
    }
}
