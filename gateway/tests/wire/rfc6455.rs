//! What does the gateway make of bytes, whatever a client sends? RFC 6455, section by section, as tables.

use crate::support::{
    Call, Gateway, json, keys,
    raw::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RawSocket, Received, TEXT, close, frame, frame_with_length},
    until,
};

/// A name, what is sent, and the code of the close that it must bring.
type Refused = (&'static str, Vec<u8>, u16);
/// A name, what is sent, and the frames that must come back.
type Answered = (&'static str, Vec<u8>, Vec<Received>);

const PROTOCOL: u16 = 1002;
const NOT_UTF8: u16 = 1007;
const TOO_LARGE: u16 = 1009;

const CALL: &[u8] = br#"{"id":1,"method":"ping"}"#;

fn called() -> Received {
    Received { opcode: TEXT, payload: br#"{"id":1,"result":{}}"#.to_vec() }
}

fn pong(payload: &[u8]) -> Received {
    Received { opcode: PONG, payload: payload.to_vec() }
}

/// The frame with its length in three or nine bytes, whether or not it needs them.
fn stretched(first: u8, payload: &[u8], bytes: usize) -> Vec<u8> {
    let length = payload.len() as u64;
    let length = match bytes {
        3 => [&[126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[127][..], &length.to_be_bytes()].concat(),
    };
    frame_with_length(first, &length, payload)
}

/// Text in two parts, cut anywhere.
fn in_two(text: &[u8], at: usize) -> Vec<u8> {
    [frame(TEXT, &text[..at]), frame(FIN | CONTINUATION, &text[at..])].concat()
}

/// §5.1 to §5.4: frames that are none.
fn malformed() -> Vec<Refused> {
    let unmasked = [&[FIN | TEXT, CALL.len() as u8], CALL].concat();
    let mut table = vec![
        ("text that is not masked", unmasked, PROTOCOL),
        ("a ping that is not masked", vec![FIN | PING, 0], PROTOCOL),
        ("reserved bit 1", frame(FIN | 0x40 | TEXT, CALL), PROTOCOL),
        ("reserved bit 2", frame(FIN | 0x20 | TEXT, CALL), PROTOCOL),
        ("reserved bit 3", frame(FIN | 0x10 | TEXT, CALL), PROTOCOL),
        ("a reserved bit of a ping", frame(FIN | 0x40 | PING, b""), PROTOCOL),
        ("a reserved bit of a continuation", [frame(TEXT, b"{"), frame(FIN | 0x10, b"}")].concat(), PROTOCOL),
        ("a ping in parts", frame(PING, b"x"), PROTOCOL),
        ("a pong in parts", frame(PONG, b"x"), PROTOCOL),
        ("a close in parts", frame(CLOSE, b"\x03\xe8"), PROTOCOL),
        ("a ping of 126 bytes", frame(FIN | PING, &[b'x'; 126]), PROTOCOL),
        ("a pong of 126 bytes", frame(FIN | PONG, &[b'x'; 126]), PROTOCOL),
        ("a close of 126 bytes", close(1000, &[b'x'; 124]), PROTOCOL),
        ("a ping that declares 126 bytes and sends none", vec![FIN | PING, 0x80 | 126, 0, 126], PROTOCOL),
        ("a ping that declares to be huge", vec![FIN | PING, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0], PROTOCOL),
        ("a continuation of nothing", frame(CONTINUATION, CALL), PROTOCOL),
        ("a last continuation of nothing", frame(FIN | CONTINUATION, CALL), PROTOCOL),
        ("a continuation behind a ping", [frame(FIN | PING, b""), frame(FIN | CONTINUATION, CALL)].concat(), PROTOCOL),
        ("text inside a message", [frame(TEXT, b"{"), frame(FIN | TEXT, CALL)].concat(), PROTOCOL),
        ("binary inside a message", [frame(TEXT, b"{"), frame(FIN | BINARY, CALL)].concat(), PROTOCOL),
        ("a message begun inside a message", [frame(TEXT, b"{"), frame(TEXT, b"}")].concat(), PROTOCOL),
        ("a short text with a length of three bytes", stretched(FIN | TEXT, CALL, 3), PROTOCOL),
        ("a short text with a length of nine bytes", stretched(FIN | TEXT, CALL, 9), PROTOCOL),
        ("a text of 125 bytes with a length of three bytes", stretched(FIN | TEXT, &[b' '; 125], 3), PROTOCOL),
        ("a text of 65,535 bytes with a length of nine bytes", stretched(FIN | TEXT, &[b' '; 65_535], 9), PROTOCOL),
        ("a ping with a length of three bytes", stretched(FIN | PING, b"x", 3), PROTOCOL),
        ("a length with its top bit set", vec![FIN | TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1], PROTOCOL),
        ("a length of all bits", vec![FIN | TEXT, 0xff, 255, 255, 255, 255, 255, 255, 255, 255], PROTOCOL),
        ("a text of 65,537 bytes", frame(FIN | TEXT, &[b' '; 65_537]), TOO_LARGE),
        (
            "a text that declares 2^63 - 1 bytes",
            vec![FIN | TEXT, 0xff, 127, 255, 255, 255, 255, 255, 255, 255],
            TOO_LARGE,
        ),
        ("binary that declares 2^40 bytes", vec![FIN | BINARY, 0xff, 0, 0, 1, 0, 0, 0, 0, 0], TOO_LARGE),
        (
            "parts that are too large together",
            [frame(TEXT, &[b' '; 65_536]), frame(FIN | CONTINUATION, b" ")].concat(),
            TOO_LARGE,
        ),
        (
            "binary parts that are too large together",
            [frame(BINARY, &[0; 40_000]), frame(CONTINUATION, &[0; 40_000])].concat(),
            TOO_LARGE,
        ),
    ];
    for opcode in (3..=7).chain(11..=15) {
        table.push(("a reserved opcode", frame(FIN | opcode, b"x"), PROTOCOL));
        table.push(("a reserved opcode in parts", frame(opcode, b"x"), PROTOCOL));
    }
    table
}

/// §8.1: texts that are not UTF-8.
fn not_utf8() -> Vec<Refused> {
    let texts: [(&str, &[u8]); 9] = [
        ("a byte that is never UTF-8", b"\xff"),
        ("a continuation byte alone", b"\x80"),
        ("an overlong slash", b"\xc0\xaf"),
        ("an overlong NUL of three bytes", b"\xe0\x80\x80"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("past U+10FFFF", b"\xf4\x90\x80\x80"),
        ("a character cut at the end", b"\xc3"),
        ("a character of four bytes cut at the end", b"\xf0\x9f\x98"),
        ("a letter in the middle of a character", b"\xe2\x28\xa1"),
    ];
    let mut table = Vec::new();
    for (name, text) in texts {
        table.push((name, frame(FIN | TEXT, text), NOT_UTF8));
        table.push((name, frame(FIN | TEXT, &[br#"{"id":"#, text, b"}"].concat()), NOT_UTF8));
        table.push((name, in_two(text, text.len() / 2), NOT_UTF8));
    }
    let cut = [frame(TEXT, b"\xc3"), frame(CONTINUATION, b"\xc3"), frame(FIN | CONTINUATION, b"\xa9")].concat();
    table.push(("a character begun twice", cut, NOT_UTF8));
    table.push(("a reason that is not UTF-8", close(1000, b"\xff"), NOT_UTF8));
    table.push(("a reason that is cut in a character", close(1000, b"\xe2\x82"), NOT_UTF8));
    table
}

/// §5.5.1 and §7.4: closes, with what comes back.
fn closes() -> Vec<Refused> {
    let mut table = vec![
        ("a close without a code", frame(FIN | CLOSE, b""), 1000),
        ("a close of one byte", frame(FIN | CLOSE, b"\x03"), PROTOCOL),
        ("a close with a reason", close(1000, b"bye"), 1000),
        ("a close with the longest reason", close(4000, &[b'x'; 123]), 4000),
        ("a close with a reason in UTF-8", close(1001, "schön".as_bytes()), 1001),
        ("a close and a call behind it", [close(1000, b""), frame(FIN | TEXT, CALL)].concat(), 1000),
        ("two closes", [close(3000, b""), close(3001, b"")].concat(), 3000),
        ("a close inside a message", [frame(TEXT, b"{"), close(1000, b"")].concat(), 1000),
    ];
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        table.push(("a code that may be sent", close(code, b""), code));
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        table.push(("a code that may not be sent", close(code, b""), PROTOCOL));
    }
    table
}

/// What is unusual, and right.
fn answered() -> Vec<Answered> {
    let ping = |payload: &[u8]| frame(FIN | PING, payload);
    let call = || frame(FIN | TEXT, CALL);
    let hearts = "{\"id\":\"é€😀\",\"method\":\"ping\"}";
    let hearted = Received { opcode: TEXT, payload: "{\"id\":\"é€😀\",\"result\":{}}".as_bytes().to_vec() };
    let filled = |bytes: usize| [CALL, &vec![b' '; bytes - CALL.len()]].concat();
    let mut table = vec![
        ("a ping", ping(b""), vec![pong(b"")]),
        ("a ping with bytes", ping(b"\x00\xff\xfe"), vec![pong(b"\x00\xff\xfe")]),
        ("the longest ping", ping(&[7; 125]), vec![pong(&[7; 125])]),
        (
            "pings keep their order",
            [ping(b"1"), ping(b"2"), ping(b"3")].concat(),
            vec![pong(b"1"), pong(b"2"), pong(b"3")],
        ),
        ("a pong that nobody asked for", [frame(FIN | PONG, b"x"), ping(b"y")].concat(), vec![pong(b"y")]),
        ("a call", call(), vec![called()]),
        ("a call in two parts", in_two(CALL, 7), vec![called()]),
        ("an empty first part", in_two(CALL, 0), vec![called()]),
        ("an empty last part", in_two(CALL, CALL.len()), vec![called()]),
        (
            "a call of one byte a part",
            [frame(TEXT, b""), CALL.iter().flat_map(|byte| frame(CONTINUATION, &[*byte])).collect(), frame(FIN, b"")]
                .concat(),
            vec![called()],
        ),
        (
            "empty parts without number",
            [frame(TEXT, b""), frame(CONTINUATION, b"").repeat(10_000), frame(FIN, CALL)].concat(),
            vec![called()],
        ),
        (
            "a ping and a pong inside a message",
            [frame(TEXT, &CALL[..3]), ping(b"in"), frame(FIN | PONG, b""), frame(FIN, &CALL[3..])].concat(),
            vec![pong(b"in"), called()],
        ),
        ("126 bytes", frame(FIN | TEXT, &filled(126)), vec![called()]),
        ("65,535 bytes", frame(FIN | TEXT, &filled(65_535)), vec![called()]),
        ("65,536 bytes", frame(FIN | TEXT, &filled(65_536)), vec![called()]),
        ("65,536 bytes in parts", in_two(&filled(65_536), 65_000), vec![called()]),
    ];
    for at in 0..hearts.len() {
        table.push(("a text cut anywhere", in_two(hearts.as_bytes(), at), vec![hearted.clone()]));
    }
    table
}

/// A live session of a user of its own, so that no limit of users is met.
async fn live(gateway: &Gateway, number: usize) -> RawSocket {
    gateway.raw_websocket(Some(&format!("u{number}"))).await
}

/// Sends each row to a session, to a client that has not yet said who it is, and byte by byte; all rows at once.
async fn check_closes(table: Vec<Refused>) {
    let gateway = Gateway::start().await;
    let checks = table.iter().enumerate().map(|(number, row)| check_close(&gateway, number, row));
    futures_util::future::join_all(checks).await;
    until("no session is left", async || gateway.metric("gateway_sessions{transport=\"websocket\"}").await == 0).await;
    assert!(!gateway.log().contains("ERROR"), "what a client sends is no error of the server:\n{}", gateway.log());
}

async fn check_close(gateway: &Gateway, number: usize, (name, bytes, code): &Refused) {
    let shown = &bytes[..bytes.len().min(40)];
    for (who, mut socket) in [("alice", live(gateway, number).await), ("nobody", gateway.raw_websocket(None).await)] {
        socket.write(bytes).await;
        assert_eq!(socket.closed().await, Some(*code), "{who}: {name}: {shown:02x?}");
    }
    if bytes.len() < 200 {
        let mut socket = live(gateway, number).await;
        socket.drip(bytes).await;
        assert_eq!(socket.closed().await, Some(*code), "byte by byte: {name}: {shown:02x?}");
    }
}

#[tokio::test]
async fn a_frame_against_the_rules_closes_with_1002_and_too_large_a_one_with_1009() {
    check_closes(malformed()).await;
}

#[tokio::test]
async fn a_continuation_behind_the_last_closes_with_1002() {
    let gateway = Gateway::start().await;
    let mut socket = live(&gateway, 0).await;
    socket.write(&[in_two(CALL, 5), frame(FIN | CONTINUATION, CALL)].concat()).await;
    // The answer to the whole call may come before the close, or not at all.
    assert_eq!(socket.closed().await, Some(PROTOCOL));
}

#[tokio::test]
async fn a_text_that_is_not_utf8_closes_with_1007() {
    check_closes(not_utf8()).await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_if_it_is_one() {
    check_closes(closes()).await;
}

#[tokio::test]
async fn what_is_unusual_and_right_is_answered() {
    let gateway = Gateway::with(&["--call-units-per-second", "1000"]).await;
    for (number, (name, bytes, expected)) in answered().into_iter().enumerate() {
        let mut whole = live(&gateway, number).await;
        whole.write(&bytes).await;
        let mut sockets = vec![whole];
        if bytes.len() < 1_000 {
            let mut dripped = live(&gateway, number).await;
            dripped.drip(&bytes).await;
            sockets.push(dripped);
        }
        for socket in &mut sockets {
            for frame in &expected {
                assert_eq!(socket.answer().await.as_ref(), Some(frame), "{name}");
            }
            socket.write(&frame(FIN | PING, b"alive")).await;
            assert_eq!(socket.answer().await, Some(pong(b"alive")), "{name}: the session lives on");
        }
    }
}

#[tokio::test]
async fn binary_is_answered_as_what_it_is_also_in_parts() {
    let gateway = Gateway::start().await;
    let mut socket = live(&gateway, 0).await;
    for bytes in [frame(FIN | BINARY, b"\xff"), [frame(BINARY, b"\xff"), frame(FIN, b"\xfe")].concat()] {
        socket.write(&bytes).await;
        let answer = socket.answer().await.expect("an answer");
        let reply: serde_json::Value = serde_json::from_slice(&answer.payload).expect("JSON");
        assert_eq!((reply.get("id"), &reply["error"]["code"]), (None, &json!(6017)), "{reply}");
    }
}

#[tokio::test]
async fn what_is_no_upgrade_is_refused_with_a_status_and_the_version_that_is_spoken() {
    let gateway = Gateway::start().await;
    let right = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let wrong = [
        ("upgrade", None),
        ("upgrade", Some("h2c")),
        ("connection", None),
        ("connection", Some("keep-alive")),
        ("sec-websocket-version", None),
        ("sec-websocket-version", Some("8")),
        ("sec-websocket-version", Some("")),
        ("sec-websocket-key", None),
    ];
    for (changed, value) in wrong {
        let mut call = Call::get("/v1/ws").bearer(&keys::token("alice"));
        for (name, usual) in right {
            let value = if name == changed { value } else { Some(usual) };
            if let Some(value) = value {
                call = call.header(name, value);
            }
        }
        let answer = call.send(gateway.address).await;
        assert_eq!(answer.refusal(), (400, 6017), "{changed}: {value:?}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{changed}: {value:?}");
    }
}
