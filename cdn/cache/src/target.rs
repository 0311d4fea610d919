//! Request target to cache key, and the refusal of targets that try to climb out of their folder.

use std::sync::Arc;

/// Longest request target taken, bytes. Signed paths stay under 1 KiB; the limit bounds keys held in memory.
pub const TARGET_BYTES_MAX: usize = 4096;

/// How often a target is percent-decoded while looking for hidden `..`: once for the browser's own escape and
/// twice for escapes of escapes that a careless upstream would decode again.
const DECODE_ROUNDS: usize = 3;

/// Primary cache key (RFC 9111 section 2): path and query exactly as sent. The host is no part of it, because
/// what the node asks its upstream for does not depend on the host the client named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The path and query, as sent upstream.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes the key holds in memory, for weighing entries.
    pub fn weight_bytes(&self) -> usize {
        self.0.len()
    }
}

/// Why a request target is refused. Every one is a client error (400, or 414 for `TooLong`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not an absolute path: `*`, an authority, or nothing.
    #[error("request target is not an absolute path")]
    NotAbsolute,
    /// More than [`TARGET_BYTES_MAX`] bytes.
    #[error("request target is longer than {TARGET_BYTES_MAX} bytes")]
    TooLong,
    /// A `.` or `..` segment, plain or escaped.
    #[error("request path has a dot segment")]
    DotSegment,
    /// A backslash, NUL or other control byte, plain or escaped.
    #[error("request path has a backslash or control byte")]
    ForbiddenByte,
}

impl TargetError {
    /// Label for counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotAbsolute => "target_not_absolute",
            Self::TooLong => "target_too_long",
            Self::DotSegment | Self::ForbiddenByte => "path_traversal",
        }
    }
}

/// Checks a target (`/path?query`) and makes the cache key of it.
///
/// # Errors
/// [`TargetError`] when the path is not absolute, too long, or could climb out of its folder in any decoding.
pub fn key_of(path_and_query: &str) -> Result<Key, TargetError> {
    if path_and_query.len() > TARGET_BYTES_MAX {
        return Err(TargetError::TooLong);
    }
    let path = path_and_query.split('?').next().unwrap_or_default();
    if !path.starts_with('/') {
        return Err(TargetError::NotAbsolute);
    }
    check_path(path.as_bytes())?;
    Ok(Key(path_and_query.into()))
}

fn check_path(path: &[u8]) -> Result<(), TargetError> {
    check_decoded(path)?;
    if !path.contains(&b'%') {
        return Ok(());
    }
    let mut decoded = path.to_vec();
    for _ in 0..DECODE_ROUNDS {
        let next = percent_decode(&decoded);
        if next == decoded {
            break;
        }
        check_decoded(&next)?;
        decoded = next;
    }
    Ok(())
}

fn check_decoded(path: &[u8]) -> Result<(), TargetError> {
    if path.iter().any(|&b| b == b'\\' || b < 0x20 || b == 0x7f) {
        return Err(TargetError::ForbiddenByte);
    }
    if path.split(|&b| b == b'/').any(|segment| segment == b"." || segment == b"..") {
        return Err(TargetError::DotSegment);
    }
    Ok(())
}

fn percent_decode(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut i = 0;
    while i < path.len() {
        let pair =
            (path[i] == b'%').then(|| Some((hex(*path.get(i + 1)?)?, hex(*path.get(i + 2)?)?))).flatten();
        if let Some((high, low)) = pair {
            out.push(high << 4 | low);
            i += 3;
        } else {
            out.push(path[i]);
            i += 1;
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn climbing_targets_are_refused_in_every_disguise() {
        for path in [
            "/a/../b",
            "/..",
            "/a/%2e%2e/b",
            "/a/%2E./b",
            "/%252e%252e/x",
            "/a%2f..%2fb",
            "/a/./b",
            "/a/..%2fb?q",
        ] {
            assert_eq!(key_of(path), Err(TargetError::DotSegment), "{path}");
        }
        for path in ["/a\\b", "/a%5cb", "/a%00b", "/a%255c..", "/a%0ab"] {
            assert_eq!(key_of(path), Err(TargetError::ForbiddenByte), "{path}");
        }
        assert_eq!(key_of("*"), Err(TargetError::NotAbsolute));
        assert_eq!(key_of(&format!("/{}", "a".repeat(TARGET_BYTES_MAX))), Err(TargetError::TooLong));
    }

    #[test]
    fn ordinary_targets_keep_path_and_query() {
        for path in ["/", "/a/b.m4s?x=..&y=1", "/a..b/...", "/%EC%84%9C%EB%8B%B9", "/100%", "/a%2fb"] {
            assert_eq!(key_of(path).expect("an ordinary path").as_str(), path);
        }
        assert_ne!(key_of("/a?x=1"), key_of("/a?x=2"));
    }

    proptest! {
        #[test]
        fn no_accepted_path_decodes_to_a_dot_segment(path in "/[a.%25eE/\\\\c0]{0,24}") {
            if let Ok(key) = key_of(&path) {
                let decoded = percent_decode(key.as_str().as_bytes());
                prop_assert!(!decoded.split(|&b| b == b'/').any(|s| s == b".." || s == b"."));
                prop_assert!(!decoded.contains(&b'\\'));
            }
        }
    }
}
