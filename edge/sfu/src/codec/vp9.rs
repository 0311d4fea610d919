//! VP9 payload descriptor (RFC 9628 section 4.2).

use super::{Descriptor, PictureId};

pub(super) fn describe(payload: &[u8]) -> Descriptor {
    parse(payload).unwrap_or_default()
}

fn parse(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let (picture_id, inter, layers, flexible, begins) =
        (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0, first & 0x10 != 0, first & 0x08 != 0);
    let mut at = 1;
    let mut picture = None;
    if picture_id {
        let found = PictureId::parse(payload, at)?;
        at += found.bytes();
        picture = Some(found);
    }
    let (mut spatial, mut tl0) = (0, None);
    if layers {
        spatial = (*payload.get(at)? >> 1) & 0x07;
        at += 1;
        if !flexible {
            tl0 = Some((u8::try_from(at).ok()?, *payload.get(at)?));
        }
    }
    Some(Descriptor { switch_point: begins && !inter && spatial == 0, picture, tl0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframe_starts_at_the_lowest_spatial_layer() {
        let mut payload = [0xA8, 0x81, 0x02, 0x00, 9, 0];
        let descriptor = describe(&payload);
        assert!(descriptor.switch_point);
        assert_eq!(descriptor.picture.map(|p| p.value), Some(0x102));
        assert_eq!(descriptor.tl0, Some((4, 9)));
        payload[3] = 0x02;
        assert!(!describe(&payload).switch_point, "an upper spatial layer");
        payload[3] = 0;
        payload[0] |= 0x40;
        assert!(!describe(&payload).switch_point, "predicted from another picture");
    }
}
