//! How does the gateway ask other servers over HTTP?

use std::{sync::Arc, time::Duration};
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// A client that follows no redirects, and trusts the system's root certificates, or those of `SSL_CERT_FILE`; an answer takes
/// at most `timeout`, from the first look for the name to the last byte.
pub(crate) fn agent(is_https: bool, timeout: Duration) -> Result<Agent, String> {
    let mut config = Agent::config_builder().timeout_global(Some(timeout)).max_redirects(0).https_only(is_https);
    if is_https {
        let roots = rustls_native_certs::load_native_certs();
        if roots.certs.is_empty() {
            return Err("expected root certificates on this system, or in the file that SSL_CERT_FILE names".to_owned());
        }
        let roots: Vec<_> = roots.certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(crypto);
        config = config.tls_config(tls.build());
    }
    Ok(config.build().into())
}
