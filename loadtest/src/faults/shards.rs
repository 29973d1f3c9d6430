//! What is done to a Redis of several servers.

use super::acts::Act;
use crate::{clock, redis_shards::is_promoted};

/// One primary of a cluster dies, and its replica takes its place.
pub(super) async fn primary_killed(act: &mut Act<'_>) -> Result<(), String> {
    let cluster = act.stage.cluster()?;
    cluster.primaries[0].kill();
    let begun_us = clock::now_us();
    is_promoted(&cluster.replicas[0]).await?;
    act.moments.over();
    act.note(format!("the replica took its place after {:.1} s", (clock::now_us() - begun_us) as f64 / 1e6));
    Ok(())
}

/// Slots go from one primary to another with all that is in them, and back.
pub(super) async fn slots_moved(act: &mut Act<'_>) -> Result<(), String> {
    let (begun_us, lasts_us) = (clock::now_us(), act.lasts.as_micros() as u64);
    let cluster = act.stage.cluster()?;
    let slots = cluster.slots_in_use().await?;
    if slots.is_empty() {
        return Err("no slot of the first primary is in use".to_owned());
    }
    let mut moves = 0;
    while moves == 0 || clock::now_us() - begun_us < lasts_us {
        for (from, to) in [(0, 1), (1, 0)] {
            for slot in &slots {
                cluster.move_slot(*slot, from, to).await?;
                moves += 1;
            }
        }
    }
    act.moments.over();
    act.note(format!("{} slots, {moves} moves", slots.len()));
    Ok(())
}

/// A primary dies, and Sentinels put its replica in its place.
pub(super) async fn primary_replaced(act: &mut Act<'_>) -> Result<(), String> {
    let watched = act.stage.watched()?;
    watched.primary.kill();
    let begun_us = clock::now_us();
    is_promoted(&watched.replica).await?;
    act.moments.over();
    act.note(format!("the replica took its place after {:.1} s", (clock::now_us() - begun_us) as f64 / 1e6));
    Ok(())
}
