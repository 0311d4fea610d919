//! What is let through to `rtc-dtls`.
//!
//! Its reassembly of handshake fragments is recursive over the fragments and keeps what it cannot use, and its queue
//! of records from the next epoch is unbounded. A peer that may send at all (its address is validated) must not be
//! able to exhaust stack or memory with either, so both are counted here over the whole session.
//!
//! It also acts on some records nobody has authenticated: a ChangeCipherSpec is taken from any epoch without decryption
//! and moves to the next one, and whatever it cannot decode ends the connection. Anyone who can write the peer's source
//! address could send those, so only the forms a genuine peer sends pass.

use super::hello::ClientHelloFragments;
use super::record::{self, Malformed, Record};
use crate::DropReason;

/// A genuine handshake takes under 10 datagrams a try; the clients' doubling timers fit under ten tries into 30 s.
const HANDSHAKE_DATAGRAMS_MAX: u32 = 128;

/// Fragments over the whole session. The recursion in `rtc-dtls` is at most this deep.
const FRAGMENTS_MAX: u32 = 1024;

/// After the handshake the peer repeats its last flight when ours was lost: once per timer of its, 1 s or longer.
const REPEATS_MAX: u32 = 64;

/// The only encrypted handshake message is Finished: 24 bytes of framing, 24 of GCM, or 12 + 20 of CBC.
const ENCRYPTED_HANDSHAKE_LENGTH_MAX: usize = 256;

/// Counts of one session.
#[derive(Default)]
pub(crate) struct Guard {
    datagrams: u32,
    fragments: u32,
    repeats: u32,
}

/// What a datagram that may pass holds.
pub(crate) enum Content {
    /// Fragments of a ClientHello and nothing else; they are held until the message is whole.
    ClientHello(ClientHelloFragments),
    /// Anything else.
    Records,
}

impl Guard {
    /// Looks at every record of `datagram`; nothing is changed but the counts.
    pub(crate) fn inspect(&mut self, datagram: &[u8], connected: bool) -> Result<Content, DropReason> {
        let mut hello = ClientHelloFragments::default();
        let mut is_hello = true;
        let mut fragments = 0;
        for record in record::records(datagram) {
            let record = record?;
            if record.content_type != record::HANDSHAKE {
                is_hello = false;
                if !is_sound(&record) {
                    return Err(DropReason::Malformed);
                }
            } else if record.epoch > 0 {
                is_hello = false;
                if record.body.len() > ENCRYPTED_HANDSHAKE_LENGTH_MAX {
                    return Err(DropReason::Malformed);
                }
                fragments += record.body.len() as u32 / 12;
            } else {
                for fragment in record::fragments(record.body) {
                    is_hello &= hello.add(&fragment?);
                    fragments += 1;
                }
            }
        }
        self.count(fragments, connected)?;
        Ok(if is_hello { Content::ClientHello(hello) } else { Content::Records })
    }

    fn count(&mut self, fragments: u32, connected: bool) -> Result<(), DropReason> {
        let over = if connected {
            self.repeats += u32::from(fragments > 0);
            fragments > 0 && self.repeats > REPEATS_MAX
        } else {
            self.datagrams += 1;
            self.datagrams > HANDSHAKE_DATAGRAMS_MAX
        };
        if over || (fragments > 0 && self.fragments + fragments > FRAGMENTS_MAX) {
            return Err(DropReason::HandshakeFlood);
        }
        self.fragments += fragments;
        Ok(())
    }
}

/// Whether a record that is no handshake has a form and an epoch it may have. Renegotiation is not a thing of WebRTC, so
/// the one ChangeCipherSpec comes in epoch 0.
fn is_sound(record: &Record<'_>) -> bool {
    match record.content_type {
        record::CHANGE_CIPHER_SPEC => record.epoch == 0 && record.body == [1],
        record::ALERT => record.epoch > 0 || record.body.len() == 2,
        record::APPLICATION_DATA => record.epoch > 0,
        _ => false,
    }
}

impl From<Malformed> for DropReason {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of `count` empty fragments, each of which `rtc-dtls` would keep.
    fn empty_fragments(epoch: u8, count: u16) -> Vec<u8> {
        let length = (count * 12).to_be_bytes();
        let mut record = vec![22, 0xFE, 0xFD, 0, epoch, 0, 0, 0, 0, 0, 0, length[0], length[1]];
        for _ in 0..count {
            record.extend_from_slice(&[11, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0]);
        }
        record
    }

    #[test]
    fn handshake_datagrams_and_fragments_are_bounded_over_the_session() {
        let mut guard = Guard::default();
        let passed = (0..100).filter(|_| guard.inspect(&empty_fragments(0, 100), false).is_ok()).count();
        assert_eq!(passed as u32, FRAGMENTS_MAX / 100);
        let mut guard = Guard::default();
        let passed = (0..1000).filter(|_| guard.inspect(&empty_fragments(0, 1), false).is_ok()).count();
        assert_eq!(passed as u32, HANDSHAKE_DATAGRAMS_MAX);
    }

    #[test]
    fn a_connected_peer_cannot_feed_handshake_fragments_without_end_yet_may_send_data() {
        let mut guard = Guard::default();
        let passed = (0..1000).filter(|_| guard.inspect(&empty_fragments(1, 3), true).is_ok()).count();
        assert_eq!(passed as u32, REPEATS_MAX);
        assert!(guard.inspect(&empty_fragments(1, 100), true).is_err(), "far longer than a Finished");
        let data = [23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 1, 2];
        assert!(guard.inspect(&data, true).is_ok());
    }
}
