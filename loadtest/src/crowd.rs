//! Many sessions at once: how they are opened, and how each is compared with the server in the end.

use crate::{
    client::{Client, ClientOptions, Observer},
    clock,
    http::{BaseUrl, CallError, Http},
    progress::Progress,
    run::{ServerRows, client_agrees, read_server},
    token::Tokens,
    violations::Violations,
};
use conversation_protocol::UserId;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};

/// Sessions that connect at once.
const OPENING_MAX: usize = 100;
/// Connections from one source address: a fraction of its ports.
const SESSIONS_PER_ADDRESS: usize = 1_000;
/// How long a session may take to become live.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);
/// Users compared at once.
const COMPARING_MAX: usize = 16;
/// Users read in one call.
const READ_AT_ONCE: usize = 500;
/// Between two reads of one user.
const LOOK: Duration = Duration::from_millis(250);
/// Rows of a page.
const PAGE_ROWS: u32 = 100;

/// The address that the so-manieth session connects from, where the gateway is on this machine; another one with each run
/// of the tool, since the ports of the last one wait for a minute, and looking for one among them takes milliseconds.
pub(crate) fn source(session: usize) -> Ipv4Addr {
    let (run, place) = (std::process::id() % 250, session / SESSIONS_PER_ADDRESS % 250);
    Ipv4Addr::new(127, 1 + run as u8, place as u8, 1)
}

/// Opens sessions, some at once, and waits until each has its whole list; in the order given.
pub(crate) async fn open<O: Observer>(
    starts: impl IntoIterator<Item = (ClientOptions, O)>,
    progress: &Progress,
) -> Result<Vec<Arc<Client>>, String> {
    let starts = starts.into_iter();
    let step = progress.step("opening sessions", starts.size_hint().0 as u64);
    let opened: Vec<(Arc<Client>, bool)> = stream::iter(starts)
        .map(|(options, observer)| async move {
            let client = Arc::new(Client::start(options, observer));
            let is_live = client.wait_complete(OPEN_TIMEOUT).await;
            (client, is_live)
        })
        .buffered(OPENING_MAX)
        .inspect(|_| step.advance())
        .collect()
        .await;
    let dead = opened.iter().filter(|(_, is_live)| !is_live).count();
    if dead > 0 {
        return Err(format!("{dead} of {} sessions were not live within {OPEN_TIMEOUT:?}", opened.len()));
    }
    Ok(opened.into_iter().map(|(client, _)| client).collect())
}

/// Who reads lists of the server.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) http: Http,
    pub(crate) url: BaseUrl,
    pub(crate) tokens: Tokens,
}

impl Reader {
    /// Waits until each client has what the server has and the server what is expected of the so-manieth, or the time
    /// is up; then everything that the clients saw broken.
    pub(crate) async fn compare(
        &self,
        clients: &[Arc<Client>],
        at_most: Duration,
        progress: &Progress,
        expected: impl Fn(usize, &ServerRows) -> Result<(), String>,
    ) -> Violations {
        let step = progress.step("comparing users", clients.len() as u64);
        let (deadline_us, expected) = (clock::now_us() + at_most.as_micros() as u64, &expected);
        let problems: Vec<Result<(), String>> = stream::iter(clients.iter().enumerate())
            .map(|(n, client)| self.compare_one(client, deadline_us, move |server| expected(n, server)))
            .buffer_unordered(COMPARING_MAX)
            .inspect(|_| step.advance())
            .collect()
            .await;
        let mut violations = Violations::default();
        problems.into_iter().filter_map(Result::err).for_each(|problem| violations.add(problem));
        clients.iter().for_each(|client| violations.add_of_client(client));
        violations
    }

    async fn compare_one(
        &self,
        client: &Client,
        deadline_us: u64,
        expected: impl Fn(&ServerRows) -> Result<(), String>,
    ) -> Result<(), String> {
        let user = client.user();
        let named = |problem: String| format!("{user}: {problem}");
        let mut token = None;
        loop {
            let outcome = async {
                if token.is_none() {
                    let issued = self.tokens.issue(&self.http, &self.url, user).await;
                    token = Some(issued.map_err(|error| error.to_string())?);
                }
                let token = token.as_deref().unwrap_or_default();
                let server = read_server(&self.http, &self.url, token, PAGE_ROWS).await;
                let server = server.map_err(|error| format!("no list: {error}"))?;
                expected(&server)?;
                client_agrees(client, &server)
            };
            match outcome.await {
                Ok(()) => return Ok(()),
                Err(problem) if clock::now_us() > deadline_us => return Err(named(problem)),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// What one of a backend's methods says of each user.
pub(crate) async fn ask_all(
    http: &Http,
    url: &BaseUrl,
    api_key: &str,
    users: &[UserId],
    method: &str,
    params: impl Fn(&UserId) -> Value,
) -> Result<Vec<Value>, CallError> {
    let mut results = Vec::with_capacity(users.len());
    for some in users.chunks(READ_AT_ONCE) {
        let entries: Vec<Value> = some.iter().map(|user| json!({"method": method, "params": params(user)})).collect();
        let mut answer = http.post(url, "/server/v1/batch", api_key, Value::from(entries).to_string()).await?;
        let of_some = answer["resultList"].as_array_mut().map(std::mem::take).unwrap_or_default();
        results.extend(of_some.into_iter().map(|mut entry| entry["result"].take()));
    }
    Ok(results)
}
