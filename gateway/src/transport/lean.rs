//! The lean driver of WebSockets: it takes the bare socket from the HTTP service, whose buffers stay behind, so that an
//! idle session keeps nothing but its task.
//!
//! The HTTP service hands over every request to upgrade to a WebSocket before anything else has seen it. So what its
//! middlewares do for other requests is done here, by the same functions.

use super::{
    incoming::Incoming,
    outbox::{Outbox, OutboxBody},
    websocket::{Connection, Greeting, SUBPROTOCOL, no_websocket},
};
use crate::{
    addresses::limit::{self, ClientAddress, Judged, OverLimit, SurplusConnection},
    node::Node,
    request::{ConnectQuery, error_response},
    server::watchdog::{Watch, Watched},
};
use actix_codec::Framed;
use actix_http::{
    ConnectionType, Request,
    body::{BodySize, MessageBody},
    h1::{Codec, Message},
    ws,
};
use actix_web::{
    HttpMessage, HttpResponse,
    http::header,
    rt::{self, net::TcpStream},
};
use bytes::{Buf, Bytes};
use conversation_protocol::{ApiError, ErrorKind};
use futures_util::{SinkExt, Stream, future};
use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time,
};

/// Bytes read at once, into a buffer that all connections of a worker share.
const READ_BYTES: usize = 16 * 1024;
/// How long a client that was refused may go on sending before it is cut.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(1);

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connection as it is accepted.
type Socket = Watched<TcpStream>;
/// What the HTTP service hands over: a request, and its connection with what was read behind it.
pub type Handed = (Request, Framed<Socket, Codec>);

/// Answers a request to upgrade, and serves what it becomes in a task of its own: that of the HTTP service, which has room
/// for everything that a request may need, ends with this.
pub async fn upgrade(node: Arc<Node>, (request, mut framed): Handed) -> io::Result<()> {
    let (answer, accepted) = match accept(&node, &request) {
        Ok((answer, accepted)) => (answer, accepted),
        Err(refusal) => return refuse(*refusal, framed).await,
    };
    framed.send(Message::Item((answer, BodySize::None))).await.map_err(io::Error::other)?;
    request.conn_data::<Rc<Watch>>().inspect(|watch| watch.await_taking(BodySize::Stream));
    drop(request);
    let parts = framed.into_parts();
    let socket = Rc::new(RefCell::new(parts.io));
    let outbox = Arc::new(Outbox::default());
    // A copy: the HTTP service's buffer is large, also where there is nothing in it.
    let early = Bytes::copy_from_slice(&parts.read_buf);
    let messages = Incoming::new(Reader { socket: socket.clone(), early });
    let Accepted { greeting, judged } = accepted;
    let address = judged.as_ref().map(|judged| ClientAddress(judged.address));
    let place = judged.and_then(|judged| judged.place);
    let connection = Connection { node, address, outbox: outbox.clone(), messages };
    rt::spawn(async move {
        // How writing ended is the session's matter: it is told when its outbox is let go.
        let _ = future::join(write(OutboxBody::new(outbox), &socket), connection.run(greeting)).await;
        drop(place);
    });
    Ok(())
}

/// A request that becomes a WebSocket, if only to be closed with a code that a browser can see.
struct Accepted {
    greeting: Greeting,
    judged: Option<Judged>,
}

/// Says yes to a handshake, or how it is refused over HTTP.
fn accept(node: &Node, request: &Request) -> Result<(actix_http::Response<()>, Accepted), Box<HttpResponse>> {
    let refused = |error: &ApiError| Box::new(error_response(error));
    let headers = request.headers();
    if let Some(why) = node.in_force().origins.refuses_in_development(headers) {
        return Err(refused(&ApiError::new(ErrorKind::Forbidden, why)));
    }
    if request.path() != "/v1/ws" {
        return Err(refused(&ApiError::invalid("expected a request to upgrade at GET /v1/ws alone")));
    }
    let is_surplus = request.conn_data::<SurplusConnection>().is_some();
    let judged =
        request.peer_addr().and_then(|peer| limit::judge(node, peer.ip(), headers, request.path(), is_surplus));
    let query = ConnectQuery::read(request.uri().query().unwrap_or("")).map_err(|error| refused(&error))?;
    let mut answer = ws::handshake(request.head()).map_err(|error| Box::new(no_websocket(&error)))?;
    if offers(headers, SUBPROTOCOL) {
        answer.insert_header((header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL));
    }
    let over_limit = judged.as_ref().and_then(|judged| judged.outcome.as_ref().err().cloned().map(OverLimit));
    let greeting = Greeting::read(node, headers, &query, over_limit);
    Ok((answer.finish().drop_body(), Accepted { greeting, judged }))
}

/// Whether a client offers a subprotocol, in one header or several.
fn offers(headers: &header::HeaderMap, subprotocol: &str) -> bool {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|one| one.trim() == subprotocol)
}

/// Answers a request that does not become a WebSocket, and ends its connection.
async fn refuse(refusal: HttpResponse, mut framed: Framed<Socket, Codec>) -> io::Result<()> {
    let (head, body) = refusal.into_parts();
    let mut head = actix_http::Response::from(head);
    head.head_mut().set_connection_type(ConnectionType::Close);
    let body = body.try_into_bytes().unwrap_or_default();
    let size = BodySize::Sized(body.len() as u64);
    framed.feed(Message::Item((head, size))).await.map_err(io::Error::other)?;
    framed.feed(Message::Chunk(Some(body))).await.map_err(io::Error::other)?;
    framed.send(Message::Chunk(None)).await.map_err(io::Error::other)?;
    let mut socket = framed.into_parts().io;
    poll_fn(|context| Pin::new(&mut socket).poll_shutdown(context)).await?;
    // What is left unread would reset the connection, and take the answer that is on its way with it.
    let rest =
        async { while poll_fn(|context| poll_read(&mut socket, context)).await.is_some_and(|read| read.is_ok()) {} };
    let _ = time::timeout(REFUSED_TIMEOUT, rest).await;
    Ok(())
}

/// What a client sends, as it comes.
struct Reader {
    socket: Rc<RefCell<Socket>>,
    /// What came right behind the request.
    early: Bytes,
}

impl Stream for Reader {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if !self.early.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.early))));
        }
        poll_read(&mut self.socket.borrow_mut(), context)
    }
}

/// Some bytes; `None` at their end.
fn poll_read(socket: &mut Socket, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        if let Err(error) = ready!(Pin::new(socket).poll_read(context, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let bytes = buffer.filled();
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Bytes::copy_from_slice(bytes))))
    })
}

/// Writes what an outbox has, slice by slice, until it ends.
async fn write(body: OutboxBody, socket: &RefCell<Socket>) -> io::Result<()> {
    let mut body = pin!(body);
    while let Some(slice) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let mut slice = slice?;
        while slice.has_remaining() {
            let written = poll_fn(|context| Pin::new(&mut *socket.borrow_mut()).poll_write(context, &slice)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            slice.advance(written);
        }
    }
    poll_fn(|context| Pin::new(&mut *socket.borrow_mut()).poll_shutdown(context)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderMap, HeaderValue};

    #[test]
    fn a_subprotocol_is_found_among_those_that_are_offered() {
        let offered = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(value));
            }
            offers(&headers, SUBPROTOCOL)
        };
        assert!(
            offered(&["conversations.v1"]) && offered(&["a, conversations.v1"]) && offered(&["a", "conversations.v1"])
        );
        assert!(!offered(&[]) && !offered(&["conversations.v10"]) && !offered(&["a,b"]));
    }
}
