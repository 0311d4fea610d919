//! Reading of canonical RTP packets ([`edge_wire::rtp`]).

use bytes::Bytes;
use edge_wire::rtp::{EXTENSION_VIDEO_ORIENTATION, PACKET_BYTES_MAX};

/// What the archive needs of one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// Clockwise quarter turns the picture needs at display, when the packet says (3GPP TS 26.114, 7.4.5).
    pub(crate) rotation: Option<u8>,
    pub(crate) payload: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("an RTP packet of {0} bytes ends inside its header")]
    Short(usize),
    #[error("an RTP packet of {0} bytes is over the limit of {PACKET_BYTES_MAX}")]
    Long(usize),
    #[error("RTP version {0} is not 2")]
    Version(u8),
}

/// Parses the header (RFC 3550 section 5.1) and the extensions in use (RFC 8285).
///
/// # Errors
/// The packet is not RTP; the stream goes on without it.
pub(crate) fn parse(bytes: &Bytes) -> Result<Packet, Error> {
    let short = Error::Short(bytes.len());
    if bytes.len() > PACKET_BYTES_MAX {
        return Err(Error::Long(bytes.len()));
    }
    let header: &[u8; 12] = bytes.first_chunk().ok_or(short)?;
    if header[0] >> 6 != 2 {
        return Err(Error::Version(header[0] >> 6));
    }
    let mut offset = 12 + 4 * usize::from(header[0] & 0x0f);
    let mut rotation = None;
    if header[0] & 0x10 != 0 {
        let profile = bytes.get(offset..offset + 4).ok_or(short)?;
        let length = 4 * usize::from(u16::from_be_bytes([profile[2], profile[3]]));
        let two_byte = profile[0] == 0x10 && profile[1] & 0xf0 == 0;
        let body = bytes.get(offset + 4..offset + 4 + length).ok_or(short)?;
        rotation = orientation(body, two_byte);
        offset += 4 + length;
    }
    let mut end = bytes.len();
    if header[0] & 0x20 != 0 {
        end = end.saturating_sub(usize::from(bytes[end - 1]));
    }
    if offset > end {
        return Err(short);
    }
    Ok(Packet {
        sequence_number: u16::from_be_bytes([header[2], header[3]]),
        timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        marker: header[1] & 0x80 != 0,
        rotation,
        payload: bytes.slice(offset..end),
    })
}

/// Low two bits of the CVO element, if it is there.
fn orientation(mut body: &[u8], two_byte: bool) -> Option<u8> {
    while let Some((&first, rest)) = body.split_first() {
        if first == 0 {
            body = rest;
            continue;
        }
        let (id, length, rest) = if two_byte {
            let (&length, rest) = rest.split_first()?;
            (first, usize::from(length), rest)
        } else {
            (first >> 4, usize::from(first & 0x0f) + 1, rest)
        };
        let value = rest.get(..length)?;
        if id == EXTENSION_VIDEO_ORIENTATION {
            return value.first().map(|byte| byte & 3);
        }
        body = &rest[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_orientation_is_found_among_other_extensions() {
        let mut bytes = vec![0x90, 0xe0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0xbe, 0xde, 0, 2];
        bytes.extend_from_slice(&[0x10, 0x7f, 0x20, 0x03, 0x41, 1, 2, 0, b'x']);
        let packet = parse(&bytes.into()).expect("the packet is well formed");
        assert_eq!((packet.sequence_number, packet.timestamp, packet.marker), (7, 9, true));
        assert_eq!(packet.rotation, Some(3));
        assert_eq!(&packet.payload[..], b"x");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes.into());
        }
    }
}
