//! When calls are due in an open loop: at fixed times, whatever became of earlier ones.

/// A rate of calls from a moment on; the first one is due at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    begun_us: u64,
    per_second: f64,
}

impl Schedule {
    /// So many calls a second from now on.
    pub(crate) fn new(begun_us: u64, per_second: f64) -> Self {
        Self { begun_us, per_second }
    }

    /// How many calls have come due by now.
    pub(crate) fn due_by(&self, now_us: u64) -> u64 {
        if self.per_second <= 0.0 {
            return 0;
        }
        (now_us.saturating_sub(self.begun_us) as f64 / 1e6 * self.per_second) as u64 + 1
    }

    /// When the call of a number, from 0, is due.
    pub(crate) fn due_us(&self, number: u64) -> u64 {
        self.begun_us + (number as f64 / self.per_second * 1e6) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_made_when_it_is_due_and_not_one_call_later() {
        let schedule = Schedule::new(5_000_000, 8.0);
        assert_eq!(schedule.due_by(5_000_000), 1);
        assert_eq!(schedule.due_by(5_124_999), 1);
        assert_eq!(schedule.due_by(5_125_000), 2);
        for number in 1..100 {
            let due_us = schedule.due_us(number);
            assert_eq!(schedule.due_by(due_us), number + 1, "call {number}");
            assert_eq!(schedule.due_by(due_us - 1), number, "call {number}");
        }
        assert_eq!(Schedule::new(0, 0.0).due_by(1_000_000), 0);
    }
}
