//! What PROTOCOL.md says: its examples and its tables.

use serde_json::Value;
use std::fmt;

const TEXT: &str = include_str!("../../PROTOCOL.md");

/// A fenced block with its annotation.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    /// What it is an example of.
    pub(crate) kind: String,
    /// Of which method or error, where the kind has several.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
    /// The line of the fence.
    pub(crate) line: usize,
}

impl Example {
    /// Its text as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{self}: {error}"))
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PROTOCOL.md:{}: {} {}", self.line, self.kind, self.name)
    }
}

fn annotation<'a>(line: &'a str, of: &str) -> Option<&'a str> {
    line.strip_prefix("<!-- ")?.strip_prefix(of)?.strip_prefix(": ")?.strip_suffix(" -->")
}

/// All annotated blocks. A `json` block without an annotation, or an annotation without a block, is a failure.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = TEXT.lines().enumerate().peekable();
    let mut previous = "";
    while let Some((index, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            match annotation(previous, "golden") {
                Some(what) => {
                    let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
                    let text = block.join("\n");
                    examples.push(Example { kind: kind.into(), name: name.into(), text, line: index + 1 });
                }
                None => assert!(language != "json", "PROTOCOL.md:{}: a json block without annotation", index + 1),
            }
            previous = "";
            continue;
        }
        if line.contains("<!-- golden:") {
            let is_before_block = lines.peek().is_some_and(|(_, next)| next.starts_with("```"));
            assert!(
                annotation(line, "golden").is_some() && is_before_block,
                "PROTOCOL.md:{}: an annotation without a block",
                index + 1
            );
        }
        previous = line;
    }
    assert!(!examples.is_empty(), "PROTOCOL.md has no examples");
    examples
}

/// The rows of an annotated table, without its head, each as its cells.
pub(crate) fn table(name: &str) -> Vec<Vec<String>> {
    let mut lines = TEXT.lines().skip_while(|line| annotation(line, "golden-table") != Some(name)).skip(1);
    let head = lines.next().unwrap_or_else(|| panic!("PROTOCOL.md has no table {name}"));
    let rule = lines.next().unwrap_or_default();
    assert!(head.starts_with("| ") && rule.starts_with("|---"), "PROTOCOL.md: no table after {name}");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.take_while(|line| line.starts_with('|')).map(cells).collect()
}
