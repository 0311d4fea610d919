//! Passwords: argon2id (RFC 9106). Costs 19 MiB and some 20 ms of a core: the caller runs it off the event loop, a few at once.
//! Each computation is counted where the caller says: that it is done where it is of no use (no such account) shows only there.

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::id;

/// OWASP's second choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
/// Most memory a stored hash may ask for: a forged row does not bring the process down.
const MEMORY_KIB_MAX: u32 = 1 << 18;

/// What is kept of a password, in PHC form: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
#[must_use]
pub fn hash(password: &str, computed: &AtomicU64) -> String {
    let salt = id::bytes::<16>();
    let hash =
        argon2(password, &salt, [MEMORY_KIB, PASSES, LANES], computed).expect("parameters are in range");
    let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}", encode(&salt), encode(&hash))
}

/// Whether it is the password. Without a stored hash it takes as long, and says no: the time tells nobody which accounts exist.
#[must_use]
pub fn verify(password: &str, stored: Option<&str>, computed: &AtomicU64) -> bool {
    let Some((parameters, salt, hash)) = stored.and_then(parse) else {
        let wasted = argon2(password, &[0; 16], [MEMORY_KIB, PASSES, LANES], computed);
        std::hint::black_box(wasted);
        return false;
    };
    let found = argon2(password, &salt, parameters, computed);
    // Both are hashed once more, so that how long the comparison takes says nothing.
    let digest = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
    found.is_some_and(|found| digest(&found).as_ref() == digest(&hash).as_ref())
}

/// `cost`: memory in KiB, passes, lanes.
fn argon2(password: &str, salt: &[u8], cost: [u32; 3], computed: &AtomicU64) -> Option<[u8; HASH_BYTES]> {
    let [memory_kib, passes, lanes] = cost;
    let parameters = Params::new(memory_kib, passes, lanes, Some(HASH_BYTES)).ok()?;
    let mut hash = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    argon2.hash_password_into(password.as_bytes(), salt, &mut hash).ok()?;
    computed.fetch_add(1, Ordering::Relaxed);
    Some(hash)
}

fn parse(stored: &str) -> Option<([u32; 3], Vec<u8>, Vec<u8>)> {
    let rest = stored.strip_prefix("$argon2id$v=19$m=")?;
    let (parameters, rest) = rest.split_once('$')?;
    let (salt, hash) = rest.split_once('$')?;
    let (memory, rest) = parameters.split_once(",t=")?;
    let (passes, lanes) = rest.split_once(",p=")?;
    let parameters = [memory.parse().ok()?, passes.parse().ok()?, lanes.parse().ok()?];
    (parameters[0] <= MEMORY_KIB_MAX && parameters[1] <= 16 && parameters[2] <= 16).then_some(())?;
    Some((parameters, STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_the_password() {
        let computed = AtomicU64::new(0);
        let stored = hash("붓글씨 and ink", &computed);
        let is_it = |password: &str, stored: Option<&str>| verify(password, stored, &computed);
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !stored.contains("ink"));
        assert!(is_it("붓글씨 and ink", Some(&stored)));
        assert!(!is_it("붓글씨 and Ink", Some(&stored)) && !is_it("", Some(&stored)));
        assert!(!is_it("붓글씨 and ink", None) && !is_it("x", Some("no hash")));
        assert_ne!(stored, hash("붓글씨 and ink", &computed), "salted");
        let greedy = stored.replace("m=19456", "m=4294967295");
        assert!(!is_it("붓글씨 and ink", Some(&greedy)));
        assert_eq!(computed.into_inner(), 8, "once each, of use or not");
    }
}
