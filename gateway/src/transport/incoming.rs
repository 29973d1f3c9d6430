//! What a client sends over a WebSocket: frames, put together to messages; too large a one is refused by its header.
//!
//! The codec alone would keep all of a frame before it looks at its length.

use actix_http::ws::{OpCode, Parser, ProtocolError};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use conversation_protocol::limits::FRAME_BYTES_MAX;
use futures_util::{Stream, StreamExt};
use std::{io, time::Duration};
use tokio::time;

/// How long a client that is being discarded may be silent.
const QUIET: Duration = Duration::from_millis(500);
/// Bytes of a ping, a pong or a close.
const CONTROL_BYTES_MAX: u64 = 125;
/// The code of a close that gives none.
const CLOSE_NORMAL: u16 = 1000;

/// A message of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Anything else than text; nobody reads it.
    Binary,
    /// A ping, to be answered with the same bytes.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// The client closes, with this code.
    Close(u16),
}

/// Why a client's bytes cannot be read, by what it is told.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// They are against RFC 6455.
    #[error("expected frames as in RFC 6455: {0}")]
    Malformed(String),
    /// A text, or the reason of a close, is not UTF-8.
    #[error("expected UTF-8")]
    NotUtf8,
    /// A frame, or the parts of a message, are larger than [`FRAME_BYTES_MAX`].
    #[error("expected frames of at most {FRAME_BYTES_MAX} bytes")]
    TooLarge,
    /// The connection is broken.
    #[error("the connection is broken: {0}")]
    Broken(io::Error),
}

/// The messages of one client; a message and its parts take at most [`FRAME_BYTES_MAX`].
pub struct Incoming<S = Payload> {
    payload: S,
    reader: Reader,
}

impl<S, E> Incoming<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    /// The messages in the body of an upgraded request.
    pub fn new(payload: S) -> Self {
        Self { payload, reader: Reader::default() }
    }

    /// The next message; `None` once the client is gone. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Result<Message, Unreadable>> {
        loop {
            match self.reader.read() {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
            match self.payload.next().await? {
                Ok(bytes) => self.reader.push(bytes),
                Err(error) => return Some(Err(Unreadable::Broken(io::Error::other(error)))),
            }
        }
    }

    /// Takes what still comes and forgets it, until the client is silent or gone.
    pub async fn discard(&mut self) {
        self.reader = Reader::default();
        while let Ok(Some(Ok(_))) = time::timeout(QUIET, self.payload.next()).await {}
    }
}

/// Puts frames together to messages, however the bytes come.
#[derive(Debug, Default)]
pub struct Reader {
    /// What came of the next frames.
    buffer: BytesMut,
    /// The parts so far of a message that comes in several, and whether it is text.
    parts: Option<(Vec<u8>, bool)>,
}

impl Reader {
    /// Takes bytes that came.
    pub fn push(&mut self, bytes: Bytes) {
        // An idle session keeps no buffer of its own.
        if self.buffer.is_empty() {
            self.buffer = bytes.into();
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// Bytes that are kept for a message that is not there as a whole.
    pub fn kept_bytes(&self) -> usize {
        self.buffer.len() + self.parts.as_ref().map_or(0, |(parts, _)| parts.len())
    }

    /// The next message that is there as a whole.
    pub fn read(&mut self) -> Result<Option<Message>, Unreadable> {
        loop {
            check_header(&self.buffer)?;
            let frame = Parser::parse(&mut self.buffer, true, FRAME_BYTES_MAX).map_err(unreadable)?;
            let Some((is_last, opcode, payload)) = frame else { return Ok(None) };
            let bytes = payload.map(BytesMut::freeze).unwrap_or_default();
            match opcode {
                OpCode::Ping => return Ok(Some(Message::Ping(bytes))),
                OpCode::Pong => return Ok(Some(Message::Pong)),
                OpCode::Close => return close_code(&bytes).map(|code| Some(Message::Close(code))),
                OpCode::Text | OpCode::Binary if self.parts.is_some() => {
                    return Err(malformed("a message inside another one"));
                }
                OpCode::Text if is_last => return text(bytes.into()).map(Some),
                OpCode::Binary if is_last => return Ok(Some(Message::Binary)),
                OpCode::Text | OpCode::Binary => self.parts = Some((bytes.into(), opcode == OpCode::Text)),
                OpCode::Continue => {
                    if let Some(message) = self.join(&bytes, is_last)? {
                        return Ok(Some(message));
                    }
                }
                OpCode::Bad => return Err(malformed("a reserved opcode")),
            }
        }
    }

    /// Adds a part; answers the message once it is whole.
    fn join(&mut self, bytes: &[u8], is_last: bool) -> Result<Option<Message>, Unreadable> {
        let Some((mut whole, is_text)) = self.parts.take() else {
            return Err(malformed("a continuation of nothing"));
        };
        if whole.len() + bytes.len() > FRAME_BYTES_MAX {
            return Err(Unreadable::TooLarge);
        }
        whole.extend_from_slice(bytes);
        if !is_last {
            self.parts = Some((whole, is_text));
            return Ok(None);
        }
        if is_text { text(whole).map(Some) } else { Ok(Some(Message::Binary)) }
    }
}

fn malformed(problem: &str) -> Unreadable {
    Unreadable::Malformed(problem.to_owned())
}

fn unreadable(error: ProtocolError) -> Unreadable {
    match error {
        ProtocolError::Overflow => Unreadable::TooLarge,
        error => Unreadable::Malformed(error.to_string()),
    }
}

fn text(bytes: Vec<u8>) -> Result<Message, Unreadable> {
    String::from_utf8(bytes).map(Message::Text).map_err(|_| Unreadable::NotUtf8)
}

/// The code of a close: a number and a reason, or neither.
fn close_code(payload: &[u8]) -> Result<u16, Unreadable> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(CLOSE_NORMAL) } else { Err(malformed("half a close code")) };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Unreadable::Malformed(format!("the close code {code}")));
    }
    std::str::from_utf8(reason).map(|_| code).map_err(|_| Unreadable::NotUtf8)
}

/// Refuses a frame by its header, before its payload is there; one that is not there itself passes.
fn check_header(frame: &[u8]) -> Result<(), Unreadable> {
    let &[first, second, ref rest @ ..] = frame else { return Ok(()) };
    let (is_last, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
    let is_control = opcode >= 8;
    if reserved != 0 {
        return Err(malformed("a reserved bit"));
    }
    if matches!(opcode, 3..=7 | 11..=15) {
        return Err(malformed("a reserved opcode"));
    }
    if second & 0x80 == 0 {
        return Err(malformed("a frame that is not masked"));
    }
    if is_control && !is_last {
        return Err(malformed("a control frame in parts"));
    }
    let Some((length, shortest)) = declared_bytes(second & 0x7f, rest) else { return Ok(()) };
    if length >> 63 != 0 || length < shortest {
        return Err(malformed("a length that is not written in its shortest form"));
    }
    if is_control && length > CONTROL_BYTES_MAX {
        return Err(malformed("a control frame of more than 125 bytes"));
    }
    if length > FRAME_BYTES_MAX as u64 { Err(Unreadable::TooLarge) } else { Ok(()) }
}

/// How long a frame says that it is, and the least length that is written in so many bytes; `None` while they are not there.
fn declared_bytes(length: u8, rest: &[u8]) -> Option<(u64, u64)> {
    match length {
        126 => rest.first_chunk().map(|bytes| (u64::from(u16::from_be_bytes(*bytes)), 126)),
        127 => rest.first_chunk().map(|bytes| (u64::from_be_bytes(*bytes), 0x1_0000)),
        length => Some((u64::from(length), 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_declares_its_length_in_one_three_or_nine_bytes() {
        let length = |length: u8, rest: &[u8]| declared_bytes(length, rest).map(|(length, _)| length);
        assert_eq!(length(125, &[]), Some(125));
        assert_eq!(length(126, &[1]), None);
        assert_eq!(length(126, &[1, 2]), Some(258));
        assert_eq!(length(127, &[0, 0, 0, 0, 0, 0, 1]), None);
        assert_eq!(length(127, &[0, 0, 0, 1, 0, 0, 0, 2]), Some((1 << 32) + 2));
    }

    #[test]
    fn a_header_is_refused_as_soon_as_it_shows_what_is_wrong() {
        let check = |bytes: &[u8]| check_header(bytes).err().map(|error| error.to_string());
        assert_eq!(check(&[]), None);
        assert_eq!(check(&[0xf1]), None);
        assert!(check(&[0xc1, 0x80]).is_some_and(|why| why.contains("reserved bit")));
        assert!(check(&[0x81, 0x05]).is_some_and(|why| why.contains("not masked")));
        assert!(check(&[0x81, 0x80 | 126, 0, 125]).is_some_and(|why| why.contains("shortest")));
        assert!(check(&[0x89, 0x80 | 126, 0, 126]).is_some_and(|why| why.contains("control frame")));
        assert!(check(&[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1]).is_some_and(|why| why.contains("65536 bytes")));
        assert_eq!(check(&[0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0]), None);
    }
}
