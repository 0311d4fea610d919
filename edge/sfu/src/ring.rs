//! The last packets of a layer, plaintext, shared by all who receive it: retransmission buffer and cache for late joiners.

use std::time::Instant;

use crate::canonical::Layout;

/// Bytes of a slot: any canonical packet (`edge_wire::rtp::PACKET_BYTES_MAX`) fits.
pub(crate) const SLOT_BYTES: usize = 1_536;

/// A packet in the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    /// Extended sequence number on the layer; its low 16 bits are the publisher's.
    pub(crate) index: u64,
    /// Changes when the layer's numbering starts anew.
    pub(crate) epoch: u32,
    pub(crate) arrival: Instant,
    pub(crate) layout: Layout,
}

/// Fixed slots, allocated once, with the first packet; a newer packet overwrites the one `capacity` before it.
#[derive(Debug)]
pub(crate) struct Ring {
    capacity: usize,
    bytes: Box<[u8]>,
    slots: Box<[Option<Packet>]>,
    highest: Option<u64>,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, bytes: Box::default(), slots: Box::default(), highest: None }
    }

    /// Stores what `write` puts into the slot of `index`. `None` (and an empty slot) when `write` gives up.
    pub(crate) fn insert(
        &mut self,
        index: u64,
        epoch: u32,
        arrival: Instant,
        write: impl FnOnce(&mut [u8]) -> Option<Layout>,
    ) -> Option<Packet> {
        if self.slots.is_empty() {
            self.bytes = vec![0; self.capacity * SLOT_BYTES].into_boxed_slice();
            self.slots = vec![None; self.capacity].into_boxed_slice();
        }
        let slot = self.slot(index);
        self.slots[slot] = None;
        let layout = write(&mut self.bytes[slot * SLOT_BYTES..(slot + 1) * SLOT_BYTES])?;
        let packet = Packet { index, epoch, arrival, layout };
        self.slots[slot] = Some(packet);
        self.highest = Some(self.highest.map_or(index, |highest| highest.max(index)));
        Some(packet)
    }

    pub(crate) fn get(&self, index: u64) -> Option<(Packet, &[u8])> {
        let slot = self.slot(index);
        let packet = (*self.slots.get(slot)?).filter(|packet| packet.index == index)?;
        let start = slot * SLOT_BYTES;
        Some((packet, &self.bytes[start..start + usize::from(packet.layout.length)]))
    }

    pub(crate) fn contains(&self, index: u64) -> bool {
        self.slots.get(self.slot(index)).is_some_and(|slot| slot.is_some_and(|packet| packet.index == index))
    }

    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The index `sequence_number` means, seen from the newest packet.
    pub(crate) fn expand(&self, sequence_number: u16) -> Option<u64> {
        Some(nearest(self.highest?, sequence_number))
    }

    /// A run of packets without a hole, from the start of the newest keyframe to the newest packet; `None` when there is
    /// no such run of at most `packets_max` that began at or after `not_before`.
    pub(crate) fn newest_keyframe(&self, not_before: Instant, packets_max: u64) -> Option<u64> {
        let highest = self.highest?;
        let lowest = highest.saturating_sub(packets_max.min(self.capacity as u64) - 1);
        let mut start = None;
        for index in (lowest..=highest).rev() {
            let Some((packet, _)) = self.get(index) else { break };
            if packet.arrival < not_before {
                break;
            }
            let descriptor = packet.layout.descriptor;
            match start {
                // Parameter sets before an IDR picture are part of the keyframe: go back while the frame lasts.
                Some((_, timestamp)) if packet.layout.timestamp != timestamp => break,
                _ if descriptor.switch_point => start = Some((index, packet.layout.timestamp)),
                _ => {}
            }
        }
        let (start, timestamp) = start?;
        // Cut off by the limit in the middle of the picture?
        let before = start.checked_sub(1).and_then(|before| self.get(before));
        let cut = start == lowest && before.is_some_and(|(packet, _)| packet.layout.timestamp == timestamp);
        (!cut).then_some(start)
    }

    fn slot(&self, index: u64) -> usize {
        // The remainder is below the capacity, a usize.
        (index % self.capacity as u64) as usize
    }
}

/// The index nearest to `reference` whose low 16 bits are `sequence_number` (RFC 3711 section 3.3.1).
pub(crate) fn nearest(reference: u64, sequence_number: u16) -> u64 {
    let low = u16::try_from(reference & 0xFFFF).unwrap_or(0);
    let forward = sequence_number.wrapping_sub(low);
    if forward < 0x8000 {
        reference + u64::from(forward)
    } else {
        reference.saturating_sub(u64::from(low.wrapping_sub(sequence_number)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::Descriptor;

    fn layout(timestamp: u32, switch_point: bool) -> Layout {
        Layout {
            marker: false,
            timestamp,
            length: 13,
            payload_start: 12,
            elements: Default::default(),
            descriptor: Descriptor { switch_point, ..Descriptor::default() },
        }
    }

    fn put(ring: &mut Ring, index: u64, at: Instant, timestamp: u32, switch_point: bool) {
        ring.insert(index, 0, at, |_| Some(layout(timestamp, switch_point))).expect("layout given");
    }

    #[test]
    fn newest_keyframe_is_found_only_when_young_and_complete() {
        let start = crate::begin();
        let mut ring = Ring::new(64);
        let at = |ms| start + Duration::from_millis(ms);
        put(&mut ring, 10, at(0), 1, true);
        put(&mut ring, 11, at(10), 2, false);
        // Parameter sets (12) and slice (13) of one picture.
        put(&mut ring, 12, at(20), 3, true);
        put(&mut ring, 13, at(20), 3, true);
        put(&mut ring, 14, at(30), 4, false);
        assert_eq!(ring.newest_keyframe(start, 64), Some(12));
        assert_eq!(ring.newest_keyframe(at(25), 64), None, "too old");
        assert_eq!(ring.newest_keyframe(start, 2), None, "too far back");
        put(&mut ring, 16, at(40), 5, false);
        assert_eq!(ring.newest_keyframe(start, 64), None, "15 is missing");
        put(&mut ring, 15, at(50), 5, false);
        assert_eq!(ring.newest_keyframe(start, 64), Some(12));
    }

    #[test]
    fn slots_are_overwritten_by_newer_packets() {
        let now = crate::begin();
        let mut ring = Ring::new(4);
        for index in 0..6 {
            put(&mut ring, index, now, 0, false);
        }
        assert!(!ring.contains(1));
        assert!(ring.contains(2));
        assert!(ring.get(6).is_none());
    }

    proptest! {
        #[test]
        fn nearest_undoes_truncation(reference in 0x1_0000u64..1 << 48, delta in -0x7FFFi64..0x7FFF) {
            let index = reference.saturating_add_signed(delta);
            prop_assert_eq!(nearest(reference, (index & 0xFFFF) as u16), index);
        }
    }
}
