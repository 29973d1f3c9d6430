//! What is said between the gateway, its clients and its backends: pure data, no I/O.
//!
//! `PROTOCOL.md` beside this crate is the contract in words; its JSON examples are golden tests of these types.

/// Params of a method: camelCase, and a field that is not known is refused. What stands in brackets behind a field is for
/// its JSON Schema.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $type:ty $([$($schema:tt)*])?,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[$fdoc])*
                $(#[cfg_attr(feature = "schema", schemars($($schema)*))])?
                pub $field: $type,
            )*
        }
    };
}

#[cfg(feature = "schema")]
pub mod catalog;
pub mod close;
pub mod conversation;
pub mod cursor;
pub mod error;
pub mod event;
pub mod facets;
pub mod filter;
pub mod group;
pub mod hint;
pub mod ids;
pub mod limits;
pub mod marks;
pub mod method;
#[cfg(feature = "schema")]
mod schema;
pub mod server;
pub mod sync;

pub use close::CloseCode;
pub use conversation::{
    AtType, Conversation, ConversationType, GroupAtInfo, GroupType, LastMessage, MessageStatus, RecvOpt,
};
pub use cursor::Cursor;
pub use error::{ApiError, ErrorKind};
pub use event::{Event, EventName, Frame, SyncMode};
pub use facets::{FacetChange, Facets, UnreadFacets};
pub use filter::Filter;
pub use group::GroupEvent;
pub use hint::{Hint, Kick, RowState};
pub use ids::{ConversationId, DeviceId, GroupId, MessageId, UserId};
pub use sync::{Fork, Head, LogEntry, Page, ReplaySlice};
