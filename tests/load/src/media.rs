//! What load clients publish: video frames (made up, or encoded ones from files) and Opus-sized audio, as RTP.

use std::time::Duration;

use anyhow::Context as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use rtc::rtp;

/// Payload bytes of a packet; with headers and tags it stays below a 1,200 byte datagram.
const PAYLOAD_BYTES_MAX: usize = 1_100;
pub const VIDEO_CLOCK_HZ: u32 = 90_000;
pub const AUDIO_CLOCK_HZ: u32 = 48_000;
/// RFC 6184 section 5.2 and H.264 table 7-1.
const NAL_IDR: u8 = 5;
const NAL_DELIMITER: u8 = 9;
const NAL_FU_A: u8 = 28;
/// Length of an Opus frame.
pub const AUDIO_FRAME: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Vp8,
    H264,
}

/// One encoded picture: VP8 as it is, H264 with start codes.
#[derive(Clone, Debug)]
pub struct Frame {
    pub data: Bytes,
    pub is_keyframe: bool,
}

/// Pictures of one layer, shown in a loop.
#[derive(Clone, Debug)]
pub struct Layer {
    pub rid: String,
    pub codec: Codec,
    pub width: u32,
    pub height: u32,
    pub frames: Vec<Frame>,
    /// Whoever asks for a keyframe gets one: the loop goes on at the next. Not where what arrives is held against the frames.
    pub answers_requests: bool,
}

impl Layer {
    /// Pictures that no decoder knows, of about `bitrate_bps` at `fps`, with a keyframe each second and when one is asked for.
    #[must_use]
    pub fn synthetic(rid: &str, width: u32, height: u32, bitrate_bps: u32, fps: u32) -> Self {
        Self::made_up(rid, (width, height), bitrate_bps, (fps, fps))
    }

    /// Likewise, with a keyframe when one is asked for and hardly ever without, as browsers encode.
    #[must_use]
    pub fn on_request(rid: &str, width: u32, height: u32, bitrate_bps: u32, fps: u32) -> Self {
        Self::made_up(rid, (width, height), bitrate_bps, (fps, fps * 10))
    }

    /// Ten seconds of pictures, every `every`th of which is a keyframe.
    fn made_up(rid: &str, (width, height): (u32, u32), bitrate_bps: u32, (fps, every): (u32, u32)) -> Self {
        let bytes = (bitrate_bps / 8 / fps.max(1)).max(64) as usize;
        let frames = (0..fps * 10)
            .map(|index| {
                let is_keyframe = index % every == 0;
                // RFC 6386 section 9.1: the lowest bit of the first byte is 0 in a keyframe.
                let mut data = vec![index as u8; if is_keyframe { bytes * 3 } else { bytes }];
                data[0] = u8::from(!is_keyframe);
                if is_keyframe {
                    data[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
                    data[6..8].copy_from_slice(&(width as u16).to_le_bytes());
                    data[8..10].copy_from_slice(&(height as u16).to_le_bytes());
                }
                Frame { data: data.into(), is_keyframe }
            })
            .collect();
        Self { rid: rid.to_owned(), codec: Codec::Vp8, width, height, frames, answers_requests: true }
    }

    /// The first keyframe from `index` of the loop on.
    #[must_use]
    pub fn next_keyframe(&self, index: usize) -> usize {
        let ahead =
            (0..self.frames.len()).find(|ahead| self.frames[(index + ahead) % self.frames.len()].is_keyframe);
        index + ahead.unwrap_or(0)
    }

    /// Pictures of an IVF file with VP8.
    ///
    /// # Errors
    /// The bytes are no IVF file with VP8.
    pub fn ivf(rid: &str, file: &[u8]) -> anyhow::Result<Self> {
        let is_ivf = file.len() > 32 && file.starts_with(b"DKIF") && &file[8..12] == b"VP80";
        anyhow::ensure!(is_ivf, "no IVF file with VP8");
        let dimension = |at: usize| u32::from(u16::from_le_bytes([file[at], file[at + 1]]));
        let mut frames = Vec::new();
        let mut at = 32;
        while let Some(header) = file.get(at..at + 12) {
            let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let data = file.get(at + 12..at + 12 + length).context("the file ends inside a frame")?;
            let is_keyframe = data.first().is_some_and(|byte| byte & 1 == 0);
            frames.push(Frame { data: Bytes::copy_from_slice(data), is_keyframe });
            at += 12 + length;
        }
        anyhow::ensure!(!frames.is_empty(), "the file has no frames");
        let (width, height) = (dimension(12), dimension(14));
        Ok(Self { rid: rid.to_owned(), codec: Codec::Vp8, width, height, frames, answers_requests: false })
    }

    /// Pictures of an H264 stream with start codes and an access unit delimiter before each picture.
    ///
    /// # Errors
    /// There is no picture in it, or none of them is an IDR picture.
    pub fn annex_b(rid: &str, width: u32, height: u32, file: &[u8]) -> anyhow::Result<Self> {
        let mut frames = Vec::new();
        let mut picture = BytesMut::new();
        let mut is_keyframe = false;
        for unit in nal_units(file) {
            let kind = unit[0] & 0x1f;
            if kind == NAL_DELIMITER && !picture.is_empty() {
                frames.push(Frame { data: picture.split().freeze(), is_keyframe });
                is_keyframe = false;
            }
            is_keyframe |= kind == NAL_IDR;
            picture.put_slice(&[0, 0, 0, 1]);
            picture.put_slice(unit);
        }
        frames.push(Frame { data: picture.freeze(), is_keyframe });
        anyhow::ensure!(frames.iter().any(|frame| frame.is_keyframe), "no IDR picture");
        Ok(Self { rid: rid.to_owned(), codec: Codec::H264, width, height, frames, answers_requests: false })
    }
}

/// NAL units between start codes, empty ones left out.
fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts: Vec<usize> = stream
        .windows(3)
        .enumerate()
        .filter(|(_, window)| *window == [0, 0, 1])
        .map(|(at, _)| at + 3)
        .collect();
    let ends = starts.iter().skip(1).map(|start| start - 3).chain([stream.len()]).collect::<Vec<_>>();
    starts
        .into_iter()
        .zip(ends)
        .map(move |(start, end)| {
            let unit = &stream[start..end];
            // The zero before a four-byte start code; a NAL unit itself never ends in zero.
            let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
            &unit[..unit.len() - zeros]
        })
        .filter(|unit| !unit.is_empty())
}

/// Turns frames of one stream into packets.
#[derive(Debug)]
pub struct Packetizer {
    pub ssrc: u32,
    sequence: u16,
    timestamp_offset: u32,
    picture_id: u16,
}

impl Packetizer {
    #[must_use]
    pub fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            sequence: rand::random(),
            timestamp_offset: rand::random(),
            picture_id: rand::random::<u16>() & 0x7fff,
        }
    }

    /// Packets of one picture, `elapsed` after the start.
    pub fn video(
        &mut self,
        codec: Codec,
        frame: &Frame,
        elapsed: Duration,
        payload_type: u8,
    ) -> Vec<rtp::Packet> {
        match codec {
            Codec::Vp8 => self.vp8(frame, elapsed, payload_type),
            Codec::H264 => self.h264(frame, elapsed, payload_type),
        }
    }

    /// RFC 6184: single NAL unit packets, and FU-A for what is larger than a packet.
    fn h264(&mut self, frame: &Frame, elapsed: Duration, payload_type: u8) -> Vec<rtp::Packet> {
        let timestamp = self.timestamp(elapsed, VIDEO_CLOCK_HZ);
        let mut payloads = Vec::new();
        for unit in nal_units(&frame.data).filter(|unit| unit[0] & 0x1f != NAL_DELIMITER) {
            if unit.len() <= PAYLOAD_BYTES_MAX {
                payloads.push(frame.data.slice_ref(unit));
                continue;
            }
            let (header, body) = (unit[0], &unit[1..]);
            let count = body.len().div_ceil(PAYLOAD_BYTES_MAX);
            for (index, chunk) in body.chunks(PAYLOAD_BYTES_MAX).enumerate() {
                let (start, end) = (u8::from(index == 0) << 7, u8::from(index + 1 == count) << 6);
                let mut payload = BytesMut::with_capacity(chunk.len() + 2);
                payload.put_u8(header & 0xe0 | NAL_FU_A);
                payload.put_u8(start | end | header & 0x1f);
                payload.put_slice(chunk);
                payloads.push(payload.freeze());
            }
        }
        let count = payloads.len();
        let numbered = payloads.into_iter().enumerate();
        numbered.map(|(i, payload)| self.packet(payload, timestamp, i + 1 == count, payload_type)).collect()
    }

    /// RFC 7741.
    fn vp8(&mut self, frame: &Frame, elapsed: Duration, payload_type: u8) -> Vec<rtp::Packet> {
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let timestamp = self.timestamp(elapsed, VIDEO_CLOCK_HZ);
        let count = frame.data.len().div_ceil(PAYLOAD_BYTES_MAX);
        let chunks: Vec<Bytes> =
            frame.data.chunks(PAYLOAD_BYTES_MAX).map(|c| frame.data.slice_ref(c)).collect();
        chunks
            .into_iter()
            .enumerate()
            .map(|(index, chunk)| {
                let mut payload = BytesMut::with_capacity(chunk.len() + 4);
                // X, S at the start of the picture; I; 15 bit picture id.
                payload.put_u8(if index == 0 { 0x90 } else { 0x80 });
                payload.put_u8(0x80);
                payload.put_u16(0x8000 | self.picture_id);
                payload.extend_from_slice(&chunk);
                self.packet(payload.freeze(), timestamp, index + 1 == count, payload_type)
            })
            .collect()
    }

    /// One packet of audio.
    pub fn audio(&mut self, payload: Bytes, elapsed: Duration, payload_type: u8) -> rtp::Packet {
        let timestamp = self.timestamp(elapsed, AUDIO_CLOCK_HZ);
        self.packet(payload, timestamp, false, payload_type)
    }

    fn timestamp(&self, elapsed: Duration, clock_hz: u32) -> u32 {
        let ticks = elapsed.as_micros() * u128::from(clock_hz) / 1_000_000;
        self.timestamp_offset.wrapping_add(ticks as u32)
    }

    fn packet(&mut self, payload: Bytes, timestamp: u32, marker: bool, payload_type: u8) -> rtp::Packet {
        self.sequence = self.sequence.wrapping_add(1);
        let header = rtp::Header {
            version: 2,
            marker,
            payload_type,
            sequence_number: self.sequence,
            timestamp,
            ssrc: self.ssrc,
            ..rtp::Header::default()
        };
        rtp::Packet { header, payload }
    }
}

/// A VP8 payload as it arrived: whether it starts a picture, whether that is a keyframe, its picture id and its data.
#[derive(Clone, Copy, Debug)]
pub struct Vp8<'a> {
    pub starts_picture: bool,
    pub is_keyframe: bool,
    pub picture_id: Option<u16>,
    /// Pixels, in keyframes.
    pub size: Option<(u16, u16)>,
    pub data: &'a [u8],
}

impl<'a> Vp8<'a> {
    /// Reads the payload descriptor (RFC 7741 section 4.2).
    #[must_use]
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut at = 1;
        let mut picture_id = None;
        if first & 0x80 != 0 {
            let extensions = *payload.get(at)?;
            at += 1;
            if extensions & 0x80 != 0 {
                let high = *payload.get(at)?;
                at += 1;
                picture_id = Some(u16::from(high & 0x7f));
                if high & 0x80 != 0 {
                    picture_id = Some((u16::from(high & 0x7f) << 8) | u16::from(*payload.get(at)?));
                    at += 1;
                }
            }
            at += usize::from(extensions & 0x40 != 0) + usize::from(extensions & 0x30 != 0);
        }
        let data = payload.get(at..)?;
        let starts_picture = first & 0x10 != 0 && first & 0x07 == 0;
        let is_keyframe = starts_picture && data.first().is_some_and(|byte| byte & 1 == 0);
        let size = is_keyframe
            .then(|| data.get(6..10))
            .flatten()
            .map(|s| (u16::from_le_bytes([s[0], s[1]]) & 0x3fff, u16::from_le_bytes([s[2], s[3]]) & 0x3fff));
        Some(Self { starts_picture, is_keyframe, picture_id, size, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_between_delimiters_and_cut_into_packets() {
        let mut stream = vec![0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65];
        stream.extend([7; 2_500]);
        stream.extend([0, 0, 0, 1, 9, 0x30, 0, 0, 1, 0x41, 5]);
        let layer = Layer::annex_b("", 320, 180, &stream).expect("two pictures");
        let keyframes: Vec<bool> = layer.frames.iter().map(|frame| frame.is_keyframe).collect();
        assert_eq!(keyframes, [true, false]);
        let mut packetizer = Packetizer::new(1);
        let packets = packetizer.video(Codec::H264, &layer.frames[0], Duration::ZERO, 106);
        let heads: Vec<[u8; 2]> = packets.iter().map(|p| [p.payload[0], p.payload[1]]).collect();
        assert_eq!(heads, [[0x67, 1], [0x7c, 0x85], [0x7c, 0x05], [0x7c, 0x45]]);
        let marks: Vec<bool> = packets.iter().map(|p| p.header.marker).collect();
        assert_eq!(marks, [false, false, false, true]);
    }
}
