//! Does everything go over TLS where the URL says so, and to servers of the named authority alone?

use super::{
    hints::works,
    redis_cluster::ask,
    redis_server::{RedisServer, free_port},
};
use conversation_store::open;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{fs, path::Path};
use tempfile::TempDir;

/// An authority, and the files of a server that it vouches for.
struct Certificates {
    directory: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (authority_key, server_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let server = server.signed_by(&server_key, &issuer).unwrap();
        for (name, pem) in
            [("ca.pem", certificate.pem()), ("server.pem", server.pem()), ("key.pem", server_key.serialize_pem())]
        {
            fs::write(directory.path().join(name), pem).unwrap();
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

/// A server that speaks TLS at a port of its own, and the port.
async fn start(certificates: &Certificates) -> (RedisServer, u16) {
    let port = free_port();
    let (certificate, key, authority) =
        (certificates.path("server.pem"), certificates.path("key.pem"), certificates.path("ca.pem"));
    let server = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
    ]);
    ask::<String>(&server, "CONFIG SET requirepass p%ss").await;
    (server, port)
}

fn url(port: u16, authority: &str) -> String {
    assert!(Path::new(authority).exists());
    format!("rediss://:p%25ss@127.0.0.1:{port}?tls-ca={authority}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_and_hints_go_over_tls_with_a_password() {
    let certificates = Certificates::new();
    let (_server, port) = start(&certificates).await;
    let store = open(&url(port, &certificates.path("ca.pem"))).await.unwrap();
    works(&*store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_authority_or_without_tls_or_with_another_password_is_no_store() {
    let certificates = Certificates::new();
    let (server, port) = start(&certificates).await;
    let others = Certificates::new();
    for url in [
        url(port, &others.path("ca.pem")),
        url(server.port(), &certificates.path("ca.pem")),
        url(port, &certificates.path("ca.pem")).replace("p%25ss", "wrong"),
        format!("rediss://:p%25ss@127.0.0.1:{port}"),
    ] {
        let error = open(&url).await.err().expect("no store").to_string();
        assert!(!error.contains("p%") && !error.contains("wrong"), "{error}");
    }
}
