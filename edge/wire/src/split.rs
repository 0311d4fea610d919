//! Datagrams larger than the path takes, in parts. Full-size RTP does not fit the datagrams of a path whose MTU is QUIC's
//! least, 1,200; neither does lossy data of a few kB anywhere.
//!
//! A part is a datagram of [`FLOW_PART`]: varint flow id, number u16, index u8, count u8 (all big endian), then bytes of
//! the whole datagram, which has a flow id of its own. Parts are as lossy as datagrams are: one that is lost loses the
//! whole, and NACK repairs it. A whole of parts that is itself a part is refused.

use std::collections::VecDeque;

use crate::{datagram, varint};

/// Flow id of parts. Edges count their flows up from 1 and never come here.
pub const FLOW_PART: u64 = varint::MAX;
/// Parts of one datagram; more is not sent, and refused. 16 of a 1,200 byte path carry 18 kB.
pub const PARTS_MAX: usize = 16;
/// Datagrams of which some parts are missing; beyond it the oldest is given up. Parts of one travel back to back, so only
/// loss leaves any behind.
const WAITING_MAX: usize = 64;
/// Bytes of a part before its payload.
const HEADER_BYTES: usize = 12;

/// The parts of `whole` in datagrams of at most `datagram_bytes_max`; `None` when it takes more than [`PARTS_MAX`].
/// `number` tells it from the others under way: count up, wrapping.
#[must_use]
pub fn split(whole: &[u8], number: u16, datagram_bytes_max: usize) -> Option<Vec<Vec<u8>>> {
    let room = datagram_bytes_max.checked_sub(HEADER_BYTES).filter(|room| *room > 0)?;
    // Parts of like size: the last is not so small that its overhead is most of it.
    let count = whole.len().div_ceil(room).max(2);
    if count > PARTS_MAX || whole.len() < count {
        return None;
    }
    let size = whole.len().div_ceil(count);
    let count = whole.len().div_ceil(size);
    let parts = whole.chunks(size).enumerate().map(|(index, bytes)| {
        let mut part = Vec::with_capacity(HEADER_BYTES + bytes.len());
        datagram::encode_flow(FLOW_PART, &mut part);
        part.extend_from_slice(&number.to_be_bytes());
        part.extend_from_slice(&[index as u8, count as u8]);
        part.extend_from_slice(bytes);
        part
    });
    Some(parts.collect())
}

/// Puts the parts of one peer together again.
#[derive(Debug, Default)]
pub struct Joiner {
    /// Oldest first.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u16,
    parts: Vec<Vec<u8>>,
}

/// A part that has no form: the peer is broken or hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a part of a datagram has no form")]
pub struct Malformed;

impl Joiner {
    /// Takes the payload of a datagram of [`FLOW_PART`]; the whole datagram once its last part is here.
    ///
    /// # Errors
    /// The part has no form; it is dropped, the others wait on.
    pub fn handle_part(&mut self, payload: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let ([high, low, index, count], bytes) = payload.split_first_chunk::<4>().ok_or(Malformed)?;
        let (number, index, count) =
            (u16::from_be_bytes([*high, *low]), usize::from(*index), usize::from(*count));
        if bytes.is_empty() || !(2..=PARTS_MAX).contains(&count) || index >= count {
            return Err(Malformed);
        }
        // Numbers come around: what waits under this one with another count is of an earlier round.
        self.waiting.retain(|waiting| waiting.number != number || waiting.parts.len() == count);
        let at = self.waiting.iter().position(|waiting| waiting.number == number).unwrap_or_else(|| {
            if self.waiting.len() == WAITING_MAX {
                self.waiting.pop_front();
            }
            self.waiting.push_back(Waiting { number, parts: vec![Vec::new(); count] });
            self.waiting.len() - 1
        });
        let waiting = &mut self.waiting[at];
        waiting.parts[index] = bytes.to_vec();
        if waiting.parts.iter().any(Vec::is_empty) {
            return Ok(None);
        }
        let whole = self.waiting.remove(at).map(|waiting| waiting.parts.concat()).unwrap_or_default();
        match datagram::decode(&whole) {
            Some((flow, _)) if flow != FLOW_PART => Ok(Some(whole)),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(part: &[u8]) -> &[u8] {
        let (flow, payload) = datagram::decode(part).expect("a datagram");
        assert_eq!(flow, FLOW_PART);
        payload
    }

    #[test]
    fn a_lost_part_loses_one_datagram_and_holds_up_none() {
        let mut joiner = Joiner::default();
        let whole = |first: u8| [vec![9, first], vec![7; 1_300]].concat();
        let lost = split(&whole(0), 0, 1_162).expect("fits");
        assert_eq!(joiner.handle_part(payload(&lost[0])), Ok(None));
        for number in 1..=u16::MAX {
            let parts = split(&whole(number as u8), number, 1_162).expect("fits");
            assert_eq!(parts.len(), 2);
            assert_eq!(joiner.handle_part(payload(&parts[1])), Ok(None), "number {number}");
            assert_eq!(joiner.handle_part(payload(&parts[0])), Ok(Some(whole(number as u8))));
        }
        assert_eq!(joiner.waiting.len(), 1);
    }

    #[test]
    fn what_is_never_whole_is_bounded_and_what_is_too_large_is_not_sent() {
        let mut joiner = Joiner::default();
        for number in 0..1_000 {
            let parts = split(&[5; 4_000], number, 1_162).expect("fits");
            assert_eq!(joiner.handle_part(payload(&parts[2])), Ok(None));
        }
        assert_eq!(joiner.waiting.len(), WAITING_MAX);
        assert_eq!(split(&[5; 20_000], 0, 1_162), None);
    }

    proptest! {
        #[test]
        fn parts_fit_and_make_the_whole(size in 2_usize..18_000, number: u16, limit in 1_162_usize..1_500) {
            let whole: Vec<u8> = (0..size).map(|at| (at % 61) as u8 + 1).collect();
            let parts = split(&whole, number, limit).expect("at most 16 parts");
            prop_assert!(parts.iter().all(|part| part.len() <= limit));
            let mut joiner = Joiner::default();
            let made: Vec<_> = parts.iter().filter_map(|part| joiner.handle_part(payload(part)).expect("sound")).collect();
            prop_assert_eq!(made, [whole]);
        }

        #[test]
        fn garbage_never_panics(parts in proptest::collection::vec(proptest::collection::vec(0_u8..20, 0..12), 0..200)) {
            let mut joiner = Joiner::default();
            for part in parts {
                let _ = joiner.handle_part(&part);
            }
            prop_assert!(joiner.waiting.len() <= WAITING_MAX);
        }
    }
}
