//! How is one server of Redis reached: its address, who the gateway is there, and what secures the connection?

use super::link::unavailable;
use crate::StoreError;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates,
    aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Milliseconds within which a connection must be made.
pub(super) const CONNECTION_TIMEOUT_MS: u64 = 1_000;
/// Calls that may wait to be written; further ones wait for a place.
const CALLS_WAITING_MAX: usize = 1_024;

/// A connection's bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A server; equal to another one at the same address.
#[derive(Clone)]
pub(super) struct Endpoint {
    info: ConnectionInfo,
    /// Certificates of authorities in PEM, in place of the machine's.
    authorities: Option<Arc<[u8]>>,
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Endpoint {
    /// Reads the URL of one server.
    pub(super) fn parse(url: &str, authorities: Option<Arc<[u8]>>) -> Result<Self, StoreError> {
        let info = url.into_connection_info().map_err(|error| unavailable(&error))?;
        Ok(Self { info: info.set_tcp_settings(TcpSettings::default().set_nodelay(true)), authorities })
    }

    /// Another server that is reached in the same way.
    pub(super) fn at(&self, host: &str, port: u16) -> Self {
        let host = host.to_owned();
        let addr = match self.info.addr() {
            ConnectionAddr::TcpTls { insecure, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: None }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        Self { info: self.info.clone().set_addr(addr), authorities: self.authorities.clone() }
    }

    /// Host and port.
    pub(super) fn place(&self) -> (&str, u16) {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => (host, *port),
            _ => ("", 0),
        }
    }

    /// The address, to be shown.
    pub(super) fn shown(&self) -> String {
        let (host, port) = self.place();
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// What makes connections for commands.
    fn client(&self) -> Result<Client, StoreError> {
        let client = match self.info.addr() {
            ConnectionAddr::TcpTls { .. } => {
                let root_cert = self.authorities.as_deref().map(<[u8]>::to_vec);
                Client::build_with_tls(self.info.clone(), TlsCertificates { client_tls: None, root_cert })
            }
            _ => Client::open(self.info.clone()),
        };
        client.map_err(|error| unavailable(&error))
    }

    /// A connection for commands, each of which must be answered within so long.
    pub(super) async fn connect(&self, response_timeout: Duration) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(CONNECTION_TIMEOUT_MS)))
            .set_response_timeout(Some(response_timeout))
            .set_pipeline_buffer_size(CALLS_WAITING_MAX);
        let made = self.client()?.get_multiplexed_async_connection_with_config(&config).await;
        made.map_err(|error| unavailable(&error))
    }

    /// A bare connection, on which nothing was said.
    pub(super) async fn stream(&self) -> Result<Box<dyn Stream>, StoreError> {
        let failed = |error: &dyn std::fmt::Display| StoreError::Unavailable(format!("redis: {error}"));
        let (host, port) = self.place();
        let stream = TcpStream::connect((host, port)).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        if !matches!(self.info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let connector = TlsConnector::from(Arc::new(self.tls()?));
        Ok(Box::new(connector.connect(name, stream).await.map_err(|error| failed(&error))?))
    }

    /// The command that says who the gateway is, if it has a password.
    pub(super) fn auth(&self) -> Option<redis::Cmd> {
        let settings = self.info.redis_settings();
        let mut auth = redis::cmd("AUTH");
        auth.arg(settings.username()).arg(settings.password()?);
        Some(auth)
    }

    fn tls(&self) -> Result<ClientConfig, StoreError> {
        let wrong = |error: &dyn std::fmt::Display| StoreError::Unavailable(format!("redis: tls-ca: {error}"));
        let mut roots = RootCertStore::empty();
        match &self.authorities {
            Some(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
                }
            }
            // What cannot be read of the machine's is left out; if that is all, no server is trusted.
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    }
}
