//! Protobuf fields as they stand in the bytes (protobuf.dev, "Encoding"): some are replaced, all others are copied
//! untouched, those of newer protocols included. Decoding and encoding again would lose the latter.

/// One field: its number, its bytes with key, and its payload if it is length-delimited.
struct Field<'a> {
    number: u32,
    raw: &'a [u8],
    payload: Option<&'a [u8]>,
}

/// Copies `message` without the fields in `drop`; `rewrite` may put something else in place of a length-delimited field.
/// `None` when the bytes are no protobuf.
pub(crate) fn copy_without(
    message: &[u8],
    drop: &[u32],
    mut rewrite: impl FnMut(u32, &[u8]) -> Option<Vec<u8>>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut rest = message;
    while !rest.is_empty() {
        let field = next(&mut rest)?;
        if drop.contains(&field.number) {
            continue;
        }
        match field.payload.and_then(|payload| rewrite(field.number, payload)) {
            Some(payload) => put_bytes(field.number, &payload, out),
            None => out.extend_from_slice(field.raw),
        }
    }
    Some(())
}

/// Appends a length-delimited field.
pub(crate) fn put_bytes(number: u32, payload: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, out);
    put_varint(payload.len() as u64, out);
    out.extend_from_slice(payload);
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let start = *rest;
    let key = take_varint(rest)?;
    let number = u32::try_from(key >> 3).ok().filter(|number| *number != 0)?;
    let payload = match key & 7 {
        0 => take_varint(rest).map(|_| None)?,
        1 => take(rest, 8).map(|_| None)?,
        2 => {
            let length = usize::try_from(take_varint(rest)?).ok()?;
            Some(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| None)?,
        _ => return None,
    };
    let raw = &start[..start.len() - rest.len()];
    Some(Field { number, raw, payload })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
