//! The key frame header of VP8 (RFC 6386 section 9.1).

/// Whether the frame is a key frame.
pub(crate) fn is_keyframe(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 1 == 0)
}

/// Picture size of a key frame; `None` when it is not one.
pub(crate) fn size(frame: &[u8]) -> Option<(u32, u32)> {
    let header: &[u8; 10] = frame.first_chunk()?;
    if !is_keyframe(frame) || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let dimension = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((dimension(header[6], header[7]), dimension(header[8], header[9])))
}
