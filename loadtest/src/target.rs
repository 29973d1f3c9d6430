//! Which gateway a subcommand loads, and with which keys.

use crate::{
    http::{BaseUrl, Http},
    token::Tokens,
};
use clap::Args;
use serde::{Deserialize, Serialize};

/// A gateway that runs.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Where the gateway's nodes are, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:8080")]
    pub url: Vec<BaseUrl>,
    /// The HS256 secret for tokens; without it they come from /dev/token.
    #[arg(long, env = "GATEWAY_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,
}

impl Target {
    /// Where tokens come from.
    pub fn tokens(&self) -> Tokens {
        self.jwt_secret.clone().map_or(Tokens::Development, Tokens::Secret)
    }

    /// Asks every node whether it lives.
    pub(crate) async fn answers(&self, http: &Http) -> Result<(), String> {
        answer(http, &self.url).await
    }
}

/// Asks every node whether it lives.
pub(crate) async fn answer(http: &Http, urls: &[BaseUrl]) -> Result<(), String> {
    for url in urls {
        http.get(url, "/healthz").await.map_err(|error| format!("{url}: {error}"))?;
    }
    Ok(())
}
