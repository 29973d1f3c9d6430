//! One session's frames, printed as they come.

use crate::client::{Client, ClientOptions, Observer, backoff::Ended, state::ClientState};
use std::time::Duration;

struct Printer;

impl Observer for Printer {
    fn frame(&mut self, text: &str) {
        println!("{text}");
    }

    fn ended(&mut self, why: &Ended, _is_wanted: bool) {
        eprintln!("connection ended: {why:?}");
    }
}

/// Prints until the client gives up; says why it did. Broken promises go to standard error as they are seen.
pub async fn tail(options: ClientOptions) -> String {
    let client = Client::start(options, Printer);
    let mut shown = 0;
    while !client.is_stopped() {
        let violations = client.with_state(|state: &ClientState| state.violations().to_vec());
        for violation in &violations[shown..] {
            eprintln!("violation: {violation}");
        }
        shown = violations.len();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    client.stop().await.0.unwrap_or_else(|| "stopped".to_owned())
}
