//! One hot group: what becomes of its messages, and of its healthy members beside slow ones and ones that never read.

mod fates;
mod members;
mod report;
mod samples;
mod send;

use crate::{
    clock,
    crowd::Reader,
    http::Http,
    measure::{percentiles::histogram, process::Usage, series::Sampler},
    progress::Progress,
    report::Outputs,
    run::ServerRows,
    target::Target,
};
use clap::Args;
use fates::Fates;
use members::{Members, Reading};
use samples::{Samples, sample_until};
use std::time::Duration;
use tokio::sync::watch;

pub use report::{Phase, Report};
pub use samples::{Sample, Telling};

/// How long what waits in lanes may take once nobody sends any more, and everybody to agree after that.
const DRAIN_MAX: Duration = Duration::from_secs(180);
/// Before and after a phase nothing happens for so long, so that memory is measured at rest.
const REST: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct BurstOptions {
    /// The gateway.
    #[command(flatten)]
    pub target: Target,
    /// The backend's API key.
    #[arg(long, default_value = "dev")]
    pub api_key: String,
    /// Members of the group, each with one session.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub members: u32,
    /// Of these, in the second phase, members whose connections carry --slow-bytes a second.
    #[arg(long, default_value_t = 10)]
    pub slow: u32,
    /// Of these, in the second phase, members whose connections are never read.
    #[arg(long, default_value_t = 10)]
    pub stuck: u32,
    /// What a slow member reads, in bytes a second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub slow_bytes: u32,
    /// Messages a second, sent when they are due whatever became of earlier ones.
    #[arg(long, default_value_t = 1_000.0)]
    pub rate: f64,
    /// Seconds of messages in each phase.
    #[arg(long, default_value_t = 60.0)]
    pub seconds: f64,
    /// A process of the server to measure; may be given several times.
    #[arg(long)]
    pub pid: Vec<u32>,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// Sends to healthy members alone, then to healthy, slow and stuck ones; an error is one of the setting up.
pub async fn burst(options: &BurstOptions, progress: &Progress) -> Result<Report, String> {
    let http = Http::new();
    options.target.answers(&http).await?;
    let troubled = options.slow + options.stuck;
    if troubled >= options.members {
        return Err(format!("expected a healthy member among {}, got {troubled} slow and stuck", options.members));
    }
    let run = format!("burst{:x}", clock::unix_seconds());
    let alone = play(options, &http, &format!("{run}a"), (0, 0), progress).await?;
    let beside = match troubled {
        0 => None,
        _ => Some(play(options, &http, &format!("{run}b"), (options.slow, options.stuck), progress).await?),
    };
    let mut violations = alone.violations.clone();
    if let Some(beside) = &beside {
        violations.add_all(beside.violations.clone());
    }
    Ok(Report { members: options.members, rate: options.rate, alone, beside, violations })
}

async fn play(
    options: &BurstOptions,
    http: &Http,
    run: &str,
    (slow, stuck): (u32, u32),
    progress: &Progress,
) -> Result<Phase, String> {
    let name = report::phase_name(slow, stuck);
    let progress = progress.of(&name);
    let members = Members::open(options, http, run, (slow, stuck), &progress).await?;
    rest(options).await;
    let before = Usage::of(&options.pid)?;
    members.read_as_they_do(options.slow_bytes);
    let frames_before = members.frames();
    let begun_us = clock::now_us();
    // Which messages a member was to have is known only in the end; the latency is put in then.
    let sampler = Sampler::start(&name, &options.pid, None, histogram);
    let fates = Fates::new(options.members as usize);
    let (over, ending) = watch::channel(false);
    let sampling = sample_until(options, http, &fates, begun_us, ending);
    let sending = async {
        send::send(options, http, run, &members.users, &fates, begun_us, &progress).await;
        let seconds = (clock::now_us() - begun_us) as f64 / 1e6;
        let drained = members.healthy_have(&fates, DRAIN_MAX, &progress).await;
        let _ = over.send(true);
        (seconds, drained, (clock::now_us() - begun_us) as f64 / 1e6)
    };
    let (samples, (seconds, drained, drained_after)) = tokio::join!(sampling, sending);
    let samples: Samples = samples?;
    let mut series = sampler.finish(&progress).await;
    // What a slow member was sent while it was slow.
    let frames = members.frames();
    members.heal();
    let reader = Reader { http: http.clone(), url: options.target.url[0].clone(), tokens: options.target.tokens() };
    let mut violations =
        reader.compare(&members.clients, DRAIN_MAX, &progress, |n, server| fates.expect(run, n, server)).await;
    fates.violations(&mut violations);
    if let Err(problem) = drained {
        violations.add(problem);
    }
    rest(options).await;
    let after = Usage::of(&options.pid)?;
    let latency = members.latency(&fates, &mut series, begun_us);
    let slow_frames = members.of(Reading::Slow).map(|n| frames[n] - frames_before[n]).collect();
    members.stop().await;
    Ok(Phase {
        slow,
        stuck,
        seconds,
        tally: fates.tally(),
        drain_seconds: drained_after - seconds,
        latency,
        slow_frames,
        memory_before_kib: before.rss_kib,
        memory_after_kib: after.rss_kib,
        series,
        samples: samples.0,
        violations,
    })
}

/// Where memory is measured, everything comes to rest first.
async fn rest(options: &BurstOptions) {
    if !options.pid.is_empty() {
        tokio::time::sleep(REST).await;
    }
}

/// Whether a member has exactly one row, with this many unread messages and this as its newest.
fn check_row(server: &ServerRows, unread: u64, newest: Option<(u64, String)>) -> Result<(), String> {
    let Some((seq, id)) = newest else {
        return if server.rows.is_empty() { Ok(()) } else { Err(format!("expected no rows, got {:?}", server.rows)) };
    };
    let [row] = &server.rows[..] else { return Err(format!("expected one row, got {}", server.rows.len())) };
    let last = row.last_message.as_ref().map(|last| (last.seq, last.msg_id.to_string()));
    if (row.unread_count, server.total) != (unread, unread) || last != Some((seq, id.clone())) {
        return Err(format!(
            "expected {unread} unread messages, as total too, and {id} as the newest, got {}, {} and {last:?}",
            row.unread_count, server.total
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use conversation_protocol::{UserId, server::ServerCall};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn a_member_that_lacks_a_message_or_has_another_as_its_newest_is_found_out() {
        let (mut model, bob) = (Model::default(), "bob".parse::<UserId>().unwrap());
        for seq in [1, 3] {
            let message = json!({"msgID": format!("m{seq}"), "seq": seq, "timestamp": 5, "text": "hi"});
            let params = json!({"conversation": {"type": 2, "groupID": "g"}, "sender": "alice", "recipients": ["bob"],
                "message": message});
            model.apply_server(&ServerCall::parse("sendMessage", &params.to_string()).unwrap());
        }
        let server = |total| ServerRows { rows: model.rows(&bob), total, group_names: BTreeSet::new() };
        let newest = |seq: u64| Some((seq, format!("m{seq}")));
        assert_eq!(check_row(&server(2), 2, newest(3)), Ok(()));
        assert!(check_row(&server(2), 3, newest(3)).is_err());
        assert!(check_row(&server(3), 2, newest(3)).is_err());
        assert!(check_row(&server(2), 2, newest(4)).is_err());
        assert!(check_row(&server(2), 0, None).is_err());
        let empty = ServerRows { rows: Vec::new(), total: 0, group_names: BTreeSet::new() };
        assert_eq!(check_row(&empty, 0, None), Ok(()));
        assert!(check_row(&empty, 2, newest(3)).is_err());
    }
}
