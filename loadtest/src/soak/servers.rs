//! What is soaked: nodes that run already, or two of our own on a Redis of their own.

use super::SoakOptions;
use crate::{
    http::{BaseUrl, Http},
    processes::{API_KEY, Gateway, Programs, Redis, SECRET},
    target,
    token::Tokens,
};

/// The nodes and their store.
pub(super) struct Servers {
    pub(super) urls: Vec<BaseUrl>,
    /// The nodes' processes.
    pub(super) pids: Vec<u32>,
    pub(super) api_key: String,
    pub(super) tokens: Tokens,
    /// Where Redis is, if that is known.
    pub(super) redis: Option<String>,
    /// They end with this value.
    _own: Option<(Vec<Gateway>, Redis)>,
}

impl Servers {
    /// Those that the options name, or new ones.
    pub(super) async fn of(options: &SoakOptions) -> Result<Self, String> {
        if options.url.is_empty() { Self::start(options).await } else { Self::given(options).await }
    }

    async fn given(options: &SoakOptions) -> Result<Self, String> {
        if options.pid.len() != options.url.len() {
            let (urls, pids) = (options.url.len(), options.pid.len());
            return Err(format!("expected a --pid for each --url, got {pids} for {urls}"));
        }
        target::answer(&Http::new(), &options.url).await?;
        Ok(Self {
            urls: options.url.clone(),
            pids: options.pid.clone(),
            api_key: options.api_key.clone(),
            tokens: options.jwt_secret.clone().map_or(Tokens::Development, Tokens::Secret),
            redis: options.redis.clone(),
            _own: None,
        })
    }

    async fn start(options: &SoakOptions) -> Result<Self, String> {
        let gateway = options.gateway.clone().map_or_else(Programs::gateway_beside_tool, Ok)?;
        let programs = Programs { gateway, redis: options.redis_server.clone() };
        let redis = Redis::start(&programs).await?;
        let settings =
            ["--store".to_owned(), format!("redis://{}", redis.address), "--workers".to_owned(), "1".to_owned()];
        let mut gateways = Vec::new();
        for _ in 0..2 {
            gateways.push(Gateway::start(&programs, &settings, &[]).await?);
        }
        Ok(Self {
            urls: gateways.iter().map(Gateway::url).collect(),
            pids: gateways.iter().map(|gateway| gateway.process.id()).collect(),
            api_key: API_KEY.to_owned(),
            tokens: Tokens::Secret(SECRET.to_owned()),
            redis: Some(redis.address.to_string()),
            _own: Some((gateways, redis)),
        })
    }
}
