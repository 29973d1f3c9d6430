//! The floor, as a server to compare with.

use super::peer::{Call, Peer};
use crate::{
    floor::{Floor, Publish},
    http::BaseUrl,
};

impl Peer for Floor {
    const LACKS: &'static str =
        "no store, no state, no token is checked; who is not connected misses what is sent, and nothing is replayed";

    fn url(&self) -> &BaseUrl {
        &self.url
    }

    fn ids(&self) -> Vec<u32> {
        vec![self.id()]
    }

    fn path(&self, user: &str) -> String {
        format!("/v1/ws?device={user}")
    }

    fn call(&self, recipients: &[String], text: &str) -> Call {
        Call::json("/publish", &Publish { recipients: recipients.to_vec(), text: text.to_owned() })
    }
}
