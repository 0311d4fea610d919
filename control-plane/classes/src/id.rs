//! Ids and secrets, from the system's random generator.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};

/// 128 random bits as 22 characters of base64url, behind a letter or two that say what it is: `a_…` an account.
#[must_use]
pub fn random(prefix: &str) -> String {
    format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes::<16>()))
}

/// 256 random bits as 43 characters: a session, a state, a verifier.
#[must_use]
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// SHA-256 as text: what is kept of a secret.
#[must_use]
pub fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

/// Random bytes.
///
/// # Panics
/// The system has no random numbers.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has random numbers");
    bytes
}
