//! The targets, by the crate whose parsers they meet.

pub mod archive;
pub mod cache;
pub mod dns;
pub mod doors;
mod frames;
pub mod sdp;
pub mod session;
pub mod sfu;
pub mod signaling;
pub mod token;
pub mod wire;

use std::sync::OnceLock;
use std::time::Instant;

use control_plane_api::token::{ApiKey, Claims, Grant, sign};

/// Wall clock of every target, seconds since the Unix epoch.
const NOW_S: u64 = 1_800_000_000;

/// An instant to begin at; time passes by arithmetic.
fn begin() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now)
}

fn key() -> ApiKey {
    ApiKey { key: "main".into(), secret: "a secret of the fuzzer".into() }
}

/// A token that may do everything in the room `class`.
fn token() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| {
        let video = Grant {
            room: "class".into(),
            room_join: true,
            room_admin: true,
            room_list: true,
            room_create: true,
            can_update_own_metadata: Some(true),
            ..Grant::default()
        };
        let claims =
            Claims { sub: "minji".into(), exp: Some(NOW_S + 600), video: Some(video), ..Claims::default() };
        sign(&claims, &key())
    })
}

/// Session descriptions of real clients.
const OFFERS: [&str; 4] = [
    include_str!("../../../../edge/sdp/tests/offers/chromium.sdp"),
    include_str!("../../../../edge/sdp/tests/offers/firefox.sdp"),
    include_str!("../../../../edge/sdp/tests/offers/native.sdp"),
    include_str!("../../../../edge/sdp/tests/offers/webrtc_rs.sdp"),
];
