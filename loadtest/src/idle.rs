//! What a session costs while nothing happens: memory of the server and of the kernel, and the CPU of its connect.

mod report;

use crate::{
    client::{
        ClientOptions, NoObserver,
        connection::{Connection, Hello, Incoming, Transport},
    },
    clock,
    crowd::{self, Reader},
    floor::{Beside, Floor},
    http::{BaseUrl, Http},
    measure::{
        machine::kernel_kib,
        percentiles::histogram,
        process::Usage,
        series::{Sampler, Series},
    },
    progress::Progress,
    report::Outputs,
    target::Target,
};
use clap::Args;
use conversation_protocol::UserId;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;

pub use report::{Cost, Report};

/// Connections that are opened at once.
pub(crate) const OPENING_MAX: usize = 100;
/// Nothing happens for so long before memory is measured.
pub(crate) const REST: Duration = Duration::from_secs(2);
/// How long everybody may take to agree with the server.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct IdleOptions {
    /// The gateway.
    #[command(flatten)]
    pub target: Target,
    /// Sessions, each of a user of its own without rows.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=19_000))]
    pub sessions: u32,
    /// A process of the server to measure; may be given several times.
    #[arg(long, required = true)]
    pub pid: Vec<u32>,
    /// Whether the floor is measured too.
    #[command(flatten)]
    pub beside: Beside,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// What is used at a moment.
pub(crate) struct Moment {
    at_us: u64,
    usage: Usage,
    kernel_kib: u64,
}

/// Opens everything and measures; an error is one of the setting up.
pub async fn idle(options: &IdleOptions, progress: &Progress) -> Result<Report, String> {
    let http = Http::new();
    options.target.answers(&http).await?;
    let sampler = Sampler::start("gateway", &options.pid, None, histogram);
    let before = moment(&options.pid)?;
    let starts = client_options(options, &http)?.into_iter().map(|options| (options, NoObserver));
    let clients = crowd::open(starts, progress).await?;
    let opened_us = clock::now_us();
    tokio::time::sleep(REST).await;
    let gateway = cost(&before, opened_us, &moment(&options.pid)?, clients.len());
    let reader = Reader { http, url: options.target.url[0].clone(), tokens: options.target.tokens() };
    let violations = reader.compare(&clients, PATIENCE, progress, |_, server| {
        if server.rows.is_empty() { Ok(()) } else { Err(format!("expected no rows, got {}", server.rows.len())) }
    });
    let violations = violations.await;
    let mut series = vec![sampler.finish(progress).await];
    for client in clients.into_iter().filter_map(Arc::into_inner) {
        client.stop().await;
    }
    let floor = if options.beside.floor {
        let (cost, of_floor) = floor(options, progress).await?;
        series.push(of_floor);
        Some(cost)
    } else {
        None
    };
    Ok(Report { gateway, floor, series, violations })
}

fn client_options(options: &IdleOptions, http: &Http) -> Result<Vec<ClientOptions>, String> {
    let run = format!("idle{:x}", clock::unix_seconds());
    let of_session = |n: usize| {
        let user: UserId = format!("{run}-u{n}").parse().map_err(|error| format!("{error}"))?;
        let of = ClientOptions::of(user, options.target.url.clone(), options.target.tokens(), http.clone());
        Ok(ClientOptions { first_url: n, source: Some(crowd::source(n)), ..of })
    };
    (0..options.sessions as usize).map(of_session).collect()
}

async fn floor(options: &IdleOptions, progress: &Progress) -> Result<(Cost, Series), String> {
    let floor = Floor::start(options.beside.floor_workers).await?;
    let pids = [floor.id()];
    // As the gateway had answered a call before it was measured.
    let sampler = Sampler::start("floor", &pids, None, histogram);
    let before = moment(&pids)?;
    let names: Vec<String> = (0..options.sessions).map(|n| format!("u{n}")).collect();
    let receivers = connect_all(&floor.url, &names, progress, |_, _| {}).await?;
    let opened_us = clock::now_us();
    tokio::time::sleep(REST).await;
    let cost = cost(&before, opened_us, &moment(&pids)?, receivers.len());
    receivers.iter().for_each(JoinHandle::abort);
    Ok((cost, sampler.finish(progress).await))
}

/// Connects to the floor by these names, some at once; each hands on what it gets, with its place.
pub(crate) async fn connect_all(
    url: &BaseUrl,
    names: &[String],
    progress: &Progress,
    on_text: impl Fn(usize, &str) + Clone + Send + 'static,
) -> Result<Vec<JoinHandle<()>>, String> {
    let step = progress.step("opening sessions of the floor", names.len() as u64);
    stream::iter(names.iter().enumerate())
        .map(|(n, name)| {
            let on_text = on_text.clone();
            async move {
                let hello = Hello {
                    url,
                    token: "none",
                    since: None,
                    window: None,
                    device: Some(name),
                    filters: &[],
                    source: Some(crowd::source(n)),
                };
                let opened = Connection::open(Transport::WebSocket, &hello).await;
                let mut connection = opened.map_err(|ended| format!("the floor: {ended:?}"))?;
                Ok(tokio::spawn(async move {
                    loop {
                        match connection.next().await {
                            Incoming::Text(text) => on_text(n, &text),
                            Incoming::SignOfLife => {}
                            Incoming::Ended(_) => return,
                        }
                    }
                }))
            }
        })
        .buffered(OPENING_MAX)
        .inspect(|_| step.advance())
        .try_collect()
        .await
}

/// Looks at processes, and at the kernel.
pub(crate) fn moment(pids: &[u32]) -> Result<Moment, String> {
    Ok(Moment { at_us: clock::now_us(), usage: Usage::of(pids)?, kernel_kib: kernel_kib() })
}

/// What each session costs that was opened between two moments.
pub(crate) fn cost(before: &Moment, opened_us: u64, after: &Moment, sessions: usize) -> Cost {
    let per = |amount: f64| amount / sessions.max(1) as f64;
    Cost {
        sessions,
        connects_per_second: sessions as f64 / ((opened_us - before.at_us).max(1) as f64 / 1e6),
        kib_per_session: per(after.usage.rss_kib as f64 - before.usage.rss_kib as f64),
        kernel_kib_per_session: per(after.kernel_kib as f64 - before.kernel_kib as f64),
        cpu_us_per_connect: per((after.usage.cpu_seconds - before.usage.cpu_seconds) * 1e6),
    }
}
