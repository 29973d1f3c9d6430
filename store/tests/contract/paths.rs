//! A path for hints, as a queue that a test takes from.

use conversation_store::{HintReceiver, HintSink, HintsEnd, Store, StoreError, Told, Wakes};
use std::sync::Arc;
use tokio::sync::mpsc;

/// What came on a path, in order.
pub(super) struct HintQueue {
    received: mpsc::UnboundedReceiver<Told>,
    end: Option<HintsEnd>,
}

impl HintQueue {
    /// What comes next; `None` once the path has ended.
    pub(super) async fn next(&mut self) -> Option<Told> {
        let told = self.received.recv().await;
        if told.is_none()
            && let Some(end) = self.end.take()
        {
            end.reached().await;
        }
        told
    }
}

struct Queue(mpsc::UnboundedSender<Told>);

impl HintReceiver for Queue {
    fn told(&self, told: Told, _: &mut Wakes) {
        // A test that reads no more does not care.
        let _ = self.0.send(told);
    }
}

/// Opens a path.
pub(super) async fn open(store: &dyn Store) -> Result<(Box<dyn HintSink>, HintQueue), StoreError> {
    let (queue, received) = mpsc::unbounded_channel();
    let (sink, end) = store.hints(Arc::new(Queue(queue))).await?;
    Ok((sink, HintQueue { received, end: Some(end) }))
}
