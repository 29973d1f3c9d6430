//! What do the benchmarks work on? A live session, what it is told, and what clients send.
#![allow(dead_code, reason = "every benchmark uses its own part")]

use bytes::{Bytes, BytesMut};
use conversation_gateway::{
    session::{Heartbeat, Input, Output, Session, SessionConfig, SyncRead},
    transport::{
        Transport,
        incoming::{Message, Reader},
    },
};
use conversation_protocol::{Cursor, Head, Hint, Page};
use std::{sync::Arc, time::Duration};

/// When it all happens.
const NOW: Duration = Duration::from_secs(1);
/// The first byte of a frame that holds a whole text.
const WHOLE_TEXT: u8 = 0x81;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A session that has everything before a hint, and whose client has taken it.
pub(crate) fn live_before(hint: &Hint) -> Session {
    let config = SessionConfig {
        since: None,
        window: 100,
        device: None,
        filters: Vec::new(),
        token_issued_at_us: None,
        token_expires_at: Duration::from_secs(3_600),
        heartbeat: Heartbeat::PingPong,
        jitter: 0,
    };
    let head = Head { cursor: Cursor::new(hint.epoch, hint.previous), ..Head::empty() };
    let page = Page { head, rows: Vec::new(), next_seq: 0, is_finished: true };
    let mut session = Session::new(config, NOW);
    for input in [Input::Followed, Input::SyncRead(SyncRead::Page(page)), Input::Writable] {
        session.handle(input, NOW, &mut Vec::new());
    }
    assert!(session.is_live());
    session
}

/// What the session does with a hint.
pub(crate) fn hear(session: &mut Session, hint: &Arc<Hint>) -> Vec<Output> {
    let mut outputs = Vec::new();
    session.handle(Input::Hint(hint.clone()), NOW, &mut outputs);
    outputs
}

/// A hint's way to the bytes for one client.
pub(crate) fn deliver(session: &mut Session, hint: &Arc<Hint>, transport: Transport) -> BytesMut {
    let mut bytes = BytesMut::new();
    for output in hear(session, hint) {
        match output {
            Output::Send(frame) => transport.encode_frame(&frame, &mut bytes),
            Output::Note(_) => {}
            other => panic!("expected frames and notes alone, got {other:?}"),
        }
    }
    bytes
}

/// A masked frame with a call in it, as text of 100 bytes.
pub(crate) fn masked_call() -> Vec<u8> {
    let text = format!(
        "{:<100}",
        r#"{"id":7,"method":"pinConversation","params":{"conversationID":"group_g1024","isPinned":true}}"#
    );
    let length = u8::try_from(text.len()).expect("a short text");
    let masked = text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [WHOLE_TEXT, 0x80 | length].into_iter().chain(MASK).chain(masked).collect()
}

/// A frame as the network brings it, in pieces of so many bytes.
pub(crate) fn pieces(frame: &[u8], bytes: usize) -> Vec<Bytes> {
    frame.chunks(bytes).map(Bytes::copy_from_slice).collect()
}

/// The one message in some pieces.
pub(crate) fn receive(pieces: Vec<Bytes>) -> Message {
    let (mut reader, mut message) = (Reader::default(), None);
    for piece in pieces {
        reader.push(piece);
        message = reader.read().expect("the frame is well-formed");
    }
    message.expect("the frame is whole")
}
