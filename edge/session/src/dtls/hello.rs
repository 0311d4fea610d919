//! ClientHellos, put together before DTLS sees them.
//!
//! Two reasons. The choice of SRTP profile needs the `use_srtp` extension before the DTLS endpoint is built, and a
//! ClientHello with a post-quantum key share takes two datagrams of which either may hold it. And `rtc-dtls` answers
//! every lone fragment of a second ClientHello with another HelloVerifyRequest.

use bytes::{BufMut, BytesMut};

use super::record::{Fragment, MESSAGE_LENGTH_MAX};

const CLIENT_HELLO: u8 = 1;
const USE_SRTP: u16 = 14;

/// Chromium's ClientHello is 1.4 kB in two datagrams; the longest post-quantum share adds 1.6 kB.
const DATAGRAMS_MAX: usize = 16;

/// The ClientHello fragments of one datagram.
#[derive(Default)]
pub(crate) struct ClientHelloFragments {
    /// Message sequence, message length, offset, body.
    parts: Vec<(u16, usize, usize, Vec<u8>)>,
}

impl ClientHelloFragments {
    /// Adds a fragment; `false` when it belongs to another kind of message.
    pub(crate) fn add(&mut self, fragment: &Fragment<'_>) -> bool {
        let is_hello = fragment.message_type == CLIENT_HELLO;
        if is_hello {
            self.parts.push((
                fragment.message_sequence,
                fragment.length,
                fragment.offset,
                fragment.body.to_vec(),
            ));
        }
        is_hello
    }
}

/// A whole ClientHello.
pub(crate) struct ClientHello {
    /// The datagrams it came in, one behind the other: records need no datagram around them.
    pub(crate) records: BytesMut,
    /// The profiles of `use_srtp` in the client's order; empty without the extension.
    pub(crate) srtp_profiles: Vec<u16>,
}

/// What adding a datagram came to.
pub(crate) enum Progress {
    Incomplete,
    Complete(ClientHello),
    /// The message was delivered before.
    Repeat,
}

/// Puts one ClientHello after another together.
#[derive(Default)]
pub(crate) struct Assembler {
    /// Message sequence of the last one delivered.
    delivered: Option<u16>,
    sequence: u16,
    body: Vec<u8>,
    present: Vec<bool>,
    records: BytesMut,
    datagrams: usize,
}

impl Assembler {
    pub(crate) fn add(&mut self, datagram: &[u8], fragments: &ClientHelloFragments) -> Progress {
        let mut news = false;
        for (sequence, length, offset, body) in &fragments.parts {
            if self.delivered.is_some_and(|delivered| *sequence <= delivered) {
                continue;
            }
            let another = *sequence != self.sequence || *length != self.body.len();
            if another || self.datagrams == DATAGRAMS_MAX {
                self.begin(*sequence, *length);
            }
            let range = *offset..*offset + body.len();
            news |= self.present[range.clone()].contains(&false);
            self.body[range.clone()].copy_from_slice(body);
            self.present[range].fill(true);
        }
        if !news {
            return Progress::Repeat;
        }
        self.records.put_slice(datagram);
        self.datagrams += 1;
        if self.present.contains(&false) {
            return Progress::Incomplete;
        }
        self.delivered = Some(self.sequence);
        let hello = ClientHello {
            records: std::mem::take(&mut self.records),
            srtp_profiles: srtp_profiles(&self.body).unwrap_or_default(),
        };
        self.body = Vec::new();
        self.present = Vec::new();
        Progress::Complete(hello)
    }

    fn begin(&mut self, sequence: u16, length: usize) {
        debug_assert!(length <= MESSAGE_LENGTH_MAX, "the record parser bounds it");
        self.sequence = sequence;
        self.body = vec![0; length];
        self.present = vec![false; length];
        self.records.clear();
        self.datagrams = 0;
    }
}

/// The profiles a ClientHello lists in `use_srtp` (RFC 5246 section 7.4.1.2, RFC 6347 section 4.2.1, RFC 5764 4.1.1).
fn srtp_profiles(hello: &[u8]) -> Option<Vec<u16>> {
    let mut reader = Reader(hello);
    reader.take(2 + 32)?;
    let session_id = reader.uint8()?;
    reader.take(session_id)?;
    let cookie = reader.uint8()?;
    reader.take(cookie)?;
    let cipher_suites = reader.uint16()?;
    reader.take(cipher_suites)?;
    let compression_methods = reader.uint8()?;
    reader.take(compression_methods)?;
    let extensions = reader.uint16()?;
    let mut extensions = Reader(reader.take(extensions)?);
    while !extensions.0.is_empty() {
        let kind = extensions.uint16()?;
        let length = extensions.uint16()?;
        let mut body = Reader(extensions.take(length)?);
        if kind == usize::from(USE_SRTP) {
            let length = body.uint16()?;
            let list = body.take(length)?;
            return Some(list.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect());
        }
    }
    None
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn uint8(&mut self) -> Option<usize> {
        self.take(1).map(|bytes| usize::from(bytes[0]))
    }

    fn uint16(&mut self) -> Option<usize> {
        self.take(2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut hello = vec![0xFE, 0xFD];
        hello.extend_from_slice(&[7; 32]);
        hello.extend_from_slice(&[0, 0, 0, 2, 0xC0, 0x2B, 1, 0, 0, extensions.len() as u8]);
        hello.extend_from_slice(extensions);
        hello
    }

    fn fragment(sequence: u16, hello: &[u8], offset: usize, length: usize) -> ClientHelloFragments {
        let body = hello[offset..offset + length].to_vec();
        ClientHelloFragments { parts: vec![(sequence, hello.len(), offset, body)] }
    }

    #[test]
    fn use_srtp_is_found_whichever_fragment_comes_first() {
        let hello = hello(&[0, 23, 0, 0, 0, 14, 0, 7, 0, 4, 0, 1, 0, 7, 0]);
        let (front, back) = (fragment(0, &hello, 0, 40), fragment(0, &hello, 40, hello.len() - 40));
        let mut assembler = Assembler::default();
        assert!(matches!(assembler.add(b"back", &back), Progress::Incomplete));
        assert!(matches!(assembler.add(b"back", &back), Progress::Repeat));
        let Progress::Complete(whole) = assembler.add(b"front", &front) else {
            panic!("both parts are there")
        };
        assert_eq!(whole.srtp_profiles, [1, 7]);
        assert_eq!(&whole.records[..], b"backfront");
        assert!(matches!(assembler.add(b"front", &front), Progress::Repeat), "delivered once");
        let next = fragment(1, &hello, 0, hello.len());
        assert!(matches!(assembler.add(b"next", &next), Progress::Complete(_)));
    }

    #[test]
    fn a_hello_without_use_srtp_or_cut_short_lists_none() {
        assert_eq!(srtp_profiles(&hello(&[0, 23, 0, 0])), None);
        let hello = hello(&[0, 14, 0, 5, 0, 2, 0, 7, 0]);
        assert_eq!(srtp_profiles(&hello), Some(vec![7]));
        for length in 0..hello.len() {
            assert_eq!(srtp_profiles(&hello[..length]), None);
        }
    }
}
