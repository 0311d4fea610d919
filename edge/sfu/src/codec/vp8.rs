//! VP8 payload descriptor (RFC 7741 section 4.2).

use super::{Descriptor, PictureId};

pub(super) fn describe(payload: &[u8]) -> Descriptor {
    parse(payload).unwrap_or_default()
}

fn parse(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let (mut picture, mut tl0) = (None, None);
    let mut at = 1;
    if first & 0x80 != 0 {
        let flags = *payload.get(1)?;
        at = 2;
        if flags & 0x80 != 0 {
            let found = PictureId::parse(payload, at)?;
            at += found.bytes();
            picture = Some(found);
        }
        if flags & 0x40 != 0 {
            tl0 = Some((u8::try_from(at).ok()?, *payload.get(at)?));
            at += 1;
        }
        // TID, Y and KEYIDX share one byte.
        if flags & 0x30 != 0 {
            at += 1;
        }
    }
    let partition_starts = first & 0x10 != 0 && first & 0x07 == 0;
    // P bit of the frame tag (RFC 6386 section 9.1): 0 is a keyframe.
    let switch_point = partition_starts && payload.get(at).is_some_and(|tag| tag & 1 == 0);
    Some(Descriptor { switch_point, picture, tl0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframe_starts_at_the_first_partition_only() {
        // X, S, PID 0; I L T K; 15-bit picture id; TL0PICIDX; TID/KEYIDX; frame tag.
        let mut payload = [0x90, 0xF0, 0x80, 0x05, 42, 0x20, 0x10, 0, 0];
        let descriptor = describe(&payload);
        assert!(descriptor.switch_point);
        assert_eq!(descriptor.picture, Some(PictureId { offset: 2, wide: true, value: 5 }));
        assert_eq!(descriptor.tl0, Some((4, 42)));
        payload[6] = 0x11;
        assert!(!describe(&payload).switch_point, "an inter frame");
        payload[6] = 0x10;
        payload[0] = 0x80;
        assert!(!describe(&payload).switch_point, "not the start of a partition");
    }
}
