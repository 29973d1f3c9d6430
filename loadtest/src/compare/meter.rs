//! What the processes of a server use, and its Redis beside them.

use crate::{
    clock,
    idle::{self, Cost, Moment, REST, moment},
    processes::Redis,
};

/// Whose use is measured.
pub(super) struct Meter {
    servers: Vec<u32>,
    redis: Option<u32>,
}

/// What is used at a moment, by the server and by its Redis.
pub(super) struct Look {
    server: Moment,
    redis: Option<Moment>,
}

impl Meter {
    pub(super) fn new(servers: Vec<u32>, redis: Option<&Redis>) -> Self {
        Self { servers, redis: redis.map(Redis::id) }
    }

    /// All processes; that of Redis is the last.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.servers.iter().copied().chain(self.redis).collect()
    }

    pub(super) fn look(&self) -> Result<Look, String> {
        let redis = self.redis.map(|id| moment(&[id])).transpose()?;
        Ok(Look { server: moment(&self.servers)?, redis })
    }

    /// What each of the sessions costs that were just opened, of the server and of its Redis.
    pub(super) async fn costs(&self, before: &Look, sessions: u32) -> Result<(Cost, Option<Cost>), String> {
        let opened_us = clock::now_us();
        tokio::time::sleep(REST).await;
        let after = self.look()?;
        let cost = |before: &Moment, after: &Moment| idle::cost(before, opened_us, after, sessions as usize);
        let redis = before.redis.as_ref().zip(after.redis.as_ref()).map(|(before, after)| cost(before, after));
        Ok((cost(&before.server, &after.server), redis))
    }
}
