//! How does a test publish the keys of tokens? A small server of its own that answers every request alike, and counts them.

use super::{Value, json};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Served {
    /// A set of keys.
    Keys(Vec<Value>),
    /// A status with its line's rest, headers included, and a body.
    Raw(String, Vec<u8>),
    /// Nothing, with the connection open.
    Nothing,
}

struct State {
    served: Mutex<Served>,
    requests: AtomicUsize,
    is_stopped: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

/// A running server.
pub(crate) struct KeyServer {
    state: Arc<State>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl KeyServer {
    pub(crate) fn start(keys: Vec<Value>) -> Self {
        Self::launch(keys, None)
    }

    /// Over TLS; answers also the certificate of who vouches for it, in PEM.
    pub(crate) fn start_tls(keys: Vec<Value>) -> (Self, String) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let certificate = names.signed_by(&key, &authority).expect("a certificate");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private)
            })
            .expect("a TLS server");
        (Self::launch(keys, Some(Arc::new(tls))), authority.pem())
    }

    fn launch(keys: Vec<Value>, tls: Option<Arc<ServerConfig>>) -> Self {
        let state = State {
            served: Mutex::new(Served::Keys(keys)),
            requests: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            tls,
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut server = Self { state: Arc::new(state), address, thread: None };
        server.listen(listener);
        server
    }

    fn listen(&mut self, listener: TcpListener) {
        let state = self.state.clone();
        state.is_stopped.store(false, Ordering::SeqCst);
        self.thread = Some(std::thread::spawn(move || state.serve(&listener)));
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.state.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/keys.json", self.address)
    }

    pub(crate) fn serve(&self, served: Served) {
        *self.state.served.lock().expect("no panic") = served;
    }

    pub(crate) fn publish(&self, keys: Vec<Value>) {
        self.serve(Served::Keys(keys));
    }

    /// How often it was asked.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Takes no more connections.
    pub(crate) fn stop(&mut self) {
        self.state.is_stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Takes them again, at the same address.
    pub(crate) fn go_on(&mut self) {
        let listener = TcpListener::bind(self.address).expect("its port is still free");
        self.listen(listener);
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    fn serve(&self, listener: &TcpListener) {
        let mut silent = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            if self.is_stopped.load(Ordering::SeqCst) {
                return;
            }
            let served = self.served.lock().expect("no panic").clone();
            if matches!(served, Served::Nothing) {
                self.requests.fetch_add(1, Ordering::SeqCst);
                silent.push(stream);
                continue;
            }
            // A client that does not trust the server breaks off.
            let _ = match &self.tls {
                None => self.answer(stream, &served),
                Some(tls) => {
                    let connection = ServerConnection::new(tls.clone()).expect("a TLS connection");
                    self.answer(StreamOwned::new(connection, stream), &served)
                }
            };
        }
    }

    fn answer(&self, stream: impl Read + Write, served: &Served) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line)? > 2 {
            line.clear();
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (head, body) = match served {
            Served::Keys(keys) => ("200 OK".to_owned(), json!({ "keys": keys }).to_string().into_bytes()),
            Served::Raw(head, body) => (head.clone(), body.clone()),
            Served::Nothing => return Ok(()),
        };
        let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(&body)?;
        stream.get_mut().flush()
    }
}
