//! Which step a scenario is at: told on standard error while it runs, and kept for its report.

use crate::clock;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Between two lines about one step, where standard error is no terminal.
const BETWEEN_LINES_US: u64 = 5_000_000;
/// How often a terminal is drawn on: seldom, since the drawing takes time from what is measured.
const DRAWS_PER_SECOND: u8 = 4;
/// How often a bar shows the time though nothing was done.
const TICK: Duration = Duration::from_secs(1);
/// Characters that the name of a step takes.
const NAME_WIDTH: usize = 34;

/// When a step was.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The step's name.
    pub name: String,
    /// When it began, in seconds.
    pub from_seconds: f64,
    /// When it was over, in seconds.
    pub to_seconds: f64,
}

/// Whom the steps of a scenario are told to.
#[derive(Debug, Clone)]
pub struct Progress {
    /// `None`: standard error is no terminal, and gets lines.
    bars: Option<MultiProgress>,
    prefix: String,
    /// In microseconds of the tool's clock.
    spans: Arc<Mutex<Vec<(String, u64, u64)>>>,
}

/// Something that is under way; it is over with this value.
#[derive(Debug)]
pub(crate) struct Step {
    progress: Progress,
    name: String,
    /// 0: not known; more may be done after all.
    total: u64,
    done: AtomicU64,
    begun_us: u64,
    told_us: AtomicU64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Bars on a terminal, lines elsewhere.
    pub fn on_stderr() -> Self {
        let bars = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
        Self { bars: stderr().is_terminal().then(bars), prefix: String::new(), spans: Arc::default() }
    }

    /// Nothing is told.
    pub(crate) fn silent() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { bars: Some(bars), prefix: String::new(), spans: Arc::default() }
    }

    /// The same for steps of a part with a name.
    pub(crate) fn of(&self, part: &str) -> Self {
        Self { bars: self.bars.clone(), prefix: format!("{part}: "), spans: Arc::default() }
    }

    /// Something begins that has so many parts; 0: nobody knows how many.
    pub(crate) fn step(&self, name: &str, total: u64) -> Step {
        let now_us = clock::now_us();
        let step = Step {
            progress: self.clone(),
            name: name.to_owned(),
            total,
            done: AtomicU64::new(0),
            begun_us: now_us,
            told_us: AtomicU64::new(now_us),
            bar: self.bars.as_ref().map(|bars| bars.add(bar(&format!("{}{name}", self.prefix), total))),
        };
        step.line("begins");
        step
    }

    /// Tells something else, without a bar in between.
    pub fn beside<T>(&self, tell: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(tell),
            None => tell(),
        }
    }

    /// Steps that are over and ended after a time, in seconds since then.
    pub(crate) fn spans_since(&self, begun_us: u64) -> Vec<Span> {
        let seconds = |us: u64| us.saturating_sub(begun_us) as f64 / 1e6;
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let since = spans.iter().filter(|(_, _, to_us)| *to_us > begun_us);
        since
            .map(|(name, from_us, to_us)| Span {
                name: name.clone(),
                from_seconds: seconds(*from_us),
                to_seconds: seconds(*to_us),
            })
            .collect()
    }
}

fn bar(name: &str, total: u64) -> ProgressBar {
    let (bar, template) = match total {
        0 => (ProgressBar::no_length(), "{prefix} {spinner} {pos} after {elapsed}"),
        _ => (ProgressBar::new(total), "{prefix} [{bar:30}] {pos} of {len} after {elapsed}"),
    };
    let style = ProgressStyle::with_template(template).expect("the templates are constants");
    bar.set_style(style.progress_chars("=> "));
    bar.set_prefix(format!("{name:<NAME_WIDTH$}"));
    bar.enable_steady_tick(TICK);
    bar
}

impl Step {
    /// One part more is done.
    pub(crate) fn advance(&self) {
        self.tell(self.done.fetch_add(1, Ordering::Relaxed) + 1);
    }

    /// So many parts are done.
    pub(crate) fn reach(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.tell(done);
    }

    fn tell(&self, done: u64) {
        if let Some(bar) = &self.bar {
            if self.total > 0 {
                bar.set_length(self.total.max(done));
            }
            bar.set_position(done);
            return;
        }
        let (now_us, told_us) = (clock::now_us(), self.told_us.load(Ordering::Relaxed));
        let is_due = now_us.saturating_sub(told_us) >= BETWEEN_LINES_US;
        if is_due && self.told_us.compare_exchange(told_us, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.line("goes on");
        }
    }

    fn line(&self, what: &str) {
        if self.bar.is_none() {
            eprintln!("{}", self.words(what, clock::now_us()));
        }
    }

    fn words(&self, what: &str, now_us: u64) -> String {
        let name = format!("{}{}", self.progress.prefix, self.name);
        let (done, after) = (self.done.load(Ordering::Relaxed), (now_us - self.begun_us) as f64 / 1e6);
        let of = if self.total > 0 { format!(" of {}", self.total.max(done)) } else { String::new() };
        format!("{name:<NAME_WIDTH$} {what:<8} {done}{of} after {after:.1} s")
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.line("is over");
        if let (Some(bar), Some(bars)) = (&self.bar, &self.progress.bars) {
            bar.finish_and_clear();
            bars.remove(bar);
        }
        let mut spans = self.progress.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.push((self.name.clone(), self.begun_us, clock::now_us()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Progress {
        Progress { bars: None, prefix: "redis-slow: ".to_owned(), spans: Arc::default() }
    }

    #[test]
    fn a_line_says_how_much_is_done_and_since_when() {
        let step = lines().step("opening", 30);
        step.reach(7);
        step.advance();
        let told = step.words("goes on", step.begun_us + 2_500_000);
        assert_eq!(told, format!("{:<34} goes on  8 of 30 after 2.5 s", "redis-slow: opening"));
        step.reach(40);
        assert!(step.words("is over", step.begun_us).contains(" 40 of 40 "), "there was more to do than it seemed");
        let unknown = lines().step("opening", 0);
        assert!(unknown.words("begins", unknown.begun_us).ends_with("begins   0 after 0.0 s"));
    }

    #[test]
    fn steps_are_kept_once_they_are_over() {
        let progress = lines();
        let begun_us = clock::now_us();
        let (first, second) = (progress.step("first", 1), progress.step("second", 1));
        drop(first);
        let spans = progress.spans_since(begun_us);
        assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["first"]);
        assert!(spans[0].from_seconds <= spans[0].to_seconds);
        drop(second);
        assert_eq!(progress.spans_since(begun_us).len(), 2);
        assert!(progress.spans_since(clock::now_us() + 1).is_empty(), "they ended before");
    }
}
