//! Packet indices and replay protection per SSRC (RFC 3711 sections 3.3.1 and 3.3.2).

use std::time::{Duration, Instant};

use crate::DropReason;

/// Packets. A publisher repairs loss by sending old packets again for up to a second or so: 1024 are 3 s of 1080p.
pub(crate) const REPLAY_WINDOW: u64 = 1024;

const WORDS: usize = REPLAY_WINDOW as usize / 64;

/// A publisher with camera, screen and three layers each, repair streams included, has 16.
const SSRCS_MAX: usize = 64;

/// When the table is full, an SSRC silent for this long makes room for a new one.
const SSRC_IDLE_AFTER: Duration = Duration::from_secs(10);

/// What is known of the SSRCs of one direction. Nothing of a packet enters before it is authenticated.
#[derive(Default)]
pub(crate) struct ReplayTable {
    streams: Vec<Stream>,
}

struct Stream {
    ssrc: u32,
    highest: u64,
    /// Bit `index % REPLAY_WINDOW` is set when that index was accepted and is within the window below `highest`.
    seen: [u64; WORDS],
    heard_at: Instant,
}

impl ReplayTable {
    /// The 48-bit index of a packet: the one nearest to the highest seen. `None` when that lies before the first.
    pub(crate) fn rtp_index(&self, ssrc: u32, sequence: u16) -> Option<u64> {
        let Some(stream) = self.stream(ssrc) else { return Some(sequence.into()) };
        let highest = stream.highest as i64;
        let distance = i64::from(sequence.wrapping_sub(highest as u16) as i16);
        u64::try_from(highest + distance).ok()
    }

    /// Whether a packet with this index may be accepted, if it authenticates.
    pub(crate) fn check(&self, now: Instant, ssrc: u32, index: u64) -> Result<(), DropReason> {
        match self.stream(ssrc) {
            Some(stream) if stream.is_news(index) => Ok(()),
            Some(_) => Err(DropReason::Replayed),
            None if self.streams.len() < SSRCS_MAX || self.idle(now).is_some() => Ok(()),
            None => Err(DropReason::TooManySsrcs),
        }
    }

    /// Notes an authenticated packet that passed [`Self::check`].
    pub(crate) fn accept(&mut self, now: Instant, ssrc: u32, index: u64) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.accept(index);
            stream.heard_at = now;
            return;
        }
        if self.streams.len() >= SSRCS_MAX
            && let Some(idle) = self.idle(now)
        {
            self.streams.swap_remove(idle);
        }
        let mut stream = Stream { ssrc, highest: index, seen: [0; WORDS], heard_at: now };
        stream.accept(index);
        self.streams.push(stream);
    }

    fn stream(&self, ssrc: u32) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.ssrc == ssrc)
    }

    fn idle(&self, now: Instant) -> Option<usize> {
        let (index, longest) = self.streams.iter().enumerate().min_by_key(|(_, stream)| stream.heard_at)?;
        (now.saturating_duration_since(longest.heard_at) >= SSRC_IDLE_AFTER).then_some(index)
    }
}

impl Stream {
    fn is_news(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        let (word, bit) = position(index);
        self.highest - index < REPLAY_WINDOW && self.seen[word] & bit == 0
    }

    fn accept(&mut self, index: u64) {
        if index > self.highest {
            let skipped = (self.highest + 1)..index;
            if skipped.end - skipped.start >= REPLAY_WINDOW {
                self.seen = [0; WORDS];
            } else {
                for old in skipped {
                    let (word, bit) = position(old);
                    self.seen[word] &= !bit;
                }
            }
            self.highest = index;
        }
        let (word, bit) = position(index);
        self.seen[word] |= bit;
    }
}

fn position(index: u64) -> (usize, u64) {
    let slot = index % REPLAY_WINDOW;
    ((slot / 64) as usize, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an instant to begin at; time passes by arithmetic")]
    fn begin() -> Instant {
        Instant::now()
    }

    proptest! {
        /// Against the plain definition: news is what was never accepted and is less than a window old.
        #[test]
        fn the_window_agrees_with_a_set(steps in prop::collection::vec(-1500_i64..1500, 1..400)) {
            let (now, mut table) = (begin(), ReplayTable::default());
            let (mut accepted, mut highest) = (HashSet::new(), 100_000_u64);
            table.accept(now, 7, highest);
            accepted.insert(highest);
            for step in steps {
                let index = highest.saturating_add_signed(step);
                let news = !accepted.contains(&index) && index + REPLAY_WINDOW > highest;
                prop_assert_eq!(table.check(now, 7, index).is_ok(), news);
                if news {
                    table.accept(now, 7, index);
                    accepted.insert(index);
                    highest = highest.max(index);
                }
            }
        }
    }

    #[test]
    fn the_rollover_counter_follows_the_sequence_both_ways() {
        let (now, mut table) = (begin(), ReplayTable::default());
        assert_eq!(table.rtp_index(1, 65_000), Some(65_000));
        table.accept(now, 1, 65_000);
        assert_eq!(table.rtp_index(1, 10), Some(65_546));
        table.accept(now, 1, 65_546);
        assert_eq!(table.rtp_index(1, 65_001), Some(65_001), "a late packet of before the wrap");
        assert_eq!(table.rtp_index(1, 11), Some(65_547));
        table.accept(now, 2, 3);
        assert_eq!(table.rtp_index(2, 65_535), None, "before the first index there is");
    }

    #[test]
    fn the_table_is_bounded_and_an_idle_ssrc_makes_room() {
        let (now, mut table) = (begin(), ReplayTable::default());
        for ssrc in 0..SSRCS_MAX as u32 {
            assert_eq!(table.check(now, ssrc, 1), Ok(()));
            table.accept(now, ssrc, 1);
        }
        assert_eq!(table.check(now, 1000, 1), Err(DropReason::TooManySsrcs));
        let later = now + SSRC_IDLE_AFTER;
        assert_eq!(table.check(later, 1000, 1), Ok(()));
        table.accept(later, 1000, 1);
        assert_eq!(table.streams.len(), SSRCS_MAX);
        assert_eq!(table.check(later, 1000, 1), Err(DropReason::Replayed));
    }
}
