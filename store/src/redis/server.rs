//! Which server a connection leads to, and whether it takes writes.

use super::{
    link::{unavailable, unexpected},
    settings::{field, info},
};
use crate::StoreError;
use redis::{Cmd, Value, aio::ConnectionLike};

/// How many hexadecimal digits of the 40 of a replication id are kept; they are random.
const ID_DIGITS: usize = 16;

/// Asks for it.
pub(super) fn question() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("replication");
    command
}

/// Asks a new connection; the replication id of the primary that it leads to.
pub(super) async fn ask(connection: &mut impl ConnectionLike) -> Result<u64, StoreError> {
    match connection.req_packed_command(&question()).await {
        Ok(answer) => read(answer),
        Err(error) => Err(unavailable(&error)),
    }
}

/// Reads the answer; a replica is an error.
pub(super) fn read(answer: Value) -> Result<u64, StoreError> {
    let text = info(answer)?;
    if field(&text, "role").is_some_and(|role| role != "master") {
        return Err(StoreError::Unavailable("redis: the server is a replica, and takes no writes".to_owned()));
    }
    let id = field(&text, "master_replid").and_then(|id| id.get(..ID_DIGITS));
    let id = id.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    id.ok_or_else(|| unexpected("INFO without a replication id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<u64, StoreError> {
        read(Value::BulkString(text.into()))
    }

    #[test]
    fn a_primary_is_told_by_its_id_and_a_replica_is_refused() {
        let id = "8371445ee67b94dc83bb5f7c7f0a5b5d8d37ca0a";
        let primary = format!("# Replication\r\nrole:master\r\nmaster_replid:{id}\r\nmaster_replid2:0000\r\n");
        assert_eq!(of(&primary).unwrap(), 0x8371_445e_e67b_94dc);
        let refused = of(&primary.replace("role:master", "role:slave")).unwrap_err().to_string();
        assert!(refused.contains("is a replica"), "{refused}");
        assert!(of("# Replication\r\nrole:master\r\n").is_err() && read(Value::Nil).is_err());
    }
}
