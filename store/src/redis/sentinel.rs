//! Where do the Sentinels say that the primary is? They are all asked, and the newest configuration counts.

use super::{endpoint::Endpoint, link::unexpected, primary::Primary};
use crate::StoreError;
use futures_util::future;
use redis::aio::MultiplexedConnection;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    time,
};

/// How long a Sentinel may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Between two questions, where nothing is in doubt.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two questions at least.
const PAUSE: Duration = Duration::from_millis(100);

/// Some Sentinels that watch one primary.
pub(super) struct Sentinels {
    endpoints: Vec<Endpoint>,
    connections: Vec<Option<MultiplexedConnection>>,
    service: String,
    /// How the primary is reached, but for its address.
    template: Endpoint,
}

impl Sentinels {
    /// Asks for the primary of a service, and follows it from then on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no Sentinel knows it.
    pub(super) async fn follow(
        endpoints: Vec<Endpoint>,
        service: String,
        template: Endpoint,
    ) -> Result<Primary, StoreError> {
        let connections = endpoints.iter().map(|_| None).collect();
        let mut sentinels = Self { endpoints, connections, service, template };
        let (place, places) = watch::channel(sentinels.ask().await?);
        let doubts = Arc::new(Notify::new());
        tokio::spawn(sentinels.keep_asking(place, doubts.clone()));
        Ok(Primary::new(places, doubts))
    }

    async fn keep_asking(mut self, place: watch::Sender<Endpoint>, doubts: Arc<Notify>) {
        loop {
            tokio::select! {
                () = place.closed() => return,
                () = time::sleep(ASK_INTERVAL) => {}
                () = doubts.notified() => {}
            }
            match self.ask().await {
                Ok(endpoint) => {
                    place.send_if_modified(|known| {
                        let has_moved = *known != endpoint;
                        if has_moved {
                            tracing::info!(primary = endpoint.shown(), "sentinel: the primary is elsewhere");
                            *known = endpoint;
                        }
                        has_moved
                    });
                }
                Err(error) => tracing::debug!(%error, "sentinel: no answer"),
            }
            time::sleep(PAUSE).await;
        }
    }

    /// What the one with the newest configuration says.
    async fn ask(&mut self) -> Result<Endpoint, StoreError> {
        let (service, connections) = (&self.service, self.connections.iter_mut());
        let questions = self.endpoints.iter().zip(connections).map(|(endpoint, kept)| ask_one(endpoint, kept, service));
        let mut newest: Option<(u64, String, u16)> = None;
        let mut problem = None;
        for answer in future::join_all(questions).await {
            match answer {
                Ok(said) if newest.as_ref().is_none_or(|newest| newest.0 < said.0) => newest = Some(said),
                Ok(_) => {}
                Err(error) => problem = Some(error),
            }
        }
        let (_, host, port) = newest.ok_or_else(|| {
            problem.unwrap_or_else(|| StoreError::Unavailable("sentinel: expected at least one to ask".to_owned()))
        })?;
        Ok(self.template.at(&host, port))
    }
}

/// The epoch of a Sentinel's configuration, and host and port of the primary in it.
async fn ask_one(
    endpoint: &Endpoint,
    kept: &mut Option<MultiplexedConnection>,
    service: &str,
) -> Result<(u64, String, u16), StoreError> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => endpoint.connect(ANSWER_WITHIN).await?,
    };
    let mut question = redis::cmd("SENTINEL");
    question.arg("MASTER").arg(service);
    let answer: Result<HashMap<String, String>, _> = question.query_async(&mut connection).await;
    let fields = answer.map_err(|error| StoreError::Unavailable(format!("sentinel {}: {error}", endpoint.shown())))?;
    *kept = Some(connection);
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok());
    let (epoch, port) = (number("config-epoch"), number("port").and_then(|port| u16::try_from(port).ok()));
    match (epoch, fields.get("ip"), port) {
        (Some(epoch), Some(host), Some(port)) => Ok((epoch, host.clone(), port)),
        _ => Err(unexpected("a primary without an address")),
    }
}
