//! How does a test speak WebSocket byte by byte? The frames are put together by hand, and read by hand.

use super::{Gateway, keys, soon};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The bit of a frame's first byte that says that it is the last of its message.
pub(crate) const FIN: u8 = 0x80;
/// Opcodes.
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

const MASK: [u8; 4] = [0x5a, 0xc3, 0x1e, 0x77];

/// A masked frame with any first byte and the shortest length that fits.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        length @ 0..=125 => vec![length as u8],
        length @ 126..=0xffff => [&[126][..], &(length as u16).to_be_bytes()].concat(),
        length => [&[127][..], &(length as u64).to_be_bytes()].concat(),
    };
    frame_with_length(first, &length, payload)
}

/// A masked frame whose length is written as given, true or not.
pub(crate) fn frame_with_length(first: u8, length: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | length[0]];
    bytes.extend_from_slice(&length[1..]);
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A close frame with a code and a reason.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

/// A frame of the server, whole and not masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// A WebSocket below which nothing helps.
pub(crate) struct RawSocket {
    pub(crate) stream: TcpStream,
}

/// Opens a TCP connection and sends the head of an upgrade, with or without a token.
pub(crate) async fn upgrade(address: SocketAddr, token: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the gateway takes connections");
    stream.set_nodelay(true).expect("a socket");
    let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    stream.write_all(upgrade_head("/v1/ws", address, &token).as_bytes()).await.expect("the connection stands");
    stream
}

/// The head of an upgrade with some more headers, each with its end of line.
pub(crate) fn upgrade_head(path: &str, address: SocketAddr, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

impl Gateway {
    /// A WebSocket of a user with a token in its header, or of nobody.
    pub(crate) async fn raw_websocket(&self, user: Option<&str>) -> RawSocket {
        let token = user.map(keys::token);
        let mut stream = soon("a connection", upgrade(self.address, token.as_deref())).await;
        let mut head = Vec::new();
        soon("the upgrade", async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
        })
        .await;
        let head = String::from_utf8(head).expect("a head is text");
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        assert!(head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        RawSocket { stream }
    }
}

impl RawSocket {
    /// Writes bytes, as far as the server takes them.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = soon("bytes to be taken", self.stream.write_all(bytes)).await;
    }

    /// Writes one byte a packet.
    pub(crate) async fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write(&[*byte]).await;
            tokio::task::yield_now().await;
        }
    }

    /// The next frame; `None` once the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        soon("a frame or the end", self.read_frame()).await.ok()
    }

    async fn read_frame(&mut self) -> std::io::Result<Received> {
        let first = self.stream.read_u8().await?;
        let second = self.stream.read_u8().await?;
        assert_eq!((first & 0xf0, second & 0x80), (FIN, 0), "a server sends whole frames, and does not mask them");
        let length = match second {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            length => u64::from(length),
        };
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await?;
        Ok(Received { opcode: first & 0x0f, payload })
    }

    /// The next frame that is no event.
    pub(crate) async fn answer(&mut self) -> Option<Received> {
        loop {
            match self.next().await {
                Some(Received { opcode: TEXT, payload }) if payload.starts_with(br#"{"event""#) => {}
                other => return other,
            }
        }
    }

    /// Reads to the end; answers the code of the close frame, which is the last frame.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            let Received { opcode, payload } = self.answer().await?;
            if opcode == CLOSE {
                assert!(payload.len() <= 125 && std::str::from_utf8(&payload[2..]).is_ok(), "{payload:?}");
                assert_eq!(self.next().await, None, "nothing comes after the close");
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
    }
}
