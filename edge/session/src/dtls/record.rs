//! The plaintext outside of DTLS records and handshake fragments (RFC 6347 sections 4.1 and 4.2.2).

/// Not well formed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

const RECORD_HEADER_LENGTH: usize = 13;
const FRAGMENT_HEADER_LENGTH: usize = 12;

/// No handshake message of WebRTC is longer; a certificate chain would be the longest.
pub(crate) const MESSAGE_LENGTH_MAX: usize = 16 * 1024;

/// One record; the body of an epoch above 0 is ciphertext.
pub(crate) struct Record<'a> {
    pub(crate) content_type: u8,
    pub(crate) epoch: u16,
    pub(crate) body: &'a [u8],
}

/// One fragment of a handshake message.
#[derive(Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) message_type: u8,
    /// Length of the whole message.
    pub(crate) length: usize,
    pub(crate) message_sequence: u16,
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
}

/// The records of a datagram of DTLS 1.0–1.2 framing.
pub(crate) fn records(mut rest: &[u8]) -> impl Iterator<Item = Result<Record<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = split_record(rest);
        rest = record.as_ref().map_or(&[], |&(_, after)| after);
        Some(record.map(|(record, _)| record).ok_or(Malformed))
    })
}

/// The fragments in the body of a plaintext handshake record.
///
/// `rtc-dtls` takes a fragment to reach as far as its whole message would: a partial fragment is accepted only as the
/// last of its record.
pub(crate) fn fragments(mut rest: &[u8]) -> impl Iterator<Item = Result<Fragment<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let fragment = split_fragment(rest);
        rest = fragment.as_ref().map_or(&[], |&(_, after)| after);
        Some(fragment.map(|(fragment, _)| fragment).ok_or(Malformed))
    })
}

fn split_record(datagram: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = datagram.split_first_chunk::<RECORD_HEADER_LENGTH>()?;
    let known = matches!(header[0], 20..=23) && header[1] == 0xFE && matches!(header[2], 0xFD | 0xFF);
    let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
    if !known || length == 0 || length > rest.len() {
        return None;
    }
    let (body, rest) = rest.split_at(length);
    Some((Record { content_type: header[0], epoch: u16::from_be_bytes([header[3], header[4]]), body }, rest))
}

fn split_fragment(record: &[u8]) -> Option<(Fragment<'_>, &[u8])> {
    let (header, rest) = record.split_first_chunk::<FRAGMENT_HEADER_LENGTH>()?;
    let length = uint24(&header[1..4]);
    let offset = uint24(&header[6..9]);
    let fragment_length = uint24(&header[9..12]);
    if length > MESSAGE_LENGTH_MAX || offset + fragment_length > length || fragment_length > rest.len() {
        return None;
    }
    let (body, rest) = rest.split_at(fragment_length);
    if fragment_length < length && !rest.is_empty() {
        return None;
    }
    let message_sequence = u16::from_be_bytes([header[4], header[5]]);
    Some((Fragment { message_type: header[0], length, message_sequence, offset, body }, rest))
}

fn uint24(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |value, &byte| value << 8 | usize::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(length: u8, offset: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, length, 0, 7, 0, 0, offset, 0, 0, body.len() as u8];
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn records_of_one_datagram_come_apart_and_a_broken_tail_is_told() {
        let mut datagram = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 8, 9];
        datagram.extend_from_slice(&[23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 0, 9, 1]);
        let mut found = records(&datagram);
        let first = found.next().expect("a first record").expect("well formed");
        assert_eq!((first.content_type, first.epoch, first.body), (22, 0, &[8, 9][..]));
        assert!(matches!(found.next(), Some(Err(Malformed))), "its length overruns the datagram");
        assert!(found.next().is_none());
    }

    #[test]
    fn only_the_last_fragment_of_a_record_may_be_partial() {
        let mut record = fragment(2, 0, &[1, 2]);
        record.extend(fragment(9, 0, &[1, 2, 3]));
        assert_eq!(fragments(&record).filter(Result::is_ok).count(), 2);
        record.extend(fragment(2, 0, &[1, 2]));
        assert!(fragments(&record).any(|fragment| fragment.is_err()));
        assert!(
            fragments(&fragment(4, 3, &[1, 2])).any(|fragment| fragment.is_err()),
            "past the message's end"
        );
    }
}
