//! `cdn-cache`: request targets and header fields of viewers and origins.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cdn_cache::cache_status::CacheStatus;
use cdn_cache::directives::Directives;
use cdn_cache::freshness::{Options, judge};
use cdn_cache::headers::{Forwarding, check_loop, from_upstream, to_upstream};
use cdn_cache::lookup::lookup;
use cdn_cache::range::{Selection, select};
use cdn_cache::served::{Asked, Told, plan};
use cdn_cache::stored::{Body, Head, Slot, Stored};
use cdn_cache::target::key_of;
use cdn_cache::vary::VaryKey;
use http::header::RANGE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::NOW_S;
use crate::Target;

/// One request, one response, and the request again.
pub const MESSAGES: Target = Target {
    name: "cache_messages",
    what: "cdn-cache: targets, ranges, preconditions, freshness, loops",
    run: messages,
    seeds,
    is_steps: false,
    words: &[
        b"cache-control: ",
        b"cdn-cache-control: ",
        b"max-age=",
        b"s-maxage=\"1\"",
        b"stale-while-revalidate=18446744073709551615",
        b"range: bytes=",
        b"if-range: W/\"a\"",
        b"if-none-match: *",
        b"vary: accept-encoding, range",
        b"age: ",
        b"expires: 0",
        b"date: Thu, 01 Jan 1970 00:00:00 GMT",
        b"last-modified: Sunday, 06-Nov-94 08:49:37 GMT",
        b"cdn-loop: seoul;a=\"x, y\"",
        b"connection: close, x",
        b"%2e%2e",
        b"/../",
        b"%5c",
        b"-0",
        b"18446744073709551616",
        b"no-cache=\"set-cookie\"",
        b";",
        b",",
        b"\n\n",
    ],
};

/// First line: the target. Then fields of the request, an empty line, status and fields of the response.
fn messages(input: &[u8]) {
    let (target, rest) = split(input, b"\n");
    let (request, response) = split(rest, b"\n\n");
    let (status, response) = split(response, b"\n");
    let status = StatusCode::from_bytes(status).unwrap_or(StatusCode::OK);
    let (request, response) = (fields(request), fields(response));
    if let Ok(target) = std::str::from_utf8(target)
        && let Ok(key) = key_of(target)
    {
        let path = key.as_str().split('?').next().unwrap_or_default();
        assert!(path.starts_with('/') && path.split('/').all(|part| part != ".." && part != "."), "{path}");
    }
    let range = request.get(RANGE).map(HeaderValue::as_bytes);
    for length in [0, 1, 1_000, u64::MAX] {
        if let Selection::Part { start, end } = select(range, length) {
            assert!(start < end && end <= length, "{start}..{end} of {length}");
        }
    }
    let _ = check_loop(&request, "seoul-cdn");
    let asked = to_upstream(&request, "seoul-cdn", Forwarding::Whole);
    assert!(!asked.contains_key(RANGE));
    assert!(check_loop(&asked, "seoul-cdn").is_err(), "what this node sends on, it knows again");
    let _ = to_upstream(&request, "seoul-cdn", Forwarding::AsSent);
    store(&request, status, response);
}

fn store(request: &HeaderMap, status: StatusCode, mut response: HeaderMap) {
    let now = UNIX_EPOCH + Duration::from_secs(NOW_S);
    from_upstream(&mut response, "seoul-cdn", now);
    let _ = (Directives::of_request(request), Directives::of_response(&response));
    let careful = Options::default();
    let generous = Options {
        negative_ttl: Duration::from_secs(5),
        heuristic_percent: 10,
        stale_if_unreachable: Duration::MAX,
    };
    for options in [careful, generous] {
        let Ok(policy) = judge(request, status, &response, now, now + Duration::from_secs(1), &options)
        else {
            continue;
        };
        for later in [now, now + Duration::from_secs(3_600), SystemTime::UNIX_EPOCH] {
            let _ =
                (policy.ttl_seconds(later), policy.is_fresh(later), policy.usable_while_revalidating(later));
            let _ = (
                policy.usable_on_error(true, &options, later),
                policy.usable_on_error(false, &options, later),
            );
        }
        let head = Head { status, headers: response.clone(), policy, vary: VaryKey::of(request, &response) };
        let parts = [Bytes::from_static(&[7; 1_000])];
        let stored = Arc::new(Stored { head: Arc::new(head), body: Arc::new(Body::gather(parts.iter())) });
        let slot = Slot::default().with(stored.clone());
        assert!(slot.select(request).is_some(), "the request that brought a response may have it again");
        for heed in [true, false] {
            let _ = lookup(Some(&slot), request, heed, now + Duration::from_secs(30));
        }
        serve(&stored, request, now);
        let (fresh, _) = stored.freshen(request, &response, (now, now), &options);
        serve(&fresh, request, now + Duration::from_secs(9));
    }
}

fn serve(stored: &Stored, request: &HeaderMap, now: SystemTime) {
    for method in [Method::GET, Method::HEAD] {
        for length in [None, Some(stored.body.length())] {
            let asked = Asked { method: &method, headers: request };
            let told = Told { status: CacheStatus::Hit { ttl_seconds: 1 }, node: "seoul-cdn", age: true };
            let served = plan(&stored.head, length, asked, told, now);
            if let Some((start, Some(end))) = served.bytes {
                assert!(start <= end && end <= stored.body.length());
                assert!(start == end || stored.body.piece(start, end).is_some());
            }
        }
    }
}

fn fields(text: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n').take(64) {
        let (name, value) = split(line, b": ");
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// What stands before and after the first `mark`; everything and nothing when it is not there.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    match text.windows(mark.len()).position(|window| window == mark) {
        Some(at) => (&text[..at], &text[at + mark.len()..]),
        None => (text, &[]),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    [
        "/class/RM_1/a/init.mp4\nrange: bytes=0-99\nif-range: \"a\"\n\n200\ncache-control: public, max-age=31536000, immutable\netag: \"a\"",
        "/class/RM_1/a/index.m3u8?_HLS_msn=3\naccept-encoding: gzip\ncache-control: max-stale=5\n\n200\ncdn-cache-control: max-age=1, stale-while-revalidate=2\nvary: Accept-Encoding",
        "/x/%2e%2e/y\nif-none-match: W/\"b\", \"a\"\n\n404\nexpires: Thu, 01 Dec 2033 16:00:00 GMT\ndate: Thu, 01 Dec 2033 15:00:00 GMT",
        "/x?y\ncdn-loop: other, seoul;x=1\nrange: bytes=-5\n\n200\nlast-modified: Thu, 01 Dec 2022 16:00:00 GMT\nage: 17\ncache-control: s-maxage=10, must-revalidate, no-cache=\"x\"",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
