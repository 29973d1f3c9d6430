//! How is a message's way told to an OpenTelemetry collector? Not at all, unless `--otlp-endpoint` names one.
//!
//! Two kinds of spans make it up: the call of the backend, which takes up the `traceparent` that came with it, and on whichever
//! nodes sessions are told of a change that it made, one for each session: from the hint until the connection has taken the frames.
//! The hint carries the call's own `traceparent` from the one to the other. No span names a user.

#[cfg(feature = "otlp")]
mod exported;
#[cfg(not(feature = "otlp"))]
mod left_out;

#[cfg(feature = "otlp")]
pub use exported::{Span, call, delivery, start, stop};
#[cfg(not(feature = "otlp"))]
pub use left_out::{Span, call, delivery, start, stop};

/// The spans of a session's changes.
#[derive(Default)]
pub struct Deliveries {
    /// Of a change that waits to be sent; of several, the first.
    waiting: Option<Span>,
    /// Of one that was written but not yet taken.
    written: Option<Span>,
}

impl Deliveries {
    /// A hint came with the traceparent of its call.
    pub fn hinted(&mut self, trace: &str, transport: &'static str) {
        self.waiting.get_or_insert_with(|| delivery(trace, transport));
    }

    /// What waited was written.
    pub fn written(&mut self) {
        self.written = self.waiting.take();
    }

    /// What was written was taken; whether nothing else waits.
    pub fn taken(&mut self) -> bool {
        self.written = None;
        self.waiting.is_none()
    }
}
