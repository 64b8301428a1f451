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

/// Processor time that this process has used so far, user and system: what a replay measures.
pub fn cpu_time() -> Nanos {
    nanos(sys::clock(libc::CLOCK_PROCESS_CPUTIME_ID))
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
