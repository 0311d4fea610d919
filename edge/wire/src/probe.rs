//! Signs of life on a link: small datagrams both sides send all the time, so that the loss of either direction is noticed
//! by both. A receiver that does not know them (version 1) drops them as a flow it never asked for.

use crate::varint;

/// Flow id of probes.
pub const FLOW_PROBE: u64 = crate::split::FLOW_PART - 1;
/// Numbers [`Probe::missed`] is counted over.
pub const WINDOW: u32 = 32;

/// What one side says of the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Counts probes.
    pub number: u32,
    /// Counts the times the sender took the link for lost: one more tells the receiver to begin anew as well.
    pub generation: u32,
    /// Probes of the receiver the sender missed among the last [`WINDOW`].
    pub missed: u8,
    /// The sender hears nothing at present.
    pub is_deaf: bool,
}

/// The datagram of a probe: flow id, number u32, generation u32, missed u8, flags u8 (bit 0: deaf).
#[must_use]
pub fn encode(probe: &Probe) -> Vec<u8> {
    let mut out = Vec::with_capacity(18);
    varint::encode(FLOW_PROBE, &mut out);
    out.extend_from_slice(&probe.number.to_be_bytes());
    out.extend_from_slice(&probe.generation.to_be_bytes());
    out.extend_from_slice(&[probe.missed, u8::from(probe.is_deaf)]);
    out
}

/// Reads what follows the flow id; `None` when it is too short. Bytes beyond are for later versions.
#[must_use]
pub fn decode(payload: &[u8]) -> Option<Probe> {
    let (number, rest) = payload.split_first_chunk::<4>()?;
    let (generation, rest) = rest.split_first_chunk::<4>()?;
    let [missed, flags, ..] = *rest else { return None };
    Some(Probe {
        number: u32::from_be_bytes(*number),
        generation: u32::from_be_bytes(*generation),
        missed,
        is_deaf: flags & 1 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_comes_back_as_it_was_and_a_short_one_is_none() {
        let probe = Probe { number: 7, generation: u32::MAX, missed: 3, is_deaf: true };
        let datagram = encode(&probe);
        let (flow, payload) = crate::datagram::decode(&datagram).expect("a datagram");
        assert_eq!((flow, decode(payload)), (FLOW_PROBE, Some(probe)));
        for length in 0..payload.len() {
            assert_eq!(decode(&payload[..length]), None);
        }
    }
}
