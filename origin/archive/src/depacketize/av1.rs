//! AV1 (AOM "RTP Payload Format For AV1", version 1.0). A sample is a temporal unit of OBUs with size fields and without
//! temporal delimiters (AV1 ISO media file binding, section 2.4).

use super::Assembled;
use crate::codec::{self, Codec};

const OBU_SEQUENCE_HEADER: u8 = 1;
const OBU_TEMPORAL_DELIMITER: u8 = 2;
const OBU_TILE_LIST: u8 = 8;
const OBU_PADDING: u8 = 15;

pub(super) fn begins_frame(payload: &[u8]) -> bool {
    let Some((&header, rest)) = payload.split_first() else { return false };
    let obu = if header >> 4 & 3 == 1 { Some(rest) } else { leb128(rest).and_then(|(_, n)| rest.get(n..)) };
    let kind = obu.and_then(|obu| obu.first()).map(|byte| byte >> 3 & 15);
    header & 0x80 == 0 && matches!(kind, Some(OBU_SEQUENCE_HEADER | OBU_TEMPORAL_DELIMITER))
}

pub(super) fn assemble(payloads: &[&[u8]]) -> Assembled {
    let Some(elements) = elements(payloads) else { return Assembled::Malformed };
    let (mut data, mut keyframe, mut picture) = (Vec::new(), None, false);
    for element in &elements {
        let Some((kind, header, body)) = split(element) else { return Assembled::Malformed };
        if matches!(kind, OBU_TEMPORAL_DELIMITER | OBU_TILE_LIST | OBU_PADDING) {
            continue;
        }
        let start = data.len();
        data.push(header[0] | 2);
        data.extend_from_slice(&header[1..]);
        append_leb128(body.len(), &mut data);
        data.extend_from_slice(body);
        if kind == OBU_SEQUENCE_HEADER {
            let Some(sequence) = codec::av1::sequence(body, data[start..].to_vec()) else {
                return Assembled::Malformed;
            };
            let (width, height) = (sequence.width, sequence.height);
            keyframe = Some(codec::Video { codec: Codec::Av1(sequence), width, height, rotation: 0 });
        } else {
            picture = true;
        }
    }
    if picture { Assembled::Frame { data, keyframe } } else { Assembled::Nothing }
}

/// OBU elements of one temporal unit, joined over packets (section 4.4).
fn elements(payloads: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let mut elements: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    for payload in payloads {
        let (&header, mut rest) = payload.split_first()?;
        let (continues, continued, count) =
            (header & 0x80 != 0, header & 0x40 != 0, usize::from(header >> 4 & 3));
        if continues != open {
            return None;
        }
        let mut index = 0;
        while !rest.is_empty() {
            index += 1;
            let length = if index == count {
                rest.len()
            } else {
                let (length, prefix) = leb128(rest)?;
                rest = &rest[prefix..];
                length
            };
            let (element, after) = rest.split_at_checked(length)?;
            match elements.last_mut() {
                Some(last) if index == 1 && continues => last.extend_from_slice(element),
                _ => elements.push(element.to_vec()),
            }
            rest = after;
        }
        open = continued;
    }
    elements.retain(|element| !element.is_empty());
    (!open).then_some(elements)
}

/// Kind, header bytes and body of one OBU, whether or not it has a size field.
fn split(obu: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let first = *obu.first()?;
    let (header, rest) = obu.split_at_checked(if first & 4 != 0 { 2 } else { 1 })?;
    let body = if first & 2 != 0 {
        let (length, prefix) = leb128(rest)?;
        rest.get(prefix..prefix.checked_add(length)?)?
    } else {
        rest
    };
    Some((first >> 3 & 15, header, body))
}

/// Value and bytes of a leb128 of up to four bytes: no OBU of a packet stream is larger.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

fn append_leb128(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
