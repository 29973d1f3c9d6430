//! How a test speaks to a session: one line of words in, one line of words out. Hides the API from the tests.
//!
//! Inputs: `followed`, `hint 8>9 a@9 b@8+2 -c@9 total=3 truncated epoch=8 kick=50 device=phone fork=8>9 accepted=5`, `slice`, `page` with
//! `head=12 changed=3 total=2 floor=4 fork=5>8 before=50` and rows, `fails`, `fails 2000` (ms), `compare` (`compare anew`: after an interruption), `compared 12`,
//! `writable`, `progress`, `received`, `refresh 60 900` (issued, expires in s), `make room`, `drain 500`,
//! `probe 7:9 head=12`, and `at 26.5` (s), which sets the clock and ticks. `a@9+4` is row a of version 9, created at 4.
//! A cursor is `epoch:version`; a bare version is of epoch 7.
//!
//! A hint also has `g+work`, `g-work`, `g~work~home` (a group is made, goes, is renamed), and `f=a:2>3` (what row a adds
//! to totals was 2 and is 3; `f=*a:0>1`: of a row with a star). `unread 9 a=3 *b=1` answers the last `read unread`, at clock 9;
//! `unread fails`. Filters are `all` and `star`: `subscribe star`, then `subscribed star 9 a=3`, and `unsubscribe star`.

use crate::session::{
    GapCause, Heartbeat, Input, Note, Output, ReadRequest, Session, SessionConfig, Subscription, SyncRead,
    TooManyFilters,
};
use conversation_protocol::{
    ApiError, ConversationId, Cursor, ErrorKind, FacetChange, Facets, Filter, Fork, Frame, GroupEvent, Head, Hint,
    Kick, LogEntry, Page, RecvOpt, ReplaySlice, RowState, UnreadFacets,
};
use std::{sync::Arc, time::Duration};

pub(super) struct Script {
    session: Session,
    now: Duration,
    /// The number of the last read of unread rows.
    read: u32,
    subscription: Option<Subscription>,
    /// What was noted of the last line.
    noted: String,
}

fn filter(name: &str) -> Filter {
    match name {
        "all" => Filter::default(),
        "star" => serde_json::from_str(r#"{"markType":1}"#).unwrap(),
        other => panic!("no such filter: {other}"),
    }
}

pub(super) fn config(since: Option<&str>) -> SessionConfig {
    SessionConfig {
        since: since.map(cursor),
        window: 100,
        device: Some("phone".parse().unwrap()),
        filters: Vec::new(),
        token_issued_at_us: Some(60),
        token_expires_at: Duration::from_secs(3_600),
        heartbeat: Heartbeat::PingPong,
        jitter: 0,
    }
}

impl Script {
    pub(super) fn new(config: SessionConfig) -> Self {
        let session = Session::new(config, Duration::ZERO);
        Self { session, now: Duration::ZERO, read: 0, subscription: None, noted: String::new() }
    }

    /// A session that is about to read, its client at `since`.
    pub(super) fn followed(since: &str) -> Self {
        let mut script = Self::new(config(Some(since)));
        script.run("followed");
        script
    }

    /// A session that watches filters from the start, not yet followed, its client at version 7.
    pub(super) fn watching(filters: &[&str]) -> Self {
        let filters = filters.iter().map(|name| filter(name)).collect();
        Self::new(SessionConfig { filters, ..config(Some("7")) })
    }

    /// A session that is live and idle at a version of epoch 7 (or at a cursor), with total 0.
    pub(super) fn live_at(version: &str) -> Self {
        let mut script = Self::new(config(None));
        script.run("followed");
        script.run(&format!("page head={version}"));
        script.run("writable");
        script
    }

    /// Does one line and compares what came of it; outputs are joined by "; ".
    #[track_caller]
    pub(super) fn check(&mut self, line: &str, expected: &str) -> &mut Self {
        let outcome = self.run(line);
        assert_eq!(outcome, expected, "after {line:?}");
        self
    }

    /// Does one line and compares what is noted of it; notes are joined by "; ".
    #[track_caller]
    pub(super) fn check_notes(&mut self, line: &str, expected: &str) -> &mut Self {
        self.run(line);
        assert_eq!(self.noted, expected, "noted after {line:?}");
        self
    }

    /// The second at which the session wants its next tick.
    #[track_caller]
    pub(super) fn check_next_tick(&self, expected: Option<f64>) {
        assert_eq!(self.session.next_tick().map(|at| at.as_secs_f64()), expected);
    }

    pub(super) fn run(&mut self, line: &str) -> String {
        let mut outputs = Vec::new();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "probe" {
            let (cursor, words) = rest.split_once(' ').expect("a probe has a head");
            let up_to_date =
                self.session.probe(cursor.parse().ok(), &Words::parse(words).head(), self.now, &mut outputs);
            return self.rendered(up_to_date.to_string(), &outputs);
        }
        if let "subscribe" | "subscribed" | "unsubscribe" = word {
            return self.subscription(word, rest);
        }
        let input = match word {
            "unread" => {
                let unread = (rest != "fails").then(|| Arc::new(Words::parse(rest).unread()));
                Input::UnreadRead { number: self.read, unread }
            }
            "followed" => Input::Followed,
            "hint" => Input::Hint(Arc::new(Words::parse(rest).hint())),
            "slice" => Input::SyncRead(SyncRead::Replay(Words::parse(rest).slice())),
            "page" => Input::SyncRead(SyncRead::Page(Words::parse(rest).page())),
            "fails" => Input::SyncRead(SyncRead::Failed(ApiError {
                retry_after_ms: rest.parse().ok(),
                ..ApiError::new(ErrorKind::StoreUnavailable, "away")
            })),
            "compare" => Input::Compare(if rest.is_empty() { GapCause::Comparison } else { GapCause::Interruption }),
            "compared" => Input::Compared(Arc::new(Words::parse(&format!("head={rest}")).head())),
            "writable" => Input::Writable,
            "progress" => Input::Progress,
            "received" => Input::Received,
            "refresh" => {
                let (issued, expires) = rest.split_once(' ').expect("refresh has two numbers");
                let expires_at = Duration::from_secs(expires.parse().unwrap());
                Input::TokenRefreshed { issued_at_us: issued.parse().ok(), expires_at }
            }
            "make" => Input::Kick { reason: "a newer session".to_owned() },
            "drain" => Input::Drain { after_ms: rest.parse().unwrap() },
            "at" => {
                self.now = Duration::from_secs_f64(rest.parse().unwrap());
                Input::Tick
            }
            other => panic!("no such input: {other}"),
        };
        self.session.handle(input, self.now, &mut outputs);
        self.rendered(String::new(), &outputs)
    }

    fn subscription(&mut self, word: &str, rest: &str) -> String {
        let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut outputs = Vec::new();
        let answer = match word {
            "subscribe" => match self.session.subscribe(filter(name)) {
                Ok(subscription) => {
                    self.subscription = Some(subscription);
                    self.read = subscription.read.unwrap_or(self.read);
                    if subscription.is_new { "new" } else { "known" }.to_owned()
                }
                Err(TooManyFilters) => "too many".to_owned(),
            },
            "subscribed" => {
                let (unread, subscription) = (Words::parse(words).unread(), self.subscription.take().unwrap());
                let total = self.session.subscribed(&filter(name), subscription, &unread, self.now, &mut outputs);
                format!("answer {total}")
            }
            _ => {
                self.session.unsubscribe(&filter(name));
                String::new()
            }
        };
        self.rendered(answer, &outputs)
    }

    fn rendered(&mut self, first: String, outputs: &[Output]) -> String {
        for output in outputs {
            if let Output::ReadUnread { number } = output {
                self.read = *number;
            }
        }
        self.noted = outputs.iter().filter_map(render_note).collect::<Vec<_>>().join("; ");
        render(first, outputs)
    }
}

fn cursor(text: &str) -> Cursor {
    let text = if text.contains(':') { text.to_owned() } else { format!("7:{text}") };
    text.parse().unwrap()
}

fn id(name: &str) -> ConversationId {
    format!("c2c_{name}").parse().unwrap()
}

/// Of a row with a star if its name says so.
fn facets(name: &str, unread_count: u64) -> Facets {
    let marks = u64::from(name.starts_with('*'));
    Facets { unread_count, recv_opt: RecvOpt::Receive, marks, has_at_info: false, groups: Vec::new() }
}

struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn parse(text: &'a str) -> Self {
        Self(text.split_whitespace().collect())
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name).map(|value| value.parse().unwrap())
    }

    /// `a@9`, `a@9+4`, `-a@9`, in their order; `a*300@9` is 300 rows a0, a1 … from version 9; `a*3x1000@9`: of 1,000
    /// bytes each.
    fn entries(&self) -> Vec<LogEntry> {
        let mut entries = Vec::new();
        for (name, at) in self.0.iter().filter_map(|word| word.split_once('@')) {
            let (version, created) = at.split_once('+').unwrap_or((at, "1"));
            let (first, created): (u64, u64) = (version.parse().unwrap(), created.parse().unwrap());
            let (name, count) = name.split_once('*').unwrap_or((name, ""));
            let (count, bytes) = count.split_once('x').unwrap_or((count, "0"));
            for index in 0..count.parse().unwrap_or(1) {
                let name = if count.is_empty() { name.to_owned() } else { format!("{name}{index}") };
                let version = first + index;
                entries.push(match name.strip_prefix('-') {
                    Some(name) => LogEntry::Deleted { conversation_id: id(name), version },
                    None => LogEntry::Row(RowState {
                        conversation_id: id(&name),
                        version,
                        created,
                        json: format!("\"{name}@{version}{}\"", ".".repeat(bytes.parse().unwrap())).into(),
                    }),
                });
            }
        }
        entries
    }

    fn rows(&self) -> Vec<RowState> {
        let row = |entry| match entry {
            LogEntry::Row(row) => Some(row),
            LogEntry::Deleted { .. } => None,
        };
        self.entries().into_iter().filter_map(row).collect()
    }

    fn hint(&self) -> Hint {
        let (previous, clock) = self.0[0].split_once('>').expect("a hint begins with previous>clock");
        let deleted = self.entries().into_iter().filter_map(|entry| match entry {
            LogEntry::Deleted { conversation_id, version } => Some((conversation_id, version)),
            LogEntry::Row(_) => None,
        });
        Hint {
            epoch: self.number("epoch").unwrap_or(7),
            previous: previous.parse().unwrap(),
            clock: clock.parse().unwrap(),
            total_unread: self.number("total").unwrap_or(0),
            rows: self.rows(),
            deleted: deleted.collect(),
            facets: self.facet_changes(),
            groups: self.group_events(),
            truncated: self.0.contains(&"truncated"),
            kick: self.number("kick").map(|not_before| Kick {
                device: self.value("device").map(|device| device.parse().unwrap()),
                not_before,
                reason: "bye".to_owned(),
            }),
            fork: self.fork("fork"),
            accepted_us: self.number("accepted"),
            trace: None,
        }
    }

    fn fork(&self, name: &str) -> Option<Fork> {
        let (from, to) = self.value(name)?.split_once('>').expect("a fork is from>to");
        Some(Fork { from: from.parse().unwrap(), to: to.parse().unwrap() })
    }

    fn facet_changes(&self) -> Vec<FacetChange> {
        let changes = self.0.iter().filter_map(|word| word.strip_prefix("f="));
        let change = |text: &str| {
            let (name, counts) = text.split_once(':').unwrap();
            let (before, after) = counts.split_once('>').unwrap();
            let facets =
                |count: &str| Some(facets(name, count.parse().unwrap())).filter(|facets| facets.unread_count > 0);
            FacetChange {
                conversation_id: id(name.trim_start_matches('*')),
                before: facets(before),
                after: facets(after),
            }
        };
        changes.map(change).collect()
    }

    fn group_events(&self) -> Vec<GroupEvent> {
        let events = self.0.iter().filter_map(|word| word.strip_prefix('g'));
        let event = |text: &str| {
            let name = text.get(1..)?.to_owned();
            match &text[..1] {
                "+" => Some(GroupEvent::Created(name, Vec::new())),
                "-" => Some(GroupEvent::Deleted(name)),
                "~" => name.split_once('~').map(|(old, new)| GroupEvent::Renamed(old.to_owned(), new.to_owned())),
                _ => None,
            }
        };
        events.filter_map(event).collect()
    }

    /// The clock, and what the rows add to totals.
    fn unread(&self) -> UnreadFacets {
        let rows = self.0[1..].iter().filter_map(|word| word.split_once('='));
        let row =
            |(name, count): (&str, &str)| (id(name.trim_start_matches('*')), facets(name, count.parse().unwrap()));
        UnreadFacets { head: Head { cursor: cursor(self.0[0]), ..Head::empty() }, rows: rows.map(row).collect() }
    }

    fn head(&self) -> Head {
        Head {
            cursor: cursor(self.value("head").expect("a head")),
            total_unread: self.number("total").unwrap_or(0),
            row_count: self.number("count").unwrap_or(0),
            tombstone_floor: self.number("floor").unwrap_or(0),
            forks: self.fork("fork").into_iter().collect(),
            not_before: self.number("before").unwrap_or(0),
            ..Head::empty()
        }
    }

    fn slice(&self) -> ReplaySlice {
        let entries = self.entries();
        let changed = self.number("changed").unwrap_or(entries.len() as u64);
        ReplaySlice { head: self.head(), changed, entries }
    }

    fn page(&self) -> Page {
        Page { head: self.head(), rows: self.rows(), next_seq: 3, is_finished: self.0.contains(&"finished") }
    }
}

fn render(first: String, outputs: &[Output]) -> String {
    let outputs = outputs.iter().map(|output| match output {
        Output::Send(frame) => render_frame(frame),
        Output::Read(ReadRequest::Replay { since }) => format!("read since {since}"),
        Output::Read(ReadRequest::Full { window }) => format!("read top {window}"),
        Output::ReadUnread { .. } => "read unread".to_owned(),
        Output::Ping => "ping".to_owned(),
        Output::Comment => "comment".to_owned(),
        Output::Close { code, .. } => format!("close {}", code.code()),
        Output::Note(_) => String::new(),
    });
    std::iter::once(first).chain(outputs).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

fn render_note(output: &Output) -> Option<String> {
    let Output::Note(note) = output else { return None };
    Some(match note {
        Note::Changes { count, coalesced, accepted_us } => {
            let since = accepted_us.map_or(String::new(), |accepted_us| format!(" since {accepted_us}"));
            format!("{count} changes, {coalesced} coalesced{since}")
        }
        Note::Gap(cause) => format!("gap {}", cause.name()),
        Note::Overflow => "overflow".to_owned(),
        Note::SyncStarted(mode) => format!("{mode:?} started"),
        Note::SyncRows(mode, count) => format!("{mode:?} {count} rows"),
        Note::SyncFinished { mode, took } => format!("{mode:?} finished in {} s", took.as_secs_f64()),
        Note::SyncFailed(mode) => format!("{mode:?} failed"),
    })
}

fn render_frame(frame: &Frame) -> String {
    use conversation_protocol::EventName as Name;
    let data: serde_json::Value = serde_json::from_str(&frame.data).unwrap();
    let names = |field: &str| {
        let list: Vec<&str> = data[field].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        // Many rows are only counted.
        if list.len() > 8 || list[0].len() > 100 {
            format!("*{}", list.len())
        } else {
            list.join(" ").replace("c2c_", "")
        }
    };
    let text = |field: &str| data[field].to_string().replace('"', "");
    let said = match frame.event {
        Name::SyncServerStart => format!("start {}", text("mode")),
        Name::NewConversation => format!("new {}", names("conversationList")),
        Name::ConversationChanged => format!("changed {}", names("conversationList")),
        Name::ConversationDeleted => format!("deleted {} @{}", names("conversationIDList"), text("version")),
        Name::TotalUnreadMessageCountChanged => format!("total {} @{}", text("totalUnreadCount"), text("version")),
        Name::UnreadMessageCountChangedByFilter => {
            let name = if data["filter"] == serde_json::json!({}) { "all" } else { "star" };
            format!("{name} {} @{}", text("totalUnreadCount"), text("version"))
        }
        Name::ConversationGroupCreated => format!("created {}", text("groupName")),
        Name::ConversationGroupDeleted => format!("dissolved {}", text("groupName")),
        Name::ConversationGroupNameChanged => format!("renamed {} {}", text("oldName"), text("newName")),
        Name::ConversationsAddedToGroup => format!("added {}", text("groupName")),
        Name::ConversationsDeletedFromGroup => format!("removed {}", text("groupName")),
        Name::SyncServerFinish => match data.get("nextSeq") {
            Some(next_seq) => format!("finish {} next {next_seq} {}", text("mode"), text("isFinished")),
            None => format!("finish {}", text("mode")),
        },
        Name::SyncServerFailed => format!("failed {} {} ms", text("code"), text("retryAfterMs")),
        Name::KickedOffline => format!("kicked ({})", text("reason")),
        Name::TokenExpired => "token expired".to_owned(),
        Name::Reconnect => format!("reconnect after {} ms", text("afterMs")),
    };
    match frame.cursor {
        Some(cursor) => format!("{said} #{cursor}"),
        None => said,
    }
}
