//! What PROTOCOL.md says in words: about methods, limits, errors and close codes.

use super::document::{self, Example};
use serde_json::Value;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../../protocol/PROTOCOL.md");

/// The part about methods of backends, where headings may name methods that clients have too.
const BACKENDS: &str = "## 8.";

/// What PROTOCOL.md says.
pub(crate) struct Prose {
    /// The text under each heading of a method, for clients and for backends.
    client: BTreeMap<String, String>,
    server: BTreeMap<String, String>,
    examples: Vec<Example>,
    limits: BTreeMap<String, String>,
}

/// A row of the table of errors.
pub(crate) struct ErrorRow {
    /// The code in the error object.
    pub(crate) code: u32,
    /// The HTTP status.
    pub(crate) status: u16,
    /// When it comes.
    pub(crate) when: String,
    /// What the caller does.
    pub(crate) remedy: String,
}

/// A row of the table of close codes.
pub(crate) struct CloseRow {
    /// The code.
    pub(crate) code: u16,
    /// Its short name.
    pub(crate) name: String,
    /// Why it comes.
    pub(crate) why: String,
    /// The event before it.
    pub(crate) last_event: String,
}

impl Prose {
    /// Reads PROTOCOL.md.
    pub(crate) fn read() -> Self {
        let (mut client, mut server) = (BTreeMap::new(), BTreeMap::new());
        let (mut is_of_backends, mut heading, mut is_in_block) = (false, None, false);
        for line in TEXT.lines() {
            if line.starts_with("```") {
                is_in_block = !is_in_block;
                continue;
            }
            if is_in_block || line.starts_with("<!-- golden") {
                continue;
            }
            if line.starts_with("## ") {
                is_of_backends = line.starts_with(BACKENDS);
                heading = None;
            } else if let Some(name) = line.strip_prefix("### ") {
                heading = Some(name.trim_end_matches(" (backend)").to_owned());
            } else if let Some(heading) = &heading {
                let of_side = if is_of_backends { &mut server } else { &mut client };
                let text: &mut String = of_side.entry(heading.clone()).or_default();
                text.push_str(&without_links(line));
                text.push('\n');
            }
        }
        let limits = document::table("limits").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        Self { client, server, examples: document::examples(), limits }
    }

    /// What is said of a client's method.
    pub(crate) fn of_client(&self, method: &str) -> String {
        self.client.get(method).map(|text| paragraphs(text)).unwrap_or_default()
    }

    /// What is said of a backend's method.
    pub(crate) fn of_server(&self, method: &str) -> String {
        let text = self.server.get(method).or_else(|| self.server.get("Reads on behalf of a user"));
        text.map(|text| paragraphs(text)).unwrap_or_default()
    }

    /// The examples of a kind and, where it has several, a name.
    pub(crate) fn examples(&self, kind: &str, name: &str) -> Vec<Value> {
        self.examples.iter().filter(|example| example.kind == kind && example.name == name).map(Example::json).collect()
    }

    /// The value of a limit.
    pub(crate) fn limit(&self, name: &str) -> Option<&str> {
        self.limits.get(name).map(String::as_str)
    }

    /// The table of errors.
    pub(crate) fn errors(&self) -> Vec<ErrorRow> {
        let row = |row: Vec<String>| ErrorRow {
            code: number(&row[0]),
            status: number(&row[1]),
            when: row[2].clone(),
            remedy: row[3].clone(),
        };
        document::table("errors").into_iter().map(row).collect()
    }

    /// The table of close codes.
    pub(crate) fn close_codes(&self) -> Vec<CloseRow> {
        let row = |row: Vec<String>| CloseRow {
            code: number(&row[0]),
            name: row[1].clone(),
            why: row[2].clone(),
            last_event: row.get(3).cloned().unwrap_or_default(),
        };
        document::table("close-codes").into_iter().map(row).collect()
    }

    /// When an event comes.
    pub(crate) fn of_event(&self, event: &str) -> String {
        let name = format!("`{event}`");
        let row = document::table("events").into_iter().find(|row| row[0] == name);
        row.map(|row| row[1].clone()).unwrap_or_default()
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("PROTOCOL.md: expected a number in a table, got {text:?}"))
}

/// Without more than one empty line in a row, and without any around it.
fn paragraphs(text: &str) -> String {
    let mut result = String::new();
    for line in text.trim().lines() {
        if !(line.is_empty() && result.ends_with("\n\n")) {
            result.push_str(line);
            result.push('\n');
        }
    }
    result.trim_end().to_owned()
}

/// Links lead to other parts of PROTOCOL.md, which are not there in a document.
fn without_links(line: &str) -> String {
    let (mut result, mut rest) = (String::new(), line);
    while let Some((before, text, after)) = next_link(rest) {
        result.push_str(before);
        result.push_str(text);
        rest = after;
    }
    result.push_str(rest);
    result
}

fn next_link(line: &str) -> Option<(&str, &str, &str)> {
    let middle = line.find("](")?;
    let start = line[..middle].rfind('[')?;
    let end = middle + line[middle..].find(')')?;
    Some((&line[..start], &line[start + 1..middle], &line[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::{super::document, without_links};
    use conversation_protocol::catalog;

    #[test]
    fn links_become_their_text() {
        assert_eq!(without_links("as in [a](#b), [c d](e.md#f): [1, 2]"), "as in a, c d: [1, 2]");
    }

    /// The codes of errors in a cell.
    fn codes(cell: &str) -> Vec<u32> {
        let words = cell.split(|letter: char| !letter.is_ascii_digit());
        words.filter_map(|word| word.parse().ok()).filter(|code| *code >= 1_000).collect()
    }

    #[test]
    fn the_errors_of_the_catalog_are_those_of_the_table() {
        for (row, method) in document::table("client-methods").iter().zip(catalog::CLIENT) {
            assert_eq!(row[0], format!("`{}`", method.name));
            let (own, within) = row[3].split_once("in it").unwrap_or((&row[3], ""));
            let sorted = |mut codes: Vec<u32>| {
                codes.sort_unstable();
                codes
            };
            assert_eq!(sorted(super::super::openapi::codes(method.errors)), sorted(codes(own)), "{}", method.name);
            assert_eq!(
                sorted(super::super::openapi::codes(method.inner_errors)),
                sorted(codes(within)),
                "{}",
                method.name
            );
            let is_for_websocket = row[3].contains("WebSocket only");
            assert_eq!(method.transport == catalog::Transport::WebSocket, is_for_websocket, "{}", method.name);
        }
    }
}
