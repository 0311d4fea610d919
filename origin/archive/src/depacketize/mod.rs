//! Packets in order to whole frames. A frame that lost a packet is never handed out, nor is any after it until the next
//! key frame: what comes out decodes.

mod av1;
mod h264;
pub(crate) mod opus;
mod vp8;
mod vp9;

use std::sync::Arc;

use bytes::Bytes;

use crate::{codec, reorder::InOrder, rtp::Packet};

/// Packets of one frame: over 5 MB, far beyond any key frame. A frame with more is dropped.
const FRAME_PACKETS_MAX: usize = 4_096;

/// One whole video frame in sample format.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) timestamp: u32,
    /// Present on key frames, and on those only.
    pub(crate) config: Option<Arc<codec::Video>>,
    pub(crate) data: Bytes,
    /// Frames before this one were lost.
    pub(crate) after_loss: bool,
}

/// What a format makes of the packets of one frame.
enum Assembled {
    Frame {
        data: Vec<u8>,
        keyframe: Option<codec::Video>,
    },
    /// Nothing to show: parameter sets alone, padding.
    Nothing,
    Malformed,
}

#[derive(Debug)]
enum Format {
    H264(h264::ParameterSets),
    Vp8,
    Vp9,
    Av1,
}

/// State of one video stream.
#[derive(Debug)]
pub(crate) struct Depacketizer {
    format: Format,
    packets: Vec<Packet>,
    /// The frame at hand lost a packet.
    damaged: bool,
    needs_keyframe: bool,
    config: Option<Arc<codec::Video>>,
    rotation: u8,
    had_frame: bool,
}

impl Depacketizer {
    /// `None` when the format is not known. `fmtp` may carry H.264 parameter sets (RFC 6184 section 8.1).
    pub(crate) fn new(mime_type: &str, fmtp: &str) -> Option<Self> {
        let format = match mime_type.to_ascii_lowercase().as_str() {
            "video/h264" => Format::H264(h264::ParameterSets::from_fmtp(fmtp)),
            "video/vp8" => Format::Vp8,
            "video/vp9" => Format::Vp9,
            "video/av1" => Format::Av1,
            _ => return None,
        };
        Some(Self {
            format,
            packets: Vec::new(),
            damaged: false,
            needs_keyframe: true,
            config: None,
            rotation: 0,
            had_frame: false,
        })
    }

    /// Takes a packet; whole frames are appended to `out`.
    pub(crate) fn handle_packet(&mut self, in_order: InOrder, out: &mut Vec<Frame>) {
        let InOrder { packet, lost, .. } = in_order;
        let continues = self.packets.first().is_some_and(|first| first.timestamp == packet.timestamp);
        if lost > 0 {
            self.needs_keyframe = true;
            self.damaged |= continues;
            if !continues {
                self.packets.clear();
            }
        }
        if packet.payload.is_empty() {
            return;
        }
        if !continues {
            self.finish(out);
            // After loss, or at the very start, only a packet that says so is known to begin a frame.
            self.damaged = self.needs_keyframe && !self.begins_frame(&packet.payload);
        }
        let marker = packet.marker;
        if self.packets.len() < FRAME_PACKETS_MAX {
            self.packets.push(packet);
        } else {
            self.damaged = true;
        }
        if marker {
            self.finish(out);
        }
    }

    fn begins_frame(&self, payload: &[u8]) -> bool {
        match &self.format {
            Format::H264(_) => h264::begins_frame(payload),
            Format::Vp8 => vp8::begins_frame(payload),
            Format::Vp9 => vp9::begins_frame(payload),
            Format::Av1 => av1::begins_frame(payload),
        }
    }

    fn finish(&mut self, out: &mut Vec<Frame>) {
        let packets = std::mem::take(&mut self.packets);
        let damaged = std::mem::take(&mut self.damaged);
        let Some(first) = packets.first() else { return };
        let payloads: Vec<&[u8]> = packets.iter().map(|packet| &packet.payload[..]).collect();
        let assembled = match &mut self.format {
            Format::H264(sets) => sets.assemble(&payloads),
            Format::Vp8 => vp8::assemble(&payloads),
            Format::Vp9 => vp9::assemble(&payloads),
            Format::Av1 => av1::assemble(&payloads),
        };
        let (data, keyframe) = match assembled {
            Assembled::Frame { data, keyframe } if !damaged => (data, keyframe),
            Assembled::Nothing => return,
            Assembled::Frame { .. } | Assembled::Malformed => {
                self.needs_keyframe = true;
                return;
            }
        };
        if self.needs_keyframe && keyframe.is_none() {
            return;
        }
        if let Some(rotation) = packets.iter().rev().find_map(|packet| packet.rotation) {
            self.rotation = rotation;
        }
        let config = keyframe.map(|config| self.configure(config));
        let after_loss = std::mem::take(&mut self.needs_keyframe) && self.had_frame;
        self.had_frame = true;
        out.push(Frame { timestamp: first.timestamp, config, data: data.into(), after_loss });
    }

    /// Shares the configuration with the frames before while it stays the same.
    fn configure(&mut self, mut config: codec::Video) -> Arc<codec::Video> {
        config.rotation = self.rotation;
        match &self.config {
            Some(current) if **current == config => Arc::clone(current),
            _ => Arc::clone(self.config.insert(Arc::new(config))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn garbage_payloads_never_panic(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..6),
            lost in 0_u32..2,
        ) {
            for mime_type in ["video/H264", "video/VP8", "video/VP9", "video/AV1"] {
                let mut depacketizer = Depacketizer::new(mime_type, "sprop-parameter-sets=Z0LAHg==,aM4G").expect("known");
                let mut frames = Vec::new();
                for (index, payload) in payloads.iter().enumerate() {
                    let packet = Packet {
                        sequence_number: index as u16,
                        timestamp: (index / 2) as u32,
                        marker: index % 2 == 1,
                        rotation: None,
                        payload: payload.clone().into(),
                    };
                    depacketizer.handle_packet(InOrder { packet, at_ms: 0, lost }, &mut frames);
                }
            }
        }
    }
}
