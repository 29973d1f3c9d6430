//! How those who work lanes off learn of an entry, inside one process.

use crate::lanes::{Lane, LaneWakes};
use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

/// Wakes that may wait for whoever listens; there is never more than one of a lane that nobody looks at.
const WAKES_MAX: usize = 1_024;

/// Who wants to be woken.
#[derive(Debug)]
pub(crate) struct Bell(broadcast::Sender<Lane>);

impl Default for Bell {
    fn default() -> Self {
        Self(broadcast::channel(WAKES_MAX).0)
    }
}

impl Bell {
    /// Tells everybody who listens of lanes that were empty and have an entry now.
    pub(crate) fn ring(&self, lanes: &[Lane]) {
        for lane in lanes {
            // Without listeners nobody needs it.
            let _ = self.0.send(*lane);
        }
    }

    /// A new path for wakes.
    pub(crate) fn listen(&self) -> Box<dyn LaneWakes> {
        Box::new(Wakes(self.0.subscribe()))
    }
}

struct Wakes(broadcast::Receiver<Lane>);

#[async_trait]
impl LaneWakes for Wakes {
    async fn next(&mut self) -> Option<Lane> {
        loop {
            match self.0.recv().await {
                Ok(lane) => return Some(lane),
                // What was missed is found by looking.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
