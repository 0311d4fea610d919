//! The uncompressed header of VP9 (bitstream specification, section 6.2).

use super::bits::Bits;

/// What `vpcC` and `CODECS` need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) profile: u8,
    pub(crate) bit_depth: u8,
    /// As in `vpcC`: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    pub(crate) chroma_subsampling: u8,
    pub(crate) full_range: bool,
}

/// Reads the header of a frame; `Some` for key frames only, with the picture size.
pub(crate) fn keyframe(frame: &[u8]) -> Option<(Header, u32, u32)> {
    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = bits.take(1)? | bits.take(1)? << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (show_existing, inter) = (bits.bit()?, bits.bit()?);
    bits.skip(2)?;
    if show_existing || inter || bits.take(24)? != 0x49_83_42 {
        return None;
    }
    let bit_depth = if profile < 2 { 8 } else { 10 + 2 * bits.take(1)? };
    let srgb = bits.take(3)? == 7;
    let (mut full_range, mut chroma_subsampling) = (true, 3);
    if srgb {
        if profile % 2 == 1 {
            bits.skip(1)?;
        }
    } else {
        full_range = bits.bit()?;
        chroma_subsampling = 1;
        if profile % 2 == 1 {
            chroma_subsampling = match (bits.bit()?, bits.bit()?) {
                (true, true) => 1,
                (true, false) => 2,
                _ => 3,
            };
            bits.skip(1)?;
        }
    }
    let (width, height) = (bits.take(16)? + 1, bits.take(16)? + 1);
    let header =
        Header { profile: profile as u8, bit_depth: bit_depth as u8, chroma_subsampling, full_range };
    Some((header, width, height))
}
