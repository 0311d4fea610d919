//! How a stream's frames are described to a player.

pub(crate) mod av1;
pub(crate) mod bits;
pub(crate) mod h264;
pub(crate) mod vp8;
pub(crate) mod vp9;

/// Everything an init segment says of a video stream. Two equal configurations share an init segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Video {
    pub(crate) codec: Codec,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Clockwise quarter turns at display.
    pub(crate) rotation: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    H264 { sps: Vec<u8>, pps: Vec<Vec<u8>> },
    Vp8,
    Vp9(vp9::Header),
    Av1(av1::Sequence),
}

impl Video {
    /// Value for `CODECS` (RFC 6381 section 3).
    pub(crate) fn codec_string(&self) -> String {
        match &self.codec {
            Codec::H264 { sps, .. } => {
                format!("avc1.{:02x}{:02x}{:02x}", sps[1], sps[2], sps[3])
            }
            Codec::Vp8 => "vp8".into(),
            Codec::Vp9(header) => {
                format!("vp09.{:02}.{:02}.{:02}", header.profile, self.vp9_level(), header.bit_depth)
            }
            Codec::Av1(sequence) => sequence.codec_string(),
        }
    }

    /// Pixels as they are shown.
    pub(crate) fn display_size(&self) -> (u32, u32) {
        if self.rotation % 2 == 1 { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// The level whose picture size is not exceeded (VP9 bitstream specification, annex A), times ten.
    pub(crate) fn vp9_level(&self) -> u8 {
        let limits = [(36_864, 10), (73_728, 11), (122_880, 20), (245_760, 21), (552_960, 30), (983_040, 31)];
        let more = [(2_228_224, 41), (8_912_896, 51)];
        let pixels = self.width.saturating_mul(self.height);
        limits.iter().chain(&more).find(|(limit, _)| pixels <= *limit).map_or(62, |(_, level)| *level)
    }
}
