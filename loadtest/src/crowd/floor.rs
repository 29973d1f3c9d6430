//! Sessions of the floor: connections that get texts.

use super::{
    open::{OPENING_MAX, source_of_run},
    order::Opening,
};
use crate::{
    client::connection::{Connection, Hello, Incoming, Transport},
    progress::Progress,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinHandle;

/// Connects, some at once; each hands on what it gets, with its place among the seats.
pub(super) async fn connect_all(
    opening: &Opening,
    progress: &Progress,
    on_text: impl Fn(usize, &str) + Clone + Send + 'static,
) -> Result<Vec<JoinHandle<()>>, String> {
    let urls = &opening.target.url;
    let step = progress.step("opening sessions of the floor", opening.seats.len() as u64);
    stream::iter(opening.seats.iter().enumerate())
        .map(|(place, seat)| {
            let on_text = on_text.clone();
            async move {
                let hello = Hello {
                    url: &urls[seat.number % urls.len()],
                    token: "none",
                    since: None,
                    window: None,
                    device: Some(seat.user.as_str()),
                    filters: &[],
                    source: Some(source_of_run(opening.run, seat.number)),
                };
                let opened = Connection::open(Transport::WebSocket, &hello).await;
                let mut connection = opened.map_err(|ended| format!("the floor: {ended:?}"))?;
                Ok(tokio::spawn(async move {
                    loop {
                        match connection.next().await {
                            Incoming::Text(text) => on_text(place, &text),
                            Incoming::SignOfLife => {}
                            Incoming::Ended(_) => return,
                        }
                    }
                }))
            }
        })
        .buffered(OPENING_MAX)
        .inspect(|_| step.advance())
        .try_collect()
        .await
}
