//! Where one message of Redis's protocol ends and the next begins, and which of them are published messages.

/// Cuts a stream into whole messages, so that single ones can be swallowed.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    waiting: Vec<u8>,
}

impl Splitter {
    /// Takes bytes; gives the messages that are whole now, without the published ones if those are not to pass.
    pub(super) fn push(&mut self, bytes: &[u8], passes_published: bool) -> Vec<u8> {
        self.waiting.extend_from_slice(bytes);
        let (mut passed, mut at) = (Vec::new(), 0);
        while let Some(length) = length(&self.waiting[at..]) {
            let message = &self.waiting[at..at + length];
            if passes_published || !is_published(message) {
                passed.extend_from_slice(message);
            }
            at += length;
        }
        self.waiting.drain(..at);
        passed
    }
}

/// How long the first message is; `None` if it is not whole yet.
fn length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    let count = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    let parts = match bytes[0] {
        b'$' | b'=' | b'!' => {
            let length = count().map_or(line, |count| usize::try_from(count).map_or(line, |count| line + count + 2));
            return (bytes.len() >= length).then_some(length);
        }
        b'*' | b'>' | b'~' => count().unwrap_or(0),
        b'%' => count().unwrap_or(0) * 2,
        _ => 0,
    };
    (0..parts).try_fold(line, |at, _| length(&bytes[at..]).map(|length| at + length))
}

fn is_published(message: &[u8]) -> bool {
    let kinds: [&[u8]; 3] = [b"$7\r\nmessage\r\n", b"$8\r\npmessage\r\n", b"$8\r\nsmessage\r\n"];
    matches!(message.first(), Some(b'*' | b'>'))
        && kinds.iter().any(|kind| message[1..].get(3..).is_some_and(|rest| rest.starts_with(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_messages_are_swallowed_and_everything_else_passes_however_it_is_cut() {
        let published: &[u8] = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\na\r\nb\r\n";
        let others: [&[u8]; 4] =
            [b"+OK\r\n", b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", b"*2\r\n$4\r\npong\r\n$0\r\n\r\n", b"$-1\r\n"];
        let stream: Vec<u8> = others.iter().flat_map(|other| [*other, published].concat()).collect();
        for size in [1, 2, 7, stream.len()] {
            let (mut deaf, mut hearing) = (Splitter::default(), Splitter::default());
            let swallow: Vec<u8> = stream.chunks(size).flat_map(|bytes| deaf.push(bytes, false)).collect();
            let pass: Vec<u8> = stream.chunks(size).flat_map(|bytes| hearing.push(bytes, true)).collect();
            assert_eq!((swallow, pass), (others.concat(), stream.clone()), "in pieces of {size}");
        }
    }

    #[test]
    fn a_nested_message_ends_with_its_last_part() {
        let nested: &[u8] = b"%1\r\n+a\r\n*2\r\n:1\r\n*0\r\n";
        assert_eq!(length(nested), Some(nested.len()));
        assert_eq!(length(&nested[..nested.len() - 1]), None);
    }
}
