//! Which ids there are and what forms they may have; only parsing makes one.

use crate::limits::{DEVICE_BYTES_MAX, ID_BYTES_MAX, MESSAGE_ID_BYTES_MAX};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// Why a string is not an id of the wanted kind; says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {expected}, got {got}")]
pub struct InvalidId {
    what: &'static str,
    expected: String,
    got: String,
}

fn check(what: &'static str, value: &str, bytes_max: usize) -> Result<(), InvalidId> {
    let problem = if value.is_empty() {
        "an empty string".to_owned()
    } else if value.len() > bytes_max {
        format!("{} bytes", value.len())
    } else if value.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "one with white space or control characters".to_owned()
    } else {
        return Ok(());
    };
    let expected = format!("1 to {bytes_max} bytes without white space or control characters");
    Err(InvalidId { what, expected, got: problem })
}

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident, $what:literal, $max:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(value: &str) -> Result<Self, InvalidId> {
                check($what, value, $max)?;
                Ok(Self(value.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(value: String) -> Result<Self, InvalidId> {
                value.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::schema::id(concat!($($doc),*), "", $max)
            }
        }
    };
}

id!(
    /// A user: at most [`ID_BYTES_MAX`] bytes.
    UserId, "a userID", ID_BYTES_MAX
);
id!(
    /// A chat group: at most [`ID_BYTES_MAX`] bytes.
    GroupId, "a groupID", ID_BYTES_MAX
);
id!(
    /// A message: at most [`MESSAGE_ID_BYTES_MAX`] bytes.
    MessageId, "a msgID", MESSAGE_ID_BYTES_MAX
);
id!(
    /// A device of a user, as the client names it: at most [`DEVICE_BYTES_MAX`] bytes.
    DeviceId, "a device", DEVICE_BYTES_MAX
);

const C2C: &str = "c2c_";
const GROUP: &str = "group_";

/// A conversation as one user sees it: `c2c_<userID>` or `group_<groupID>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ConversationId(Arc<str>);

/// The other side of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The peer of a C2C conversation.
    User(UserId),
    /// The group of a group conversation.
    Group(GroupId),
}

impl ConversationId {
    /// The C2C conversation with a peer.
    pub fn c2c(peer: &UserId) -> Self {
        Self(format!("{C2C}{peer}").into())
    }

    /// The conversation of a group.
    pub fn group(group: &GroupId) -> Self {
        Self(format!("{GROUP}{group}").into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a C2C conversation (else it is a group's).
    pub fn is_c2c(&self) -> bool {
        self.0.starts_with(C2C)
    }

    /// The peer or the group.
    pub fn peer(&self) -> Peer {
        match self.0.strip_prefix(C2C) {
            Some(user) => Peer::User(UserId(user.into())),
            None => Peer::Group(GroupId(self.0[GROUP.len()..].into())),
        }
    }
}

impl FromStr for ConversationId {
    type Err = InvalidId;
    fn from_str(value: &str) -> Result<Self, InvalidId> {
        let name = value.strip_prefix(C2C).or_else(|| value.strip_prefix(GROUP)).ok_or_else(|| InvalidId {
            what: "a conversationID",
            expected: "c2c_<userID> or group_<groupID>".to_owned(),
            got: format!("{:?}", value.chars().take(32).collect::<String>()),
        })?;
        check("the part of a conversationID after the first _", name, ID_BYTES_MAX)?;
        Ok(Self(value.into()))
    }
}

impl TryFrom<String> for ConversationId {
    type Error = InvalidId;
    fn try_from(value: String) -> Result<Self, InvalidId> {
        value.parse()
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_id_splits_at_the_first_underscore_only() {
        let id: ConversationId = "c2c_a_b".parse().unwrap();
        assert_eq!(id.peer(), Peer::User("a_b".parse().unwrap()));
        let id: ConversationId = "group_c2c_x".parse().unwrap();
        assert_eq!(id.peer(), Peer::Group("c2c_x".parse().unwrap()));
    }

    #[test]
    fn a_wrong_id_says_what_was_expected() {
        let error = "room_1".parse::<ConversationId>().unwrap_err().to_string();
        assert_eq!(error, "a conversationID must be c2c_<userID> or group_<groupID>, got \"room_1\"");
        let error = "x".repeat(129).parse::<UserId>().unwrap_err().to_string();
        assert!(error.contains("1 to 128 bytes") && error.contains("129 bytes"), "{error}");
        for bad in ["", "a b", "a\nb", "a\u{0}"] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
        assert!("c2c_".parse::<ConversationId>().is_err());
    }
}
