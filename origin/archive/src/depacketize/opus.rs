//! Opus (RFC 6716, RFC 7587) and its redundant form (RFC 2198).

use bytes::Bytes;

/// Samples of 20 ms at 48 kHz.
pub(crate) const FRAME_SAMPLES: u32 = 960;
/// Packets this short carry no sound: DTX and its comfort frames (RFC 6716 section 3.1).
const DTX_BYTES_MAX: usize = 2;
/// Longest packet (RFC 6716 section 3.4).
const PACKET_SAMPLES_MAX: u32 = 5_760;

/// 20 ms of silence: fullband CELT, mono.
pub(crate) const SILENCE: Bytes = Bytes::from_static(&[0xf8, 0xff, 0xfe]);

/// Samples at 48 kHz in a packet (RFC 6716 section 3.1); `None` when it is malformed.
pub(crate) fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..12 => [480, 960, 1_920, 2_880][usize::from(config % 4)],
        12..16 => [480, 960][usize::from(config % 2)],
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let count = match toc & 3 {
        0 => 1,
        3 => u32::from(packet.get(1)? & 0x3f),
        _ => 2,
    };
    let samples = frame * count;
    (samples > 0 && samples <= PACKET_SAMPLES_MAX).then_some(samples)
}

/// Whether a packet says "nothing to hear".
pub(crate) fn is_silence(packet: &[u8]) -> bool {
    packet.len() <= DTX_BYTES_MAX
}

/// One packet of a payload with its offset back from the RTP timestamp.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) samples_back: u32,
    pub(crate) data: Bytes,
}

/// Blocks of a redundant payload, oldest first; `None` when it is malformed.
pub(crate) fn redundant(payload: &Bytes) -> Option<Vec<Block>> {
    let mut headers = Vec::new();
    let mut offset = 0;
    while payload.get(offset)? & 0x80 != 0 {
        let header = u32::from_be_bytes(*payload.get(offset..)?.first_chunk()?);
        headers.push((header >> 10 & 0x3fff, (header & 0x3ff) as usize));
        offset += 4;
    }
    offset += 1;
    let mut blocks = Vec::new();
    for (samples_back, length) in headers {
        if payload.len() < offset + length {
            return None;
        }
        blocks.push(Block { samples_back, data: payload.slice(offset..offset + length) });
        offset += length;
    }
    blocks.push(Block { samples_back: 0, data: payload.slice(offset.min(payload.len())..) });
    blocks.retain(|block| !block.data.is_empty());
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packet_durations_follow_the_toc() {
        assert_eq!(samples(&SILENCE), Some(960));
        assert_eq!(samples(&[0x00]), Some(480));
        assert_eq!(samples(&[0x1b, 0x02]), Some(5_760));
        assert_eq!(samples(&[0x1b, 0x03]), None, "180 ms is over the limit");
    }

    #[test]
    fn redundant_blocks_come_oldest_first() {
        let mut payload = vec![0x80 | 111, 0x0f, 0x00, 0x02, 111];
        payload.extend_from_slice(b"ababc");
        let blocks = redundant(&payload.into()).expect("well formed");
        assert_eq!(blocks[0], Block { samples_back: 960, data: "ab".into() });
        assert_eq!(blocks[1], Block { samples_back: 0, data: "abc".into() });
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = samples(&bytes);
            let _ = redundant(&bytes.into());
        }
    }
}
