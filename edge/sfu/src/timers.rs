//! Deadlines of all parts of the shard in one heap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use crate::{Layer, SourceId};

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The session's own timers: DTLS, SCTP, consent.
    Session(u32),
    /// Sender and receiver reports of a session.
    Report(u32),
    /// Transport-wide feedback to a session.
    TransportFeedback(u32),
    Quality(u32),
    Nack(SourceId, Layer),
    Keyframe(SourceId, Layer),
    /// A stream's switch that waits for the end of a picture.
    Switch(u32),
    /// Notices that a layer stopped.
    Silence(SourceId, Layer),
    Speakers,
}

impl Timer {
    fn reason(self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Report(_) => "reports",
            Self::TransportFeedback(_) => "transport feedback",
            Self::Quality(_) => "quality",
            Self::Nack(..) => "missing packets",
            Self::Keyframe(..) => "keyframe request",
            Self::Switch(_) => "layer switch",
            Self::Silence(..) => "layer silence",
            Self::Speakers => "speakers",
        }
    }
}

/// One deadline per [`Timer`]. A deadline that moved earlier leaves its old heap entry behind, which is skipped later.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
    set: HashMap<Timer, Instant>,
}

impl Timers {
    /// Makes `timer` fire no later than `at`. Whoever is woken early sets it again.
    pub(crate) fn no_later(&mut self, timer: Timer, at: Instant) {
        match self.set.get_mut(&timer) {
            Some(known) if *known <= at => return,
            Some(known) => *known = at,
            None => {
                self.set.insert(timer, at);
            }
        }
        self.heap.push(Reverse((at, timer)));
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.set.remove(&timer);
    }

    /// Takes one timer that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Timer> {
        while let Some(Reverse((at, timer))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.set.get(&timer) == Some(&at) {
                self.set.remove(&timer);
                return Some(timer);
            }
        }
        None
    }

    /// The earliest deadline and its reason. A cancelled one may show; waking for it does no harm.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.heap.peek().map(|Reverse((at, timer))| (*at, timer.reason()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn earlier_wins_later_is_ignored_cancelled_is_silent() {
        let start = crate::begin();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.no_later(Timer::Session(1), at(50));
        timers.no_later(Timer::Session(1), at(20));
        timers.no_later(Timer::Session(1), at(90));
        timers.no_later(Timer::Report(2), at(30));
        timers.cancel(Timer::Report(2));
        assert_eq!(timers.poll_timeout(), Some((at(20), "session")));
        assert_eq!(timers.pop(at(10)), None);
        assert_eq!(timers.pop(at(100)), Some(Timer::Session(1)));
        assert_eq!(timers.pop(at(100)), None);
    }
}
