//! Cache directives: `Cache-Control` (RFC 9111 section 5.2) and the targeted `CDN-Cache-Control` (RFC 9213).

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, PRAGMA};

/// The targeted field this node listens to (RFC 9213 section 3.1).
pub const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// Cache directives of one message. Times are seconds. A malformed time reads as 0, so that unreadable
/// freshness means stale (RFC 9111 section 4.2.1); a repeated time keeps the smallest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Directives {
    pub max_age: Option<u64>,
    pub s_maxage: Option<u64>,
    pub stale_while_revalidate: Option<u64>,
    pub stale_if_error: Option<u64>,
    pub min_fresh: Option<u64>,
    /// `max-stale` without a value reads as [`u64::MAX`].
    pub max_stale: Option<u64>,
    pub no_store: bool,
    /// Also set by the qualified form `no-cache="field"`, which is treated as the unqualified one.
    pub no_cache: bool,
    /// Also set by the qualified form `private="field"`.
    pub private: bool,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub must_understand: bool,
    pub only_if_cached: bool,
}

impl Directives {
    /// Directives of a request: `Cache-Control`, or where that is absent `Pragma: no-cache`.
    pub fn of_request(headers: &HeaderMap) -> Self {
        if headers.contains_key(CACHE_CONTROL) {
            return parse_cache_control(headers);
        }
        let pragma_no_cache = headers
            .get_all(PRAGMA)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .any(|v| v.split(',').any(|item| item.trim().eq_ignore_ascii_case("no-cache")));
        Self { no_cache: pragma_no_cache, ..Self::default() }
    }

    /// Directives of a response for this node: the targeted field where it is present, valid and not empty (then
    /// `Cache-Control` and `Expires` count for nothing, RFC 9213 section 2.2), else `Cache-Control`.
    /// The second value tells which one spoke.
    pub fn of_response(headers: &HeaderMap) -> (Self, Source) {
        match parse_targeted(headers) {
            Some(directives) => (directives, Source::Targeted),
            None => (parse_cache_control(headers), Source::CacheControl),
        }
    }

    fn set(&mut self, name: &str, value: Option<&str>) {
        let name = name.to_ascii_lowercase();
        let seconds = || value.map_or(0, delta_seconds);
        match name.as_str() {
            "max-age" => keep_smallest(&mut self.max_age, seconds()),
            "s-maxage" => keep_smallest(&mut self.s_maxage, seconds()),
            "stale-while-revalidate" => keep_smallest(&mut self.stale_while_revalidate, seconds()),
            "stale-if-error" => keep_smallest(&mut self.stale_if_error, seconds()),
            "min-fresh" => keep_smallest(&mut self.min_fresh, seconds()),
            "max-stale" => keep_smallest(&mut self.max_stale, value.map_or(u64::MAX, delta_seconds)),
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            "only-if-cached" => self.only_if_cached = true,
            _ => {}
        }
    }
}

/// Which field a response's directives came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `CDN-Cache-Control`; `Expires` does not count.
    Targeted,
    /// `Cache-Control`; `Expires` counts where no max-age is given.
    CacheControl,
}

fn keep_smallest(slot: &mut Option<u64>, seconds: u64) {
    *slot = Some(slot.map_or(seconds, |old| old.min(seconds)));
}

/// delta-seconds (RFC 9111 section 1.2.2): digits only; beyond 2^31 it saturates, anything else is 0.
fn delta_seconds(text: &str) -> u64 {
    const LARGEST: u64 = 1 << 31;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(LARGEST).min(LARGEST)
}

fn parse_cache_control(headers: &HeaderMap) -> Directives {
    let mut directives = Directives::default();
    for line in headers.get_all(CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok()) {
        for item in split_quoted(line, ',') {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (item, None),
            };
            let quoted = value.and_then(|v| v.strip_prefix('"')).and_then(|v| v.strip_suffix('"'));
            // A space before "=" is malformed: trimming the name keeps the directive with an unreadable value.
            let value = if name.ends_with([' ', '\t']) { value.map(|_| "") } else { quoted.or(value) };
            directives.set(name.trim(), value);
        }
    }
    directives
}

/// Splits at `separator` outside quoted strings; empty items are left out.
pub(crate) fn split_quoted(line: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    line.split(move |c: char| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
    .map(str::trim)
    .filter(|item| !item.is_empty())
}

/// Reads `CDN-Cache-Control` as a Structured Field dictionary (RFC 8941). `None` when absent, empty, or invalid
/// in syntax or in the type of a known directive: the field then counts as absent.
fn parse_targeted(headers: &HeaderMap) -> Option<Directives> {
    let mut lines = headers.get_all(CDN_CACHE_CONTROL).iter().peekable();
    lines.peek()?;
    let mut directives = Directives::default();
    let mut members = 0;
    for line in lines {
        for item in split_quoted(line.to_str().ok()?, ',') {
            let (name, value) = parse_member(item)?;
            match (name, value) {
                (
                    "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error",
                    Item::Integer(seconds),
                ) => {
                    directives.set(name, Some(seconds));
                }
                ("max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error", _) => return None,
                (_, Item::False) => {}
                (_, _) => directives.set(name, None),
            }
            members += 1;
        }
    }
    (members > 0).then_some(directives)
}

enum Item<'a> {
    Integer(&'a str),
    False,
    Other,
}

fn parse_member(item: &str) -> Option<(&str, Item<'_>)> {
    let end = item
        .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)))
        .unwrap_or(item.len());
    let (name, rest) = item.split_at(end);
    if !name.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
        return None;
    }
    let Some(value) = rest.strip_prefix('=') else {
        return (rest.is_empty() || rest.starts_with(';')).then_some((name, Item::Other));
    };
    let value = split_quoted(value, ';').next()?;
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.len() <= 15 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some((name, Item::Integer(value)));
    }
    let quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    let token = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*')
        && value.bytes().all(|b| b.is_ascii_graphic() && !br#"",;(){}<>@[]?=\"#.contains(&b));
    match value {
        "?0" => Some((name, Item::False)),
        "?1" => Some((name, Item::Other)),
        _ => (quoted || token).then_some((name, Item::Other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn response(lines: &[(HeaderName, &str)]) -> (Directives, Source) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_str(value).expect("test header"));
        }
        Directives::of_response(&headers)
    }

    fn max_age(cache_control: &str) -> Option<u64> {
        response(&[(CACHE_CONTROL, cache_control)]).0.max_age
    }

    #[test]
    fn unreadable_max_age_is_stale_and_readable_is_kept() {
        assert_eq!(max_age("max-age=3600"), Some(3600));
        assert_eq!(max_age("MaX-AgE=\"3600\""), Some(3600));
        assert_eq!(max_age("max-age=003600"), Some(3600));
        assert_eq!(max_age("max-age=99999999999"), Some(1 << 31));
        for bad in [
            "max-age='3600'",
            "max-age=-5",
            "max-age=a1",
            "max-age=1.5",
            "max-age =9",
            "max-age= 9",
            "max-age",
        ] {
            assert_eq!(max_age(bad), Some(0), "{bad}");
        }
        assert_eq!(max_age("max-age=1800, max-age=1"), Some(1));
        assert_eq!(max_age("extension=\"max-age=3600, x\", max-age=1"), Some(1));
        assert_eq!(max_age("extension=\"max-age=3600\""), None);
    }

    #[test]
    fn targeted_field_speaks_alone_when_valid_and_not_at_all_otherwise() {
        let (d, source) = response(&[(CACHE_CONTROL, "no-store"), (CDN_CACHE_CONTROL, "foobar, max-age=10")]);
        assert_eq!((d.max_age, d.no_store, source), (Some(10), false, Source::Targeted));
        for bad in
            ["max-age=10, &&&&", "max-age=\"10\"", "max-age =10", "MAX-AGE=10", "", "max-age=10 no-store"]
        {
            let (d, source) = response(&[(CACHE_CONTROL, "no-store"), (CDN_CACHE_CONTROL, bad)]);
            assert_eq!((d.max_age, d.no_store, source), (None, true, Source::CacheControl), "{bad}");
        }
        let (d, _) = response(&[(CDN_CACHE_CONTROL, "max-age=5;x=1, private, no-cache=?0")]);
        assert_eq!((d.max_age, d.private, d.no_cache), (Some(5), true, false));
    }

    #[test]
    fn pragma_speaks_only_where_cache_control_is_silent() {
        let mut headers = HeaderMap::new();
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        assert!(Directives::of_request(&headers).no_cache);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert!(!Directives::of_request(&headers).no_cache);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(line in "[ -~]{0,60}") {
            response(&[(CACHE_CONTROL, &line), (CDN_CACHE_CONTROL, &line)]);
        }
    }
}
