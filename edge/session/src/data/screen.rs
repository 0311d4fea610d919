//! What of a peer's SCTP is let through to `rtc-sctp`.
//!
//! The peer has keys, so this is not about forgery: it is about one participant taking a media thread's time or memory
//! from all the others.

use super::RECEIVE_BUFFER_BYTES;

/// Bytes of DATA without one whole message. `rtc-sctp` takes a message without end past its receive window; a genuine
/// peer has delivered something by then.
const UNDELIVERED_BYTES_MAX: usize = 2 * RECEIVE_BUFFER_BYTES as usize;

/// TSNs one FORWARD TSN may skip. `rtc-sctp` visits each of them, up to 2^31. A peer abandons at most what it has in
/// flight: 3,000 full packets at 100 Mbit/s and 300 ms.
const SKIP_MAX: i32 = 16_384;

/// Stream resets over the life of an association. `rtc-sctp` keeps those that name a TSN yet to come, and answers all
/// of them with every chunk that arrives. A peer resets a stream when it closes a channel.
const RESETS_MAX: u32 = 256;

const COMMON_HEADER_LENGTH: usize = 12;
const DATA: u8 = 0;
const SACK: u8 = 3;
const RE_CONFIG: u8 = 130;
const FORWARD_TSN: u8 = 192;

/// What to do with a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Drop,
    /// End the association.
    Abort,
}

/// The counts of one association.
#[derive(Default)]
pub(crate) struct Screen {
    undelivered_bytes: usize,
    resets: u32,
    /// Cumulative TSN of our last SACK.
    acknowledged: Option<u32>,
}

impl Screen {
    /// Looks at a packet of the peer's.
    pub(crate) fn inbound(&mut self, packet: &[u8]) -> Verdict {
        let mut has_data = false;
        let mut skips = 0;
        for (kind, body) in chunks(packet) {
            match kind {
                DATA => has_data = true,
                RE_CONFIG => self.resets += 1,
                FORWARD_TSN => {
                    skips += 1;
                    if skips > 1 || !self.may_skip(body) {
                        return Verdict::Drop;
                    }
                }
                _ => {}
            }
        }
        if has_data {
            self.undelivered_bytes += packet.len();
        }
        let over = self.undelivered_bytes > UNDELIVERED_BYTES_MAX || self.resets > RESETS_MAX;
        if over { Verdict::Abort } else { Verdict::Pass }
    }

    /// Looks at a packet of ours.
    pub(crate) fn outbound(&mut self, packet: &[u8]) {
        for (kind, body) in chunks(packet) {
            if kind == SACK {
                self.acknowledged = first_word(body).or(self.acknowledged);
            }
        }
    }

    /// A whole message has come out.
    pub(crate) fn delivered(&mut self) {
        self.undelivered_bytes = 0;
    }

    /// Nothing can be abandoned before the first SACK: the first DATA is a channel's OPEN, which is reliable.
    fn may_skip(&self, body: &[u8]) -> bool {
        let (Some(to), Some(from)) = (first_word(body), self.acknowledged) else { return false };
        to.wrapping_sub(from).cast_signed() <= SKIP_MAX
    }
}

/// Type and body of every chunk (RFC 9260 section 3.2), as far as they are well formed.
fn chunks(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = packet.get(COMMON_HEADER_LENGTH..).unwrap_or_default();
    std::iter::from_fn(move || {
        let header = rest.first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let body = rest.get(4..length)?;
        let kind = header[0];
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

fn first_word(body: &[u8]) -> Option<u32> {
    body.first_chunk::<4>().map(|word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(chunks: &[(u8, u32)]) -> Vec<u8> {
        let mut packet = vec![0; COMMON_HEADER_LENGTH];
        for (kind, word) in chunks {
            packet.extend_from_slice(&[*kind, 0, 0, 8]);
            packet.extend_from_slice(&word.to_be_bytes());
        }
        packet
    }

    #[test]
    fn a_forward_tsn_skips_what_can_be_in_flight_and_no_more() {
        let mut screen = Screen::default();
        assert_eq!(screen.inbound(&packet(&[(FORWARD_TSN, 5)])), Verdict::Drop, "before any SACK");
        screen.outbound(&packet(&[(SACK, u32::MAX - 5)]));
        assert_eq!(screen.inbound(&packet(&[(FORWARD_TSN, 10)])), Verdict::Pass);
        assert_eq!(screen.inbound(&packet(&[(FORWARD_TSN, u32::MAX - 9)])), Verdict::Pass, "old news");
        assert_eq!(screen.inbound(&packet(&[(FORWARD_TSN, 20_000)])), Verdict::Drop);
        assert_eq!(screen.inbound(&packet(&[(FORWARD_TSN, 10), (FORWARD_TSN, 20)])), Verdict::Drop);
    }

    #[test]
    fn resets_are_counted_over_the_association() {
        let mut screen = Screen::default();
        let passed =
            (0..1000).filter(|_| screen.inbound(&packet(&[(RE_CONFIG, 0)])) == Verdict::Pass).count();
        assert_eq!(passed as u32, RESETS_MAX);
    }
}
