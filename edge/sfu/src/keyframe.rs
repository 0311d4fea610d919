//! Keyframe requests of one layer: the first at once, then throttled, repeated until a keyframe comes.

use std::time::{Duration, Instant};

/// Least time between two requests for one layer: encoders make no more than two or three keyframes a second anyway.
const INTERVAL: Duration = Duration::from_millis(500);
/// Requests without an answer after which the pace slows down: the way back to the sender may be broken for a while.
const TRIES_FAST: u8 = 10;
const INTERVAL_SLOW: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(crate) struct Requests {
    wanted: bool,
    tries: u8,
    sent: Option<Instant>,
}

impl Requests {
    /// Somebody wants a keyframe.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
        self.tries = 0;
    }

    /// A keyframe came, or the layer stopped: whoever still wants one asks again when it returns.
    pub(crate) fn arrived(&mut self) {
        self.wanted = false;
    }

    /// When [`Self::due`] may say yes.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.wanted.then(|| self.sent.map_or(now, |sent| sent + self.interval()))
    }

    /// Whether a request is to be sent now; counts it as sent.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        let interval = self.interval();
        let early = self.sent.is_some_and(|sent| now.saturating_duration_since(sent) < interval);
        if !self.wanted || early {
            return false;
        }
        self.sent = Some(now);
        self.tries = self.tries.saturating_add(1);
        true
    }

    fn interval(&self) -> Duration {
        if self.tries < TRIES_FAST { INTERVAL } else { INTERVAL_SLOW }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_at_once_then_throttled_until_a_keyframe_comes() {
        let start = crate::begin();
        let mut requests = Requests::default();
        assert!(!requests.due(start));
        requests.want();
        assert!(requests.due(start));
        requests.want();
        assert!(!requests.due(start + INTERVAL / 2));
        assert_eq!(requests.poll_timeout(start), Some(start + INTERVAL));
        assert!(requests.due(start + INTERVAL));
        requests.arrived();
        assert_eq!(requests.poll_timeout(start), None);
        requests.want();
        let sent = (0..120).filter(|n| requests.due(start + INTERVAL * 2 + INTERVAL * *n)).count();
        assert!((20..=30).contains(&sent), "{sent} in a minute: slower after a while");
    }
}
