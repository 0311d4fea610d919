//! Receive statistics of one RTP stream: extended sequence numbers, restarts, loss and jitter (RFC 3550 appendix A).

use std::time::Instant;

/// A jump forward beyond this is a new numbering, not loss (MAX_DROPOUT, RFC 3550 appendix A.1).
const DROPOUT_MAX: u16 = 3_000;

/// Index of sequence number 0 of a fresh stream: late packets before the first one still have a place.
const FIRST_CYCLE: u64 = 1 << 16;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Newer than all before it; this many indices were skipped.
    Newest { skipped: u64 },
    /// Fills an earlier place.
    Late,
    /// First packet of a new numbering: nothing before it continues.
    Restarted,
}

#[derive(Debug, Default)]
pub(crate) struct Reception {
    highest: Option<u64>,
    /// First index of the current numbering.
    base: u64,
    /// Restarts so far.
    epoch: u32,
    /// Next sequence number of a suspected new numbering (bad_seq, RFC 3550 appendix A.1).
    suspected: Option<u16>,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    jitter: f64,
    transit: Option<i64>,
    first_arrival: Option<Instant>,
}

/// The numbers of an RTCP report block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) fraction_lost: u8,
    pub(crate) cumulative_lost: u32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
}

impl Reception {
    /// Gives a sequence number its index. `None` when it can only be noise: too old, or a jump not yet confirmed.
    pub(crate) fn place(&mut self, sequence_number: u16, late_max: u16) -> Option<(u64, Place)> {
        let Some(highest) = self.highest else {
            let index = FIRST_CYCLE + u64::from(sequence_number);
            (self.highest, self.base) = (Some(index), index);
            return Some((index, Place::Newest { skipped: 0 }));
        };
        let ahead = sequence_number.wrapping_sub((highest & 0xFFFF) as u16);
        let behind = ahead.wrapping_neg();
        if ahead != 0 && ahead <= DROPOUT_MAX {
            self.suspected = None;
            let index = highest + u64::from(ahead);
            self.highest = Some(index);
            return Some((index, Place::Newest { skipped: u64::from(ahead) - 1 }));
        }
        if behind < late_max {
            return Some((highest - u64::from(behind), Place::Late));
        }
        if self.suspected.replace(sequence_number.wrapping_add(1)) == Some(sequence_number) {
            return Some((self.restart(sequence_number), Place::Restarted));
        }
        None
    }

    /// Starts a new numbering; indices go on rising and keep the sender's low 16 bits.
    pub(crate) fn restart(&mut self, sequence_number: u16) -> u64 {
        let Some(highest) = self.highest else {
            let index = FIRST_CYCLE + u64::from(sequence_number);
            (self.highest, self.base) = (Some(index), index);
            return index;
        };
        let index = (((highest >> 16) + 2) << 16) | u64::from(sequence_number);
        *self =
            Self { highest: Some(index), base: index, epoch: self.epoch.wrapping_add(1), ..Self::default() };
        index
    }

    /// Counts a packet that came on its own stream (repairs are not counted, RFC 4588 section 7).
    pub(crate) fn count(&mut self, timestamp: u32, arrival: Instant, clock_rate_hz: u32) {
        self.received += 1;
        let first = *self.first_arrival.get_or_insert(arrival);
        let elapsed_us = arrival.saturating_duration_since(first).as_micros();
        let ticks = elapsed_us * u128::from(clock_rate_hz) / 1_000_000;
        let transit = i64::from((ticks as u32).wrapping_sub(timestamp) as i32);
        if let Some(before) = self.transit {
            let change = ((transit - before) as i32).unsigned_abs();
            self.jitter += (f64::from(change) - self.jitter) / 16.0;
        }
        self.transit = Some(transit);
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) fn expected(&self) -> u64 {
        self.highest.map_or(0, |highest| highest + 1 - self.base)
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The report since the last call; `None` before the first packet.
    pub(crate) fn report(&mut self) -> Option<Reported> {
        let highest = self.highest?;
        let (expected, received) = (self.expected(), self.received);
        let expected_since = expected.saturating_sub(self.expected_prior);
        let lost_since = expected_since.saturating_sub(received.saturating_sub(self.received_prior));
        (self.expected_prior, self.received_prior) = (expected, received);
        let fraction_lost = (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255);
        Some(Reported {
            fraction_lost: fraction_lost as u8,
            // 24 bits, signed: a negative value (duplicates) is reported as none.
            cumulative_lost: expected.saturating_sub(received).min(0x7F_FFFF) as u32,
            highest: (highest - FIRST_CYCLE) as u32,
            jitter: self.jitter as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_wrap_and_late_packets_find_their_place() {
        let mut reception = Reception::default();
        let (first, _) = reception.place(65_534, 100).expect("first");
        assert_eq!(reception.place(1, 100), Some((first + 3, Place::Newest { skipped: 2 })));
        assert_eq!(reception.place(65_535, 100), Some((first + 1, Place::Late)));
        assert_eq!(reception.place(60_000, 100), None, "too old");
    }

    #[test]
    fn a_confirmed_jump_restarts_and_indices_keep_rising() {
        let mut reception = Reception::default();
        let (first, _) = reception.place(100, 100).expect("first");
        assert_eq!(reception.place(40_000, 100), None);
        let (index, place) = reception.place(40_001, 100).expect("confirmed");
        assert_eq!(place, Place::Restarted);
        assert!(index > first);
        assert_eq!(index & 0xFFFF, 40_001);
        assert_eq!(reception.epoch(), 1);
    }

    #[test]
    fn loss_and_jitter_are_reported_per_interval() {
        let mut reception = Reception::default();
        let start = crate::begin();
        for n in 0..100u16 {
            if n % 4 == 3 {
                continue;
            }
            reception.place(n, 100).expect("in order");
            // 20 ms apart, every second packet 10 ms late.
            let late = u64::from(n % 2) * 10;
            let at = start + Duration::from_millis(u64::from(n) * 20 + late);
            reception.count(u32::from(n) * 960, at, 48_000);
        }
        let reported = reception.report().expect("packets came");
        assert_eq!(reported.cumulative_lost, 24, "the last loss is not known yet");
        assert!((60..=63).contains(&reported.fraction_lost), "{reported:?}");
        assert!((200..480).contains(&reported.jitter), "{reported:?}");
        assert_eq!(reception.report().expect("again").fraction_lost, 0);
    }
}
