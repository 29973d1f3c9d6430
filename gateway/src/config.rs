//! How a node is configured: which settings there are, and which values they may have; wrong ones stop the start, or a reload.

mod sources;

use crate::{addresses::proxies::ProxyNet, server::watchdog::Timeouts};
use clap::Parser;
use conversation_protocol::limits;
use jsonwebtoken::Algorithm;
use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

/// Rows of a list that a node may be configured to keep at least: well above those that can be pinned and never go.
const ROWS_PER_USER_MIN: u64 = 100;
/// Milliseconds that a client may be given for anything.
const TIMEOUT_MS_MAX: u64 = 3_600_000;
/// How many times as long as for its head a request may take for its whole body.
const BODY_REQUEST_TIMEOUTS: u32 = 6;

/// The gateway's settings. Every flag can also stand in the TOML file, by its long name.
#[derive(Debug, Clone, Parser)]
#[command(name = "gateway", version, about = "A real-time push gateway for conversation lists")]
pub struct Config {
    /// A TOML file with any of these settings by their long names.
    #[arg(long, env = "GATEWAY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address for clients; without --internal-listen for backends and metrics too.
    #[arg(long, env = "GATEWAY_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Address for /server/v1 and /metrics alone.
    #[arg(long, env = "GATEWAY_INTERNAL_LISTEN")]
    pub internal_listen: Option<SocketAddr>,
    /// Where lists are kept: embedded:DIR, memory:, redis://HOST:PORT, redis+sentinel://HOST:PORT,…/SERVICE or
    /// redis+cluster://HOST:PORT,…; rediss in place of redis for TLS.
    #[arg(long, env = "GATEWAY_STORE", default_value = "embedded:./data", hide_env_values = true)]
    pub store: String,
    /// Keys that backends may use, separated by commas.
    #[arg(long = "api-key", env = "GATEWAY_API_KEYS", value_delimiter = ',', hide_env_values = true)]
    pub api_keys: Vec<String>,
    /// Secret of HS256 tokens, at least 32 bytes.
    #[arg(long, env = "GATEWAY_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,
    /// A public key for tokens as ALGORITHM:FILE, with a PEM file; RS256, ES256 or EdDSA. May be given several times.
    #[arg(long, env = "GATEWAY_JWT_PUBLIC_KEYS", value_delimiter = ',')]
    pub jwt_public_key: Vec<KeySource>,
    /// Public keys for tokens as a JSON Web Key Set: a file, or an https:// or http:// address. Read again and again.
    #[arg(long, env = "GATEWAY_JWKS", hide_env_values = true)]
    pub jwks: Option<String>,
    /// Milliseconds between reads of --jwks; a token with an unknown kid has it read sooner.
    #[arg(long, env = "GATEWAY_JWKS_REFRESH_MS", default_value_t = 300_000)]
    pub jwks_refresh_ms: u64,
    /// What a token's `iss` must be.
    #[arg(long, env = "GATEWAY_JWT_ISSUER")]
    pub jwt_issuer: Option<String>,
    /// What a token's `aud` must contain.
    #[arg(long, env = "GATEWAY_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,
    /// Origins of web pages that may connect, like `https://chat.example`; the gateway's own page always may.
    #[arg(long = "allowed-origin", env = "GATEWAY_ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,
    /// Threads that serve connections; 0: one per core.
    #[arg(long, env = "GATEWAY_WORKERS", default_value_t = 0)]
    pub workers: usize,
    /// An OpenTelemetry collector that is told the way of messages, by OTLP over HTTP, like `http://127.0.0.1:4318`.
    #[cfg(feature = "otlp")]
    #[arg(long, env = "GATEWAY_OTLP_ENDPOINT", hide_env_values = true)]
    pub otlp_endpoint: Option<String>,
    /// The share of backends' calls that are traced where they do not say it themselves, 0 to 1.
    #[cfg(feature = "otlp")]
    #[arg(long, env = "GATEWAY_OTLP_RATIO", default_value_t = 0.01)]
    pub otlp_ratio: f64,
    /// What drives WebSockets: `lean`, or `actix-ws`, which takes three times the memory for each.
    #[arg(long, env = "GATEWAY_WEBSOCKET", value_enum, default_value_t = WebSocketDriver::Lean)]
    pub websocket: WebSocketDriver,
    /// Live sessions on this node; more are told to back off.
    #[arg(long, env = "GATEWAY_MAX_SESSIONS", default_value_t = 100_000)]
    pub max_sessions: usize,
    /// Live sessions of one user on this node; one more ends the oldest.
    #[arg(long, env = "GATEWAY_SESSIONS_PER_USER", default_value_t = limits::SESSIONS_PER_USER_MAX)]
    pub sessions_per_user: usize,
    /// Rows of one user's list, at least 100; past it the unpinned row with the smallest orderKey goes.
    #[arg(long, env = "GATEWAY_ROWS_PER_USER", default_value_t = limits::USER_ROWS_MAX)]
    pub rows_per_user: u64,
    /// Days without any change after which all data of a user are forgotten; 0: never.
    #[arg(long, env = "GATEWAY_FORGET_IDLE_DAYS", default_value_t = 0)]
    pub forget_idle_days: u32,
    /// New sessions of one user a second, with bursts of four times that.
    #[arg(long, env = "GATEWAY_CONNECTS_PER_USER", default_value_t = 10)]
    pub connects_per_user: u32,
    /// Open connections of one address; 0: any number. An IPv6 network of 64 bits counts as one address, here and below.
    #[arg(long, env = "GATEWAY_CONNECTIONS_PER_ADDRESS", default_value_t = 0)]
    pub connections_per_address: u32,
    /// Requests of one address a second, without those of backends, with bursts of four times that; 0: any number.
    #[arg(long, env = "GATEWAY_REQUESTS_PER_ADDRESS", default_value_t = 0)]
    pub requests_per_address: u32,
    /// Refused tokens and API keys of one address a second, with bursts of four times that; past it nothing is checked for a
    /// while. 0: any number.
    #[arg(long, env = "GATEWAY_REFUSALS_PER_ADDRESS", default_value_t = 0)]
    pub refusals_per_address: u32,
    /// Addresses of proxies, or CIDRs, whose X-Forwarded-For says which address a request comes from.
    #[arg(long = "trusted-proxy", env = "GATEWAY_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<ProxyNet>,
    /// Reads for syncs that may be under way at once.
    #[arg(long, env = "GATEWAY_CONCURRENT_SYNCS", default_value_t = 256)]
    pub concurrent_syncs: usize,
    /// Recipients of one call whose rows are changed before it is answered; with more the changes are queued, durably.
    #[arg(long, env = "GATEWAY_DIRECT_RECIPIENTS_MAX", default_value_t = 100)]
    pub direct_recipients_max: usize,
    /// Units of calls a second, per session and, over HTTP, per user.
    #[arg(long, env = "GATEWAY_CALL_UNITS_PER_SECOND", default_value_t = limits::CALL_UNITS_PER_SECOND)]
    pub call_units_per_second: u32,
    /// Milliseconds within which a request's head, and then each next part of its body, must come.
    #[arg(long, env = "GATEWAY_REQUEST_TIMEOUT_MS", default_value_t = 10_000)]
    pub request_timeout_ms: u64,
    /// Milliseconds after which a client that takes nothing of what is written is cut off.
    #[arg(long, env = "GATEWAY_WRITE_TIMEOUT_MS", default_value_t = 40_000)]
    pub write_timeout_ms: u64,
    /// Milliseconds between comparisons of a followed user's clock with the store.
    #[arg(long, env = "GATEWAY_COMPARE_INTERVAL_MS", default_value_t = limits::COMPARE_INTERVAL_MS)]
    pub compare_interval_ms: u64,
    /// Milliseconds from SIGTERM until sessions are closed, for the balancer to notice.
    #[arg(long, env = "GATEWAY_DRAIN_DELAY_MS", default_value_t = 3_000)]
    pub drain_delay_ms: u64,
    /// Milliseconds over which sessions are closed.
    #[arg(long, env = "GATEWAY_DRAIN_SPREAD_MS", default_value_t = 10_000)]
    pub drain_spread_ms: u64,
    /// What to log, as tracing directives, like info or conversation_gateway=debug; of libraries at most info.
    #[arg(long, env = "GATEWAY_LOG", default_value = "info")]
    pub log: String,
    /// In which form: `text`, or `json` with one object a line.
    #[arg(long, env = "GATEWAY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// The values of all settings, by their long names.
    #[arg(skip)]
    given: BTreeMap<String, Vec<OsString>>,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: a JSON object.
    Json,
}

/// What takes the connection of a WebSocket after its handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WebSocketDriver {
    /// The HTTP service of actix keeps it, with buffers of its own.
    ActixWs,
    /// The session's task has it alone.
    Lean,
}

/// A public key in a file, and the one algorithm it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    /// What tokens of this key are signed with.
    pub algorithm: Algorithm,
    /// The key in PEM.
    pub file: PathBuf,
}

impl FromStr for KeySource {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected ALGORITHM:FILE with RS256, ES256 or EdDSA, got {text:?}");
        let (name, file) = text.split_once(':').ok_or_else(expected)?;
        let algorithm = match name {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            "EdDSA" => Algorithm::EdDSA,
            _ => return Err(expected()),
        };
        Ok(Self { algorithm, file: file.into() })
    }
}

/// Which of a node's addresses serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The only address: everything.
    Single,
    /// The address for clients, where there is an internal one.
    Public,
    /// The internal address: backends and metrics.
    Internal,
}

/// Whether tokens and API keys are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No keys configured: a random secret, the API key `dev`, tokens for anybody, loopback only.
    Development,
    /// Tokens and API keys are configured.
    Production,
}

/// A setting that is wrong; says which, what it was and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// The store's URL without users and passwords, to be shown.
    pub fn shown_store(&self) -> String {
        without_users(&self.store)
    }

    /// What a client may take its time for.
    pub fn timeouts(&self) -> Timeouts {
        let request = Duration::from_millis(self.request_timeout_ms);
        Timeouts { request, body: request * BODY_REQUEST_TIMEOUTS, write: Duration::from_millis(self.write_timeout_ms) }
    }

    #[cfg(feature = "otlp")]
    fn check_otlp(&self) -> Result<(), ConfigError> {
        let is_http = |endpoint: &String| endpoint.starts_with("http://") || endpoint.starts_with("https://");
        if !self.otlp_endpoint.iter().all(is_http) {
            return Err(ConfigError("--otlp-endpoint: expected an address like http://127.0.0.1:4318".to_owned()));
        }
        if !(0.0..=1.0).contains(&self.otlp_ratio) {
            return Err(ConfigError(format!("--otlp-ratio: expected 0 to 1, got {}", self.otlp_ratio)));
        }
        Ok(())
    }

    /// Checks what one setting alone does not show.
    pub fn mode(&self) -> Result<Mode, ConfigError> {
        let wrong = |message: String| Err(ConfigError(message));
        if let Some(secret) = &self.jwt_secret
            && secret.len() < limits::SECRET_BYTES_MIN
        {
            return wrong(format!(
                "--jwt-secret: expected at least {} bytes, got {}",
                limits::SECRET_BYTES_MIN,
                secret.len()
            ));
        }
        if self.api_keys.iter().any(String::is_empty) {
            return wrong("--api-key: expected keys that are not empty".to_owned());
        }
        for origin in &self.allowed_origins {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
                return wrong(format!("--allowed-origin: expected one like https://chat.example, got {origin:?}"));
            }
        }
        for (name, value) in [
            ("--max-sessions", self.max_sessions as u64),
            ("--sessions-per-user", self.sessions_per_user as u64),
            ("--connects-per-user", u64::from(self.connects_per_user)),
            ("--concurrent-syncs", self.concurrent_syncs as u64),
            ("--call-units-per-second", u64::from(self.call_units_per_second)),
            ("--compare-interval-ms", self.compare_interval_ms),
            ("--jwks-refresh-ms", self.jwks_refresh_ms),
        ] {
            if value == 0 {
                return wrong(format!("{name}: expected at least 1, got 0"));
            }
        }
        for (name, value) in
            [("--request-timeout-ms", self.request_timeout_ms), ("--write-timeout-ms", self.write_timeout_ms)]
        {
            if !(1..=TIMEOUT_MS_MAX).contains(&value) {
                return wrong(format!("{name}: expected 1 to {TIMEOUT_MS_MAX}, got {value}"));
            }
        }
        if self.rows_per_user < ROWS_PER_USER_MIN {
            let rows = self.rows_per_user;
            return wrong(format!("--rows-per-user: expected at least {ROWS_PER_USER_MIN}, got {rows}"));
        }
        #[cfg(feature = "otlp")]
        self.check_otlp()?;
        let has_token_key = self.jwt_secret.is_some() || !self.jwt_public_key.is_empty() || self.jwks.is_some();
        match (has_token_key, !self.api_keys.is_empty()) {
            (true, true) => Ok(Mode::Production),
            (true, false) => wrong("--api-key: expected one, since a key for tokens is configured".to_owned()),
            (false, true) => wrong(
                "--jwt-secret, --jwt-public-key or --jwks: expected one, since --api-key is configured".to_owned(),
            ),
            (false, false) => {
                let addresses = [Some(self.listen), self.internal_listen];
                if !self.trusted_proxies.is_empty() {
                    return wrong(
                        "--trusted-proxy: expected none, as development mode takes nothing from proxies".to_owned(),
                    );
                }
                match addresses.into_iter().flatten().find(|address| !address.ip().is_loopback()) {
                    None => Ok(Mode::Development),
                    Some(address) => wrong(format!(
                        "--listen {address}: without --api-key and a key for tokens (--jwt-secret or \
                         --jwt-public-key) only a loopback address is served, in development mode"
                    )),
                }
            }
        }
    }
}

/// A URL without the users and passwords before its address and, of Sentinels, in its query; other texts as they are.
pub(crate) fn without_users(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Where a password has one of these signs, it cannot be told where it ends.
    if query.contains('@') {
        return format!("{scheme}://…");
    }
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let shown: Vec<_> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("sentinel-")).collect();
    let mark = if shown.is_empty() { "" } else { "?" };
    format!("{scheme}://{place}{mark}{}", shown.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Config {
        Config::try_parse_from(["gateway"].iter().chain(args)).unwrap()
    }

    fn refusal(args: &[&str]) -> String {
        config(args).mode().unwrap_err().to_string()
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn without_keys_it_is_development_on_loopback_only() {
        assert_eq!(config(&[]).mode().unwrap(), Mode::Development);
        assert_eq!(config(&["--listen", "[::1]:80"]).mode().unwrap(), Mode::Development);
        assert!(refusal(&["--listen", "0.0.0.0:80"]).contains("only a loopback address"));
        assert!(refusal(&["--internal-listen", "10.0.0.1:80"]).contains("only a loopback address"));
    }

    #[test]
    fn only_one_kind_of_key_does_not_start() {
        assert!(refusal(&["--jwt-secret", SECRET]).starts_with("--api-key: expected one"));
        assert!(refusal(&["--api-key", "k"]).starts_with("--jwt-secret, --jwt-public-key or --jwks"));
        assert_eq!(config(&["--api-key", "k", "--jwt-secret", SECRET]).mode().unwrap(), Mode::Production);
    }

    #[test]
    fn a_wrong_value_names_the_setting_and_what_was_expected() {
        assert_eq!(
            refusal(&["--jwt-secret", "short", "--api-key", "k"]),
            "--jwt-secret: expected at least 32 bytes, got 5"
        );
        assert!(refusal(&["--allowed-origin", "chat.example"]).contains("like https://chat.example"));
        assert!(refusal(&["--max-sessions", "0"]).contains("--max-sessions: expected at least 1"));
        assert_eq!(refusal(&["--rows-per-user", "99"]), "--rows-per-user: expected at least 100, got 99");
        assert!(config(&["--rows-per-user", "100"]).mode().is_ok());
        let error = Config::try_parse_from(["gateway", "--jwt-public-key", "HS256:key.pem"]).unwrap_err().to_string();
        assert!(error.contains("RS256, ES256 or EdDSA"), "{error}");
    }

    #[test]
    fn a_store_is_shown_without_users_and_passwords() {
        for (url, shown) in [
            ("embedded:./data", "embedded:./data"),
            ("redis://db:1/2", "redis://db:1/2"),
            ("redis://u:p@db:1/2", "redis://db:1/2"),
            ("rediss+sentinel://u:p@a,b:5/main?sentinel-user=s&sentinel-password=q", "rediss+sentinel://a,b:5/main"),
            ("rediss://u:p@a?tls-ca=/ca.pem", "rediss://a?tls-ca=/ca.pem"),
            ("redis://u:p?q@db:1", "redis://…"),
            ("redis+sentinel://a/main?sentinel-password=p@q", "redis+sentinel://…"),
        ] {
            assert_eq!(config(&["--store", url]).shown_store(), shown);
        }
    }
}
