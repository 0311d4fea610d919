//! Media datagrams: a varint flow id, then one RTP packet in the canonical form of [`crate::rtp`].
//! The shape follows draft-ietf-avtcore-rtp-over-quic section 4; RTCP ends at each hop, so none is carried.
//!
//! Flow id 0 is reserved: the rest of the datagram is then a protobuf [`LossyData`].

use crate::{control::RoomData, varint};

/// Flow id of lossy application data.
pub const FLOW_LOSSY_DATA: u64 = 0;

/// Message in a datagram of flow 0.
pub type LossyData = RoomData;

/// Writes the header of a datagram of `flow`; the packet's bytes follow.
pub fn encode_flow(flow: u64, out: &mut Vec<u8>) {
    varint::encode(flow, out);
}

/// Splits a datagram into flow id and payload; `None` when it is too short to have both.
#[must_use]
pub fn decode(datagram: &[u8]) -> Option<(u64, &[u8])> {
    let (flow, length) = varint::decode(datagram)?;
    let payload = &datagram[length..];
    (!payload.is_empty()).then_some((flow, payload))
}
