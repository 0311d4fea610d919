//! Preconditions a cache answers itself (RFC 9110 section 13, RFC 9111 section 4.3.2).

use crate::date;
use crate::directives::split_quoted;
use http::header::{DATE, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED};

/// Whether a GET or HEAD with these preconditions is answered 304 from this stored 200 response.
/// `If-None-Match` takes precedence over `If-Modified-Since`.
pub fn not_modified(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let Some(etag) = stored.get(ETAG).map(|v| opaque(v.as_bytes())) else { return false };
        return request.get_all(IF_NONE_MATCH).iter().any(|line| listed(line.as_bytes(), etag));
    }
    let Some(since) = request.get(IF_MODIFIED_SINCE).and_then(|v| v.to_str().ok()).and_then(date::parse)
    else {
        return false;
    };
    let modified = stored.get(LAST_MODIFIED).or_else(|| stored.get(DATE));
    modified.and_then(|v| v.to_str().ok()).and_then(date::parse).is_some_and(|modified| modified <= since)
}

/// Whether a `Range` is to be honoured: there is no `If-Range`, or it names the stored response by a strong
/// validator (RFC 9110 section 13.1.5). A date counts only as an exact match of `Last-Modified`.
pub fn range_applies(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let Some(validator) = request.get(IF_RANGE) else { return true };
    let validator = validator.as_bytes().trim_ascii();
    if validator.starts_with(b"W/") {
        return false;
    }
    if validator.starts_with(b"\"") {
        return stored.get(ETAG).is_some_and(|etag| etag.as_bytes().trim_ascii() == validator);
    }
    stored.get(LAST_MODIFIED).is_some_and(|modified| modified.as_bytes().trim_ascii() == validator)
}

/// An entity tag without its weakness mark, for weak comparison.
fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn listed(line: &[u8], etag: &[u8]) -> bool {
    // A tag may hold obs-text, so an unreadable line is compared as a single tag.
    match std::str::from_utf8(line) {
        Ok(line) => split_quoted(line, ',').any(|tag| tag == "*" || opaque(tag.as_bytes()) == etag),
        Err(_) => opaque(line) == etag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(n, v)| (http::HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn entity_tags_compare_weakly_and_win_over_dates() {
        let stored = map(&[("etag", "W/\"a,b\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert!(not_modified(&map(&[("if-none-match", "\"x\", \"a,b\"")]), &stored));
        assert!(not_modified(&map(&[("if-none-match", "*")]), &stored));
        let later = ("if-modified-since", "Sun, 06 Nov 1994 08:49:38 GMT");
        assert!(not_modified(&map(&[later]), &stored));
        assert!(!not_modified(&map(&[("if-none-match", "\"x\""), later]), &stored));
        assert!(!not_modified(&map(&[("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT")]), &stored));
        assert!(!not_modified(&map(&[]), &stored));
    }

    #[test]
    fn if_range_needs_a_strong_match() {
        let stored = map(&[("etag", "\"a\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert!(range_applies(&map(&[]), &stored));
        assert!(range_applies(&map(&[("if-range", "\"a\"")]), &stored));
        assert!(range_applies(&map(&[("if-range", "Sun, 06 Nov 1994 08:49:37 GMT")]), &stored));
        assert!(!range_applies(&map(&[("if-range", "\"b\"")]), &stored));
        assert!(!range_applies(&map(&[("if-range", "W/\"a\"")]), &map(&[("etag", "W/\"a\"")])));
        assert!(!range_applies(&map(&[("if-range", "Sun, 06 Nov 1994 08:49:38 GMT")]), &stored));
    }
}
