//! Records on a disk: `length u32 LE` (of the body), `crc32c u32 LE` (of the body), then the body, a protobuf message.

use prost::Message;

/// Bytes before a record's body.
pub const HEADER_BYTES: usize = 8;

/// What stands at the start of a run of bytes.
#[derive(Debug, PartialEq)]
pub enum Read<M> {
    /// A record and the bytes it took.
    Record(M, usize),
    /// The record is not whole yet.
    NeedMore,
    /// The bytes are damaged: what is to be trusted ends here.
    Corrupt,
}

/// Appends one record.
///
/// # Panics
/// The body is 4 GiB or longer.
pub fn append<M: Message>(message: &M, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    message.encode(out).expect("a Vec grows");
    let body = &out[start + HEADER_BYTES..];
    let length = u32::try_from(body.len()).expect("a record is far below 4 GiB");
    let crc = crc32c::crc32c(body);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// Reads the record at the start of `bytes`; a body longer than `limit` is damage.
#[must_use]
pub fn read<M: Message + Default>(bytes: &[u8], limit: usize) -> Read<M> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Read::NeedMore;
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length == 0 || length > limit {
        return Read::Corrupt;
    }
    let Some(body) = bytes.get(HEADER_BYTES..HEADER_BYTES + length) else {
        return Read::NeedMore;
    };
    if crc32c::crc32c(body) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Read::Corrupt;
    }
    M::decode(body).map_or(Read::Corrupt, |message| Read::Record(message, HEADER_BYTES + length))
}
