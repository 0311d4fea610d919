//! Header fields on their way through an intermediary (RFC 9110 section 7.6, RFC 8586).

use crate::directives::split_quoted;
use http::header::{
    ACCEPT_RANGES, AGE, CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use std::time::SystemTime;

/// `CDN-Loop` (RFC 8586).
pub const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
/// `Cache-Status` (RFC 9211).
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Most CDN hops a request may have passed, ours and others': node, regional shield, and room for one CDN in
/// front. Beyond it something forwards in a circle under changing names.
pub const CDN_HOPS_MAX: usize = 6;

const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Preconditions and ranges a cache evaluates itself when it asks for the whole.
const EVALUATED_HERE: [HeaderName; 6] =
    [RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_MATCH, IF_UNMODIFIED_SINCE];

/// How a request is sent upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// For the cache: the whole representation, unconditionally.
    Whole,
    /// Past the cache: range and preconditions as the client sent them.
    AsSent,
}

/// A request came back to a node it had already passed, or passed too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the request already passed this node or more than {CDN_HOPS_MAX} CDN nodes: look for a node whose upstream leads back to it"
)]
pub struct Loop;

/// Refuses a request that came back. To be asked before anything else: a request that comes back would otherwise
/// join the flight it was sent for, and wait for itself.
///
/// # Errors
/// [`Loop`] when `CDN-Loop` names this node or too many nodes.
pub fn check_loop(client: &HeaderMap, node: &str) -> Result<(), Loop> {
    let lines = client.get_all(CDN_LOOP).iter();
    let mut hops = 0;
    for member in lines.filter_map(|v| v.to_str().ok()).flat_map(|line| split_quoted(line, ',')) {
        hops += 1;
        let id = member.split(';').next().unwrap_or_default().trim();
        if hops >= CDN_HOPS_MAX || id == node {
            return Err(Loop);
        }
    }
    Ok(())
}

/// Request fields for the upstream: hop-by-hop fields and `Host` dropped, `Via` and `CDN-Loop` appended.
pub fn to_upstream(client: &HeaderMap, node: &str, forwarding: Forwarding) -> HeaderMap {
    let mut headers = client.clone();
    strip_hop_by_hop(&mut headers);
    headers.remove(HOST);
    // They belong to the request body, which is not passed, or whose length its new carrier states itself. A length
    // without its body would make the upstream take the next request for it.
    headers.remove(CONTENT_LENGTH);
    headers.remove(EXPECT);
    if forwarding == Forwarding::Whole {
        for name in &EVALUATED_HERE {
            headers.remove(name);
        }
    }
    append_via(&mut headers, node);
    if let Ok(value) = HeaderValue::from_str(node) {
        headers.append(CDN_LOOP, value);
    }
    headers
}

/// Response fields for the client or the store: hop-by-hop fields dropped, `Date` set when missing, `Via` appended.
pub fn from_upstream(headers: &mut HeaderMap, node: &str, received: SystemTime) {
    strip_hop_by_hop(headers);
    ensure_date(headers, received);
    append_via(headers, node);
}

/// Sets `Date` where the sender had no clock (RFC 9110 section 6.6.1).
pub fn ensure_date(headers: &mut HeaderMap, received: SystemTime) {
    if !headers.contains_key(DATE)
        && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(received))
    {
        headers.insert(DATE, date);
    }
}

/// Fields of a stored response that are computed anew for every answer.
pub fn forget_computed(headers: &mut HeaderMap) {
    for name in [AGE, CONTENT_LENGTH, ACCEPT_RANGES] {
        headers.remove(name);
    }
}

/// Drops connection fields, among them those that `Connection` names.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|line| line.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn append_via(headers: &mut HeaderMap, node: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("1.1 {node}")) {
        headers.append(VIA, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn connection_fields_stay_on_their_connection() {
        let client = map(&[
            ("connection", "close, X-Secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("host", "cdn"),
            ("content-length", "5"),
            ("expect", "100-continue"),
            ("range", "bytes=0-1"),
            ("x-kept", "1"),
        ]);
        let whole = to_upstream(&client, "jeju-1", Forwarding::Whole);
        assert_eq!(whole, map(&[("x-kept", "1"), ("via", "1.1 jeju-1"), ("cdn-loop", "jeju-1")]));
        assert!(to_upstream(&client, "jeju-1", Forwarding::AsSent).contains_key("range"));
    }

    #[test]
    fn a_request_that_comes_back_is_refused() {
        assert_eq!(check_loop(&map(&[]), "c"), Ok(()));
        assert_eq!(check_loop(&map(&[("cdn-loop", "a, b; x=y")]), "c"), Ok(()));
        assert_eq!(check_loop(&map(&[("cdn-loop", "a, b; x=y")]), "b"), Err(Loop));
        assert_eq!(check_loop(&map(&[("cdn-loop", "a,b,c,d,e,f")]), "g"), Err(Loop));
    }
}
