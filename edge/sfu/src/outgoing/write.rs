//! Writing a packet as the receiver is to see it.

use super::{Outgoing, Rewrite};
use crate::canonical::{DEPENDENCY_DESCRIPTOR, ELEMENTS};
use crate::codec::av1;
use crate::ring::Packet;
use crate::rtp::{self, Fields};

/// First packets of a stream that carry MID, for receivers that do not know its SSRC. A rule by index, so that a packet
/// sent again is the same packet bit by bit.
const MID_PACKETS: u64 = 100;

/// Bytes a written packet may be longer than the canonical one: MID, ids in the two-byte form, the original sequence
/// number of a repair.
pub(crate) const GROWTH_MAX: usize = 300;

impl Outgoing {
    /// Writes the media packet; returns its length. Writing the same packet again gives the same bytes.
    pub(crate) fn write(
        &self,
        rewrite: &Rewrite,
        packet: &Packet,
        bytes: &[u8],
        out: &mut [u8],
    ) -> Option<usize> {
        let payload_type = self.watch?.payload_type;
        self.write_as(payload_type, self.declared.ssrc, rewrite.index, None, rewrite, packet, bytes, out)
    }

    /// Writes the packet as a repair (RFC 4588 section 4) and returns its length and the index it takes on the repair
    /// stream; `None` when no repair stream was agreed.
    pub(crate) fn write_repair(
        &mut self,
        rewrite: &Rewrite,
        packet: &Packet,
        bytes: &[u8],
        out: &mut [u8],
    ) -> Option<(usize, u64)> {
        let payload_type = self.watch?.rtx_payload_type?;
        let ssrc = self.declared.rtx_ssrc?;
        let index = self.next_rtx_index;
        let original = Some((rewrite.index & 0xFFFF) as u16);
        let length = self.write_as(payload_type, ssrc, index, original, rewrite, packet, bytes, out)?;
        self.next_rtx_index += 1;
        Some((length, index))
    }

    /// Whether lost packets are repaired on a stream of their own.
    pub(crate) fn has_repair_stream(&self) -> bool {
        self.declared.rtx_ssrc.is_some() && self.watch.is_some_and(|watch| watch.rtx_payload_type.is_some())
    }

    #[expect(clippy::too_many_arguments, reason = "the two callers above name every part")]
    fn write_as(
        &self,
        payload_type: u8,
        ssrc: u32,
        index: u64,
        original: Option<u16>,
        rewrite: &Rewrite,
        packet: &Packet,
        bytes: &[u8],
        out: &mut [u8],
    ) -> Option<usize> {
        let layout = &packet.layout;
        let mut elements: [(u8, &[u8]); ELEMENTS + 1] = [(0, &[]); ELEMENTS + 1];
        let mut count = 0;
        let mut descriptor = [0u8; 256];
        if rewrite.index - self.first_index < MID_PACKETS
            && let Some(id) = self.declared.extensions.mid
            && !self.declared.mid.is_empty()
        {
            elements[0] = (id, self.declared.mid.as_bytes());
            count = 1;
        }
        if let (Some(id), Some(value)) =
            (self.ids[DEPENDENCY_DESCRIPTOR], layout.element(bytes, DEPENDENCY_DESCRIPTOR))
        {
            let copy = descriptor.get_mut(..value.len())?;
            copy.copy_from_slice(value);
            av1::shift_frame_number(copy, rewrite.frame_shift);
            elements[count] = (id, copy);
            count += 1;
        }
        for (position, id) in self.ids.iter().enumerate().filter(|(at, _)| *at != DEPENDENCY_DESCRIPTOR) {
            if let (Some(id), Some(value)) = (id, layout.element(bytes, position)) {
                elements[count] = (*id, value);
                count += 1;
            }
        }
        let fields = Fields {
            marker: layout.marker,
            payload_type,
            sequence_number: (index & 0xFFFF) as u16,
            timestamp: layout.timestamp.wrapping_add(rewrite.timestamp_shift),
            ssrc,
        };
        let mut at = rtp::write_header(out, fields, &elements[..count])?;
        if let Some(original) = original {
            out.get_mut(at..at + 2)?.copy_from_slice(&original.to_be_bytes());
            at += 2;
        }
        let payload = layout.payload(bytes);
        let written = out.get_mut(at..at + payload.len())?;
        written.copy_from_slice(payload);
        shift_picture(packet, rewrite, written);
        Some(at + payload.len())
    }
}

/// Renumbers picture id and TL0PICIDX in the payload.
fn shift_picture(packet: &Packet, rewrite: &Rewrite, payload: &mut [u8]) {
    let descriptor = packet.layout.descriptor;
    if let Some(picture) = descriptor.picture.filter(|_| rewrite.picture_shift != 0) {
        picture.overwrite(payload, picture.value.wrapping_add(rewrite.picture_shift) & 0x7FFF);
    }
    if let Some((offset, value)) = descriptor.tl0.filter(|_| rewrite.tl0_shift != 0)
        && let Some(field) = payload.get_mut(usize::from(offset))
    {
        *field = value.wrapping_add(rewrite.tl0_shift);
    }
}
