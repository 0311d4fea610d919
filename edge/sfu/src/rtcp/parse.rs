//! Reading compound RTCP. Malformed rest ends the iteration: what stood before it still counts.

use super::*;

/// One message of a compound packet, as far as the core uses it.
#[derive(Clone, Debug)]
pub(crate) enum Message<'a> {
    SenderReport { ssrc: u32, ntp: u64, rtp_timestamp: u32, blocks: Blocks<'a> },
    ReceiverReport { blocks: Blocks<'a> },
    Nack { media_ssrc: u32, losses: Losses<'a> },
    Pli { media_ssrc: u32 },
    Fir { requests: FirRequests<'a> },
    Other,
}

/// Iterates the messages of a compound packet.
pub(crate) fn messages(compound: &[u8]) -> Messages<'_> {
    Messages { rest: compound }
}

#[derive(Clone, Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let [head, kind, high, low, ..] = *self.rest else { return None };
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let body = self.rest.get(4..length);
        if head >> 6 != 2 {
            self.rest = &[];
            return None;
        }
        let Some(mut body) = body else {
            self.rest = &[];
            return None;
        };
        self.rest = &self.rest[length..];
        if head & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            body = body.get(..body.len().checked_sub(padding)?)?;
        }
        Some(message(head & 0x1F, kind, body).unwrap_or(Message::Other))
    }
}

fn message(count: u8, kind: u8, body: &[u8]) -> Option<Message<'_>> {
    Some(match (kind, count) {
        (SENDER_REPORT, _) => Message::SenderReport {
            ssrc: word(body, 0)?,
            ntp: (u64::from(word(body, 4)?) << 32) | u64::from(word(body, 8)?),
            rtp_timestamp: word(body, 12)?,
            blocks: Blocks { rest: body.get(24..)?, count },
        },
        (RECEIVER_REPORT, _) => Message::ReceiverReport { blocks: Blocks { rest: body.get(4..)?, count } },
        (TRANSPORT_FEEDBACK, FORMAT_NACK) => Message::Nack {
            media_ssrc: word(body, 4)?,
            losses: Losses { rest: &body[8..], base: 0, mask: 0 },
        },
        (PAYLOAD_FEEDBACK, FORMAT_PLI) => Message::Pli { media_ssrc: word(body, 4)? },
        (PAYLOAD_FEEDBACK, FORMAT_FIR) => Message::Fir { requests: FirRequests { rest: body.get(8..)? } },
        _ => Message::Other,
    })
}

/// Report blocks of one SR or RR.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<'a> {
    rest: &'a [u8],
    count: u8,
}

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        self.count = self.count.checked_sub(1)?;
        let block = self.rest.get(..24)?;
        self.rest = &self.rest[24..];
        // Sign-extends 24 bits.
        let cumulative_lost = ((word(block, 4)? << 8) as i32) >> 8;
        Some(ReportBlock {
            ssrc: word(block, 0)?,
            fraction_lost: block[4],
            cumulative_lost,
            highest: word(block, 8)?,
            jitter: word(block, 12)?,
            last_report: word(block, 16)?,
            delay: word(block, 20)?,
        })
    }
}

/// Sequence numbers of a generic NACK, in the order written.
#[derive(Clone, Debug)]
pub(crate) struct Losses<'a> {
    rest: &'a [u8],
    base: u16,
    mask: u16,
}

impl Iterator for Losses<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask != 0 {
            let bit = self.mask.trailing_zeros() as u16;
            self.mask &= self.mask - 1;
            return Some(self.base.wrapping_add(bit + 1));
        }
        let pair = word(self.rest, 0)?;
        self.rest = &self.rest[4..];
        (self.base, self.mask) = ((pair >> 16) as u16, (pair & 0xFFFF) as u16);
        Some(self.base)
    }
}

/// SSRCs a full intra request names.
#[derive(Clone, Debug)]
pub(crate) struct FirRequests<'a> {
    rest: &'a [u8],
}

impl Iterator for FirRequests<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let entry = self.rest.get(..8)?;
        self.rest = &self.rest[8..];
        word(entry, 0)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let [a, b, c, d] = *bytes.get(at..at + 4)? else { return None };
    Some(u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Walks everything, as the core would.
    pub(crate) fn walk(compound: &[u8]) -> usize {
        messages(compound)
            .map(|message| match message {
                Message::SenderReport { blocks, .. } | Message::ReceiverReport { blocks } => blocks.count(),
                Message::Nack { losses, .. } => losses.count(),
                Message::Fir { requests } => requests.count(),
                Message::Pli { .. } | Message::Other => 1,
            })
            .sum()
    }

    proptest! {
        #[test]
        fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
                                kind in 200u8..207, count in 0u8..32) {
            walk(&bytes);
            if bytes.len() >= 4 {
                bytes[0] = 0x80 | count;
                bytes[1] = kind;
                bytes[2] = 0;
                bytes[3] %= 30;
                walk(&bytes);
            }
        }
    }
}
