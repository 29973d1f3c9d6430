//! How the bytes of `text/event-stream` become events.

/// One event of the stream, or a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// An event with its name, id and data.
    Event {
        /// `event:`.
        name: String,
        /// `id:`, which stands on this event itself.
        id: Option<String>,
        /// `data:`, lines joined.
        data: String,
    },
    /// A comment, or a `retry:` alone.
    Comment,
}

/// Reads a stream that comes in pieces of any size.
#[derive(Debug, Default)]
pub struct EventStreamParser {
    buffer: Vec<u8>,
    name: String,
    id: Option<String>,
    data: Option<String>,
}

impl EventStreamParser {
    /// Takes the next bytes and returns what they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<StreamItem> {
        self.buffer.extend_from_slice(bytes);
        let mut items = Vec::new();
        let mut start = 0;
        while let Some(length) = self.buffer[start..].iter().position(|byte| *byte == b'\n') {
            let end = start + length;
            let line = String::from_utf8_lossy(&self.buffer[start..end]).into_owned();
            start = end + 1;
            self.line(line.strip_suffix('\r').unwrap_or(&line), &mut items);
        }
        self.buffer.drain(..start);
        if self.buffer.is_empty() {
            self.buffer.shrink_to(4 * 1024);
        }
        items
    }

    fn line(&mut self, line: &str, items: &mut Vec<StreamItem>) {
        if line.is_empty() {
            let (name, id) = (std::mem::take(&mut self.name), self.id.take());
            if let Some(data) = self.data.take() {
                items.push(StreamItem::Event { name, id, data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => items.push(StreamItem::Comment),
            "event" => self.name = value.to_owned(),
            "id" => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nevent: a\nid: 7:1\ndata: {\"x\":\"é\"}\n\nevent:b\r\ndata:1\r\ndata:2\r\n\r\nretry: 5\n\n";

    fn expected() -> Vec<StreamItem> {
        vec![
            StreamItem::Comment,
            StreamItem::Event { name: "a".into(), id: Some("7:1".into()), data: "{\"x\":\"é\"}".into() },
            StreamItem::Event { name: "b".into(), id: None, data: "1\n2".into() },
        ]
    }

    #[test]
    fn pieces_of_any_size_give_the_same_events() {
        for size in 1..STREAM.len() {
            let mut parser = EventStreamParser::default();
            let items: Vec<_> = STREAM.as_bytes().chunks(size).flat_map(|bytes| parser.push(bytes)).collect();
            assert_eq!(items, expected(), "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_that_is_not_ended_does_not_come() {
        let mut parser = EventStreamParser::default();
        assert_eq!(parser.push(b"event: a\ndata: 1\n"), []);
        assert_eq!(parser.push(b"\n").len(), 1);
    }
}
