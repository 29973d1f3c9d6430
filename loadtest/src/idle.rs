//! What a session costs while nothing happens: memory of the server and of the kernel, and the CPU of its connect; then what
//! one large frame leaves behind, and the CPU of a resume.

mod frame;
mod report;
mod resume;

use crate::{
    clock,
    crowd::{
        Crowd, Workers,
        order::{Seat, Server},
        rows::{self, Rows},
        users,
    },
    floor::{Beside, Floor},
    http::Http,
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
use std::time::Duration;

pub use report::{Cost, Frame, Report, Resume};

/// Nothing happens for so long before memory is measured.
pub(crate) const REST: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct IdleOptions {
    /// The gateway.
    #[command(flatten)]
    pub target: Target,
    /// The backend's API key.
    #[arg(long, default_value = "dev")]
    pub api_key: String,
    /// Sessions, each of a user of its own without rows.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions: u32,
    /// Sends each session a frame of about so many bytes afterwards, and measures its memory again. The node needs a store
    /// outside of its process, or the rows count too; and many sessions, since the some MiB that the calls leave behind count
    /// as well.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1_000..=120_000))]
    pub frame_bytes: Option<u32>,
    /// Also measures resumes that find so many changed rows.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub resume_rows: Option<u32>,
    /// Rows that each user has before such a resume; several counts are measured one after the other. Without it, as many
    /// as change.
    #[arg(long, value_delimiter = ',', requires = "resume_rows", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub rows: Vec<u32>,
    /// A process of the server to measure; may be given several times.
    #[arg(long, required = true)]
    pub pid: Vec<u32>,
    /// Whether the floor is measured too.
    #[command(flatten)]
    pub beside: Beside,
    /// How many processes have the sessions.
    #[command(flatten)]
    pub workers: Workers,
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
    let run = format!("idle{:x}", clock::unix_seconds());
    let rows = Rows::new(&options.target, &options.api_key, &run, options.sessions as usize, &http, progress)?;
    let crowd = Crowd::new(options.sessions as usize, options.workers, progress)?;
    let sampler = Sampler::start("gateway", &options.pid, None, histogram);
    let before = moment(&options.pid)?;
    crowd.open(&options.target, Server::Gateway, Seat::of(&rows.users)).await?;
    let gateway = cost_at_rest(&before, &options.pid, rows.users.len()).await?;
    let (mut frame, mut expected) = (None, rows::expected(0, 0));
    if let Some(bytes) = options.frame_bytes {
        let sent = frame::send(bytes, &crowd, &rows).await?;
        let after = cost_at_rest(&before, &options.pid, rows.users.len()).await?;
        expected = rows::expected(sent.rows, 0);
        frame = Some(Frame::of(&sent, &gateway, &after));
    }
    let mut violations = crowd.compare(vec![expected; rows.users.len()]).await?;
    let mut series = vec![sampler.finish(progress).await];
    crowd.close().await?;
    let mut resumes: Vec<Resume> = Vec::new();
    if let Some(changed) = options.resume_rows {
        let counts = if options.rows.is_empty() { &[changed] } else { &options.rows[..] };
        for count in counts {
            let name = format!("resume with {count} rows");
            let progress = progress.of(&name);
            let sampler = Sampler::start(&name, &options.pid, None, histogram);
            let (resume, broken) = resume::measure(options, &http, *count, changed, &progress).await?;
            series.push(sampler.finish(&progress).await);
            resumes.push(resume);
            violations.add_all(broken);
        }
    }
    let floor = if options.beside.floor {
        let (cost, of_floor) = floor(options, progress).await?;
        series.push(of_floor);
        Some(cost)
    } else {
        None
    };
    let resume_ratio = match &resumes[..] {
        [first, .., last] => Some(last.cpu_us_per_connect / first.cpu_us_per_connect),
        [] | [_] => None,
    };
    Ok(Report { gateway, frame, resumes, resume_ratio, floor, series, violations })
}

/// As many floors as there are nodes.
async fn floor(options: &IdleOptions, progress: &Progress) -> Result<(Cost, Series), String> {
    let floors = options.beside.start(options.target.url.len()).await?;
    let target = Target { url: floors.iter().map(|floor| floor.url.clone()).collect(), jwt_secret: None };
    let pids: Vec<u32> = floors.iter().map(Floor::id).collect();
    let users = users("floor", options.sessions as usize)?;
    let crowd = Crowd::new(users.len(), options.workers, progress)?;
    let sampler = Sampler::start("floor", &pids, None, histogram);
    // As the gateway had answered a call before it was measured.
    let before = moment(&pids)?;
    crowd.open(&target, Server::Floor, Seat::of(&users)).await?;
    let cost = cost_at_rest(&before, &pids, users.len()).await?;
    let series = sampler.finish(progress).await;
    crowd.close().await?;
    Ok((cost, series))
}

/// Looks at processes, and at the kernel.
pub(crate) fn moment(pids: &[u32]) -> Result<Moment, String> {
    Ok(Moment { at_us: clock::now_us(), usage: Usage::of(pids)?, kernel_kib: kernel_kib() })
}

/// Lets everything rest, and measures what has come since `before`.
async fn cost_at_rest(before: &Moment, pids: &[u32], sessions: usize) -> Result<Cost, String> {
    let opened_us = clock::now_us();
    tokio::time::sleep(REST).await;
    Ok(cost(before, opened_us, &moment(pids)?, sessions))
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
