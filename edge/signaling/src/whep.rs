//! WHEP (draft-ietf-wish-whep): players watch with one POST. `POST /whep/{room}`, then PATCH and DELETE at the `Location`.

use control_plane_api::token::ApiKey;

use crate::entry::{self, Door};
use crate::http::HttpError;

pub use crate::entry::{
    Entry, Patch, PatchRequest, Post, created, deleted, etag, method_not_allowed, no_content, options, patch,
    restart_refused, restarted,
};

/// Checks a POST: the bearer receives what is published in `room`, in the sections it offers.
///
/// # Errors
/// 415 and 406 for the types, 401 and 403 for the token, 400, 413 and 422 for the offer.
pub fn enter(room: &str, post: &Post<'_>, keys: &[ApiKey], now_s: u64) -> Result<Entry, HttpError> {
    entry::enter(Door::Play, room, post, keys, now_s)
}
