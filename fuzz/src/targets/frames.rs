//! The bytes of a WebSocket, up to the calls in them.

use super::calls;
use bytes::Bytes;
use conversation_gateway::transport::incoming::{Message, Reader};
use conversation_protocol::limits::FRAME_BYTES_MAX;

/// Bytes of a frame's header, at most.
const HEADER_BYTES_MAX: usize = 14;

/// What a close frame has room for.
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// A masked frame, its mask all zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let mut bytes = vec![first];
    match u8::try_from(length) {
        Ok(length @ 0..=125) => bytes.push(0x80 | length),
        _ => bytes.extend([&[0x80 | 126][..], &length.to_be_bytes()].concat()),
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// The messages in a stream that comes in chunks of some size, and the error that ends it.
fn read(stream: &[u8], chunk_bytes: usize) -> (Vec<Message>, Option<String>) {
    let (mut reader, mut messages) = (Reader::default(), Vec::new());
    for chunk in stream.chunks(chunk_bytes) {
        reader.push(Bytes::copy_from_slice(chunk));
        loop {
            match reader.read() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error.to_string())),
            }
        }
        let bound = 2 * FRAME_BYTES_MAX + HEADER_BYTES_MAX;
        assert!(reader.kept_bytes() <= bound, "{} bytes are kept", reader.kept_bytes());
    }
    (messages, None)
}

/// Every message is within its bounds, and does not depend on how its bytes come.
pub(crate) fn frames(stream: &[u8]) {
    let (messages, error) = read(stream, stream.len().max(1));
    let (in_chunks, error_in_chunks) = read(stream, 7);
    assert_eq!((&in_chunks, &error_in_chunks), (&messages, &error));
    assert!(error.is_none_or(|error| error.len() <= CLOSE_REASON_BYTES_MAX));
    for message in messages {
        match message {
            Message::Text(text) => {
                assert!(text.len() <= FRAME_BYTES_MAX);
                calls::requests(text.as_bytes());
            }
            Message::Ping(bytes) => assert!(bytes.len() <= 125),
            Message::Close(code) => assert!((1000..5000).contains(&code)),
            Message::Binary | Message::Pong => {}
        }
    }
}
