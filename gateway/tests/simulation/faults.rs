//! Which faults a seed has, and how its chances are drawn: repeatable on every machine.

use std::time::Duration;

/// SplitMix64: small, and the same everywhere for ever, so that a seed keeps its story.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Up to a time, mostly much shorter.
    pub(crate) fn millis(&mut self, most: u64) -> Duration {
        let most_us = most * 1_000;
        let bound = self.below(most_us) + 1;
        Duration::from_micros(self.below(bound))
    }
}

/// The mix of one seed: chances in percent, times in milliseconds. About half of the faults are absent in each.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) hint_dropped: u64,
    pub(crate) hint_doubled: u64,
    pub(crate) hint_truncated: u64,
    pub(crate) hint_overtaken: u64,
    pub(crate) hint_delay_ms: u64,
    pub(crate) read_failed: u64,
    pub(crate) read_ms: u64,
    pub(crate) client_slow: u64,
    pub(crate) client_stuck: u64,
    pub(crate) client_mute: u64,
    pub(crate) cursor_lost: u64,
    pub(crate) token_short: u64,
    /// What else happens, each as often as it stands here.
    pub(crate) events: Vec<FaultEvent>,
    pub(crate) fault_every_ms: u64,
    pub(crate) change_every_ms: u64,
    /// How often two devices change the same rows at the same moment.
    pub(crate) race: u64,
    /// How often a change is one of conversation groups.
    pub(crate) group_change: u64,
    pub(crate) conversations: u64,
    pub(crate) slice_rows: usize,
    pub(crate) window: u32,
    /// The store's last deed is to forget its newest steps, without a new epoch.
    pub(crate) ends_behind: bool,
    /// Nothing is lost: each connection syncs once, and never again.
    pub(crate) is_calm: bool,
}

/// A fault at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultEvent {
    Cut,
    Interrupted,
    StoreReplaced,
    StoreEmptied,
    /// A replica that lagged behind takes the store's place, and is written before anybody compares.
    ReplicaPromoted,
    TombstonesPurged,
    /// The store answers nothing and takes nothing for a while.
    StorePaused,
    /// The store refuses everything for a while, and no hints come.
    StoreStopped,
    /// The store's clock is put forward or back, up to an hour.
    ClockWrong,
    /// A node dies: its sessions are gone, and all come back at the same moment.
    AllCut,
    Kicked,
    SessionKicked,
    Drained,
    Probed,
    TokenRefreshed,
    /// A client wants to be told the total of a filter.
    Subscribed,
    /// Or no more.
    Unsubscribed,
}

impl Faults {
    pub(crate) fn draw(random: &mut Random) -> Self {
        fn some(random: &mut Random, most: u64) -> u64 {
            if random.percent(50) { 1 + random.below(most) } else { 0 }
        }
        let mut events = Vec::new();
        for (event, most) in [
            (FaultEvent::Cut, 8),
            (FaultEvent::Interrupted, 3),
            (FaultEvent::StoreReplaced, 1),
            (FaultEvent::StoreEmptied, 1),
            (FaultEvent::TombstonesPurged, 6),
            (FaultEvent::StorePaused, 2),
            (FaultEvent::StoreStopped, 1),
            (FaultEvent::ClockWrong, 1),
            (FaultEvent::AllCut, 2),
            (FaultEvent::Kicked, 2),
            (FaultEvent::SessionKicked, 1),
            (FaultEvent::Drained, 2),
            (FaultEvent::Probed, 6),
            (FaultEvent::TokenRefreshed, 2),
            (FaultEvent::Subscribed, 3),
            (FaultEvent::Unsubscribed, 1),
            (FaultEvent::ReplicaPromoted, 5),
        ] {
            for _ in 0..some(random, most) {
                events.push(event);
            }
        }
        let conversations = match random.below(1_000) {
            0..=3 => 1_200,
            4..=25 => 400,
            26..=250 => 3,
            _ => 12,
        };
        let drawn = Self {
            hint_dropped: some(random, 30),
            hint_doubled: some(random, 20),
            hint_truncated: some(random, 20),
            hint_overtaken: some(random, 30),
            hint_delay_ms: 1 + some(random, 2_000),
            read_failed: some(random, 40),
            read_ms: 1 + some(random, 2_000),
            client_slow: some(random, 60),
            client_stuck: some(random, 10),
            client_mute: some(random, 10),
            cursor_lost: some(random, 20),
            token_short: some(random, 30),
            events,
            fault_every_ms: 200 + random.below(5_000),
            change_every_ms: 50 + random.below(1_000),
            race: some(random, 30),
            group_change: some(random, 20),
            conversations,
            slice_rows: if random.percent(60) && conversations < 100 { 1 + random.below(5) as usize } else { 100 },
            window: if random.percent(70) { 1_000 } else { 1 + random.below(6) as u32 },
            ends_behind: random.percent(10),
            is_calm: random.percent(10) && conversations < 100,
        };
        if drawn.is_calm { drawn.calm() } else { drawn }
    }

    /// What neither loses nor overtakes: clients come and go, are slow or kicked, and hints are doubled.
    fn calm(mut self) -> Self {
        self.events.retain(|event| match event {
            FaultEvent::Cut
            | FaultEvent::AllCut
            | FaultEvent::ClockWrong
            | FaultEvent::Kicked
            | FaultEvent::SessionKicked
            | FaultEvent::Drained
            | FaultEvent::Subscribed
            | FaultEvent::Unsubscribed
            | FaultEvent::TokenRefreshed => true,
            FaultEvent::Interrupted
            | FaultEvent::StoreReplaced
            | FaultEvent::StoreEmptied
            | FaultEvent::ReplicaPromoted
            | FaultEvent::TombstonesPurged
            | FaultEvent::StorePaused
            | FaultEvent::StoreStopped
            | FaultEvent::Probed => false,
        });
        let hint_delay_ms = self.hint_delay_ms.min(900);
        Self {
            hint_dropped: 0,
            hint_truncated: 0,
            hint_overtaken: 0,
            hint_delay_ms,
            read_failed: 0,
            ends_behind: false,
            ..self
        }
    }

    /// From now on nothing goes wrong.
    pub(crate) fn stop(&mut self) {
        *self = Self {
            hint_dropped: 0,
            hint_doubled: 0,
            hint_truncated: 0,
            hint_overtaken: 0,
            hint_delay_ms: 1,
            read_failed: 0,
            read_ms: 1,
            client_slow: 0,
            client_stuck: 0,
            client_mute: 0,
            cursor_lost: 0,
            token_short: 0,
            events: Vec::new(),
            ..*self
        };
    }
}
