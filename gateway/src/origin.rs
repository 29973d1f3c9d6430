//! Which web pages and which hosts may talk to the gateway.

use crate::config::{Config, Mode};
use actix_web::http::header::{self, HeaderMap, HeaderName};

/// Decides on Origin and Host headers.
#[derive(Debug, Clone)]
pub struct OriginPolicy {
    allowed: Vec<String>,
    mode: Mode,
}

impl OriginPolicy {
    /// The policy that is configured.
    pub fn new(config: &Config, mode: Mode) -> Self {
        Self { allowed: config.allowed_origins.clone(), mode }
    }

    /// Whether a request may pass: no Origin (not a browser), the gateway's own page, or one of the list.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        self.allowed.iter().any(|allowed| allowed == origin) || is_same_host(origin, headers)
    }

    /// Why a request is refused in development mode, where anybody gets a token: it must come from this machine,
    /// and not through a proxy or a name that somebody else controls.
    pub fn refuses_in_development(&self, headers: &HeaderMap) -> Option<&'static str> {
        if self.mode == Mode::Production {
            return None;
        }
        let forwarded = [
            header::FORWARDED,
            HeaderName::from_static("x-forwarded-for"),
            HeaderName::from_static("x-forwarded-host"),
        ];
        if forwarded.iter().any(|name| headers.contains_key(name)) {
            return Some("development mode: expected no Forwarded header");
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
        (!is_loopback(host)).then_some("development mode: expected a Host that is loopback, like 127.0.0.1")
    }
}

fn is_same_host(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == origin_host
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn policy(mode: Mode) -> OriginPolicy {
        OriginPolicy { allowed: vec!["https://chat.example".to_owned()], mode }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn no_origin_the_own_page_and_the_list_pass_others_do_not() {
        let allows = |pairs: &[_]| policy(Mode::Production).allows(&headers(pairs));
        assert!(allows(&[]));
        assert!(allows(&[("origin", "https://chat.example"), ("host", "gateway.example")]));
        assert!(allows(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(!allows(&[("origin", "https://evil.example"), ("host", "gateway.example")]));
        assert!(!allows(&[("origin", "https://chat.example.evil"), ("host", "gateway.example")]));
        assert!(!allows(&[("origin", "null"), ("host", "gateway.example")]));
    }

    #[test]
    fn development_mode_answers_loopback_hosts_only_and_no_proxy() {
        let refuses = |pairs: &[_]| policy(Mode::Development).refuses_in_development(&headers(pairs)).is_some();
        for host in ["127.0.0.1:8080", "localhost", "localhost:80", "[::1]:8080", "127.3.2.1"] {
            assert!(!refuses(&[("host", host)]), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8080", "", "[fe80::1]:8080"] {
            assert!(refuses(&[("host", host)]), "{host}");
        }
        assert!(refuses(&[("host", "localhost"), ("x-forwarded-for", "1.2.3.4")]));
        assert!(refuses(&[("host", "localhost"), ("forwarded", "for=1.2.3.4")]));
    }
}
