//! RTP headers and header extensions: parse once, write in place (RFC 3550 section 5, RFC 8285).

use std::ops::Range;

/// Bytes of an RTP header without CSRCs and extensions.
pub(crate) const FIXED_HEADER_BYTES: usize = 12;

/// Profile word of the one-byte extension form.
const PROFILE_ONE_BYTE: u16 = 0xBEDE;
/// Profile word of the two-byte form; its low four bits are application bits.
const PROFILE_TWO_BYTE: u16 = 0x1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("RTP packet ends inside its header")]
    Truncated,
    #[error("RTP version is not 2")]
    Version,
    #[error("RTP padding is longer than the payload")]
    Padding,
}

/// Where the parts of an RTP packet are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    extension_profile: u16,
    extensions: Range<usize>,
    /// Payload without padding.
    pub(crate) payload: Range<usize>,
}

impl Header {
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        if packet.len() < FIXED_HEADER_BYTES {
            return Err(Malformed::Truncated);
        }
        if packet[0] >> 6 != 2 {
            return Err(Malformed::Version);
        }
        let mut at = FIXED_HEADER_BYTES + 4 * usize::from(packet[0] & 0x0F);
        let (mut extension_profile, mut extensions) = (0, 0..0);
        if packet[0] & 0x10 != 0 {
            let head = packet.get(at..at + 4).ok_or(Malformed::Truncated)?;
            extension_profile = u16::from_be_bytes([head[0], head[1]]);
            let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
            extensions = at + 4..at + 4 + 4 * words;
            at = extensions.end;
        }
        if at > packet.len() {
            return Err(Malformed::Truncated);
        }
        let mut end = packet.len();
        if packet[0] & 0x20 != 0 {
            let padding = usize::from(packet[end - 1]);
            if padding == 0 || padding > end - at {
                return Err(Malformed::Padding);
            }
            end -= padding;
        }
        Ok(Self {
            marker: packet[1] & 0x80 != 0,
            payload_type: packet[1] & 0x7F,
            sequence_number: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
            extension_profile,
            extensions,
            payload: at..end,
        })
    }

    /// The header extension elements of the packet this header was parsed from.
    pub(crate) fn elements<'a>(&self, packet: &'a [u8]) -> Elements<'a> {
        let two_byte = match self.extension_profile {
            PROFILE_ONE_BYTE => false,
            profile if profile & 0xFFF0 == PROFILE_TWO_BYTE => true,
            _ => return Elements { rest: &[], two_byte: false },
        };
        Elements { rest: packet.get(self.extensions.clone()).unwrap_or(&[]), two_byte }
    }

    /// The first element with this id.
    pub(crate) fn element<'a>(&self, packet: &'a [u8], id: Option<u8>) -> Option<&'a [u8]> {
        let id = id?;
        self.elements(packet).find(|(found, _)| *found == id).map(|(_, value)| value)
    }
}

/// Iterates `(id, value)`; stops at the first malformed element.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let [0, rest @ ..] = self.rest {
            self.rest = rest;
        }
        let (id, length, head) = if self.two_byte {
            let [id, length, ..] = self.rest else { return None };
            (*id, usize::from(*length), 2)
        } else {
            let [head, ..] = self.rest else { return None };
            // Id 15 ends the one-byte form (RFC 8285 section 4.2).
            if head >> 4 == 15 {
                return None;
            }
            (head >> 4, usize::from(head & 0x0F) + 1, 1)
        };
        let value = self.rest.get(head..head + length)?;
        self.rest = &self.rest[head + length..];
        Some((id, value))
    }
}

/// Fields of a header to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// Writes a header with these extension elements and returns its length, or `None` when `out` is too short.
///
/// The one-byte form is used where every element fits it.
pub(crate) fn write_header(out: &mut [u8], fields: Fields, elements: &[(u8, &[u8])]) -> Option<usize> {
    let head = out.get_mut(..FIXED_HEADER_BYTES)?;
    head[0] = 0x80 | if elements.is_empty() { 0 } else { 0x10 };
    head[1] = fields.payload_type | if fields.marker { 0x80 } else { 0 };
    head[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
    head[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    head[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
    if elements.is_empty() {
        return Some(FIXED_HEADER_BYTES);
    }
    let one_byte = elements.iter().all(|(id, value)| *id < 15 && (1..=16).contains(&value.len()));
    let body = FIXED_HEADER_BYTES + 4;
    let mut at = body;
    for (id, value) in elements {
        let head: &[u8] = if one_byte {
            &[(id << 4) | u8::try_from(value.len() - 1).ok()?]
        } else {
            &[*id, u8::try_from(value.len()).ok()?]
        };
        out.get_mut(at..at + head.len())?.copy_from_slice(head);
        at += head.len();
        out.get_mut(at..at + value.len())?.copy_from_slice(value);
        at += value.len();
    }
    let end = body + (at - body).next_multiple_of(4);
    out.get_mut(at..end)?.fill(0);
    let profile = if one_byte { PROFILE_ONE_BYTE } else { PROFILE_TWO_BYTE };
    out[FIXED_HEADER_BYTES..FIXED_HEADER_BYTES + 2].copy_from_slice(&profile.to_be_bytes());
    let words = u16::try_from((end - body) / 4).ok()?;
    out[FIXED_HEADER_BYTES + 2..body].copy_from_slice(&words.to_be_bytes());
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: Fields =
        Fields { marker: true, payload_type: 96, sequence_number: 65_535, timestamp: 7, ssrc: 0xDEAD_BEEF };

    #[test]
    fn what_is_written_parses_back_in_both_forms() {
        let long = [9u8; 40];
        for elements in [&[(1u8, &[1u8, 2][..]), (4, &[3])][..], &[(3, &long[..]), (1, &[5])], &[]] {
            let mut out = [0xAAu8; 128];
            let length = write_header(&mut out, FIELDS, elements).expect("there is room");
            out[length..length + 3].copy_from_slice(&[7, 8, 9]);
            let packet = &out[..length + 3];
            let header = Header::parse(packet).expect("own packet is well formed");
            assert!(header.marker);
            assert_eq!((header.payload_type, header.sequence_number, header.ssrc), (96, 65_535, 0xDEAD_BEEF));
            assert_eq!(&packet[header.payload.clone()], &[7, 8, 9]);
            assert_eq!(header.elements(packet).collect::<Vec<_>>(), elements);
        }
    }

    #[test]
    fn padding_is_not_payload() {
        let mut packet = vec![0u8; 20];
        let length = write_header(&mut packet, FIELDS, &[]).expect("there is room");
        packet[0] |= 0x20;
        packet[length..].copy_from_slice(&[1, 2, 3, 4, 0, 0, 0, 4]);
        assert_eq!(Header::parse(&packet).expect("well formed").payload, 12..16);
        packet[19] = 8;
        assert!(Header::parse(&packet).expect("well formed").payload.is_empty());
        packet[19] = 9;
        assert_eq!(Header::parse(&packet), Err(Malformed::Padding));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), force in any::<bool>()) {
            if force && bytes.len() > 16 {
                bytes[0] = 0x90;
                bytes[12..14].copy_from_slice(&PROFILE_ONE_BYTE.to_be_bytes());
                bytes[14] = 0;
            }
            if let Ok(header) = Header::parse(&bytes) {
                prop_assert!(header.payload.end <= bytes.len());
                prop_assert!(header.elements(&bytes).map(|(_, value)| value.len()).sum::<usize>() <= bytes.len());
            }
        }
    }
}
