//! The one parameter of a v1 connect: `join_request`, base64url of a wrapped, possibly compressed message.

use std::io::Read as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use livekit_protocol as proto;
use prost::Message as _;

/// A join request with a browser's first offer is about 10 kB unpacked, metadata included; an offer may have 64 kB.
const JOIN_REQUEST_BYTES_MAX: usize = 256 * 1024;
/// Encoded parameter: HTTP servers refuse longer request lines anyway.
const PARAMETER_BYTES_MAX: usize = 96 * 1024;

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Says what is wrong with the parameter, for the client's developer.
pub(crate) fn decode(parameter: &str) -> Result<proto::JoinRequest, &'static str> {
    if parameter.len() > PARAMETER_BYTES_MAX {
        return Err("is longer than 96 kB");
    }
    let bytes = BASE64.decode(parameter).map_err(|_| "is not base64url")?;
    let wrapped =
        proto::WrappedJoinRequest::decode(bytes.as_slice()).map_err(|_| "is no WrappedJoinRequest")?;
    let join_request = match wrapped.compression() {
        proto::wrapped_join_request::Compression::None => wrapped.join_request,
        proto::wrapped_join_request::Compression::Gzip => gunzip(&wrapped.join_request)?,
    };
    proto::JoinRequest::decode(join_request.as_slice()).map_err(|_| "holds no JoinRequest")
}

/// Stops at the limit, whatever the input promises.
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::new();
    let limit = JOIN_REQUEST_BYTES_MAX as u64 + 1;
    GzDecoder::new(bytes).take(limit).read_to_end(&mut out).map_err(|_| "is not gzip")?;
    if out.len() > JOIN_REQUEST_BYTES_MAX {
        return Err("unpacks to more than 256 kB");
    }
    Ok(out)
}
