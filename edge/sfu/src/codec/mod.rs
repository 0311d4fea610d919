//! What the core must see of a payload: where a keyframe starts, and the numbers that must stay continuous for the
//! receiver when layers are switched.

pub(crate) mod av1;
mod h264;
mod vp8;
mod vp9;

use crate::Codec;

/// What one packet says about its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// A receiver can start here: first packet of a keyframe; every packet where frames do not depend on one another.
    pub(crate) switch_point: bool,
    /// Picture id field (VP8, VP9).
    pub(crate) picture: Option<PictureId>,
    /// TL0PICIDX field (VP8, VP9): offset in the payload and value.
    pub(crate) tl0: Option<(u8, u8)>,
}

/// A picture id and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureId {
    /// Offset in the payload.
    pub(crate) offset: u8,
    /// 15 bits in two bytes instead of 7 bits in one.
    pub(crate) wide: bool,
    pub(crate) value: u16,
}

impl PictureId {
    /// Writes `value` over this field, in the width it has.
    pub(crate) fn overwrite(self, payload: &mut [u8], value: u16) {
        let at = usize::from(self.offset);
        if self.wide {
            if let Some(field) = payload.get_mut(at..at + 2) {
                field.copy_from_slice(&(0x8000 | value).to_be_bytes());
            }
        } else if let Some(field) = payload.get_mut(at) {
            *field = value.to_be_bytes()[1] & 0x7F;
        }
    }

    /// Parses the M-bit form both VP8 and VP9 use.
    fn parse(payload: &[u8], at: usize) -> Option<Self> {
        let first = *payload.get(at)?;
        let offset = u8::try_from(at).ok()?;
        if first & 0x80 == 0 {
            return Some(Self { offset, wide: false, value: u16::from(first) });
        }
        let value = u16::from_be_bytes([first & 0x7F, *payload.get(at + 1)?]);
        Some(Self { offset, wide: true, value })
    }

    fn bytes(self) -> usize {
        if self.wide { 2 } else { 1 }
    }
}

/// Looks into a payload. `dependency_descriptor` is the content of that header extension, when there is one.
pub(crate) fn describe(codec: Codec, payload: &[u8], dependency_descriptor: Option<&[u8]>) -> Descriptor {
    match codec {
        Codec::Opus | Codec::Other => Descriptor { switch_point: true, ..Descriptor::default() },
        Codec::Vp8 => vp8::describe(payload),
        Codec::Vp9 => vp9::describe(payload),
        Codec::H264 => Descriptor { switch_point: h264::keyframe_starts(payload), ..Descriptor::default() },
        Codec::Av1 => {
            let switch_point = av1::keyframe_starts(payload, dependency_descriptor);
            Descriptor { switch_point, ..Descriptor::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn picture_id_keeps_its_width() {
        let mut payload = [0x90, 0x80, 0x81, 0x02, 0];
        let picture = describe(Codec::Vp8, &payload, None).picture.expect("it carries one");
        assert_eq!((picture.value, picture.wide), (0x102, true));
        picture.overwrite(&mut payload, 0x7FFF);
        assert_eq!(payload, [0x90, 0x80, 0xFF, 0xFF, 0]);
        let mut payload = [0x90, 0x80, 0x7F, 0];
        let picture = describe(Codec::Vp8, &payload, None).picture.expect("it carries one");
        picture.overwrite(&mut payload, 0x80);
        assert_eq!(payload[2], 0);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(payload in proptest::collection::vec(any::<u8>(), 0..40),
                                dd in proptest::collection::vec(any::<u8>(), 0..8)) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Other] {
                let descriptor = describe(codec, &payload, Some(&dd));
                let mut copy = payload.clone();
                if let Some(picture) = descriptor.picture {
                    picture.overwrite(&mut copy, picture.value);
                    prop_assert_eq!(&copy, &payload);
                }
            }
        }
    }
}
