//! May lists be kept on this server? It must not evict keys, and should have an append-only file.

use super::link::{unavailable, unexpected};
use crate::StoreError;
use redis::{Value, aio::ConnectionLike};

/// Asks a server for its settings: one that evicts keys is refused, and what else may lose data is warned of. `INFO` tells
/// them also where a hoster has forbidden `CONFIG`.
///
/// # Errors
/// [`StoreError::Unavailable`] if it does not answer, or would throw data away when its memory is full.
pub(super) async fn check(connection: &mut impl ConnectionLike, server: &str) -> Result<(), StoreError> {
    let mut told = String::new();
    for section in ["memory", "persistence"] {
        let answer = connection.req_packed_command(redis::cmd("INFO").arg(section)).await;
        told += &info(answer.map_err(|error| unavailable(&error))?)?;
        told.push('\n');
    }
    let warnings = judge(&told).map_err(|why| StoreError::Unavailable(format!("redis at {server}: {why}")))?;
    for warning in warnings {
        tracing::warn!(server, "redis {warning}");
    }
    Ok(())
}

/// What is to be warned of, or why the server is refused.
fn judge(info: &str) -> Result<Vec<&'static str>, String> {
    let mut warnings = Vec::new();
    match field(info, "maxmemory_policy") {
        Some("noeviction") => {}
        Some(policy) => {
            return Err(format!(
                "expected maxmemory-policy noeviction, got {policy}, which throws lists away when memory is full"
            ));
        }
        None => warnings.push("does not tell its maxmemory-policy: it must be noeviction"),
    }
    match field(info, "aof_enabled") {
        Some("1") => {}
        Some(_) => {
            warnings.push("has no append-only file (appendonly no): if it dies, changes that were answered are lost")
        }
        None => warnings.push("does not tell whether it has an append-only file (appendonly): it should"),
    }
    Ok(warnings)
}

/// The text of an answer to INFO.
pub(super) fn info(answer: Value) -> Result<String, StoreError> {
    match answer {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| unexpected("not UTF-8")),
        Value::VerbatimString { text, .. } => Ok(text),
        _ => Err(unexpected("INFO without a text")),
    }
}

/// A field of it.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_judged_by_what_it_tells() {
        let of = |policy: &str, aof: &str| judge(&format!("# Memory\r\n{policy}\r\n# Persistence\r\n{aof}\r\n"));
        let warned = |policy: &str, aof: &str| of(policy, aof).unwrap().join("; ");
        assert_eq!(warned("maxmemory_policy:noeviction", "aof_enabled:1"), "");
        assert!(warned("maxmemory_policy:noeviction", "aof_enabled:0").contains("appendonly no"));
        assert!(warned("maxmemory_policy:noeviction", "").contains("does not tell whether"));
        assert!(warned("", "aof_enabled:1").contains("must be noeviction"));
        assert!(of("maxmemory_policy:allkeys-lru", "aof_enabled:1").unwrap_err().contains("got allkeys-lru"));
    }
}
