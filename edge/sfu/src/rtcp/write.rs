//! Writing RTCP messages, appended to a compound packet.

use super::*;

/// Sender report without report blocks.
pub(crate) fn sender_report(
    out: &mut Vec<u8>,
    ssrc: u32,
    ntp: u64,
    rtp_timestamp: u32,
    packets: u32,
    octets: u32,
) {
    let start = begin(out, 0, SENDER_REPORT);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend_from_slice(&ntp.to_be_bytes());
    for word in [rtp_timestamp, packets, octets] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    end(out, start);
}

/// Receiver report; at most 31 blocks are written (5-bit count).
pub(crate) fn receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
    let blocks = &blocks[..blocks.len().min(31)];
    let start = begin(out, blocks.len() as u8, RECEIVER_REPORT);
    out.extend_from_slice(&ssrc.to_be_bytes());
    for block in blocks {
        let lost = (block.cumulative_lost as u32 & 0x00FF_FFFF) | (u32::from(block.fraction_lost) << 24);
        for word in [block.ssrc, lost, block.highest, block.jitter, block.last_report, block.delay] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    end(out, start);
}

/// Source description of one CNAME per SSRC; at most 31 are written, names cut at 255 bytes.
pub(crate) fn source_description<'a>(
    out: &mut Vec<u8>,
    names: impl ExactSizeIterator<Item = (u32, &'a str)>,
) {
    let count = names.len().min(31);
    let start = begin(out, count as u8, SOURCE_DESCRIPTION);
    for (ssrc, cname) in names.take(count) {
        out.extend_from_slice(&ssrc.to_be_bytes());
        let cname = &cname.as_bytes()[..cname.len().min(255)];
        out.extend_from_slice(&[1, cname.len() as u8]);
        out.extend_from_slice(cname);
        // One to four zero octets end the chunk on a word.
        let length = out.len() - start;
        out.resize(start + (length + 1).next_multiple_of(4), 0);
    }
    end(out, start);
}

/// Generic NACK of these sequence numbers; nothing is written for none.
pub(crate) fn nack(out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32, losses: &[u16]) {
    let Some((first, rest)) = losses.split_first() else { return };
    let start = feedback(out, FORMAT_NACK, TRANSPORT_FEEDBACK, sender_ssrc, media_ssrc);
    let (mut base, mut mask) = (*first, 0u16);
    for loss in rest {
        let bit = loss.wrapping_sub(base).wrapping_sub(1);
        if bit < 16 {
            mask |= 1 << bit;
            continue;
        }
        out.extend_from_slice(&base.to_be_bytes());
        out.extend_from_slice(&mask.to_be_bytes());
        (base, mask) = (*loss, 0);
    }
    out.extend_from_slice(&base.to_be_bytes());
    out.extend_from_slice(&mask.to_be_bytes());
    end(out, start);
}

/// Picture loss indication.
pub(crate) fn pli(out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32) {
    let start = feedback(out, FORMAT_PLI, PAYLOAD_FEEDBACK, sender_ssrc, media_ssrc);
    end(out, start);
}

/// Head of a feedback message (RFC 4585 section 6.1); give the result to [`end`].
pub(crate) fn feedback(out: &mut Vec<u8>, format: u8, kind: u8, sender_ssrc: u32, media_ssrc: u32) -> usize {
    let start = begin(out, format, kind);
    out.extend_from_slice(&sender_ssrc.to_be_bytes());
    out.extend_from_slice(&media_ssrc.to_be_bytes());
    start
}

fn begin(out: &mut Vec<u8>, count: u8, kind: u8) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    start
}

/// Pads to a word with zeros and writes the length.
pub(crate) fn end(out: &mut Vec<u8>, start: usize) {
    let length = (out.len() - start).next_multiple_of(4);
    out.resize(start + length, 0);
    // Every message here is far below 65,536 words.
    let words = (length / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::parse::{Message, messages};
    use super::*;

    #[test]
    fn compound_parses_back() {
        let block = ReportBlock {
            ssrc: 9,
            fraction_lost: 26,
            cumulative_lost: -3,
            highest: 70_000,
            jitter: 5,
            last_report: 77,
            delay: 88,
        };
        let losses = [65_534, 65_535, 0, 14, 15, 300];
        let mut out = Vec::new();
        sender_report(&mut out, 7, 0x0102_0304_0506_0708, 90, 3, 300);
        source_description(&mut out, [(7, "abc"), (8, "four")].into_iter());
        receiver_report(&mut out, 1, &[block]);
        nack(&mut out, 1, 9, &losses);
        nack(&mut out, 1, 9, &[]);
        pli(&mut out, 1, 9);
        let found: Vec<_> = messages(&out).collect();
        let [
            Message::SenderReport { ssrc: 7, ntp: 0x0102_0304_0506_0708, rtp_timestamp: 90, .. },
            sdes,
            rr,
            nack,
            pli,
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert!(matches!(sdes, Message::Other));
        let Message::ReceiverReport { blocks } = rr else { panic!("{rr:?}") };
        assert_eq!(blocks.clone().collect::<Vec<_>>(), [block]);
        let Message::Nack { media_ssrc: 9, losses: found } = nack else { panic!("{nack:?}") };
        assert_eq!(found.clone().collect::<Vec<_>>(), losses);
        assert!(matches!(pli, Message::Pli { media_ssrc: 9 }));
    }

    #[test]
    fn source_description_ends_every_chunk_with_a_zero_on_a_word() {
        let mut out = Vec::new();
        source_description(&mut out, [(0x0A0B_0C0D, "ab"), (1, "abc")].into_iter());
        // "ab" ends exactly on a word, so a whole word of zeros follows it.
        let expected = [
            0x82, 202, 0, 6, 0x0A, 0x0B, 0x0C, 0x0D, 1, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, b'a',
            b'b', b'c', 0, 0, 0,
        ];
        assert_eq!(out, expected);
    }
}
