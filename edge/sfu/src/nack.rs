//! Asking the sender of a layer for what is missing (RFC 4585 section 6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets waited for at once; beyond it repair cannot catch up and a keyframe is asked for instead.
pub(crate) const MISSING_MAX: usize = 256;
/// Wait before the first request: most reordering on the way is shorter.
const REORDERING: Duration = Duration::from_millis(10);
/// Requests per packet.
const TRIES_MAX: u8 = 8;
/// Age after which nobody waits for a packet any more.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Bounds of the wait between two requests for one packet.
const RETRY_MIN: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);
/// Round trip assumed before a repair has been seen.
const RTT_ASSUMED: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
struct Missing {
    index: u64,
    tries: u8,
    since: Instant,
    asked: Option<Instant>,
    next: Instant,
}

#[derive(Debug)]
pub(crate) struct Generator {
    /// By rising index.
    missing: VecDeque<Missing>,
    rtt: Duration,
    measured: bool,
}

/// Repair was given up: only a keyframe helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Default for Generator {
    fn default() -> Self {
        Self { missing: VecDeque::new(), rtt: RTT_ASSUMED, measured: false }
    }
}

impl Generator {
    /// Notes the `skipped` indices before `newest`.
    pub(crate) fn missed(&mut self, newest: u64, skipped: u64, now: Instant) -> Result<(), Overflow> {
        if skipped as usize + self.missing.len() > MISSING_MAX {
            self.missing.clear();
            return Err(Overflow);
        }
        let next = now + REORDERING;
        let found = (newest - skipped..newest).map(|index| Missing {
            index,
            tries: 0,
            since: now,
            asked: None,
            next,
        });
        self.missing.extend(found);
        Ok(())
    }

    /// A packet came that was not the newest; measures the round trip when it answers a single request.
    pub(crate) fn arrived(&mut self, index: u64, now: Instant) {
        let Ok(at) = self.missing.binary_search_by_key(&index, |missing| missing.index) else { return };
        let Some(found) = self.missing.remove(at) else { return };
        if let (1, Some(asked)) = (found.tries, found.asked) {
            let sample = now.saturating_duration_since(asked).min(RETRY_MAX);
            self.rtt = if self.measured { self.rtt * 7 / 8 + sample / 8 } else { sample };
            self.measured = true;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.missing.clear();
    }

    /// Round trip to the sender, once a repair has shown it.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.measured.then_some(self.rtt)
    }

    /// When [`Self::due`] has something to say.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.next).min()
    }

    /// Appends the sequence numbers to ask for now; returns how many packets were given up.
    pub(crate) fn due(&mut self, now: Instant, ask: &mut Vec<u16>) -> u64 {
        let before = self.missing.len();
        self.missing.retain(|missing| {
            missing.tries < TRIES_MAX && now.saturating_duration_since(missing.since) < AGE_MAX
        });
        let given_up = before - self.missing.len();
        let rtt = self.rtt.clamp(RETRY_MIN, RETRY_MAX);
        for missing in self.missing.iter_mut().filter(|missing| missing.next <= now) {
            missing.tries += 1;
            missing.asked = Some(now);
            // Half as long again with every try, so that a congested path is not filled with requests.
            let factor = 1.5f64.powi(i32::from(missing.tries) - 1);
            missing.next = now + rtt.mul_f64(factor).min(RETRY_MAX);
            ask.push((missing.index & 0xFFFF) as u16);
        }
        given_up as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(generator: &mut Generator, now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        generator.due(now, &mut out);
        out
    }

    #[test]
    fn asks_after_reordering_time_and_backs_off_by_round_trip() {
        let start = crate::begin();
        let at = |ms| start + Duration::from_millis(ms);
        let mut generator = Generator::default();
        generator.missed(0x1_0005, 2, start).expect("room");
        assert_eq!(ask(&mut generator, at(5)), [] as [u16; 0]);
        assert_eq!(ask(&mut generator, at(10)), [3, 4]);
        assert_eq!(ask(&mut generator, at(50)), [] as [u16; 0]);
        generator.arrived(0x1_0003, at(50));
        assert_eq!(generator.rtt(), Some(Duration::from_millis(40)));
        assert_eq!(generator.poll_timeout(), Some(at(110)));
        assert_eq!(ask(&mut generator, at(110)), [4]);
        assert_eq!(generator.poll_timeout(), Some(at(170)), "40 ms and a half");
    }

    #[test]
    fn gives_up_by_age_and_tries() {
        let start = crate::begin();
        let mut generator = Generator::default();
        generator.missed(0x1_0005, 1, start).expect("room");
        let (mut now, mut asked) = (start, 0);
        while let Some(at) = generator.poll_timeout() {
            now = at;
            asked += ask(&mut generator, now).len();
        }
        assert!((3..=usize::from(TRIES_MAX)).contains(&asked), "{asked}");
        assert!(now <= start + AGE_MAX + RETRY_MAX);
    }

    #[test]
    fn too_large_a_hole_is_not_repaired() {
        let mut generator = Generator::default();
        assert_eq!(generator.missed(0x2_0000, 257, crate::begin()), Err(Overflow));
        assert_eq!(generator.poll_timeout(), None);
    }
}
