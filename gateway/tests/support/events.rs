//! How are server-sent events read? As a browser reads them, comments and retry times kept.

use super::{http::Response, list::Event};
use serde_json::Value;

/// An open event stream.
pub(crate) struct EventStream {
    response: Response,
    bytes: Vec<u8>,
    /// Comments so far.
    pub(crate) comments: usize,
    /// The last `retry:`, in milliseconds.
    pub(crate) retry_ms: Option<u64>,
}

impl EventStream {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, bytes: Vec::new(), comments: 0, retry_ms: None }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The next event; `None` once the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
                if let Some(event) = self.read(std::str::from_utf8(&block).expect("an event is UTF-8")) {
                    return Some(event);
                }
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.bytes.extend(bytes),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut data, mut cursor) = (None, None, None);
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':').expect("a field");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => self.comments += 1,
                "event" => name = Some(value.to_owned()),
                "id" => cursor = Some(value.to_owned()),
                "data" => data = Some(serde_json::from_str::<Value>(value).expect("data in one line of JSON")),
                "retry" => self.retry_ms = value.parse().ok(),
                other => panic!("an unknown field {other:?}"),
            }
        }
        Some(Event { name: name?, cursor, data: data? })
    }
}
