//! Where is the primary now? Whoever finds it gone has it looked for, and whoever is connected is told when it moves.

use super::endpoint::Endpoint;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// The place of a primary, as far as is known.
#[derive(Clone)]
pub(super) struct Primary {
    endpoint: watch::Receiver<Endpoint>,
    doubts: Arc<Notify>,
}

impl Primary {
    /// A primary whose place is kept by whoever has the sender, and looked up again on a doubt.
    pub(super) fn new(endpoint: watch::Receiver<Endpoint>, doubts: Arc<Notify>) -> Self {
        Self { endpoint, doubts }
    }

    /// One that stays where it is.
    pub(super) fn fixed(endpoint: Endpoint) -> Self {
        Self { endpoint: watch::channel(endpoint).1, doubts: Arc::new(Notify::new()) }
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.endpoint.borrow().clone()
    }

    /// It does not answer, or is none.
    pub(super) fn doubt(&self) {
        self.doubts.notify_one();
    }

    /// Waits until it is elsewhere.
    pub(super) async fn moves_from(&self, endpoint: &Endpoint) {
        let mut places = self.endpoint.clone();
        if places.wait_for(|place| place != endpoint).await.is_err() {
            std::future::pending().await
        }
    }
}
