//! What arrived of one stream, by RTP sequence number.

use std::collections::BTreeSet;

/// Packets a repair may be late by before the hole counts as lost.
const WINDOW: u64 = 1_024;

/// Counts of one stream. `lost` is what is missing now; repairs take it down again.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    first: Option<u64>,
    highest: u64,
    pub received: u64,
    pub duplicates: u64,
    /// Packets that came after one with a higher number.
    pub reordered: u64,
    pub bytes: u64,
    missing: BTreeSet<u64>,
    lost: u64,
}

impl Tally {
    /// Takes one packet.
    pub fn take(&mut self, sequence: u16, bytes: usize) {
        self.bytes += bytes as u64;
        let Some(first) = self.first else {
            // Far from zero, so that an early packet before the first one has a number too.
            let start = u64::from(sequence) + 65_536;
            self.first = Some(start);
            self.highest = start;
            self.received = 1;
            return;
        };
        let extended = extend(self.highest, sequence);
        if extended > self.highest {
            self.missing.extend(self.highest + 1..extended);
            self.highest = extended;
            self.received += 1;
        } else if self.missing.remove(&extended) {
            self.received += 1;
            self.reordered += 1;
        } else if extended < first {
            self.received += 1;
            self.reordered += 1;
            self.missing.extend(extended + 1..first);
            self.first = Some(extended);
        } else {
            self.duplicates += 1;
        }
        let horizon = self.highest.saturating_sub(WINDOW);
        while self.missing.first().is_some_and(|number| *number < horizon) {
            self.missing.pop_first();
            self.lost += 1;
        }
    }

    /// Packets between the first and the last number, both included.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - first + 1)
    }

    /// Packets that are missing for good, and those that a repair may still bring.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost + self.missing.len() as u64
    }
}

fn extend(highest: u64, sequence: u16) -> u64 {
    let delta = i64::from(sequence.wrapping_sub(highest as u16) as i16);
    highest.saturating_add_signed(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_lost_until_its_repair_comes_and_wrapping_is_no_hole() {
        let mut tally = Tally::default();
        for sequence in [65_533_u16, 65_534, 65_535, 0, 2] {
            tally.take(sequence, 10);
        }
        assert_eq!((tally.expected(), tally.received, tally.lost()), (6, 5, 1));
        tally.take(1, 10);
        tally.take(1, 10);
        assert_eq!((tally.lost(), tally.reordered, tally.duplicates), (0, 1, 1));
        for step in 0..3_000_u16 {
            if step != 50 {
                tally.take(3 + step, 10);
            }
        }
        assert_eq!(tally.lost(), 1);
    }
}
