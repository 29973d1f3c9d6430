//! What a client sends over a WebSocket: frames, put together to messages; too large a one is refused by its header.
//!
//! The codec alone would keep all of a frame before it looks at its length.

use actix_codec::Decoder;
use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use conversation_protocol::limits::FRAME_BYTES_MAX;
use futures_util::StreamExt;
use std::{io, time::Duration};
use tokio::time;

/// How long a client that is being discarded may be silent.
const QUIET: Duration = Duration::from_millis(500);

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
    /// The client closes.
    Close,
}

/// The messages of one client; a message and its parts take at most [`FRAME_BYTES_MAX`].
pub struct Incoming {
    payload: Payload,
    codec: Codec,
    /// What came of the next frames.
    buffer: BytesMut,
    /// The parts so far of a message that comes in several, and whether it is text.
    parts: Option<(Vec<u8>, bool)>,
}

impl Incoming {
    /// The messages in the body of an upgraded request.
    pub fn new(payload: Payload) -> Self {
        let codec = Codec::new().max_size(FRAME_BYTES_MAX);
        Self { payload, codec, buffer: BytesMut::new(), parts: None }
    }

    /// The next message; `None` once the client is gone. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Result<Message, ProtocolError>> {
        loop {
            match self.read() {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
            match self.payload.next().await? {
                // An idle session keeps no buffer of its own.
                Ok(bytes) if self.buffer.is_empty() => self.buffer = bytes.into(),
                Ok(bytes) => self.buffer.extend_from_slice(&bytes),
                Err(error) => return Some(Err(ProtocolError::Io(io::Error::other(error)))),
            }
        }
    }

    /// Takes what still comes and forgets it, until the client is silent or gone.
    pub async fn discard(&mut self) {
        self.buffer = BytesMut::new();
        while let Ok(Some(Ok(_))) = time::timeout(QUIET, self.payload.next()).await {}
    }

    /// A message that is there as a whole.
    fn read(&mut self) -> Result<Option<Message>, ProtocolError> {
        loop {
            if declared_bytes(&self.buffer).is_some_and(|bytes| bytes > FRAME_BYTES_MAX as u64) {
                return Err(ProtocolError::Overflow);
            }
            let Some(frame) = self.codec.decode(&mut self.buffer)? else { return Ok(None) };
            match frame {
                Frame::Text(bytes) => return text(bytes.into()).map(Some),
                Frame::Binary(_) => return Ok(Some(Message::Binary)),
                Frame::Ping(bytes) => return Ok(Some(Message::Ping(bytes))),
                Frame::Pong(_) => return Ok(Some(Message::Pong)),
                Frame::Close(_) => return Ok(Some(Message::Close)),
                Frame::Continuation(item) => {
                    if let Some(message) = self.join(item)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    /// Adds a part; answers the message once it is whole. The codec sees to their order.
    fn join(&mut self, item: Item) -> Result<Option<Message>, ProtocolError> {
        let (bytes, is_last) = match item {
            Item::FirstText(bytes) => {
                self.parts = Some((Vec::new(), true));
                (bytes, false)
            }
            Item::FirstBinary(bytes) => {
                self.parts = Some((Vec::new(), false));
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        let Some((mut whole, is_text)) = self.parts.take() else { return Err(ProtocolError::ContinuationNotStarted) };
        if whole.len() + bytes.len() > FRAME_BYTES_MAX {
            return Err(ProtocolError::Overflow);
        }
        whole.extend_from_slice(&bytes);
        if !is_last {
            self.parts = Some((whole, is_text));
            return Ok(None);
        }
        if is_text { text(whole).map(Some) } else { Ok(Some(Message::Binary)) }
    }
}

fn text(bytes: Vec<u8>) -> Result<Message, ProtocolError> {
    let text = String::from_utf8(bytes);
    text.map(Message::Text).map_err(|error| ProtocolError::Io(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// How long a frame says that it is; `None` while its header is not there.
fn declared_bytes(frame: &[u8]) -> Option<u64> {
    match frame.get(1)? & 0x7f {
        126 => frame.get(2..4).map(|bytes| bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))),
        127 => frame.get(2..10).map(|bytes| bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))),
        length => Some(u64::from(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_declares_its_length_in_one_three_or_nine_bytes() {
        assert_eq!(declared_bytes(&[]), None);
        assert_eq!(declared_bytes(&[0x81]), None);
        assert_eq!(declared_bytes(&[0x81, 0x80 | 125]), Some(125));
        assert_eq!(declared_bytes(&[0x81, 0x80 | 126, 1]), None);
        assert_eq!(declared_bytes(&[0x81, 0x80 | 126, 1, 2]), Some(258));
        assert_eq!(declared_bytes(&[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 1]), None);
        assert_eq!(declared_bytes(&[0x81, 0x80 | 127, 0, 0, 0, 1, 0, 0, 0, 2]), Some((1 << 32) + 2));
    }
}
