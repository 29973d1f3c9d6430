//! Are the committed documents of the protocol those of the code? Writes them, or says which one is not.

mod asyncapi;
mod openapi;
mod prose;
mod schemas;
mod typescript;

/// PROTOCOL.md as its own tests read it.
#[path = "../../protocol/tests/golden/document.rs"]
mod document;

use schemas::Schemas;
use serde_json::Value;
use std::{fs, path::PathBuf};

/// What `documents` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail where a committed document is not that of the code.
    #[arg(long)]
    check: bool,
}

/// Writes or checks all documents.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../protocol/generated");
    let mut stale = Vec::new();
    for (name, content) in documents() {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|committed| committed == content) {
            continue;
        }
        if arguments.check {
            stale.push(format!("protocol/generated/{name}"));
        } else {
            fs::create_dir_all(&folder)
                .and_then(|()| fs::write(&path, content))
                .map_err(|error| format!("protocol/generated/{name}: expected a file that can be written: {error}"))?;
            println!("protocol/generated/{name} is written");
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("{}: not what the code says; run `cargo xtask documents` and commit what it writes", stale.join(", ")))
}

/// The documents by their names.
fn documents() -> [(&'static str, String); 3] {
    let schemas = Schemas::of_the_code();
    [
        ("openapi.json", pretty(&openapi::document(&schemas))),
        ("asyncapi.json", pretty(&asyncapi::document(&schemas))),
        ("protocol.d.ts", typescript::declarations(&schemas)),
    ]
}

fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a document is always JSON");
    text.push('\n');
    text
}

/// `pinConversation` as `PinConversation`.
fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_documents_are_those_of_the_code() {
        super::run(&super::Arguments { check: true }).unwrap_or_else(|problem| panic!("{problem}"));
    }
}
