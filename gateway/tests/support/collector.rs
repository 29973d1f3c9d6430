//! How does a test see what is traced? A collector that takes OTLP over HTTP, and keeps the spans that it gets.

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A collector; it takes spans for as long as the process lives.
pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = spans.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                thread::spawn(move || serve(&stream, &kept));
            }
        });
        Self { address, spans }
    }

    /// Where it takes spans.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans of a name that have come.
    pub(crate) fn spans(&self, name: &str) -> Vec<Span> {
        self.spans.lock().expect("nobody panics").iter().filter(|span| span.name == name).cloned().collect()
    }
}

/// Serves one connection until it ends.
fn serve(stream: &TcpStream, kept: &Mutex<Vec<Span>>) {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let (mut line, mut length, mut path) = (String::new(), 0, String::new());
        while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && !line.trim().is_empty() {
            if let Some(rest) = line.strip_prefix("POST ") {
                path = rest.split(' ').next().unwrap_or_default().to_owned();
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if path.is_empty() || reader.read_exact(&mut body).is_err() {
            return;
        }
        assert_eq!(path, "/v1/traces");
        let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("what OTLP says");
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        kept.lock().expect("nobody panics").extend(scopes.flat_map(|scope| scope.spans));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        if writer.write_all(answer).is_err() {
            return;
        }
    }
}
