//! What leaves the core: datagrams for clients and packets for links, gathered in arenas that are reused.

use std::net::SocketAddr;
use std::ops::Range;

use crate::LinkId;

/// Bytes gathered between two drains. One packet to 20,000 receivers fits; what comes beyond is dropped and counted.
const ARENA_BYTES_MAX: usize = 32 << 20;

/// Datagrams to be sent, in order, as [`crate::Sfu`] made them since the last [`Self::clear`].
#[derive(Debug, Default)]
pub struct Transmits {
    arena: Arena,
    entries: Vec<(SocketAddr, Range<usize>)>,
}

impl Transmits {
    /// Destination and payload of every datagram.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SocketAddr, &[u8])> {
        self.entries.iter().map(|(destination, range)| (*destination, &self.arena.bytes[range.clone()]))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets what was sent; keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.arena.used = 0;
    }

    /// Lets `write` fill up to `length_max` bytes in place. Returns the length written, `None` when `write` gave up or
    /// the arena is full.
    pub(crate) fn push_with(
        &mut self,
        destination: SocketAddr,
        length_max: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<usize> {
        let start = self.arena.used;
        let length = write(self.arena.reserve(length_max)?)?;
        self.arena.used = start + length;
        self.entries.push((destination, start..start + length));
        Some(length)
    }

    pub(crate) fn push(&mut self, destination: SocketAddr, payload: &[u8]) -> Option<usize> {
        self.push_with(destination, payload.len(), |out| {
            out.copy_from_slice(payload);
            Some(payload.len())
        })
    }
}

/// Canonical packets (`edge_wire::rtp`) for links and the recorder, in order, since the last [`Self::clear`].
#[derive(Debug, Default)]
pub struct LinkPackets {
    arena: Arena,
    entries: Vec<(LinkId, u64, Range<usize>)>,
}

impl LinkPackets {
    /// Link, flow id and bytes of every packet.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (LinkId, u64, &[u8])> {
        self.entries.iter().map(|(link, flow, range)| (*link, *flow, &self.arena.bytes[range.clone()]))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets what was sent; keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.arena.used = 0;
    }

    /// One copy of the bytes for all these flows. `None` when the arena is full.
    pub(crate) fn push(&mut self, packet: &[u8], flows: impl Iterator<Item = (LinkId, u64)>) -> Option<()> {
        let start = self.arena.used;
        self.arena.reserve(packet.len())?.copy_from_slice(packet);
        self.arena.used = start + packet.len();
        self.entries.extend(flows.map(|(link, flow)| (link, flow, start..start + packet.len())));
        Some(())
    }
}

#[derive(Debug, Default)]
struct Arena {
    bytes: Vec<u8>,
    used: usize,
}

impl Arena {
    /// Grows by doubling, so that a shard at its steady load does not allocate.
    fn reserve(&mut self, length: usize) -> Option<&mut [u8]> {
        let end = self.used + length;
        if end > self.bytes.len() {
            if end > ARENA_BYTES_MAX {
                return None;
            }
            self.bytes.resize(end.next_power_of_two().max(1 << 16), 0);
        }
        Some(&mut self.bytes[self.used..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_up_leaves_nothing_and_a_full_arena_refuses() {
        let destination = SocketAddr::from(([192, 0, 2, 1], 9));
        let mut transmits = Transmits::default();
        assert_eq!(transmits.push_with(destination, 100, |_| None), None);
        transmits.push(destination, b"abc");
        transmits.push(destination, b"d");
        assert_eq!(transmits.iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), [&b"abc"[..], b"d"]);
        assert_eq!(transmits.push_with(destination, ARENA_BYTES_MAX, |_| Some(1)), None);
        transmits.clear();
        assert!(transmits.is_empty());
    }
}
