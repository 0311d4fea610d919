//! What a sequence parameter set says about the picture (ITU-T H.264 section 7.3.2.1.1).

use super::bits::Bits;

/// Picture size in pixels, cropping applied; `None` when the parameter set is malformed.
pub(crate) fn size(sps: &[u8]) -> Option<(u32, u32)> {
    let profile = *sps.get(1)?;
    let rbsp = unescape(sps.get(4..)?);
    let mut bits = Bits::new(&rbsp);
    bits.golomb()?;
    let mut chroma_format = 1;
    if matches!(profile, 44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244) {
        chroma_format = bits.golomb()?;
        skip_high_profile(&mut bits, chroma_format)?;
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => drop(bits.golomb()?),
        1 => {
            bits.skip(1)?;
            bits.signed_golomb()?;
            bits.signed_golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.signed_golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.skip(1)?;
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.golomb()?.checked_add(1)?;
    let frame_only = bits.bit()?;
    let fields = 2 - u32::from(frame_only);
    let height = map_units.checked_mul(16 * fields)?;
    if !frame_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    if !bits.bit()? {
        return Some((width, height));
    }
    let crop = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    let (unit_x, unit_y) = match chroma_format {
        1 => (2, 2 * fields),
        2 => (2, fields),
        _ => (1, fields),
    };
    let crop_x = crop[0].checked_add(crop[1])?.checked_mul(unit_x)?;
    let crop_y = crop[2].checked_add(crop[3])?.checked_mul(unit_y)?;
    Some((width.checked_sub(crop_x)?, height.checked_sub(crop_y)?))
}

fn skip_high_profile(bits: &mut Bits<'_>, chroma_format: u32) -> Option<()> {
    if chroma_format == 3 {
        bits.skip(1)?;
    }
    bits.golomb()?;
    bits.golomb()?;
    bits.skip(1)?;
    if bits.bit()? {
        for list in 0..if chroma_format == 3 { 12 } else { 8 } {
            if bits.bit()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

fn skip_scaling_list(bits: &mut Bits<'_>, length: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..length {
        if next != 0 {
            next = (last + bits.signed_golomb()?.rem_euclid(256)).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Takes the emulation prevention bytes out (section 7.4.1).
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for &byte in bytes {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn cropping_and_escapes_are_applied() {
        // Baseline 1920x1080 as hardware encoders write it: 1088 lines less 8.
        let sps = [0x67, 0x42, 0xc0, 0x28, 0x8c, 0x8d, 0x40, 0x3c, 0x01, 0x13, 0xf2, 0xa0];
        assert_eq!(super::size(&sps), Some((1920, 1080)));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = super::size(&bytes);
        }
    }
}
