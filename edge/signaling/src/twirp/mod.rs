//! Twirp v7: the room service of server SDKs. `POST /twirp/livekit.RoomService/<Method>`, protobuf or JSON.

mod answer;
mod call;

pub use answer::{Answer, encode};
pub use call::{BODY_BYTES_MAX, Call, Encoding, RoomCall, parse};

use control_plane_api::token;
use edge_room::AdminError;

/// An error of the service, with the status and body Twirp gives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct TwirpError {
    /// `not_found`, `permission_denied`, …
    pub code: &'static str,
    pub message: String,
}

impl TwirpError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// HTTP status of the code (Twirp v7, "Errors").
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.code {
            "unauthenticated" => 401,
            "permission_denied" => 403,
            "not_found" | "bad_route" => 404,
            "invalid_argument" | "malformed" => 400,
            "resource_exhausted" => 429,
            "unimplemented" => 501,
            "unavailable" => 503,
            _ => 500,
        }
    }

    /// Body; its content type is `application/json` whatever the request's was.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        serde_json::json!({ "code": self.code, "msg": self.message }).to_string().into_bytes()
    }
}

impl From<token::Error> for TwirpError {
    fn from(error: token::Error) -> Self {
        Self::new("unauthenticated", error.to_string())
    }
}

impl From<AdminError> for TwirpError {
    fn from(error: AdminError) -> Self {
        Self::new("not_found", error.to_string())
    }
}
