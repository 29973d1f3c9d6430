//! How a session's bytes reach its client: one outbox, two encodings.

pub mod incoming;
pub mod lean;
pub mod outbox;
pub mod sse;
pub mod websocket;

use actix_codec::Encoder;
use actix_http::ws;
use bytes::BytesMut;
use conversation_protocol::{CloseCode, EventName, Frame, limits::cut};
use tokio::time;

/// Which transport a session uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// WebSocket.
    WebSocket,
    /// Server-sent events.
    Sse,
}

impl Transport {
    /// A short name, for leases and as a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
        }
    }

    /// Encodes an event.
    pub fn encode_frame(self, frame: &Frame, bytes: &mut BytesMut) {
        match self {
            Self::WebSocket => encode_websocket_text(&frame.to_json(), bytes),
            Self::Sse => encode_sse(frame, bytes),
        }
    }

    /// Encodes a ping, on WebSocket.
    pub fn encode_ping(self, bytes: &mut BytesMut) {
        match self {
            Self::WebSocket => encode_websocket(ws::Message::Ping(bytes::Bytes::new()), bytes),
            Self::Sse => {}
        }
    }

    /// Encodes a comment, on SSE.
    pub fn encode_comment(self, bytes: &mut BytesMut) {
        match self {
            Self::WebSocket => {}
            Self::Sse => extend(russe::Event::Comment("".into()), bytes),
        }
    }

    /// Encodes the close of a WebSocket; an SSE stream just ends.
    pub fn encode_close(self, code: CloseCode, reason: &str, bytes: &mut BytesMut) {
        match self {
            Self::WebSocket => encode_websocket_close(code.code(), reason, bytes),
            Self::Sse => {}
        }
    }
}

/// Bytes of a close's reason: a control frame has room for 125, its code included.
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// Encodes a WebSocket close with any code; a reason that is too long is cut.
pub fn encode_websocket_close(code: u16, reason: &str, bytes: &mut BytesMut) {
    let description = Some(cut(reason, CLOSE_REASON_BYTES_MAX).to_owned());
    let reason = ws::CloseReason { code: ws::CloseCode::Other(code), description };
    encode_websocket(ws::Message::Close(Some(reason)), bytes);
}

/// Encodes a text as a WebSocket message.
pub fn encode_websocket_text(text: &str, bytes: &mut BytesMut) {
    ws::Parser::write_message(bytes, text, ws::OpCode::Text, true, false);
}

/// Encodes a WebSocket message.
pub fn encode_websocket(message: ws::Message, bytes: &mut BytesMut) {
    // Only a wrong order of continuations can fail, and the gateway sends none.
    if let Err(error) = ws::Codec::new().encode(message, bytes) {
        tracing::error!(%error, "a WebSocket message could not be encoded");
    }
}

fn encode_sse(frame: &Frame, bytes: &mut BytesMut) {
    if frame.event == EventName::Reconnect
        && let Some(after_ms) = after_ms(&frame.data)
    {
        extend(russe::Event::Retry(std::time::Duration::from_millis(after_ms)), bytes);
    }
    let message = russe::Message {
        event: Some(frame.event.as_str().into()),
        data: frame.data.clone().into(),
        id: frame.cursor.map(|cursor| cursor.to_string().into()),
        retry: None,
    };
    extend(russe::Event::Message(message), bytes);
}

fn after_ms(data: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(data).ok()?.get("afterMs")?.as_u64()
}

fn extend(event: russe::Event, bytes: &mut BytesMut) {
    match event.into_bytestring() {
        Ok(text) => bytes.extend_from_slice(text.as_bytes()),
        Err(error) => tracing::error!(%error, "an SSE event could not be encoded"),
    }
}

/// Sleeps until an instant; for ever without one.
async fn sleep_until(instant: Option<time::Instant>) {
    match instant {
        Some(instant) => time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation_protocol::{Cursor, Event};

    #[test]
    fn an_sse_event_has_its_name_its_cursor_and_its_data() {
        let mut frame = Frame::new(&Event::TotalUnreadMessageCountChanged { total_unread_count: 3, version: 9 });
        frame.cursor = Some(Cursor::new(10, 9));
        let mut bytes = BytesMut::new();
        Transport::Sse.encode_frame(&frame, &mut bytes);
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            ["", r#"data: {"totalUnreadCount":3,"version":9}"#, "event: totalUnreadMessageCountChanged", "id: a:9"]
        );
    }

    #[test]
    fn the_reason_of_a_close_fits_into_a_control_frame() {
        let mut bytes = BytesMut::new();
        encode_websocket_close(4001, &"é".repeat(100), &mut bytes);
        assert_eq!((bytes[0], bytes[1], bytes.len()), (0x88, 124, 126));
    }

    #[test]
    fn the_reconnect_event_tells_an_event_source_when_to_retry() {
        let mut bytes = BytesMut::new();
        Transport::Sse.encode_frame(&Frame::new(&Event::Reconnect { after_ms: 700 }), &mut bytes);
        assert!(String::from_utf8(bytes.to_vec()).unwrap().starts_with("retry: 700\n"));
    }
}
