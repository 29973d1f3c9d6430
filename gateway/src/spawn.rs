//! On which thread does work go on?

use tokio::{runtime::Handle, task::JoinHandle};

/// Starts a task on the runtime that the caller is on, so that no other thread must be woken for it; where it is on none,
/// as a thread of the store is, on `elsewhere`.
pub(crate) fn spawn_near<F>(elsewhere: &Handle, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    Handle::try_current().as_ref().unwrap_or(elsewhere).spawn(task)
}
