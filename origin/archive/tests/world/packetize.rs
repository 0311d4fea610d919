//! Frames to RTP payloads, as browsers do it.

use super::encoded::{self, FPS};

const PAYLOAD_BYTES: usize = 300;

/// Class time of frame `index` of a track that starts at `start_us`.
pub(crate) fn frame_us(index: usize, start_us: i64) -> i64 {
    start_us + index as i64 * 1_000_000 / FPS
}

fn timed<T>(frames: &[T], start_us: i64, payloads: impl Fn(&T) -> Vec<Vec<u8>>) -> Vec<(i64, Vec<Vec<u8>>)> {
    frames.iter().enumerate().map(|(index, frame)| (frame_us(index, start_us), payloads(frame))).collect()
}

pub(crate) fn h264(units: &[Vec<Vec<u8>>], start_us: i64) -> Vec<(i64, Vec<Vec<u8>>)> {
    timed(units, start_us, |nals| access_unit(nals))
}

/// Small NAL units together in a STAP-A, large ones as FU-A.
fn access_unit(nals: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let (small, large): (Vec<_>, Vec<_>) = nals.iter().partition(|nal| matches!(nal[0] & 0x1f, 6..=8));
    if small.len() > 1 {
        let mut stap = vec![24 | 0x60];
        for nal in &small {
            stap.extend_from_slice(&(nal.len() as u16).to_be_bytes());
            stap.extend_from_slice(nal);
        }
        payloads.push(stap);
    } else {
        payloads.extend(small.into_iter().cloned());
    }
    for nal in large {
        if nal.len() <= PAYLOAD_BYTES {
            payloads.push(nal.clone());
            continue;
        }
        let chunks: Vec<_> = nal[1..].chunks(PAYLOAD_BYTES).collect();
        for (index, chunk) in chunks.iter().enumerate() {
            let start = if index == 0 { 0x80 } else { 0 };
            let end = if index + 1 == chunks.len() { 0x40 } else { 0 };
            let mut payload = vec![nal[0] & 0xe0 | 28, nal[0] & 0x1f | start | end];
            payload.extend_from_slice(chunk);
            payloads.push(payload);
        }
    }
    payloads
}

pub(crate) fn vp8(start_us: i64) -> Vec<(i64, Vec<Vec<u8>>)> {
    timed(encoded::vp8(), start_us, |frame| {
        let descriptor = |index: usize| vec![0x80 | if index == 0 { 0x10 } else { 0 }, 0x80, 0x80 | 1, 7];
        chunked(frame, descriptor)
    })
}

pub(crate) fn vp9(start_us: i64) -> Vec<(i64, Vec<Vec<u8>>)> {
    timed(encoded::vp9(), start_us, |frame| {
        let count = frame.chunks(PAYLOAD_BYTES).count();
        chunked(frame, |index| {
            let begin = if index == 0 { 0x08 } else { 0 };
            let end = if index + 1 == count { 0x04 } else { 0 };
            vec![0x80 | begin | end, 0x81, 7]
        })
    })
}

fn chunked(frame: &[u8], descriptor: impl Fn(usize) -> Vec<u8>) -> Vec<Vec<u8>> {
    let payload = |(index, chunk): (usize, &[u8])| [descriptor(index), chunk.to_vec()].concat();
    frame.chunks(PAYLOAD_BYTES).enumerate().map(payload).collect()
}

/// Each temporal unit is one run of OBUs without size fields, cut into packets.
pub(crate) fn av1(start_us: i64) -> Vec<(i64, Vec<Vec<u8>>)> {
    timed(encoded::av1(), start_us, |unit| {
        let obus = obus(unit);
        let new_sequence = obus.iter().any(|obu| obu[0] >> 3 & 15 == 1);
        let mut payloads = Vec::new();
        for obu in &obus {
            let chunks: Vec<_> = obu.chunks(PAYLOAD_BYTES).collect();
            for (index, chunk) in chunks.iter().enumerate() {
                let continues = if index > 0 { 0x80 } else { 0 };
                let continued = if index + 1 < chunks.len() { 0x40 } else { 0 };
                let new = if payloads.is_empty() && new_sequence { 0x08 } else { 0 };
                payloads.push([&[continues | continued | 0x10 | new], *chunk].concat());
            }
        }
        payloads
    })
}

/// OBUs of a temporal unit without delimiters and size fields.
fn obus(mut unit: &[u8]) -> Vec<Vec<u8>> {
    let mut obus = Vec::new();
    while let Some(&header) = unit.first() {
        let header_length = if header & 4 != 0 { 2 } else { 1 };
        let (mut length, mut at, mut shift) = (0_usize, header_length, 0);
        loop {
            let byte = unit[at];
            length |= usize::from(byte & 0x7f) << shift;
            at += 1;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if header >> 3 & 15 != 2 {
            let mut obu = vec![header & !2];
            obu.extend_from_slice(&unit[1..header_length]);
            obu.extend_from_slice(&unit[at..at + length]);
            obus.push(obu);
        }
        unit = &unit[at + length..];
    }
    obus
}

pub(crate) fn opus(start_us: i64) -> Vec<(i64, Vec<Vec<u8>>)> {
    let packets = encoded::opus().iter().enumerate();
    packets.map(|(index, packet)| (start_us + index as i64 * 20_000, vec![packet.clone()])).collect()
}
