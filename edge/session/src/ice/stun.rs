//! STUN binding messages (RFC 8489), as much of them as a lite agent needs.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use ring::hmac;

const HEADER_LENGTH: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

const INTEGRITY_LENGTH: usize = 20;
const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// A well formed STUN message.
pub(crate) enum Message<'a> {
    Request(BindingRequest<'a>),
    /// A response, an indication, or a request of another method.
    Other,
}

/// A binding request; nothing in it is authenticated before [`BindingRequest::verify`].
pub(crate) struct BindingRequest<'a> {
    raw: &'a [u8],
    username: Option<&'a str>,
    /// Offset of the MESSAGE-INTEGRITY attribute and its value.
    integrity: Option<(usize, &'a [u8])>,
    pub(crate) use_candidate: bool,
    pub(crate) controlled: bool,
    /// The first attribute that must be understood and is not.
    pub(crate) unknown_attribute: Option<u16>,
}

impl<'a> BindingRequest<'a> {
    /// The part of USERNAME before the colon: the ufrag of the side that answers.
    pub(crate) fn local_ufrag(&self) -> Option<&'a str> {
        self.username.and_then(|name| name.split_once(':')).map(|(local, _)| local)
    }

    pub(crate) fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Checks MESSAGE-INTEGRITY (RFC 8489 section 14.5): HMAC-SHA1 up to the attribute, with the header's length
    /// counted as if the attribute were the last.
    pub(crate) fn verify(&self, key: &hmac::Key) -> bool {
        self.integrity.is_some_and(|(offset, expected)| {
            rtc_crypto::constant_time_eq(integrity(key, &self.raw[..offset]).as_ref(), expected)
        })
    }

    fn transaction_id(&self) -> &'a [u8] {
        &self.raw[8..HEADER_LENGTH]
    }
}

/// Reads a message; `None` when it is not well formed or its FINGERPRINT is wrong.
pub(crate) fn parse(raw: &[u8]) -> Option<Message<'_>> {
    let kind = message_type(raw)?;
    let mut request = BindingRequest {
        raw,
        username: None,
        integrity: None,
        use_candidate: false,
        controlled: false,
        unknown_attribute: None,
    };
    for attribute in attributes(raw) {
        let Attribute { kind, offset, value } = attribute?;
        match kind {
            FINGERPRINT => {
                let is_last = offset + 8 == raw.len();
                let expected = (crc32(&raw[..offset]) ^ FINGERPRINT_XOR).to_be_bytes();
                if !is_last || value != expected {
                    return None;
                }
            }
            // What follows MESSAGE-INTEGRITY is not authenticated by it (RFC 8489 section 14.5).
            _ if request.integrity.is_some() => {}
            USERNAME => request.username = std::str::from_utf8(value).ok(),
            MESSAGE_INTEGRITY if value.len() == INTEGRITY_LENGTH => request.integrity = Some((offset, value)),
            MESSAGE_INTEGRITY => return None,
            USE_CANDIDATE => request.use_candidate = true,
            ICE_CONTROLLED => request.controlled = true,
            PRIORITY | 0x8000.. => {}
            unknown => request.unknown_attribute = request.unknown_attribute.or(Some(unknown)),
        }
    }
    Some(if kind == BINDING_REQUEST { Message::Request(request) } else { Message::Other })
}

/// The ufrag an incoming check is addressed to: the part of its USERNAME before the colon. For finding the session of
/// a datagram from an address not seen before; nothing is verified and nothing allocated.
#[must_use]
pub fn stun_local_ufrag(datagram: &[u8]) -> Option<&str> {
    message_type(datagram)?;
    attributes(datagram).find_map(|attribute| match attribute {
        Some(Attribute { kind: USERNAME, value, .. }) => {
            let end = value.iter().position(|&byte| byte == b':')?;
            std::str::from_utf8(&value[..end]).ok()
        }
        _ => None,
    })
}

/// A binding success response to `source`.
pub(crate) fn success(request: &BindingRequest<'_>, source: SocketAddr, key: &hmac::Key) -> Bytes {
    let mut message = begin(BINDING_SUCCESS, request);
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(request.transaction_id());
    let port = source.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
    let mut value = vec![0, 0];
    value.extend_from_slice(&port.to_be_bytes());
    // A dual-stack socket reports IPv4 peers as ::ffff:a.b.c.d; the peer knows itself as a.b.c.d.
    match source.ip().to_canonical() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value.extend(ip.octets().iter().zip(mask).map(|(octet, mask)| octet ^ mask));
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            value.extend(ip.octets().iter().zip(mask).map(|(octet, mask)| octet ^ mask));
        }
    }
    put(&mut message, XOR_MAPPED_ADDRESS, &value);
    finish(message, Some(key))
}

/// A binding error response; signed when the request was authenticated.
pub(crate) fn error(request: &BindingRequest<'_>, code: u16, key: Option<&hmac::Key>) -> Bytes {
    let mut message = begin(BINDING_ERROR, request);
    put(&mut message, ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8]);
    if let Some(unknown) = request.unknown_attribute.filter(|_| code == 420) {
        put(&mut message, UNKNOWN_ATTRIBUTES, &unknown.to_be_bytes());
    }
    finish(message, key)
}

struct Attribute<'a> {
    kind: u16,
    offset: usize,
    value: &'a [u8],
}

/// The message type, when the header is that of a STUN message that fills the datagram.
fn message_type(raw: &[u8]) -> Option<u16> {
    let header = raw.first_chunk::<HEADER_LENGTH>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let sound = header[0] < 4
        && header[4..8] == MAGIC_COOKIE
        && length % 4 == 0
        && raw.len() == HEADER_LENGTH + length;
    sound.then(|| u16::from_be_bytes([header[0], header[1]]))
}

/// The attributes in order; `None`, once, where one overruns the message.
fn attributes(raw: &[u8]) -> impl Iterator<Item = Option<Attribute<'_>>> {
    let mut offset = HEADER_LENGTH;
    std::iter::from_fn(move || {
        if offset >= raw.len() {
            return None;
        }
        let start = offset;
        offset = raw.len();
        let attribute = raw[start..].split_first_chunk::<4>().and_then(|(head, rest)| {
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            offset = start + 4 + length.next_multiple_of(4);
            let kind = u16::from_be_bytes([head[0], head[1]]);
            rest.get(..length).map(|value| Attribute { kind, offset: start, value })
        });
        if attribute.is_none() {
            offset = raw.len();
        }
        Some(attribute)
    })
}

fn begin(kind: u16, request: &BindingRequest<'_>) -> Vec<u8> {
    let mut message = Vec::with_capacity(96);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 0]);
    message.extend_from_slice(&MAGIC_COOKIE);
    message.extend_from_slice(request.transaction_id());
    message
}

fn put(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&(value.len() as u16).to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    set_length(message, 0);
}

fn finish(mut message: Vec<u8>, key: Option<&hmac::Key>) -> Bytes {
    if let Some(key) = key {
        let tag = integrity(key, &message);
        put(&mut message, MESSAGE_INTEGRITY, tag.as_ref());
    }
    set_length(&mut message, 8);
    let fingerprint = crc32(&message) ^ FINGERPRINT_XOR;
    put(&mut message, FINGERPRINT, &fingerprint.to_be_bytes());
    message.into()
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - HEADER_LENGTH + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

/// HMAC-SHA1 over `message` with its header's length counted up to the end of a MESSAGE-INTEGRITY put behind it.
fn integrity(key: &hmac::Key, message: &[u8]) -> hmac::Tag {
    let length = (message.len() - HEADER_LENGTH + 4 + INTEGRITY_LENGTH) as u16;
    let mut context = hmac::Context::with_key(key);
    context.update(&message[..2]);
    context.update(&length.to_be_bytes());
    context.update(&message[4..]);
    context.sign()
}

/// CRC-32 of ITU V.42, which FINGERPRINT uses (RFC 8489 section 14.7).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| CRC_TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

static CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.1: a request of ICE with user "evtj:h6vY" and password "VOkJxbRl1RmTxUk/WvJxBt".
    const RFC_5769_REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09evtj:h6vY\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\
        \xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    #[test]
    fn the_sample_request_of_rfc_5769_verifies() {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"VOkJxbRl1RmTxUk/WvJxBt");
        let Some(Message::Request(request)) = parse(RFC_5769_REQUEST) else {
            panic!("a well formed request")
        };
        assert_eq!(request.local_ufrag(), Some("evtj"));
        assert_eq!(stun_local_ufrag(RFC_5769_REQUEST), Some("evtj"));
        assert!(request.verify(&key));
        assert!(request.controlled && !request.use_candidate && request.unknown_attribute.is_none());
        let other = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"another password");
        assert!(!request.verify(&other));
    }

    #[test]
    fn every_truncation_of_a_request_is_refused() {
        for length in 0..RFC_5769_REQUEST.len() {
            assert!(parse(&RFC_5769_REQUEST[..length]).is_none(), "{length} bytes");
            assert!(stun_local_ufrag(&RFC_5769_REQUEST[..length]).is_none());
        }
    }

    #[test]
    fn a_flipped_bit_never_verifies() {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"VOkJxbRl1RmTxUk/WvJxBt");
        let behind_integrity = RFC_5769_REQUEST.len() - 8;
        for bit in 0..behind_integrity * 8 {
            let mut flipped = RFC_5769_REQUEST.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(Message::Request(request)) = parse(&flipped) {
                assert!(!request.verify(&key), "bit {bit}");
            }
        }
    }
}
