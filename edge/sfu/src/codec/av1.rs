//! AV1: the dependency descriptor where present, else the aggregation header
//! (RTP Payload Format For AV1 1.0, sections 4.4 and appendix A).

pub(super) fn keyframe_starts(payload: &[u8], dependency_descriptor: Option<&[u8]>) -> bool {
    // N bit: first packet of a coded video sequence.
    let sequence_starts = payload.first().is_some_and(|aggregation| aggregation & 0x08 != 0);
    match dependency_descriptor {
        // start_of_frame, and a structure follows the three mandatory bytes.
        Some([first, _, _, flags, ..]) => first & 0x80 != 0 && flags & 0x80 != 0,
        Some(_) => false,
        None => sequence_starts,
    }
}

/// Adds `shift` to the 16-bit frame number of a dependency descriptor.
pub(crate) fn shift_frame_number(descriptor: &mut [u8], shift: u16) {
    if let [_, high, low, ..] = descriptor {
        let shifted = u16::from_be_bytes([*high, *low]).wrapping_add(shift);
        [*high, *low] = shifted.to_be_bytes();
    }
}

/// The frame number of a dependency descriptor.
pub(crate) fn frame_number(descriptor: &[u8]) -> Option<u16> {
    match descriptor {
        [_, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframe_is_told_by_the_descriptor_first_and_the_aggregation_header_else() {
        assert!(keyframe_starts(&[0x18, 0], None));
        assert!(!keyframe_starts(&[0x10, 0], None));
        assert!(keyframe_starts(&[0x10], Some(&[0x80, 0, 1, 0x80])));
        assert!(!keyframe_starts(&[0x18], Some(&[0x80, 0, 1])), "no structure, no keyframe");
    }

    #[test]
    fn frame_number_wraps() {
        let mut descriptor = [0xC0, 0xFF, 0xFF];
        shift_frame_number(&mut descriptor, 2);
        assert_eq!(frame_number(&descriptor), Some(1));
    }
}
