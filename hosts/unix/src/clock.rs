//! The clock: the only place that reads it. The loop reads once per burst and hands the reading on.

use hypercall::Nanos;
use rustix::time::Timespec;

use crate::sys;

/// Now, on the system's monotonic clock.
///
/// ```
/// let earlier = rumpswitch_unix::clock::now();
/// assert!(rumpswitch_unix::clock::now() >= earlier);
/// ```
pub fn now() -> Nanos {
    nanos(sys::clock(libc::CLOCK_MONOTONIC))
}

/// Processor time that this thread has used so far, user and system: what a replay measures.
pub fn cpu_time() -> Nanos {
    nanos(sys::clock(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// Finds out how fast the time stamp counter runs: processor time times this rate is a count of
/// cycles that can be set beside what others publish.
///
/// ```
/// let rate = rumpswitch_unix::clock::TickRate::begin();
/// std::thread::sleep(std::time::Duration::from_millis(1));
/// assert!(rate.per_second().is_none_or(|rate| rate > 1e6));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TickRate {
    begun: Nanos,
    ticks: Option<u64>,
}

impl TickRate {
    /// Begins to compare the counter with the clock.
    pub fn begin() -> TickRate {
        TickRate { begun: now(), ticks: sys::time_stamp() }
    }

    /// Ticks in a second, the more exact the longer ago the beginning is (a microsecond's doubt over
    /// that time); `None` on a machine without such a counter.
    pub fn per_second(&self) -> Option<f64> {
        let ticks = sys::time_stamp()?.checked_sub(self.ticks?)?;
        let nanos = now().since(self.begun).max(1);
        Some(ticks as f64 * Nanos::PER_SECOND as f64 / nanos as f64)
    }
}

fn nanos(time: libc::timespec) -> Nanos {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Nanos::from_secs(seconds).plus(nanos)
}

/// From `now` to `deadline` as epoll wants it; zero when it has passed.
pub(crate) fn until(now: Nanos, deadline: Nanos) -> Timespec {
    let left = deadline.since(now);
    Timespec {
        tv_sec: i64::try_from(left / Nanos::PER_SECOND).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(left % Nanos::PER_SECOND).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_deadline_is_no_wait() {
        let left = until(Nanos(5), Nanos(3));
        assert_eq!((left.tv_sec, left.tv_nsec), (0, 0));
        let left = until(Nanos(1), Nanos(2_000_000_004));
        assert_eq!((left.tv_sec, left.tv_nsec), (2, 3));
    }
}
