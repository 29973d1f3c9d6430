//! What a session does with each input, and when it must be woken.

use super::{
    Input, Output, SessionConfig,
    comparison::{Comparison, Verdict, is_ahead, judge},
    filters::FilterTotals,
    frames,
    heartbeat::{Beat, Pulse},
    mailbox::{Fit, Mailbox},
    notes::{GapCause, Note},
};
use conversation_protocol::{
    CloseCode, Cursor, DeviceId, Event, Frame, Head, Hint, Kick, SyncMode,
    limits::{COMPARE_GRACE_MS, WRITE_STALL_MS},
};
use std::time::Duration;

const WRITE_STALL: Duration = Duration::from_millis(WRITE_STALL_MS);
const COMPARE_GRACE: Duration = Duration::from_millis(COMPARE_GRACE_MS);
/// How long a client waits for its hints to be followed before it is told that its sync is late.
pub(super) const FOLLOW_PATIENCE: Duration = Duration::from_secs(10);
/// What a client is told whose token was refused by the head; the backend's own reason came with the hint.
const KICKED: &str = "kicked by the backend";

/// One client's view of its user's list: what it has been given, and what it must be given next.
///
/// Idle it takes some 400 bytes and no allocation of its own beside the device's name.
#[derive(Debug)]
pub struct Session {
    device: Option<DeviceId>,
    token_issued_at_us: Option<u64>,
    token_expires_at: Duration,
    pub(super) window: u32,
    pub(super) jitter: u64,
    pub(super) phase: Phase,
    /// The last cursor the client was given, or came with; without one only a full sync helps.
    pub(super) cursor: Option<Cursor>,
    /// The total that was last sent.
    pub(super) total_sent: u64,
    pub(super) mailbox: Mailbox,
    /// Absent for most sessions.
    pub(super) filters: Option<Box<FilterTotals>>,
    /// Where the store was known to be, unless the mailbox knows better; a head behind it shows lost writes.
    pub(super) known: Option<Cursor>,
    /// The sync that must follow the one under way.
    pub(super) again: Option<SyncMode>,
    /// Syncs that failed since the last finish.
    pub(super) failures: u32,
    pub(super) comparison: Comparison,
    /// While output is pending: when the transport last took some of it.
    busy_since: Option<Duration>,
    pulse: Pulse,
}

/// What the session is about.
#[derive(Debug)]
pub(super) enum Phase {
    /// The user's hints are not yet received; a read now could miss what comes right after it.
    Unfollowed {
        /// When the client is told that this takes long.
        patience_until: Duration,
    },
    /// A sync is due, as soon as the transport is free.
    Due {
        /// Which one.
        mode: SyncMode,
        /// Not before; later than now after a failure.
        at: Duration,
    },
    /// The first read of a sync is under way. Its start is not yet sent, because the head decides the mode.
    Opening {
        /// What was asked for.
        asked: SyncMode,
        /// When.
        since: Duration,
    },
    /// A replay is under way; [`Session::cursor`] says how far it has come.
    Replaying {
        /// The version at which the client stood when it began: later rows are new to it.
        began: u64,
        /// Whether the next slice is being read.
        reading: bool,
        /// When its first read was asked for.
        since: Duration,
    },
    /// The client has, or the mailbox holds, everything that was hinted.
    Live,
    /// Nothing follows.
    Closed,
}

impl Session {
    /// A session whose hints are not yet followed.
    pub fn new(config: SessionConfig, now: Duration) -> Self {
        Self {
            device: config.device,
            token_issued_at_us: config.token_issued_at_us,
            token_expires_at: config.token_expires_at,
            window: config.window,
            jitter: config.jitter,
            phase: Phase::Unfollowed { patience_until: now + FOLLOW_PATIENCE },
            cursor: config.since,
            total_sent: 0,
            mailbox: Mailbox::default(),
            filters: FilterTotals::of(config.filters),
            known: None,
            again: None,
            failures: 0,
            comparison: Comparison::None,
            busy_since: None,
            pulse: Pulse::new(config.heartbeat, config.jitter, now),
        }
    }

    /// Decides what an input at `now` leads to, and appends it to `outputs`.
    pub fn handle(&mut self, input: Input, now: Duration, outputs: &mut Vec<Output>) {
        if self.is_closed() {
            return;
        }
        match input {
            Input::Followed => self.followed(now),
            Input::Hint(hint) => self.hint(&hint, now, outputs),
            Input::SyncRead(read) => self.sync_read(read, now, outputs),
            Input::UnreadRead { number, unread } => self.unread_read(number, unread.as_deref(), now, outputs),
            Input::Compare(cause) => self.compare(cause, now, outputs),
            Input::Compared(head) => self.compared(&head, now, outputs),
            Input::Writable => self.busy_since = None,
            Input::Progress => self.busy_since = self.busy_since.map(|_| now),
            Input::Received => self.pulse.received(),
            Input::TokenRefreshed { issued_at_us, expires_at } => {
                self.token_issued_at_us = issued_at_us;
                self.token_expires_at = expires_at;
            }
            Input::Kick { reason } => self.kick(reason, now, outputs),
            Input::Drain { after_ms } => {
                self.end(&Event::Reconnect { after_ms }, CloseCode::Draining, "draining", now, outputs);
            }
            Input::Tick => self.tick(now, outputs),
        }
        self.advance(now, outputs);
    }

    /// Whether a client at `cursor` (`None`: not one of ours) has everything, where the store's head, read after the
    /// client asked, is `head`. If not, a sync from there follows.
    pub fn probe(&mut self, cursor: Option<Cursor>, head: &Head, now: Duration, outputs: &mut Vec<Output>) -> bool {
        if self.is_closed() || self.close_if_kicked(head, now, outputs) {
            return false;
        }
        let seen = self.mailbox.seen();
        let has_all_given = self.is_live() && !self.has_news() && cursor == self.cursor;
        // Steps that change no row move the head but send nothing, so what was seen counts as well as what was given.
        // A head behind a cursor that was given before it was read is that of a store that went back.
        let seen_all = seen.epoch == head.cursor.epoch && seen.version >= head.cursor.version;
        let is_behind = cursor.is_some_and(|cursor| head.cursor.version < cursor.version);
        let up_to_date =
            (has_all_given && seen_all && !is_behind) || (cursor == Some(head.cursor) && head.cursor != Cursor::EMPTY);
        if up_to_date {
            return true;
        }
        match self.phase {
            Phase::Live => {
                // Whoever says to have nothing, but was given something, may have it by now.
                self.cursor = cursor.filter(|cursor| *cursor != Cursor::EMPTY || self.cursor == Some(Cursor::EMPTY));
                self.request_sync(SyncMode::Replay, GapCause::Probe, now, outputs);
            }
            Phase::Replaying { .. } => self.request_sync(SyncMode::Replay, GapCause::Probe, now, outputs),
            // The start of the sync that is due follows the answer in any case.
            Phase::Unfollowed { .. } | Phase::Due { .. } | Phase::Opening { .. } | Phase::Closed => {}
        }
        self.advance(now, outputs);
        false
    }

    /// When [`Input::Tick`] must come at the latest; `None` once closed.
    pub fn next_tick(&self) -> Option<Duration> {
        let sync = match self.phase {
            Phase::Closed => return None,
            Phase::Unfollowed { patience_until } => Some(patience_until),
            Phase::Due { at, .. } => Some(at),
            Phase::Live => {
                let ahead = match self.comparison {
                    Comparison::Ahead { until, .. } => Some(until),
                    Comparison::None | Comparison::Asked { .. } | Comparison::Answered { .. } => None,
                };
                let read = self.filters.as_ref().and_then(|filters| filters.due());
                ahead.into_iter().chain(read).min()
            }
            Phase::Opening { .. } | Phase::Replaying { .. } => None,
        };
        // A busy session waits for the transport before it does anything of the sync.
        let next = match self.busy_since {
            Some(since) => Some(since + WRITE_STALL),
            None => sync,
        };
        let beat = self.pulse.due().min(self.token_expires_at);
        Some(next.map_or(beat, |next| next.min(beat)))
    }

    /// Whether [`Output::Close`] was given.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether a sync has finished and no gap is known.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// The device, as the client names it.
    pub fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    fn followed(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Unfollowed { .. }) {
            self.phase = Phase::Due { mode: SyncMode::Replay, at: now };
        }
    }

    fn hint(&mut self, hint: &Hint, now: Duration, outputs: &mut Vec<Output>) {
        if let Some(kick) = &hint.kick
            && self.is_meant(kick)
        {
            return self.kick(kick.reason.clone(), now, outputs);
        }
        let is_live = match self.phase {
            // The read that is to come sees what was hinted before it.
            Phase::Unfollowed { .. } | Phase::Due { .. } | Phase::Closed => return,
            Phase::Opening { .. } | Phase::Replaying { .. } => false,
            Phase::Live => true,
        };
        let fit = self.mailbox.accept(hint);
        if fit == Fit::Gap(GapCause::Overflow) {
            outputs.push(Output::Note(Note::Overflow));
        }
        match fit {
            Fit::Next if is_live => self.filters.iter_mut().for_each(|filters| filters.follow(hint)),
            Fit::Gap(cause) if is_live => self.request_sync(SyncMode::Replay, cause, now, outputs),
            // A gap before the read's clock does not matter: the mailbox knows at the finish.
            Fit::Old | Fit::Next | Fit::Gap(_) => {}
            Fit::Fork => self.request_sync(SyncMode::Full, GapCause::LostWrites, now, outputs),
        }
    }

    fn compare(&mut self, cause: GapCause, now: Duration, outputs: &mut Vec<Output>) {
        if let Comparison::Ahead { cause, head, .. } = self.comparison
            && is_ahead(head, self.mailbox.seen())
        {
            // Asked again while the last answer is still ahead: it has had its time.
            self.request_sync(SyncMode::Replay, cause, now, outputs);
        }
        let noted = if self.is_live() { Some(self.newest_seen()) } else { self.known };
        self.comparison = Comparison::Asked { cause, noted };
    }

    /// Where the store was seen to be, be it by hints or by reads for filters.
    pub(super) fn newest_seen(&self) -> Cursor {
        let seen = self.mailbox.seen();
        let read = self.filters.as_ref().map_or(0, |filters| filters.newest_read());
        Cursor::new(seen.epoch, seen.version.max(read))
    }

    fn compared(&mut self, head: &Head, now: Duration, outputs: &mut Vec<Output>) {
        if self.close_if_kicked(head, now, outputs) {
            return;
        }
        if let Comparison::Asked { cause, noted } = self.comparison {
            self.comparison = Comparison::Answered { cause, noted, head: head.cursor };
        }
        if self.is_live() {
            self.judge_comparison(now, outputs);
        }
    }

    /// Draws the conclusion from an answer, once the session is live.
    pub(super) fn judge_comparison(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        let Comparison::Answered { cause, noted, head } = self.comparison else { return };
        self.comparison = Comparison::None;
        match judge(noted, head, self.mailbox.seen()) {
            Verdict::Fine => {}
            Verdict::Ahead => self.comparison = Comparison::Ahead { cause, head, until: now + COMPARE_GRACE },
            Verdict::Unsure => self.request_sync(SyncMode::Replay, GapCause::OtherData, now, outputs),
            Verdict::WentBack => self.request_sync(SyncMode::Full, GapCause::LostWrites, now, outputs),
        }
    }

    fn tick(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        if self.busy_since.is_some_and(|since| now >= since + WRITE_STALL) {
            return self.close(CloseCode::TooSlow, "nothing was taken for too long", outputs);
        }
        if now >= self.token_expires_at {
            return self.end(&Event::TokenExpired {}, CloseCode::TokenExpired, "token expired", now, outputs);
        }
        match self.phase {
            Phase::Unfollowed { patience_until } if now >= patience_until && self.busy_since.is_none() => {
                self.late(now, outputs);
            }
            Phase::Live => {
                if let Comparison::Ahead { cause, head, until } = self.comparison
                    && now >= until
                {
                    self.comparison = Comparison::None;
                    if is_ahead(head, self.mailbox.seen()) {
                        self.request_sync(SyncMode::Replay, cause, now, outputs);
                    }
                }
            }
            Phase::Unfollowed { .. }
            | Phase::Due { .. }
            | Phase::Opening { .. }
            | Phase::Replaying { .. }
            | Phase::Closed => {}
        }
        match self.pulse.tick(self.busy_since.is_some(), now) {
            Beat::Nothing => {}
            Beat::Ping => outputs.push(Output::Ping),
            Beat::Comment => outputs.push(Output::Comment),
            Beat::Dead => self.close(CloseCode::NoPong, "no pong", outputs),
        }
    }

    /// What can be done now that the transport is free: begin or continue a sync, or say what changed.
    pub(super) fn advance(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        if self.busy_since.is_some() {
            return;
        }
        match self.phase {
            Phase::Due { .. } if self.mailbox.has_groups() => self.flush_notices(now, outputs),
            Phase::Due { mode, at } if at <= now => self.open(mode, now, outputs),
            Phase::Replaying { reading: false, .. } => self.read_on(outputs),
            Phase::Live => {
                self.read_unread(now, outputs);
                if self.has_news() {
                    self.flush(now, outputs);
                }
            }
            Phase::Unfollowed { .. }
            | Phase::Due { .. }
            | Phase::Opening { .. }
            | Phase::Replaying { .. }
            | Phase::Closed => {}
        }
    }

    fn has_news(&self) -> bool {
        !self.mailbox.is_empty()
            || self.mailbox.total() != self.total_sent
            || self.filters.as_ref().is_some_and(|filters| filters.has_news(self.mailbox.seen().version))
    }

    fn flush(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        let seen = self.mailbox.seen();
        let changes = self.mailbox.take();
        // A client that has nothing gets its first changes in one frame, with its cursor: cut between two, it would keep
        // the cursor of no data, which fits every data set, while it has rows of this one.
        let is_first = self.cursor == Some(Cursor::EMPTY) && !changes.is_empty();
        if is_first && frames::first_frame(&changes) < changes.len() {
            self.request_sync(SyncMode::Replay, GapCause::FirstChanges, now, outputs);
            return self.advance(now, outputs);
        }
        let (accepted_us, coalesced) = self.mailbox.take_tally();
        outputs.push(Output::Note(Note::Changes { count: changes.len(), coalesced, accepted_us }));
        let since = self.cursor.map_or(0, |cursor| cursor.version);
        let mut frames = frames::changes(&changes, since);
        if !is_first {
            frames.extend(self.notices());
            if self.mailbox.total() != self.total_sent {
                self.total_sent = self.mailbox.total();
                frames.push(frames::total(self.total_sent, seen.version));
            }
            frames.extend(self.filters.iter_mut().flat_map(|filters| filters.take(seen.version)));
        }
        self.give(frames, seen, now, outputs);
    }

    /// What is known of groups at a gap is told before the sync that heals it; the client has no more by it.
    fn flush_notices(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        let frames = self.notices();
        if let Some(cursor) = self.cursor {
            self.give(frames, cursor, now, outputs);
        }
    }

    fn notices(&mut self) -> Vec<Frame> {
        self.mailbox.take_groups().into_iter().map(|event| Frame::new(&event.into())).collect()
    }

    /// Sends frames, the last one with the cursor up to which they bring the client.
    pub(super) fn give(&mut self, mut frames: Vec<Frame>, reached: Cursor, now: Duration, outputs: &mut Vec<Output>) {
        if let Some(last) = frames.last_mut() {
            last.cursor = Some(reached);
        }
        self.cursor = Some(reached);
        self.send(frames, now, outputs);
    }

    pub(super) fn send(&mut self, frames: impl IntoIterator<Item = Frame>, now: Duration, outputs: &mut Vec<Output>) {
        for frame in frames {
            outputs.push(Output::Send(frame));
            self.busy_since.get_or_insert(now);
        }
    }

    /// Whether a kick concerns this device and this token.
    fn is_meant(&self, kick: &Kick) -> bool {
        let this_device = kick.device.is_none() || kick.device == self.device;
        this_device
            && kick.not_before > 0
            && self.token_issued_at_us.is_none_or(|issued_at_us| issued_at_us < kick.not_before)
    }

    pub(super) fn close_if_kicked(&mut self, head: &Head, now: Duration, outputs: &mut Vec<Output>) -> bool {
        let kicked = head.is_kicked(self.device.as_ref(), self.token_issued_at_us);
        if kicked {
            self.kick(KICKED.to_owned(), now, outputs);
        }
        kicked
    }

    fn kick(&mut self, reason: String, now: Duration, outputs: &mut Vec<Output>) {
        self.end(&Event::KickedOffline { reason }, CloseCode::KickedOffline, "kicked offline", now, outputs);
    }

    /// The last event, then the close; also where the transport is busy.
    fn end(&mut self, last: &Event, code: CloseCode, reason: &'static str, now: Duration, outputs: &mut Vec<Output>) {
        self.send([Frame::new(last)], now, outputs);
        self.close(code, reason, outputs);
    }

    fn close(&mut self, code: CloseCode, reason: &'static str, outputs: &mut Vec<Output>) {
        outputs.push(Output::Close { code, reason });
        self.phase = Phase::Closed;
        self.mailbox = Mailbox::default();
    }
}
