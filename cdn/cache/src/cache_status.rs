//! The `Cache-Status` response field (RFC 9211).

use http::HeaderValue;
use std::fmt::Write;

/// Why a request went forward (RFC 9211 section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Nothing stored under this key.
    UriMiss,
    /// Stored, but for other values of the fields `Vary` names.
    VaryMiss,
    /// Stored, and no longer fresh.
    Stale,
    /// Stored and fresh, but the request asked for more.
    Request,
    /// The method is not one the cache handles.
    Method,
    /// The node was told, or has learnt, not to cache this.
    Bypass,
}

impl Forward {
    /// The token of RFC 9211.
    pub fn token(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Method => "method",
            Self::Bypass => "bypass",
        }
    }
}

/// How one response came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// From the store, without asking.
    Hit { ttl_seconds: i64 },
    /// The upstream was asked.
    Forwarded {
        why: Forward,
        /// Status of the upstream's answer, where there was one.
        status: Option<u16>,
        stored: bool,
        /// The answer to another client's request served this one too.
        collapsed: bool,
        /// A token for people, such as `stale-if-error`.
        detail: Option<&'static str>,
    },
}

impl CacheStatus {
    /// The answer came from upstream just now, so what caches there said of it stands before our own member.
    pub fn answered_upstream(self) -> bool {
        matches!(self, Self::Forwarded { detail: None, .. })
    }

    /// The member for the cache called `node`, which must be an sf-token (the shell's config checks).
    pub fn value(self, node: &str) -> HeaderValue {
        let mut text = String::with_capacity(64);
        text.push_str(node);
        let written = match self {
            Self::Hit { ttl_seconds } => write!(text, "; hit; ttl={ttl_seconds}"),
            Self::Forwarded { why, status, stored, collapsed, detail } => {
                text.push_str("; fwd=");
                text.push_str(why.token());
                let status = status.map_or(Ok(()), |status| write!(text, "; fwd-status={status}"));
                text.push_str(if stored { "; stored" } else { "" });
                text.push_str(if collapsed { "; collapsed" } else { "" });
                status.and(detail.map_or(Ok(()), |detail| write!(text, "; detail={detail}")))
            }
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
    }
}

/// Whether `name` may stand as a cache's name in `Cache-Status`, `Via` and `CDN-Loop`: an sf-token of RFC 8941.
pub fn is_node_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_rfc_9211_writes_it() {
        assert_eq!(CacheStatus::Hit { ttl_seconds: -3 }.value("jeju-1"), "jeju-1; hit; ttl=-3");
        let forwarded = |stored, collapsed, status, detail| CacheStatus::Forwarded {
            why: Forward::Stale,
            status,
            stored,
            collapsed,
            detail,
        };
        assert_eq!(
            forwarded(true, true, Some(200), None).value("a"),
            "a; fwd=stale; fwd-status=200; stored; collapsed"
        );
        assert_eq!(
            forwarded(false, false, None, Some("stale-if-error")).value("a"),
            "a; fwd=stale; detail=stale-if-error"
        );
        assert!(is_node_name("jeju-1.a") && !is_node_name("1") && !is_node_name("a b") && !is_node_name(""));
    }
}
