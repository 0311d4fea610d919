//! May a response be stored, for how long is it fresh, and when may it be used stale (RFC 9111 sections 3, 4.2
//! and 5.2; RFC 5861; RFC 9213).

use crate::date;
use crate::directives::{Directives, Source};
use http::header::{AGE, AUTHORIZATION, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, VARY};
use http::{HeaderMap, StatusCode};
use std::time::{Duration, SystemTime};

/// Choices the RFCs leave to a cache. The default is the careful one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Lifetime of a 404 or 410 that says nothing of its own freshness.
    pub negative_ttl: Duration,
    /// Per cent of `Date - Last-Modified` used as lifetime where the origin gives none (RFC 9111 section 4.2.2).
    /// 0 means no heuristic freshness.
    pub heuristic_percent: u32,
    /// How long past its freshness a response may be used while the upstream cannot be reached at all
    /// (RFC 9111 section 4.2.4, "disconnected"); forbidden by must-revalidate, proxy-revalidate, s-maxage, no-cache.
    pub stale_if_unreachable: Duration,
}

/// Longest lifetime given by heuristic, seconds: one day, as RFC 9111 section 4.2.2 suggests a limit.
const HEURISTIC_SECONDS_MAX: u64 = 86_400;

/// What a stored response's freshness rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    received: SystemTime,
    initial_age: Duration,
    lifetime: Duration,
    /// Validate before every use.
    no_cache: bool,
    /// `must-revalidate` or `proxy-revalidate`: never stale.
    must_revalidate: bool,
    /// Stale only where the origin named a window itself.
    stale_needs_leave: bool,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
}

/// Why a response is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoStore {
    #[error("206, 304 or an interim status")]
    Status,
    #[error("no-store")]
    Forbidden,
    #[error("private")]
    Private,
    #[error("answer to a request with Authorization, and neither public, must-revalidate nor s-maxage")]
    Authorization,
    #[error("status not cacheable by default and no explicit freshness")]
    NotCacheable,
    #[error("Vary: *")]
    VaryStar,
    #[error("neither freshness nor validator: it could never be reused")]
    Useless,
}

/// Status codes this node understands, for `must-understand` (RFC 9111 section 5.2.2.3).
const UNDERSTOOD: [u16; 14] = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501];
/// Heuristically cacheable status codes (RFC 9110 section 15.1), without 206.
const CACHEABLE_BY_DEFAULT: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

/// Judges a response to a GET: its policy when it may be stored, or why not. `requested` and `received` are when
/// the request was sent and the response head came.
///
/// # Errors
/// [`NoStore`] names the rule that forbids storing.
pub fn judge(
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
    requested: SystemTime,
    received: SystemTime,
    options: &Options,
) -> Result<Policy, NoStore> {
    let (cc, source) = Directives::of_response(response);
    storable(request, status, response, &cc)?;
    let lifetime = lifetime(status, response, &cc, source, received, options);
    let lifetime = Duration::from_secs(lifetime);
    let validator = response.contains_key(ETAG) || response.contains_key(LAST_MODIFIED);
    let window = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(0));
    let policy = Policy {
        received,
        initial_age: Duration::from_secs(age_value(response))
            + received.duration_since(requested).unwrap_or_default(),
        lifetime,
        no_cache: cc.no_cache,
        must_revalidate: cc.must_revalidate || cc.proxy_revalidate,
        stale_needs_leave: cc.s_maxage.is_some(),
        stale_while_revalidate: window(cc.stale_while_revalidate),
        stale_if_error: window(cc.stale_if_error),
    };
    let reusable = !cc.no_cache && policy.initial_age < policy.lifetime.max(policy.stale_while_revalidate);
    if reusable || validator { Ok(policy) } else { Err(NoStore::Useless) }
}

fn storable(req: &HeaderMap, status: StatusCode, res: &HeaderMap, cc: &Directives) -> Result<(), NoStore> {
    let code = status.as_u16();
    if status.is_informational() || code == 206 || code == 304 {
        return Err(NoStore::Status);
    }
    let understood = UNDERSTOOD.contains(&code);
    let overridden = cc.must_understand && understood;
    if !overridden && (cc.no_store || cc.must_understand) {
        return Err(NoStore::Forbidden);
    }
    if cc.private {
        return Err(NoStore::Private);
    }
    let shared_explicitly = cc.public || cc.must_revalidate || cc.s_maxage.is_some();
    if req.contains_key(AUTHORIZATION) && !shared_explicitly {
        return Err(NoStore::Authorization);
    }
    let explicit = cc.public || cc.max_age.is_some() || cc.s_maxage.is_some() || res.contains_key(EXPIRES);
    if !explicit && !CACHEABLE_BY_DEFAULT.contains(&code) {
        return Err(NoStore::NotCacheable);
    }
    let star = |v: &http::HeaderValue| v.to_str().is_ok_and(|v| v.split(',').any(|name| name.trim() == "*"));
    if res.get_all(VARY).iter().any(star) { Err(NoStore::VaryStar) } else { Ok(()) }
}

/// Freshness lifetime in seconds (RFC 9111 section 4.2.1).
fn lifetime(
    status: StatusCode,
    res: &HeaderMap,
    cc: &Directives,
    source: Source,
    received: SystemTime,
    options: &Options,
) -> u64 {
    if let Some(seconds) = cc.s_maxage.or(cc.max_age) {
        return seconds;
    }
    let date = single(res, DATE).and_then(date::parse).unwrap_or(received);
    let seconds_since =
        |late: SystemTime, early: SystemTime| late.duration_since(early).map_or(0, |d| d.as_secs());
    if source == Source::CacheControl && res.contains_key(EXPIRES) {
        return single(res, EXPIRES).and_then(date::parse).map_or(0, |expires| seconds_since(expires, date));
    }
    if matches!(status.as_u16(), 404 | 410) {
        return options.negative_ttl.as_secs();
    }
    let heuristic = CACHEABLE_BY_DEFAULT.contains(&status.as_u16()) || cc.public;
    match single(res, LAST_MODIFIED).and_then(date::parse) {
        Some(modified) if heuristic => {
            let percent = u64::from(options.heuristic_percent);
            (seconds_since(date, modified).saturating_mul(percent) / 100).min(HEURISTIC_SECONDS_MAX)
        }
        _ => 0,
    }
}

/// The only value of a field, or `None` when it is absent, unreadable or there is more than one line.
fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    if lines.next().is_some() { None } else { first.to_str().ok() }
}

/// `Age` in seconds: the first member of the list; unreadable counts as absent (RFC 9111 section 5.1).
/// The apparent age (`received - Date`) is left out: upstreams are the operator's own, they send `Age`, and
/// a clock a second off would make every short-lived playlist stale at birth.
fn age_value(headers: &HeaderMap) -> u64 {
    let Some(text) = headers.get(AGE).and_then(|v| v.to_str().ok()) else { return 0 };
    let first = text.split([',', ';']).next().unwrap_or_default().trim();
    if first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    first.parse().map_or(1 << 31, |age: u64| age.min(1 << 31))
}

impl Policy {
    /// Policy of a response that serves once and is not kept: never fresh, never usable stale.
    pub fn unstored(received: SystemTime) -> Self {
        Self {
            received,
            initial_age: Duration::ZERO,
            lifetime: Duration::ZERO,
            no_cache: true,
            must_revalidate: true,
            stale_needs_leave: true,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
        }
    }

    /// Current age (RFC 9111 section 4.2.3).
    pub fn age(&self, now: SystemTime) -> Duration {
        self.initial_age + now.duration_since(self.received).unwrap_or_default()
    }

    /// Seconds of freshness left; negative when stale. The `ttl` of `Cache-Status`.
    pub fn ttl_seconds(&self, now: SystemTime) -> i64 {
        let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
        seconds(self.lifetime) - seconds(self.age(now))
    }

    /// Fresh, and usable without asking the upstream, whatever the request says.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        !self.no_cache && self.age(now) < self.lifetime
    }

    /// Fresh or stale enough for this request's own `max-age`, `min-fresh`, `max-stale` and `no-cache`.
    pub fn satisfies(&self, request: &Directives, now: SystemTime) -> bool {
        let age = self.age(now);
        let within = |limit: Option<u64>| limit.is_none_or(|seconds| age <= Duration::from_secs(seconds));
        let min_fresh = Duration::from_secs(request.min_fresh.unwrap_or(0));
        if request.no_cache || !within(request.max_age) {
            return false;
        }
        if self.is_fresh(now) {
            return age + min_fresh < self.lifetime || request.min_fresh.is_none();
        }
        let max_stale = request.max_stale.map(Duration::from_secs);
        max_stale.is_some_and(|window| self.stale_within(window, now))
            && !(self.must_revalidate || self.no_cache || self.stale_needs_leave)
    }

    /// May be served while a refresh runs beside it (RFC 5861 section 3).
    pub fn usable_while_revalidating(&self, now: SystemTime) -> bool {
        !self.must_revalidate && !self.no_cache && self.stale_within(self.stale_while_revalidate, now)
    }

    /// May be served although the upstream failed. `unreachable`: there was no answer at all, as against
    /// a 5xx answer, which only an explicit stale-if-error covers (RFC 5861 section 4).
    pub fn usable_on_error(&self, unreachable: bool, options: &Options, now: SystemTime) -> bool {
        if self.must_revalidate || self.no_cache {
            return false;
        }
        let implied = unreachable && !self.stale_needs_leave;
        self.stale_within(self.stale_if_error, now)
            || implied && self.stale_within(options.stale_if_unreachable, now)
    }

    fn stale_within(&self, window: Duration, now: SystemTime) -> bool {
        !window.is_zero() && self.age(now) < self.lifetime.saturating_add(window)
    }
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
