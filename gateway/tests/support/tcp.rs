//! How does a test speak to the gateway below HTTP? Bytes as they come, fast, slowly or not at all.

use super::{Gateway, LOOK, soon};
use std::{net::SocketAddr, process::Command, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// Where everything comes from unless a test says otherwise.
pub(crate) const HERE: &str = "127.0.0.1";
/// Between two packets of a client that is slow, and not silent.
pub(crate) const DRIP: Duration = Duration::from_millis(40);
/// Bytes that a client takes in without reading them.
const NARROW_BYTES: u32 = 8 * 1024;

/// A connection on which nothing was sent.
pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = soon("a connection", TcpStream::connect(address)).await.expect("the gateway takes connections");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// A socket that will connect from an address of this machine.
pub(crate) fn socket_from(address: &str) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    if address != HERE {
        socket.bind(format!("{address}:0").parse().expect("an address"))?;
    }
    Ok(socket)
}

/// A connection from another address of this machine.
pub(crate) async fn connect_from(from: &str, address: SocketAddr) -> TcpStream {
    let socket = socket_from(from).expect("a free port");
    soon("a connection", socket.connect(address)).await.expect("the gateway takes connections")
}

/// A connection of a client that takes in little more than it reads.
pub(crate) async fn connect_narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(NARROW_BYTES).expect("a socket");
    soon("a connection", socket.connect(address)).await.expect("the gateway takes connections")
}

/// Sends these bytes, then this packet again and again, or nothing more, until the gateway ends the connection; answers
/// all that came back.
#[track_caller]
pub(crate) fn outlast(
    address: SocketAddr,
    first: impl Into<Vec<u8>>,
    then: Option<&'static [u8]>,
) -> impl Future<Output = String> {
    let first = first.into();
    let shown = String::from_utf8_lossy(&first[..first.len().min(200)]).into_owned();
    soon(&format!("the end of a connection that began with {shown:?}"), async move {
        let mut stream = connect(address).await;
        // A server that refuses at once may not take everything.
        let _ = stream.write_all(&first).await;
        let mut received = Vec::new();
        let (mut reader, mut writer) = stream.split();
        let drip = async {
            if let Some(packet) = then {
                while writer.write_all(packet).await.is_ok() {
                    tokio::time::sleep(DRIP).await;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = reader.read_to_end(&mut received) => {}
            () = drip => {}
        }
        String::from_utf8_lossy(&received).into_owned()
    })
}

impl Gateway {
    /// Files and sockets that the process has open.
    pub(crate) fn descriptors(&self) -> usize {
        let directory = std::fs::read_dir(format!("/proc/{}/fd", self.process_id()));
        directory.expect("the process lives").count()
    }

    /// Lets the process have no more than so many descriptors.
    pub(crate) fn limit_descriptors(&self, count: usize) {
        let arguments = [format!("--pid={}", self.process_id()), format!("--nofile={count}")];
        let status = Command::new("prlimit").args(arguments).status().expect("prlimit is there");
        assert!(status.success());
    }

    /// The descriptors of a gateway at rest: once their number stays the same.
    pub(crate) async fn descriptors_at_rest(&self) -> usize {
        soon("a gateway at rest", async {
            let (mut count, mut looks) = (self.descriptors(), 0);
            while looks < 20 {
                tokio::time::sleep(LOOK).await;
                let now = self.descriptors();
                looks = if now == count { looks + 1 } else { 0 };
                count = now;
            }
            count
        })
        .await
    }
}
