//! The sequence header of AV1 (bitstream specification, section 5.5).

use super::bits::Bits;

/// What `av1C` and `CODECS` need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// The whole sequence header OBU with its size field.
    pub(crate) obu: Vec<u8>,
    pub(crate) profile: u8,
    pub(crate) level: u8,
    pub(crate) high_tier: bool,
    pub(crate) bit_depth: u8,
    pub(crate) monochrome: bool,
    pub(crate) subsampling: (bool, bool),
    pub(crate) chroma_sample_position: u8,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Sequence {
    /// As the AV1 ISO media file binding, section 5, has it.
    pub(crate) fn codec_string(&self) -> String {
        let tier = if self.high_tier { 'H' } else { 'M' };
        format!("av01.{}.{:02}{tier}.{:02}", self.profile, self.level, self.bit_depth)
    }
}

/// Reads the body of a sequence header OBU; `obu` is the same with header and size.
pub(crate) fn sequence(body: &[u8], obu: Vec<u8>) -> Option<Sequence> {
    let mut bits = Bits::new(body);
    let profile = bits.take(3)? as u8;
    bits.skip(1)?;
    let reduced = bits.bit()?;
    let (level, high_tier) = if reduced { (bits.take(5)? as u8, false) } else { operating_point(&mut bits)? };
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    let (width, height) = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
    skip_tools(&mut bits, reduced)?;
    let (bit_depth, monochrome, subsampling, chroma_sample_position) = color(&mut bits, profile)?;
    Some(Sequence {
        obu,
        profile,
        level,
        high_tier,
        bit_depth,
        monochrome,
        subsampling,
        chroma_sample_position,
        width,
        height,
    })
}

/// Timing, decoder model and operating points; answers level and tier of the first point.
fn operating_point(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let (mut model, mut delay_bits) = (false, 0);
    if bits.bit()? {
        bits.skip(64)?;
        if bits.bit()? {
            bits.golomb()?;
        }
        model = bits.bit()?;
        if model {
            delay_bits = bits.take(5)? + 1;
            bits.skip(32 + 5 + 5)?;
        }
    }
    let initial_delay = bits.bit()?;
    let mut first = None;
    for _ in 0..=bits.take(5)? {
        bits.skip(12)?;
        let level = bits.take(5)? as u8;
        let high_tier = level > 7 && bits.bit()?;
        if model && bits.bit()? {
            bits.skip(delay_bits * 2 + 1)?;
        }
        if initial_delay && bits.bit()? {
            bits.skip(4)?;
        }
        first.get_or_insert((level, high_tier));
    }
    first
}

fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.bit()? {
        bits.skip(4 + 3)?;
    }
    bits.skip(3)?;
    if !reduced {
        bits.skip(4)?;
        let order_hint = bits.bit()?;
        if order_hint {
            bits.skip(2)?;
        }
        let screen_content = if bits.bit()? { 2 } else { bits.take(1)? };
        if screen_content > 0 && !bits.bit()? {
            bits.skip(1)?;
        }
        if order_hint {
            bits.skip(3)?;
        }
    }
    bits.skip(3)
}

/// color_config(): bit depth, monochrome, subsampling, chroma sample position.
fn color(bits: &mut Bits<'_>, profile: u8) -> Option<(u8, bool, (bool, bool), u8)> {
    let high = bits.bit()?;
    let twelve = profile == 2 && high && bits.bit()?;
    let bit_depth = if twelve {
        12
    } else if high {
        10
    } else {
        8
    };
    let monochrome = profile != 1 && bits.bit()?;
    let description = if bits.bit()? { [bits.take(8)?, bits.take(8)?, bits.take(8)?] } else { [2, 2, 2] };
    if monochrome {
        return Some((bit_depth, true, (true, true), 0));
    }
    if description == [1, 13, 0] {
        return Some((bit_depth, false, (false, false), 0));
    }
    bits.skip(1)?;
    let subsampling = match profile {
        0 => (true, true),
        1 => (false, false),
        _ if bit_depth < 12 => (true, false),
        _ => {
            let x = bits.bit()?;
            (x, x && bits.bit()?)
        }
    };
    let position = if subsampling == (true, true) { bits.take(2)? as u8 } else { 0 };
    Some((bit_depth, false, subsampling, position))
}
