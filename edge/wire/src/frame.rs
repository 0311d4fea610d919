//! Control frames on a stream: varint length, then a protobuf message of that many bytes.

use bytes::{Buf as _, BytesMut};
use prost::Message;

use crate::varint;

/// Largest frame accepted. Client data packets are at most 64 kB; the rest is roster and tracks.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("a frame of {length} bytes is over the limit of {FRAME_BYTES_MAX}")]
    TooLong { length: u64 },
    #[error("a frame is not a valid message: {0}")]
    Malformed(prost::DecodeError),
}

/// Bytes of a message in a frame, without the frame's own length.
#[must_use]
pub fn length<M: Message>(message: &M) -> usize {
    message.encoded_len()
}

/// Appends `message` as one frame; [`length`] tells whether it is within [`FRAME_BYTES_MAX`].
pub fn encode<M: Message>(message: &M, out: &mut Vec<u8>) {
    varint::encode(message.encoded_len() as u64, out);
    message.encode(out).expect("a Vec grows");
}

/// Takes the first whole frame off `buffer`; `None` when more bytes are needed.
///
/// # Errors
/// The stream is unusable afterwards: close it.
pub fn decode<M: Message + Default>(buffer: &mut BytesMut) -> Result<Option<M>, Error> {
    let Some((length, prefix)) = varint::decode(buffer) else {
        return Ok(None);
    };
    if length > FRAME_BYTES_MAX as u64 {
        return Err(Error::TooLong { length });
    }
    let length = length as usize;
    if buffer.len() < prefix + length {
        return Ok(None);
    }
    buffer.advance(prefix);
    M::decode(buffer.split_to(length)).map(Some).map_err(Error::Malformed)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;
    use crate::control::{Control, Hello, Message as Say};

    #[test]
    fn a_frame_split_anywhere_decodes_once_whole() {
        let hello: Control =
            Say::Hello(Hello { version: 1, node_id: "edge-seoul".into(), region: "seoul".into(), epoch: 9 })
                .into();
        let mut bytes = Vec::new();
        encode(&hello, &mut bytes);
        let mut buffer = BytesMut::new();
        for (index, byte) in bytes.iter().enumerate() {
            assert_eq!(decode::<Control>(&mut buffer), Ok(None), "after {index} bytes");
            buffer.extend_from_slice(&[*byte]);
        }
        assert_eq!(decode::<Control>(&mut buffer), Ok(Some(hello)));
        assert!(buffer.is_empty());
    }

    #[test]
    fn an_oversize_frame_is_refused_before_it_is_buffered() {
        let mut bytes = Vec::new();
        varint::encode(FRAME_BYTES_MAX as u64 + 1, &mut bytes);
        let result = decode::<Control>(&mut BytesMut::from(&bytes[..]));
        assert_eq!(result, Err(Error::TooLong { length: FRAME_BYTES_MAX as u64 + 1 }));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = decode::<Control>(&mut buffer) {}
        }
    }
}
