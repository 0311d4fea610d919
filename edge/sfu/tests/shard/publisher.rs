//! What a publishing browser sends, and what a receiving one makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use edge_sfu::{Incoming, SourceId};

use crate::world::{EXTENSIONS, Got, World};

pub(crate) const FRAME: Duration = Duration::from_millis(33);

/// A VP8 simulcast track with rid extensions; each layer has its own numbering.
pub(crate) struct Publisher {
    pub(crate) peer: usize,
    pub(crate) layers: Vec<Layer>,
    transport_sequence: u16,
}

pub(crate) struct Layer {
    rid: &'static str,
    pub(crate) ssrc: u32,
    sequence_number: u16,
    pub(crate) timestamp: u32,
    picture: u16,
    frames: u32,
    /// Packets as sent, for retransmission.
    sent: BTreeMap<u16, Vec<u8>>,
    rtx_sequence_number: u16,
    answered: usize,
}

pub(crate) fn video(mid: &str, source: u32, rids: &[&str]) -> Incoming {
    Incoming {
        mid: mid.to_owned(),
        source: SourceId(source),
        payload_type: 96,
        rtx_payload_type: Some(97),
        rids: rids.iter().map(ToString::to_string).collect(),
        ssrcs: Vec::new(),
        extensions: EXTENSIONS,
    }
}

impl Publisher {
    pub(crate) fn new(peer: usize, rids: &[&'static str]) -> Self {
        let layers = rids.iter().enumerate().map(|(n, rid)| Layer {
            rid,
            ssrc: 1_000 + n as u32,
            sequence_number: 65_500u16.wrapping_add(n as u16 * 5_000),
            timestamp: u32::MAX - 100_000 + 7_777_777 * n as u32 % 50_000,
            picture: 32_700,
            frames: 0,
            sent: BTreeMap::new(),
            rtx_sequence_number: 9,
            answered: 0,
        });
        Self { peer, layers: layers.collect(), transport_sequence: 65_000 }
    }

    /// One frame on every layer; the payload names layer, frame and packet.
    pub(crate) fn frame(&mut self, world: &mut World, keyframe: bool, packets: usize) {
        self.frame_without(world, keyframe, packets, None);
    }

    /// As [`Self::frame`]; the packet `lost` (layer and number in the frame) does not arrive.
    pub(crate) fn frame_without(
        &mut self,
        world: &mut World,
        keyframe: bool,
        packets: usize,
        lost: Option<(usize, usize)>,
    ) {
        for n in 0..self.layers.len() {
            for packet in 0..packets {
                self.transport_sequence = self.transport_sequence.wrapping_add(1);
                let bytes =
                    self.layers[n].packet(n as u8, keyframe, packet, packets, self.transport_sequence);
                if lost != Some((n, packet)) {
                    world.send_rtp(self.peer, &bytes);
                }
            }
        }
    }

    /// Answers NACKs on a repair stream; returns how many keyframe requests are new, by layer.
    pub(crate) fn respond(&mut self, world: &mut World) -> Vec<usize> {
        let mut requests = vec![0; self.layers.len()];
        let mut repairs = Vec::new();
        for (n, layer) in self.layers.iter_mut().enumerate() {
            let rtcp = &world.peers[self.peer].rtcp;
            for got in &rtcp[layer.answered..] {
                for (kind, format, body) in messages(&got.packet) {
                    if body.len() < 8 || word(body, 4) != layer.ssrc {
                        continue;
                    }
                    match (kind, format) {
                        (206, 1) => requests[n] += 1,
                        (205, 1) => repairs.extend(losses(body).filter_map(|lost| layer.repair(lost))),
                        _ => {}
                    }
                }
            }
            layer.answered = rtcp.len();
        }
        for repair in repairs {
            world.send_rtp(self.peer, &repair);
        }
        requests
    }
}

impl Layer {
    fn packet(&mut self, layer: u8, keyframe: bool, n: usize, of: usize, transport: u16) -> Vec<u8> {
        if n == 0 {
            self.timestamp = self.timestamp.wrapping_add(2_970);
            self.picture = (self.picture + 1) & 0x7FFF;
            self.frames += 1;
        }
        let mut elements = vec![(5u8, transport.to_be_bytes().to_vec())];
        // Browsers repeat these only until they are known to be understood.
        if self.sent.len() < 30 {
            elements.extend([(1, b"v".to_vec()), (2, self.rid.as_bytes().to_vec())]);
        }
        let [high, low] = (0x8000 | self.picture).to_be_bytes();
        let start = if n == 0 { 0x90 } else { 0x80 };
        let mut payload = vec![start, 0xC0, high, low, low, u8::from(!keyframe), layer, n as u8];
        payload.extend_from_slice(&self.frames.to_be_bytes());
        let packet =
            rtp(96, n + 1 == of, self.sequence_number, self.timestamp, self.ssrc, &elements, &payload);
        self.sent.insert(self.sequence_number, packet.clone());
        self.sequence_number = self.sequence_number.wrapping_add(1);
        packet
    }

    fn repair(&mut self, lost: u16) -> Option<Vec<u8>> {
        let original = self.sent.get(&lost)?;
        let timestamp = word(original, 4);
        let payload_start = 12 + 4 + 4 * usize::from(u16::from_be_bytes([original[14], original[15]]));
        let payload = [&lost.to_be_bytes(), &original[payload_start..]].concat();
        self.rtx_sequence_number += 1;
        let elements = [(1, b"v".to_vec()), (3, self.rid.as_bytes().to_vec())];
        let marker = original[1] & 0x80 != 0;
        let ssrc = self.ssrc + 100;
        Some(rtp(97, marker, self.rtx_sequence_number, timestamp, ssrc, &elements, &payload))
    }
}

pub(crate) fn rtp(
    payload_type: u8,
    marker: bool,
    sequence_number: u16,
    timestamp: u32,
    ssrc: u32,
    elements: &[(u8, Vec<u8>)],
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x90, payload_type | if marker { 0x80 } else { 0 }];
    packet.extend_from_slice(&sequence_number.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    let mut body = Vec::new();
    for (id, value) in elements {
        body.push(id << 4 | (value.len() - 1) as u8);
        body.extend_from_slice(value);
    }
    body.resize(body.len().next_multiple_of(4), 0);
    packet.extend_from_slice(&[0xBE, 0xDE]);
    packet.extend_from_slice(&((body.len() / 4) as u16).to_be_bytes());
    packet.extend_from_slice(&body);
    packet.extend_from_slice(payload);
    packet
}

/// A packet of the stream, as a jitter buffer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) layer: u8,
    pub(crate) packet: u8,
    pub(crate) frame: u32,
    pub(crate) keyframe: bool,
    pub(crate) picture: u16,
    pub(crate) timestamp: u32,
}

/// Received packets of `ssrc` in stream order, repairs of `ssrc + 1` in their places.
pub(crate) fn stream(got: &[Got], ssrc: u32) -> BTreeMap<u64, Frame> {
    let mut packets = BTreeMap::new();
    let mut reference = None;
    for Got { packet, .. } in got {
        let repair = match word(packet, 8) {
            found if found == ssrc => false,
            found if found == ssrc + 1 => true,
            _ => continue,
        };
        assert_eq!(packet[1] & 0x7F, if repair { 101 } else { 100 });
        let mut at = 12;
        if packet[0] & 0x10 != 0 {
            at += 4 + 4 * usize::from(u16::from_be_bytes([packet[14], packet[15]]));
        }
        let mut sequence_number = u16::from_be_bytes([packet[2], packet[3]]);
        if repair {
            sequence_number = u16::from_be_bytes([packet[at], packet[at + 1]]);
            at += 2;
        }
        let before = *reference.get_or_insert(0x1_0000 + u64::from(sequence_number));
        let delta = sequence_number.wrapping_sub((before & 0xFFFF) as u16) as i16;
        let index = before.saturating_add_signed(i64::from(delta));
        reference = Some(before.max(index));
        let payload = &packet[at..];
        let frame = Frame {
            layer: payload[6],
            packet: payload[7],
            frame: word(payload, 8),
            keyframe: payload[5] & 1 == 0,
            picture: u16::from_be_bytes([payload[2] & 0x7F, payload[3]]),
            timestamp: word(packet, 4),
        };
        if let Some(before) = packets.insert(index, frame.clone()) {
            assert_eq!(before, frame, "one number, one packet");
        }
    }
    packets
}

/// NACKs everything missing in the stream so far.
pub(crate) fn nack_missing(world: &mut World, peer: usize, ssrc: u32) {
    let have: BTreeSet<u64> = stream(&world.peers[peer].rtp, ssrc).into_keys().collect();
    let (Some(first), Some(last)) = (have.first(), have.last()) else { return };
    let missing: Vec<u16> =
        (*first..*last).filter(|index| !have.contains(index)).map(|index| (index & 0xFFFF) as u16).collect();
    if missing.is_empty() {
        return;
    }
    let mut packet = feedback(205, 1, ssrc);
    for lost in missing {
        packet.extend_from_slice(&lost.to_be_bytes());
        packet.extend_from_slice(&[0, 0]);
    }
    finish(&mut packet);
    world.send_rtcp(peer, &packet);
}

pub(crate) fn pli(world: &mut World, peer: usize, ssrc: u32) {
    let mut packet = feedback(206, 1, ssrc);
    finish(&mut packet);
    world.send_rtcp(peer, &packet);
}

fn feedback(kind: u8, format: u8, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80 | format, kind, 0, 0, 0, 0, 0, 7];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet
}

pub(crate) fn finish(packet: &mut [u8]) {
    let words = (packet.len() / 4 - 1) as u16;
    packet[2..4].copy_from_slice(&words.to_be_bytes());
}

/// Messages of a compound packet: type, count or format, body.
pub(crate) fn messages(compound: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let mut rest = compound;
    let mut found = Vec::new();
    while rest.len() >= 4 {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        found.push((rest[1], rest[0] & 0x1F, &rest[4..length]));
        rest = &rest[length..];
    }
    found
}

fn losses(body: &[u8]) -> impl Iterator<Item = u16> {
    body[8..].chunks_exact(4).flat_map(|pair| {
        let base = u16::from_be_bytes([pair[0], pair[1]]);
        let mask = u16::from_be_bytes([pair[2], pair[3]]);
        let more = (0..16).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| base.wrapping_add(bit + 1));
        std::iter::once(base).chain(more)
    })
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
