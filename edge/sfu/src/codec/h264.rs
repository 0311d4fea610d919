//! H.264 NAL units (RFC 6184): is this the start of an IDR picture or of its parameter sets?

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

pub(super) fn keyframe_starts(payload: &[u8]) -> bool {
    let Some(first) = payload.first() else { return false };
    match first & 0x1F {
        STAP_A => aggregate_has_key(&payload[1..]),
        FU_A => payload.get(1).is_some_and(|fu| fu & 0x80 != 0 && is_key(fu & 0x1F)),
        kind => is_key(kind),
    }
}

fn is_key(kind: u8) -> bool {
    kind == IDR || kind == SPS
}

fn aggregate_has_key(mut rest: &[u8]) -> bool {
    while let [high, low, unit @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (Some(first), Some(after)) = (unit.first(), unit.get(length..)) else { return false };
        if length > 0 && is_key(first & 0x1F) {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_and_idr_start_a_keyframe_and_slices_do_not() {
        assert!(keyframe_starts(&[0x67, 1, 2]));
        assert!(keyframe_starts(&[0x65, 1]));
        assert!(keyframe_starts(&[0x78, 0, 2, 0x09, 0x10, 0, 2, 0x67, 1]), "SPS inside STAP-A");
        assert!(keyframe_starts(&[0x7C, 0x85, 0]), "first fragment of an IDR");
        assert!(!keyframe_starts(&[0x7C, 0x05, 0]), "a middle fragment");
        assert!(!keyframe_starts(&[0x61, 1]), "a non-IDR slice");
        assert!(!keyframe_starts(&[0x78, 0, 9, 0x67]), "an aggregate that lies about its length");
    }
}
