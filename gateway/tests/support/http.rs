//! How does a test call over HTTP, also in ways that no library would? One request a connection, by hand.

use super::{
    Value, soon,
    tcp::{self, HERE},
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A request that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    from: &'static str,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The status and the code of the error object.
    pub(crate) fn refusal(&self) -> (u16, u64) {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        (self.status, error["code"].as_u64().expect("an error has a code"))
    }
}

impl Call {
    fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new(), from: HERE }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn options(path: &str) -> Self {
        Self::new("OPTIONS", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// From another address of this machine.
    pub(crate) fn from(mut self, from: &'static str) -> Self {
        self.from = from;
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body(value.to_string())
    }

    /// Sends the request's head, with a Host unless there is one, and its body.
    pub(crate) async fn connect(&self, address: SocketAddr) -> std::io::Result<Response> {
        let mut stream = tcp::socket_from(self.from)?.connect(address).await?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("host: {address}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes()).await?;
        // A server that refuses a large body may answer before it has taken all of it.
        let _ = stream.write_all(&self.body).await;
        Response::read(BufReader::new(stream)).await
    }

    /// The answer, or why there is none.
    pub(crate) async fn try_send(&self, address: SocketAddr) -> std::io::Result<Answer> {
        self.connect(address).await?.answer().await
    }

    #[track_caller]
    pub(crate) fn send(self, address: SocketAddr) -> impl Future<Output = Answer> {
        soon(&format!("an answer to {} {}", self.method, self.path), async move {
            self.try_send(address).await.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path))
        })
    }
}

/// A response whose head was read.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    stream: BufReader<TcpStream>,
}

impl Response {
    async fn read(mut stream: BufReader<TcpStream>) -> std::io::Result<Self> {
        let broken = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| broken("no status"))?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
                None if line.trim_end().is_empty() => return Ok(Self { status, headers, stream }),
                None => return Err(broken("no header")),
            }
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Some more of a body that comes in chunks; `None` at its proper end.
    pub(crate) async fn chunk(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(std::io::Error::other)?;
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).await?;
        bytes.truncate(length);
        Ok((length > 0).then_some(bytes))
    }

    /// The whole body.
    pub(crate) async fn answer(mut self) -> std::io::Result<Answer> {
        let mut body = Vec::new();
        if self.header("transfer-encoding") == Some("chunked") {
            while let Some(bytes) = self.chunk().await? {
                body.extend(bytes);
            }
        } else {
            body = vec![0; self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
            self.stream.read_exact(&mut body).await?;
        }
        Ok(Answer { status: self.status, headers: self.headers, body })
    }
}
