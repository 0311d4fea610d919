//! Puts the packets of one stream back in order and says where one is missing for good.

use std::collections::BTreeMap;

use crate::rtp::Packet;

/// How long a hole may stay open, in journal time. A repair over a 300 ms path takes one to three round trips.
const WAIT_MS: u64 = 1_000;
/// The first packets wait this long for one before them: the first key frame of a class begins there.
const START_WAIT_MS: u64 = 300;
/// Packets held behind a hole: two seconds of a 6 Mbit/s stream. When full the hole is given up.
const HELD_MAX: usize = 2_048;
/// A step further than this is a new numbering, not loss.
const STEP_MAX: i64 = 3_000;

#[derive(Debug, Default)]
pub(crate) struct Reorder {
    next: Option<i64>,
    held: BTreeMap<i64, (Packet, u64)>,
    /// A packet has been handed out: what is before it is late for good.
    started: bool,
    /// Set when the numbering restarted: the packet handed out next stands after a hole of unknown size.
    broken: bool,
}

/// A packet in its place.
#[derive(Debug)]
pub(crate) struct InOrder {
    pub(crate) packet: Packet,
    /// Journal time of arrival.
    pub(crate) at_ms: u64,
    /// Packets that never came directly before this one.
    pub(crate) lost: u32,
}

impl Reorder {
    /// Takes a packet; duplicates and those given up already are dropped.
    pub(crate) fn handle_packet(&mut self, packet: Packet, at_ms: u64) {
        let next = *self.next.get_or_insert(i64::from(packet.sequence_number));
        let step = i64::from(packet.sequence_number.wrapping_sub(next as u16).cast_signed());
        if step.abs() > STEP_MAX {
            self.held.clear();
            self.broken = true;
            self.next = Some(next + step);
        } else if step < 0 {
            if self.started {
                return;
            }
            self.next = Some(next + step);
        }
        self.held.entry(next + step).or_insert((packet, at_ms));
    }

    /// The next packet in order. `flush` gives up every hole at once.
    pub(crate) fn poll(&mut self, now_ms: u64, flush: bool) -> Option<InOrder> {
        let next = self.next?;
        let (&first, (_, waiting_since)) = self.held.first_key_value()?;
        let waits = now_ms.saturating_sub(*waiting_since) < WAIT_MS && self.held.len() < HELD_MAX;
        let starts = !self.started && now_ms.saturating_sub(*waiting_since) < START_WAIT_MS;
        if ((first > next && waits) || starts) && !flush {
            return None;
        }
        let (_, (packet, at_ms)) = self.held.pop_first()?;
        self.started = true;
        self.next = Some(first + 1);
        let missing = u32::try_from(first - next).unwrap_or(u32::MAX);
        let lost = missing.max(u32::from(std::mem::take(&mut self.broken)));
        Some(InOrder { packet, at_ms, lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence_number: u16) -> Packet {
        Packet { sequence_number, timestamp: 0, marker: false, rotation: None, payload: vec![1].into() }
    }

    fn drain(reorder: &mut Reorder, now_ms: u64) -> Vec<(u16, u32)> {
        std::iter::from_fn(|| reorder.poll(now_ms, false))
            .map(|in_order| (in_order.packet.sequence_number, in_order.lost))
            .collect()
    }

    #[test]
    fn a_late_repair_takes_its_place_across_the_wrap() {
        let mut reorder = Reorder::default();
        for number in [65_534, 0, 1, 65_535, 0, 65_533] {
            reorder.handle_packet(packet(number), 10);
        }
        assert_eq!(drain(&mut reorder, 309), []);
        let numbers = [65_533, 65_534, 65_535, 0, 1].map(|number| (number, 0));
        assert_eq!(drain(&mut reorder, 310), numbers);
    }

    #[test]
    fn a_hole_is_given_up_after_the_wait_and_counted() {
        let mut reorder = Reorder::default();
        for number in [1, 4, 5] {
            reorder.handle_packet(packet(number), 0);
        }
        assert_eq!(drain(&mut reorder, WAIT_MS - 1), [(1, 0)]);
        assert_eq!(drain(&mut reorder, WAIT_MS), [(4, 2), (5, 0)]);
        reorder.handle_packet(packet(2), WAIT_MS);
        assert_eq!(drain(&mut reorder, WAIT_MS), [], "given up is given up");
    }

    #[test]
    fn a_new_numbering_is_loss_and_not_the_end() {
        let mut reorder = Reorder::default();
        reorder.handle_packet(packet(1), 0);
        assert_eq!(drain(&mut reorder, 300), [(1, 0)]);
        reorder.handle_packet(packet(20_000), 301);
        reorder.handle_packet(packet(20_001), 301);
        assert_eq!(drain(&mut reorder, 301), [(20_000, 1), (20_001, 0)]);
    }
}
