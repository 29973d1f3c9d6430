//! The floor's way: the same texts for the same recipients, with frames of the gateway's bytes.

use super::{Phase, Processes, PublishOptions, Publisher, gateway::seats};
use crate::{
    crowd::{Crowd, order::Server},
    floor::{Floor, Publish, frame_bytes_without_text},
    http::{CallError, Http},
    progress::Progress,
    target::Target,
};
use conversation_protocol::UserId;
use futures_util::future::try_join_all;
use std::sync::Arc;

struct FloorPublisher {
    floors: Vec<Floor>,
    http: Http,
    /// The names of each group's members, apart for each floor.
    groups: Vec<Vec<Vec<String>>>,
    text_bytes: usize,
}

impl Publisher for FloorPublisher {
    async fn publish(&self, group: usize, text: String) -> Result<(), CallError> {
        let text = format!("{text:.<width$}", width = self.text_bytes);
        let publish = async |(floor, recipients): (&Floor, &Vec<String>)| {
            let body = serde_json::to_string(&Publish { recipients: recipients.clone(), text: text.clone() });
            let body = body.expect("names and a text are always JSON");
            self.http.post(&floor.url, "/publish", "none", body).await.map(drop)
        };
        try_join_all(self.floors.iter().zip(&self.groups[group]).map(publish)).await.map(drop)
    }
}

/// Starts as many floors as there are nodes and measures them, beside what the gateway did.
pub(super) async fn measure(
    options: &PublishOptions,
    http: &Http,
    gateway: &Phase,
    progress: &Progress,
) -> Result<Phase, String> {
    let floors = options.beside.start(options.target.url.len()).await?;
    let target = Target { url: floors.iter().map(|floor| floor.url.clone()).collect(), jwt_secret: None };
    let pids: Vec<u32> = floors.iter().map(Floor::id).collect();
    let name = |n: u32| format!("u{n:06}").parse().map_err(|error| format!("{error}"));
    let users = (0..options.sessions).map(name).collect::<Result<Vec<UserId>, String>>()?;
    let seats = seats(options, &users);
    let crowd = Crowd::new(seats.len(), options.workers, progress)?;
    crowd.open(&target, Server::Floor, seats).await?;
    let recipients = options.recipients as usize;
    let group = |n: usize| {
        let mut names = vec![Vec::new(); floors.len()];
        for number in n * recipients..(n + 1) * recipients {
            names[number % floors.len()].push(users[number].to_string());
        }
        names
    };
    let groups = (0..options.groups()).map(group).collect();
    let text_bytes = (gateway.bytes_per_delivery as usize).saturating_sub(frame_bytes_without_text(users[0].as_str()));
    let publisher = Arc::new(FloorPublisher { floors, http: http.clone(), groups, text_bytes });
    let phase =
        super::measure(options, &publisher, &crowd, Processes { name: "floor", servers: &pids, stores: &[] }).await?;
    crowd.close().await?;
    Ok(phase)
}
