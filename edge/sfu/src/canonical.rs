//! Canonical form of a packet (`edge_wire::rtp`): what rings hold and links carry.

use edge_wire::rtp as wire;

use crate::codec::{self, Descriptor};
use crate::rtp::{self, Fields, Header};
use crate::{Codec, Extensions};

/// Header extensions that cross the core, in the order of [`ELEMENT_IDS`].
pub(crate) const ELEMENTS: usize = 5;

/// Canonical ids by position.
pub(crate) const ELEMENT_IDS: [u8; ELEMENTS] = [
    wire::EXTENSION_AUDIO_LEVEL,
    wire::EXTENSION_VIDEO_ORIENTATION,
    wire::EXTENSION_DEPENDENCY_DESCRIPTOR,
    wire::EXTENSION_PLAYOUT_DELAY,
    wire::EXTENSION_ABS_CAPTURE_TIME,
];

const AUDIO_LEVEL: usize = 0;
pub(crate) const DEPENDENCY_DESCRIPTOR: usize = 2;

/// What a canonical packet holds and where, next to its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) marker: bool,
    pub(crate) timestamp: u32,
    pub(crate) length: u16,
    pub(crate) payload_start: u16,
    /// Start and length of each element's value; length 0 where absent.
    pub(crate) elements: [(u16, u16); ELEMENTS],
    pub(crate) descriptor: Descriptor,
}

impl Layout {
    pub(crate) fn element<'a>(&self, packet: &'a [u8], position: usize) -> Option<&'a [u8]> {
        let (start, length) = self.elements[position];
        if length == 0 {
            return None;
        }
        packet.get(usize::from(start)..usize::from(start) + usize::from(length))
    }

    pub(crate) fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(usize::from(self.payload_start)..usize::from(self.length)).unwrap_or(&[])
    }

    /// Level in -dBov (0 loudest, 127 silence) where the packet carries one (RFC 6464).
    pub(crate) fn audio_level(&self, packet: &[u8]) -> Option<u8> {
        self.element(packet, AUDIO_LEVEL).and_then(|value| value.first()).map(|level| level & 0x7F)
    }

    pub(crate) fn is_padding(&self) -> bool {
        self.payload_start == self.length
    }
}

/// Ids of one m-line by canonical position.
pub(crate) fn ids_by_position(extensions: &Extensions) -> [Option<u8>; ELEMENTS] {
    [
        extensions.audio_level,
        extensions.video_orientation,
        extensions.dependency_descriptor,
        extensions.playout_delay,
        extensions.abs_capture_time,
    ]
}

/// The ids packets on a link use.
pub(crate) const LINK_IDS: [Option<u8>; ELEMENTS] = [
    Some(wire::EXTENSION_AUDIO_LEVEL),
    Some(wire::EXTENSION_VIDEO_ORIENTATION),
    Some(wire::EXTENSION_DEPENDENCY_DESCRIPTOR),
    Some(wire::EXTENSION_PLAYOUT_DELAY),
    Some(wire::EXTENSION_ABS_CAPTURE_TIME),
];

/// A packet as it came, RTX undone: `sequence_number` and `payload` differ from the header's when it was a repair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) packet: &'a [u8],
    pub(crate) header: &'a Header,
    pub(crate) sequence_number: u16,
    pub(crate) payload: &'a [u8],
    /// Ids the sender uses, by canonical position.
    pub(crate) ids: [Option<u8>; ELEMENTS],
}

/// Writes the canonical form of a packet into `out`; `None` when it is larger than that.
pub(crate) fn write(out: &mut [u8], codec: Codec, arrived: &Arrived<'_>) -> Option<Layout> {
    let Arrived { packet, header, payload, .. } = *arrived;
    let mut found: [(u8, &[u8]); ELEMENTS] = [(0, &[]); ELEMENTS];
    let mut positions = [0usize; ELEMENTS];
    let mut count = 0;
    for (id, value) in header.elements(packet) {
        let Some(position) = arrived.ids.iter().position(|own| *own == Some(id)) else { continue };
        if value.is_empty() || positions[..count].contains(&position) {
            continue;
        }
        found[count] = (ELEMENT_IDS[position], value);
        positions[count] = position;
        count += 1;
    }
    let found = &found[..count];
    let fields = Fields {
        marker: header.marker,
        payload_type: wire::PAYLOAD_TYPE,
        sequence_number: arrived.sequence_number,
        timestamp: header.timestamp,
        ssrc: 0,
    };
    let payload_start = rtp::write_header(out, fields, found)?;
    let length = payload_start + payload.len();
    out.get_mut(payload_start..length)?.copy_from_slice(payload);
    let dependency_descriptor =
        found.iter().find(|(id, _)| *id == wire::EXTENSION_DEPENDENCY_DESCRIPTOR).map(|(_, value)| *value);
    Some(Layout {
        marker: header.marker,
        timestamp: header.timestamp,
        length: u16::try_from(length).ok()?,
        payload_start: u16::try_from(payload_start).ok()?,
        elements: locate(found, &positions),
        descriptor: codec::describe(codec, payload, dependency_descriptor),
    })
}

/// Where [`rtp::write_header`] puts the values.
fn locate(found: &[(u8, &[u8])], positions: &[usize; ELEMENTS]) -> [(u16, u16); ELEMENTS] {
    let head = if found.iter().all(|(_, value)| value.len() <= 16) { 1 } else { 2 };
    let mut elements = [(0, 0); ELEMENTS];
    let mut at = rtp::FIXED_HEADER_BYTES + 4;
    for ((_, value), position) in found.iter().zip(positions) {
        at += head;
        if let (Ok(start), Ok(length)) = (u16::try_from(at), u16::try_from(value.len())) {
            elements[*position] = (start, length);
        }
        at += value.len();
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_renumbered_and_unknown_ones_dropped() {
        let fields = Fields { marker: true, payload_type: 111, sequence_number: 5, timestamp: 6, ssrc: 7 };
        let mut packet = [0u8; 100];
        let long = [0x80u8; 30];
        let elements: [(u8, &[u8]); 3] = [(9, &[0x85]), (2, b"mid"), (12, &long)];
        let length = rtp::write_header(&mut packet, fields, &elements).expect("there is room");
        packet[length] = 0xFC;
        let packet = &packet[..=length];
        let header = Header::parse(packet).expect("well formed");
        let extensions =
            Extensions { audio_level: Some(9), dependency_descriptor: Some(12), ..Extensions::default() };
        let arrived = Arrived {
            packet,
            header: &header,
            sequence_number: 500,
            payload: &packet[header.payload.clone()],
            ids: ids_by_position(&extensions),
        };
        let mut out = [0u8; 200];
        let layout = write(&mut out, Codec::Opus, &arrived).expect("it fits");
        let bytes = &out[..usize::from(layout.length)];
        assert_eq!(layout.audio_level(bytes), Some(5));
        assert_eq!(layout.element(bytes, DEPENDENCY_DESCRIPTOR), Some(&long[..]));
        assert_eq!(layout.payload(bytes), &[0xFC]);

        let again = Header::parse(bytes).expect("canonical packets are RTP");
        assert_eq!((again.payload_type, again.ssrc, again.sequence_number), (96, 0, 500));
        let ids: Vec<u8> = again.elements(bytes).map(|(id, _)| id).collect();
        assert_eq!(ids, [wire::EXTENSION_AUDIO_LEVEL, wire::EXTENSION_DEPENDENCY_DESCRIPTOR]);

        // A link hands the same bytes back, and they stay as they are.
        let payload = &bytes[again.payload.clone()];
        let relayed = Arrived { packet: bytes, header: &again, sequence_number: 500, payload, ids: LINK_IDS };
        let mut out = [0u8; 200];
        let layout = write(&mut out, Codec::Opus, &relayed).expect("it fits");
        assert_eq!(&out[..usize::from(layout.length)], bytes);
    }
}
