//! Variable-length integers of RFC 9000 section 16: two length bits, then 6, 14, 30 or 62 bits, big endian.

/// Largest value that fits.
pub const MAX: u64 = (1 << 62) - 1;

/// Appends `value`. Panics above [`MAX`]: ids are ours, so that is a bug.
pub fn encode(value: u64, out: &mut Vec<u8>) {
    assert!(value <= MAX, "varint out of range");
    match value {
        0..=0x3f => out.push(value as u8),
        0x40..=0x3fff => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        0x4000..=0x3fff_ffff => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

/// Reads one value; returns it and the bytes it took, or `None` when `bytes` ends inside it.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let body = bytes.get(..length)?;
    let value = body[1..].iter().fold(u64::from(first & 0x3f), |value, byte| (value << 8) | u64::from(*byte));
    Some((value, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(value in 0..=super::MAX) {
            let mut bytes = Vec::new();
            super::encode(value, &mut bytes);
            prop_assert_eq!(super::decode(&bytes), Some((value, bytes.len())));
            prop_assert_eq!(super::decode(&bytes[..bytes.len() - 1]), None);
        }
    }
}
