//! What does the URL of a Redis store say? One server, Sentinels that know it, or some nodes of a cluster.
//!
//! `redis://[USER:PASSWORD@]HOST:PORT[/DB]`, `redis+sentinel://[USER:PASSWORD@]HOST:PORT,…/SERVICE` and
//! `redis+cluster://[USER:PASSWORD@]HOST:PORT,…`; with `rediss` in place of `redis` all connections are TLS. `?tls-ca=FILE`
//! names the certificates of authorities, in PEM, in place of the machine's; `?sentinel-user=…&sentinel-password=…` says who the
//! gateway is to the Sentinels; `?prefix=NAME` is what all keys and channels begin with.

use super::{endpoint::Endpoint, keys::Keys};
use crate::StoreError;
use std::sync::Arc;

/// The port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26_379;
/// The port of a server that names none.
const SERVER_PORT: u16 = 6_379;

/// Where the data are.
pub(super) enum Target {
    /// In this server.
    Server(Endpoint),
    /// In the primary of a service that these Sentinels watch.
    Sentinel {
        /// Any of them.
        sentinels: Vec<Endpoint>,
        /// The name of the service.
        service: String,
        /// How the primary is reached, but for its address.
        primary: Endpoint,
    },
    /// In the cluster of these nodes.
    Cluster(Vec<Endpoint>),
}

/// Whether a URL names a store in Redis.
pub(crate) fn is_redis(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| kind_of(scheme).is_some())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Server,
    Sentinel,
    Cluster,
}

/// The scheme of each connection, and what is there.
fn kind_of(scheme: &str) -> Option<(&'static str, Kind)> {
    let (connection, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
    let connection = ["redis", "rediss"].into_iter().find(|known| *known == connection)?;
    match kind {
        "" => Some((connection, Kind::Server)),
        "sentinel" => Some((connection, Kind::Sentinel)),
        "cluster" => Some((connection, Kind::Cluster)),
        _ => None,
    }
}

/// What a URL says.
pub(super) struct Parsed {
    /// Where the data are.
    pub(super) target: Target,
    /// What their keys begin with.
    pub(super) keys: Keys,
}

/// Reads a URL. Errors do not show it, since it may hold a password.
pub(super) fn parse(url: &str) -> Result<Parsed, StoreError> {
    let wrong = |expected: &str| StoreError::Unavailable(format!("redis: expected {expected}"));
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("a URL like redis://HOST:PORT"))?;
    let (scheme, kind) = kind_of(scheme).ok_or_else(|| wrong("redis, rediss, or these with +sentinel or +cluster"))?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (mut authorities, mut sentinel_user, mut sentinel_password, mut keys) = (None, "", "", Keys::plain());
    for (name, value) in
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    {
        match name {
            "tls-ca" => {
                let read = std::fs::read(value);
                authorities = Some(Arc::from(read.map_err(|error| wrong(&format!("a readable tls-ca: {error}")))?));
            }
            "prefix" => {
                let expected = "a prefix of 1 to 32 letters, digits, '.', '_' or '-'";
                keys = Keys::named(value).ok_or_else(|| wrong(expected))?;
            }
            "sentinel-user" if kind == Kind::Sentinel => sentinel_user = value,
            "sentinel-password" if kind == Kind::Sentinel => sentinel_password = value,
            _ => return Err(wrong(&format!("no parameter {name:?}"))),
        }
    }
    let endpoint = |user: &str, host: &str, port: u16, path: &str| {
        if host.is_empty() {
            return Err(wrong("HOST:PORT, several of them separated by commas"));
        }
        let at = if user.is_empty() { "" } else { "@" };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { String::new() } else { format!(":{port}") };
        Endpoint::parse(&format!("{scheme}://{user}{at}{host}{port}/{path}"), authorities.clone())
    };
    let all = |user: &str, port: u16| -> Result<Vec<Endpoint>, StoreError> {
        hosts.split(',').map(|host| endpoint(user, host, port, "")).collect()
    };
    let database_of = |path: &str| match (path, keys.is_plain()) {
        ("" | "0", _) | (_, false) => Ok(()),
        // Whoever published in another database would be heard here.
        (_, true) => Err(wrong("?prefix=NAME for another database than 0: channels are the same in all of them")),
    };
    let target = match kind {
        Kind::Server if hosts.contains(',') => {
            return Err(wrong("one server, or redis+sentinel or redis+cluster for several"));
        }
        Kind::Server => {
            database_of(path)?;
            Target::Server(endpoint(user, hosts, SERVER_PORT, path)?)
        }
        Kind::Cluster if !path.is_empty() => return Err(wrong("no database after a cluster: it has only one")),
        Kind::Cluster => Target::Cluster(all(user, SERVER_PORT)?),
        Kind::Sentinel => {
            let (service, database) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                let expected = "the name of the service after the Sentinels: redis+sentinel://HOST:PORT,…/SERVICE";
                return Err(wrong(expected));
            }
            database_of(database)?;
            let user_of_sentinels = match (sentinel_user, sentinel_password) {
                ("", "") => String::new(),
                (name, password) => format!("{name}:{password}"),
            };
            let first = hosts.split(',').next().unwrap_or_default();
            Target::Sentinel {
                sentinels: all(&user_of_sentinels, SENTINEL_PORT)?,
                service: service.to_owned(),
                primary: endpoint(user, first, SERVER_PORT, database)?,
            }
        }
    };
    Ok(Parsed { target, keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, StoreError> {
        parse(url).map(|parsed| parsed.target)
    }

    fn refusal(url: &str) -> String {
        parse(url).err().expect("an error").to_string()
    }

    #[test]
    fn a_server_sentinels_and_a_cluster_are_told_apart() {
        let Ok(Target::Server(server)) = target("redis://alice:secret@db/3?prefix=chat") else { panic!("one server") };
        assert_eq!(server.shown(), "db:6379");
        let Ok(Target::Cluster(nodes)) = target("redis+cluster://a:7000,b,[::1]:7002") else { panic!("a cluster") };
        assert_eq!(nodes.iter().map(Endpoint::shown).collect::<Vec<_>>(), ["a:7000", "b:6379", "[::1]:7002"]);
        let url = "rediss+sentinel://u:p@a,b:5/main?sentinel-user=s&sentinel-password=q";
        let Ok(Target::Sentinel { sentinels, service, .. }) = target(url) else { panic!("sentinels") };
        assert_eq!(sentinels.iter().map(Endpoint::shown).collect::<Vec<_>>(), ["a:26379", "b:5"]);
        assert_eq!(service, "main");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, expected) in [
            ("redis://u:secret@a,b", "redis+cluster for several"),
            ("redis+sentinel://u:secret@a,b", "the name of the service"),
            ("redis+cluster://u:secret@a/1", "no database"),
            ("redis+cluster://u:secret@a,,b", "HOST:PORT"),
            ("redis://u:secret@a?tls-ca=/nowhere", "a readable tls-ca"),
            ("redis://u:secret@a?x=1", "no parameter \"x\""),
            ("redis://u:secret@a?prefix={1}", "1 to 32 letters"),
            ("redis://u:secret@a/3", "?prefix=NAME"),
            ("redis+sentinel://u:secret@a/main/3", "?prefix=NAME"),
        ] {
            let error = refusal(url);
            assert!(error.contains(expected) && !error.contains("secret"), "{error}");
        }
        assert!(!is_redis("redis+unix:///x") && !is_redis("memory:") && is_redis("rediss+cluster://a"));
    }
}
