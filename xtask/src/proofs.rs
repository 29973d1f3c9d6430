//! Which test proves which rule, from the log of a test run.

use std::path::Path;

pub(crate) fn write(_log: &Path) -> Result<(), String> {
    Ok(())
}

pub(crate) fn check(_log: &Path) -> Result<(), String> {
    Ok(())
}
