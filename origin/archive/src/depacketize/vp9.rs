//! VP9 (RFC 9628). All spatial layers of a picture become one sample: a superframe.

use super::Assembled;
use crate::codec::{self, Codec};

/// Layer frames a superframe index can name (VP9 bitstream specification, annex B).
const LAYERS_MAX: usize = 8;

/// The payload descriptor (section 4.2), as far as it is of use.
struct Descriptor {
    length: usize,
    begins_layer: bool,
    spatial: u8,
    /// Largest size of the scalability structure.
    size: Option<(u32, u32)>,
}

pub(super) fn begins_frame(payload: &[u8]) -> bool {
    parse(payload).is_some_and(|descriptor| descriptor.begins_layer && descriptor.spatial == 0)
}

pub(super) fn assemble(payloads: &[&[u8]]) -> Assembled {
    let (mut data, mut starts, mut size) = (Vec::new(), Vec::new(), None);
    for payload in payloads {
        let Some(descriptor) = parse(payload) else { return Assembled::Malformed };
        let Some(body) = payload.get(descriptor.length..) else { return Assembled::Malformed };
        if descriptor.begins_layer {
            starts.push(data.len());
        }
        size = size.or(descriptor.size);
        data.extend_from_slice(body);
    }
    if data.is_empty() {
        return Assembled::Nothing;
    }
    if starts.first() != Some(&0) || starts.len() > LAYERS_MAX {
        return Assembled::Malformed;
    }
    let keyframe = codec::vp9::keyframe(&data).map(|(header, width, height)| {
        let (width, height) = size.unwrap_or((width, height));
        codec::Video { codec: Codec::Vp9(header), width, height, rotation: 0 }
    });
    append_index(&starts, &mut data);
    Assembled::Frame { data, keyframe }
}

/// Superframe index (annex B.3), needed when a sample holds more than one frame.
fn append_index(starts: &[usize], data: &mut Vec<u8>) {
    if starts.len() < 2 {
        return;
    }
    let marker = 0xc0 | 3 << 3 | (starts.len() - 1) as u8;
    let ends = starts[1..].iter().copied().chain([data.len()]);
    let sizes: Vec<u32> = starts.iter().zip(ends).map(|(start, end)| (end - start) as u32).collect();
    data.push(marker);
    for size in sizes {
        data.extend_from_slice(&size.to_le_bytes());
    }
    data.push(marker);
}

fn parse(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let (flexible, predicted) = (first & 0x10 != 0, first & 0x40 != 0);
    let mut length = 1;
    let mut byte = || {
        let value = payload.get(length).copied();
        length += 1;
        value
    };
    if first & 0x80 != 0 && byte()? & 0x80 != 0 {
        byte()?;
    }
    let mut spatial = 0;
    if first & 0x20 != 0 {
        spatial = byte()? >> 1 & 7;
        if !flexible {
            byte()?;
        }
    }
    if flexible && predicted {
        for _ in 0..3 {
            if byte()? & 1 == 0 {
                break;
            }
        }
    }
    let mut size = None;
    if first & 0x02 != 0 {
        let structure = byte()?;
        if structure & 0x10 != 0 {
            for _ in 0..=structure >> 5 {
                let values = [byte()?, byte()?, byte()?, byte()?];
                let [width, height] =
                    [[values[0], values[1]], [values[2], values[3]]].map(u16::from_be_bytes);
                size = size.max(Some((u32::from(width), u32::from(height))));
            }
        }
        if structure & 0x08 != 0 {
            for _ in 0..byte()? {
                for _ in 0..byte()? >> 2 & 3 {
                    byte()?;
                }
            }
        }
    }
    Some(Descriptor { length, begins_layer: first & 0x08 != 0, spatial, size })
}
