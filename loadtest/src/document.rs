//! How a part of a document is written anew: what stands between two marks in it.

use std::{fs, path::Path};

/// Replaces what stands at a place of a document; `write` is given what stood there.
pub(crate) fn rewrite(path: &Path, place: &str, write: impl FnOnce(&str) -> String) -> Result<(), String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(named)?;
    let (begin, end) = marks(place);
    let text = with(&text, place, write).ok_or_else(|| format!("{}: expected {begin} and {end}", path.display()))?;
    fs::write(path, text).map_err(named)
}

fn marks(place: &str) -> (String, String) {
    (format!("<!-- {place}: begin -->"), format!("<!-- {place}: end -->"))
}

fn with(document: &str, place: &str, write: impl FnOnce(&str) -> String) -> Option<String> {
    let (begin, end) = marks(place);
    let (before, rest) = document.split_once(&begin)?;
    let (old, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", write(old).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_written_anew() {
        let document = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        let text = with(document, "x", |old| format!("{} and new\n", old.trim())).unwrap();
        assert_eq!(text, "a\n<!-- x: begin -->\nold and new\n<!-- x: end -->\nb\n");
        assert_eq!(with(document, "y", str::to_owned), None);
    }
}
