//! Everybody connected to another push server, and the calls that send to them.

use super::peer::{Peer, Reaction};
use crate::{
    client::connection::open_websocket,
    clock,
    crowd::{
        self, Crowd, OPENING_MAX,
        arrivals::{Arrivals, text},
    },
    http::{CallError, Http},
    progress::Progress,
    publish::Publisher,
};
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

/// How long one may take to connect, and first messages to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Users that listen; they leave with this value.
pub(super) struct Audience<P> {
    peer: Arc<P>,
    http: Http,
    users: Vec<String>,
    arrivals: Arc<Arrivals>,
    /// The same users, for those who measure.
    pub(super) crowd: Crowd,
    _listeners: JoinSet<()>,
}

impl<P: Peer> Audience<P> {
    /// Connects users, some at once, until each gets what is sent to him.
    pub(super) async fn open(peer: &Arc<P>, http: &Http, sessions: u32, progress: &Progress) -> Result<Self, String> {
        let users: Vec<String> = (0..sessions).map(|n| format!("u{n:05}")).collect();
        let (arrivals, mut listeners) = (Arc::new(Arrivals::default()), JoinSet::new());
        let step = progress.step("opening sessions", u64::from(sessions));
        {
            let joining = stream::iter(users.iter().enumerate())
                .map(|(n, user)| async move { join(&**peer, n, user).await.map(|stream| (n, user.clone(), stream)) });
            let mut joined = pin!(joining.buffered(OPENING_MAX));
            while let Some((n, user, stream)) = joined.try_next().await? {
                step.advance();
                listeners.spawn(listen(peer.clone(), n, user, stream, arrivals.clone()));
            }
        }
        let crowd = Crowd::of_others(arrivals.clone(), progress);
        Ok(Self { peer: peer.clone(), http: http.clone(), users, arrivals, crowd, _listeners: listeners })
    }

    /// Who sends to so many users with each call, in frames of so many bytes. Each user has had a first message.
    pub(super) async fn caller(&self, recipients: u32, frame_bytes: f64) -> Result<Arc<Caller<P>>, String> {
        let groups = self.users.chunks_exact(recipients as usize).map(<[String]>::to_vec).collect();
        let mut caller = Caller { peer: self.peer.clone(), http: self.http.clone(), groups, text_bytes: 0 };
        let first = text(clock::now_us());
        self.arrivals.begin();
        for group in 0..caller.groups.len() {
            caller.publish(group, first.clone()).await.map_err(|error| error.to_string())?;
        }
        let expected = caller.groups.len() as u64 * u64::from(recipients);
        let all_came = async {
            while self.arrivals.messages() < expected {
                sleep(LOOK).await;
            }
        };
        let came = timeout(PATIENCE, all_came).await;
        came.map_err(|_| format!("{} of {expected} first messages arrived", self.arrivals.messages()))?;
        let bytes_around = (self.arrivals.bytes() / expected) as usize - first.len();
        caller.text_bytes = (frame_bytes as usize).saturating_sub(bytes_around);
        Ok(Arc::new(caller))
    }
}

/// Who calls.
pub(super) struct Caller<P> {
    peer: Arc<P>,
    http: Http,
    groups: Vec<Vec<String>>,
    text_bytes: usize,
}

impl<P: Peer> Publisher for Caller<P> {
    async fn publish(&self, group: usize, text: String) -> Result<(), CallError> {
        let text = format!("{text:.<width$}", width = self.text_bytes);
        let call = self.peer.call(&self.groups[group], &text);
        self.http.post(self.peer.url(), &call.path, "none", call.body).await.map(drop)
    }
}

async fn join(peer: &impl Peer, n: usize, user: &str) -> Result<WebSocketStream<TcpStream>, String> {
    let joined = async {
        let opened = open_websocket(peer.url(), &peer.path(user), [], Some(crowd::source(n))).await;
        let mut stream = opened.map_err(|ended| format!("{ended:?}"))?;
        let mut reaction = peer.hear(user, None);
        loop {
            match reaction {
                Reaction::Ready => return Ok(stream),
                Reaction::Refused => return Err("it was refused".to_owned()),
                Reaction::Say(answer) => {
                    stream.send(Message::text(answer)).await.map_err(|error| error.to_string())?;
                }
                Reaction::Wait => {}
            }
            reaction = match stream.next().await {
                Some(Ok(Message::Text(frame))) => peer.hear(user, Some(&frame)),
                Some(Ok(_)) => Reaction::Wait,
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("it ended".to_owned()),
            };
        }
    };
    let joined = timeout(PATIENCE, joined).await.unwrap_or_else(|_| Err(format!("not within {PATIENCE:?}")));
    joined.map_err(|problem| format!("{user} did not connect: {problem}"))
}

async fn listen<P: Peer>(
    peer: Arc<P>,
    n: usize,
    user: String,
    mut stream: WebSocketStream<TcpStream>,
    arrivals: Arc<Arrivals>,
) {
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(frame) = message else { continue };
        arrivals.frame(n, &frame);
        if let Reaction::Say(answer) = peer.hear(&user, Some(&frame))
            && stream.send(Message::text(answer)).await.is_err()
        {
            return;
        }
    }
}
