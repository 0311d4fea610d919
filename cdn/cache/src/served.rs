//! From a response the cache may use to the answer for one request: 200, 206, 304 or 416.

use crate::cache_status::CacheStatus;
use crate::conditional;
use crate::headers::CACHE_STATUS;
use crate::range::{self, Selection, Unsatisfiable};
use crate::stored::Head;
use http::header::{
    ACCEPT_RANGES, AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    HeaderMap, HeaderValue, RANGE,
};
use http::{Method, StatusCode};
use std::time::SystemTime;

/// The head of an answer, and which bytes of the representation follow it.
#[derive(Debug)]
pub struct Served {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `None`: no body. `end` is `None` when the length is not known yet.
    pub bytes: Option<(u64, Option<u64>)>,
    /// The `Range` field made no sense (for a counter).
    pub bad_range: bool,
}

/// What one request asks of a usable response.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
}

/// What the answer says of its making.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub status: CacheStatus,
    /// Name of this node in `Cache-Status`.
    pub node: &'a str,
    /// The answer was not made for this very request, so it must say how old it is (RFC 9111 section 5.1).
    pub age: bool,
}

/// Plans the answer. `length` is the length of the representation, `None` while a chunked body is still coming:
/// then a range cannot be placed and the whole is sent (RFC 9110 section 14.2 allows it).
pub fn plan(head: &Head, length: Option<u64>, asked: Asked<'_>, told: Told<'_>, now: SystemTime) -> Served {
    let mut headers = HeaderMap::with_capacity(head.headers.len() + 4);
    headers.clone_from(&head.headers);
    let seconds = head.policy.age(now).as_secs();
    if told.age || seconds > 0 {
        headers.insert(AGE, HeaderValue::from(seconds));
    }
    let member = told.status.value(told.node);
    if told.status.answered_upstream() {
        headers.append(CACHE_STATUS, member);
    } else {
        headers.insert(CACHE_STATUS, member);
    }
    let ok = head.status == StatusCode::OK;
    if ok && conditional::not_modified(asked.headers, &head.headers) {
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            headers.remove(name);
        }
        return Served { status: StatusCode::NOT_MODIFIED, headers, bytes: None, bad_range: false };
    }
    let whole = |mut headers: HeaderMap| {
        if ok {
            headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if let Some(length) = length.filter(|_| head.status != StatusCode::NO_CONTENT) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let bytes = (asked.method != Method::HEAD).then_some((0, length));
        Served { status: head.status, headers, bytes, bad_range: false }
    };
    let range = asked.headers.get(RANGE).filter(|_| ok && asked.method == Method::GET);
    let (Some(length), Some(range)) = (length, range) else { return whole(headers) };
    if !conditional::range_applies(asked.headers, &head.headers) {
        return whole(headers);
    }
    match range::select(Some(range.as_bytes()), length) {
        Selection::Full => whole(headers),
        Selection::Part { start, end } => {
            insert(&mut headers, CONTENT_RANGE, &format!("bytes {start}-{}/{length}", end - 1));
            headers.insert(CONTENT_LENGTH, HeaderValue::from(end - start));
            Served {
                status: StatusCode::PARTIAL_CONTENT,
                headers,
                bytes: Some((start, Some(end))),
                bad_range: false,
            }
        }
        Selection::Unsatisfiable(why) => {
            insert(&mut headers, CONTENT_RANGE, &format!("bytes */{length}"));
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            let bad_range = why == Unsatisfiable::Malformed;
            Served { status: StatusCode::RANGE_NOT_SATISFIABLE, headers, bytes: None, bad_range }
        }
    }
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
