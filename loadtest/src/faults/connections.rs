//! What is done to clients' connections.

use super::acts::Act;
use crate::{
    http::Http,
    measure::exposition::scrape,
    proxy::{Kind, Rule},
};
use tokio::time::sleep;

/// What a slow client reads, in bytes a second: less than it is sent.
const SLOW_BYTES_PER_SECOND: u32 = 400;
/// Every so-manieth connection of a node is slow.
const SLOW_EVERY: u64 = 5;

/// All clients lose their connections at the same time, and once more a little later.
pub(super) async fn all_cut(act: &mut Act<'_>) -> Result<(), String> {
    let mut cut = 0;
    for pause in [act.lasts, std::time::Duration::ZERO] {
        cut += act.stage.nodes.iter().map(|node| node.door.cut(&[Kind::Session])).sum::<usize>();
        sleep(pause).await;
    }
    act.moments.over();
    act.note(format!("{cut} connections cut"));
    Ok(())
}

/// The connections of one node's clients carry nothing any more, and nobody is told; then they are reset.
pub(super) async fn half_open(act: &mut Act<'_>) -> Result<(), String> {
    act.last_node().door.set(Kind::Session, Rule::Stall);
    sleep(act.lasts).await;
    let node = act.last_node();
    let cut = node.door.cut(&[Kind::Session]);
    node.door.heal();
    let url = node.gateway.url();
    act.moments.over();
    let closed = scrape(&Http::new(), &url).await.map_or(0.0, |metrics| metrics.sum("gateway_closes_total"));
    act.note(format!("the node had closed {closed} of {cut} sessions by itself"));
    Ok(())
}

/// The clients of one node have closed their side, as far as the node sees, and would still read.
pub(super) async fn half_closed(act: &mut Act<'_>) -> Result<(), String> {
    act.last_node().door.set(Kind::Session, Rule::HalfClosed);
    sleep(act.lasts).await;
    act.last_node().door.heal();
    act.moments.over();
    Ok(())
}

/// Some clients of one node read slowly, some of the other nothing at all.
pub(super) async fn slow(act: &mut Act<'_>) -> Result<(), String> {
    let before = act.stage.memory_mib();
    for (node, rule) in act.stage.nodes.iter().zip([Rule::Slow(SLOW_BYTES_PER_SECOND), Rule::StallAnswers]) {
        node.door.set_some(Kind::Session, rule, SLOW_EVERY);
    }
    sleep(act.lasts).await;
    act.stage.set_sessions(Rule::Pass);
    act.moments.over();
    act.note(format!("memory of both nodes {before} MiB before, {} after", act.stage.memory_mib()));
    Ok(())
}
