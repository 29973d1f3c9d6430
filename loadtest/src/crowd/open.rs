//! How many sessions are opened at once, and from which addresses.

use crate::{
    client::{Client, ClientOptions, Observer},
    progress::Progress,
};
use futures_util::{StreamExt, stream};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};

/// Sessions that connect at once.
pub(crate) const OPENING_MAX: usize = 100;
/// Connections from one source address: a fraction of its ports.
const SESSIONS_PER_ADDRESS: usize = 1_000;
/// How long a session may take to become live.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// The address that the so-manieth session connects from, where the gateway is on this machine; another one with each run
/// of the tool, since the ports of the last one wait for a minute, and looking for one among them takes milliseconds.
pub(crate) fn source(session: usize) -> Ipv4Addr {
    source_of_run(std::process::id(), session)
}

/// The same for sessions of a run that has several processes.
pub(super) fn source_of_run(run: u32, session: usize) -> Ipv4Addr {
    let (run, place) = (run % 250, session / SESSIONS_PER_ADDRESS % 250);
    Ipv4Addr::new(127, 1 + run as u8, place as u8, 1)
}

/// Opens sessions, some at once, and waits until each has its whole list; in the order given.
pub(crate) async fn open<O: Observer>(
    starts: impl IntoIterator<Item = (ClientOptions, O)>,
    progress: &Progress,
) -> Result<Vec<Arc<Client>>, String> {
    let starts = starts.into_iter();
    let step = progress.step("opening sessions", starts.size_hint().0 as u64);
    let opened: Vec<(Arc<Client>, bool)> = stream::iter(starts)
        .map(|(options, observer)| async move {
            let client = Arc::new(Client::start(options, observer));
            let is_live = client.wait_complete(OPEN_TIMEOUT).await;
            (client, is_live)
        })
        .buffered(OPENING_MAX)
        .inspect(|_| step.advance())
        .collect()
        .await;
    let dead = opened.iter().filter(|(_, is_live)| !is_live).count();
    if dead > 0 {
        return Err(format!("{dead} of {} sessions were not live within {OPEN_TIMEOUT:?}", opened.len()));
    }
    Ok(opened.into_iter().map(|(client, _)| client).collect())
}
