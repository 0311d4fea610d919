//! VP8 (RFC 7741).

use super::Assembled;
use crate::codec::{self, Codec};

pub(super) fn begins_frame(payload: &[u8]) -> bool {
    // S bit set and partition index 0.
    payload.first().is_some_and(|first| first & 0x17 == 0x10)
}

pub(super) fn assemble(payloads: &[&[u8]]) -> Assembled {
    let mut data = Vec::new();
    for payload in payloads {
        let Some(body) = descriptor_length(payload).and_then(|length| payload.get(length..)) else {
            return Assembled::Malformed;
        };
        data.extend_from_slice(body);
    }
    if data.is_empty() {
        return Assembled::Nothing;
    }
    if !codec::vp8::is_keyframe(&data) {
        return Assembled::Frame { data, keyframe: None };
    }
    match codec::vp8::size(&data) {
        Some((width, height)) => {
            let config = codec::Video { codec: Codec::Vp8, width, height, rotation: 0 };
            Assembled::Frame { data, keyframe: Some(config) }
        }
        None => Assembled::Malformed,
    }
}

/// Bytes of the payload descriptor (section 4.2).
fn descriptor_length(payload: &[u8]) -> Option<usize> {
    if payload.first()? & 0x80 == 0 {
        return Some(1);
    }
    let extension = payload.get(1)?;
    let mut length = 2;
    if extension & 0x80 != 0 {
        length += if payload.get(2)? & 0x80 != 0 { 2 } else { 1 };
    }
    length += usize::from(extension & 0x40 != 0);
    length += usize::from(extension & 0x30 != 0);
    Some(length)
}
