use super::*;
use http::{HeaderValue, Request, Response};
use proptest::prelude::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
}

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).expect("test header"));
    }
    headers
}

fn judged(status: u16, lines: &[(&'static str, &str)]) -> Result<Policy, NoStore> {
    let status = StatusCode::from_u16(status).expect("test status");
    judge(&HeaderMap::new(), status, &map(lines), at(0), at(0), &Options::default())
}

#[test]
fn fresh_until_its_lifetime_and_not_a_second_more() {
    let policy = judged(200, &[("cache-control", "max-age=10"), ("age", "4")]).expect("storable");
    assert!(policy.is_fresh(at(5)));
    assert!(!policy.is_fresh(at(6)));
    assert_eq!((policy.age(at(5)).as_secs(), policy.ttl_seconds(at(9))), (9, -3));
}

#[test]
fn time_spent_waiting_for_the_head_counts_as_age() {
    let policy = judge(
        &map(&[]),
        StatusCode::OK,
        &map(&[("cache-control", "max-age=9")]),
        at(0),
        at(4),
        &Options::default(),
    );
    assert_eq!(policy.expect("storable").age(at(5)).as_secs(), 5);
}

#[test]
fn what_must_not_be_stored_is_named() {
    for (status, lines, why) in [
        (206, [("cache-control", "max-age=9")], NoStore::Status),
        (200, [("cache-control", "max-age=9, no-store")], NoStore::Forbidden),
        (599, [("cache-control", "max-age=9, no-store, must-understand")], NoStore::Forbidden),
        (200, [("cache-control", "max-age=9, private")], NoStore::Private),
        (200, [("cdn-cache-control", "private")], NoStore::Private),
        (503, [("x", "y")], NoStore::NotCacheable),
        (200, [("x", "y")], NoStore::Useless),
        (200, [("cache-control", "no-cache, max-age=9")], NoStore::Useless),
    ] {
        assert_eq!(judged(status, &lines), Err(why), "{status} {lines:?}");
    }
    assert_eq!(judged(200, &[("cache-control", "max-age=9"), ("vary", "a, *")]), Err(NoStore::VaryStar));
    assert!(judged(200, &[("cache-control", "max-age=9, no-store, must-understand")]).is_ok());
    assert!(judged(599, &[("cache-control", "max-age=9")]).is_ok());
}

#[test]
fn answers_to_authorized_requests_need_leave() {
    let request = map(&[("authorization", "x")]);
    let judge = |cc| {
        judge(&request, StatusCode::OK, &map(&[("cache-control", cc)]), at(0), at(0), &Options::default())
    };
    assert_eq!(judge("max-age=9"), Err(NoStore::Authorization));
    assert!(judge("max-age=9, public").is_ok() && judge("s-maxage=9").is_ok());
}

#[test]
fn stale_windows_open_and_close() {
    let options = Options { stale_if_unreachable: Duration::from_secs(100), ..Options::default() };
    let lines = [("cache-control", "max-age=10, stale-while-revalidate=5, stale-if-error=20")];
    let policy = judged(200, &lines).expect("storable");
    assert!(policy.usable_while_revalidating(at(14)) && !policy.usable_while_revalidating(at(15)));
    assert!(
        policy.usable_on_error(false, &options, at(29)) && !policy.usable_on_error(false, &options, at(30))
    );
    assert!(
        policy.usable_on_error(true, &options, at(109)) && !policy.usable_on_error(true, &options, at(110))
    );
    for forbidding in ["must-revalidate", "proxy-revalidate", "s-maxage=10"] {
        let lines = [("cache-control", format!("max-age=10, {forbidding}"))];
        let policy = judged(200, &[(lines[0].0, &lines[0].1)]).expect("storable");
        assert!(!policy.usable_on_error(true, &options, at(11)), "{forbidding}");
    }
}

#[test]
fn heuristics_and_negative_ttl_are_off_unless_asked_for() {
    let lines = [("last-modified", "Sat, 08 Sep 2001 01:46:40 GMT")];
    assert!(!judged(200, &lines).expect("has a validator").is_fresh(at(0)));
    let options =
        Options { heuristic_percent: 10, negative_ttl: Duration::from_secs(1), ..Options::default() };
    let judge = |status, lines: &[_]| judge(&map(&[]), status, &map(lines), at(0), at(0), &options);
    assert!(judge(StatusCode::OK, &lines).expect("storable").is_fresh(at(8000)));
    let missing = judge(StatusCode::NOT_FOUND, &[]).expect("storable for a second");
    assert!(missing.is_fresh(at(0)) && !missing.is_fresh(at(1)));
    assert_eq!(judge(StatusCode::FORBIDDEN, &[]), Err(NoStore::NotCacheable));
}

#[test]
fn a_clients_own_wishes_are_understood() {
    let policy = judged(200, &[("cache-control", "max-age=10")]).expect("storable");
    let wish = |cc: &str, now| policy.satisfies(&Directives::of_request(&map(&[("cache-control", cc)])), now);
    assert!(wish("max-age=5", at(5)) && !wish("max-age=5", at(6)));
    assert!(wish("min-fresh=4", at(5)) && !wish("min-fresh=4", at(6)));
    assert!(wish("max-stale=4", at(13)) && !wish("max-stale=4", at(14)) && !wish("max-age=60", at(13)));
    assert!(!wish("no-cache", at(0)));
}

/// Directives on which `http-cache-semantics` reads the RFC as we do; its readings of unknown status codes,
/// `Set-Cookie`, `proxy-revalidate` and odd dates differ and are tested by hand above.
fn well_formed() -> impl Strategy<Value = (Vec<String>, Option<u64>, Option<u64>)> {
    let directive = prop_oneof![
        (0u64..100).prop_map(|s| format!("max-age={s}")),
        (0u64..100).prop_map(|s| format!("s-maxage={s}")),
        Just("public".to_owned()),
        Just("private".to_owned()),
        Just("no-store".to_owned()),
        Just("no-cache".to_owned()),
        Just("must-revalidate".to_owned()),
    ];
    let unique = prop::collection::vec(directive, 0..4).prop_map(|mut list| {
        list.sort();
        list.dedup_by_key(|d| d.split('=').next().map(str::to_owned));
        list
    });
    (unique, prop::option::of(0u64..60), prop::option::of(0u64..100))
}

proptest! {
    #[test]
    fn agrees_with_http_cache_semantics(
        (directives, age, expires) in well_formed(),
        status in prop::sample::select(vec![200u16, 203, 204, 301, 302, 307, 404, 410]),
        authorized: bool,
        later in 0u64..120,
    ) {
        let date = httpdate::fmt_http_date(at(0));
        let mut res = Response::builder().status(status).header("date", &date).header("etag", "\"e\"");
        if !directives.is_empty() { res = res.header("cache-control", directives.join(", ")); }
        if let Some(age) = age { res = res.header("age", age); }
        if let Some(s) = expires { res = res.header("expires", httpdate::fmt_http_date(at(s))); }
        let res = res.body(()).expect("test response");
        let mut req = Request::builder().uri("/x");
        if authorized { req = req.header("authorization", "x"); }
        let req = req.body(()).expect("test request");

        let theirs = http_cache_semantics::CachePolicy::new_options(&req, &res, at(0), http_cache_semantics::CacheOptions {
            cache_heuristic: 0.0, immutable_min_time_to_live: Duration::ZERO, ..Default::default()
        });
        let ours = judge(req.headers(), res.status(), res.headers(), at(0), at(0), &Options::default());
        prop_assert_eq!(ours.is_ok(), theirs.is_storable(), "{:?}", ours);
        if let Ok(ours) = ours {
            prop_assert_eq!(ours.is_fresh(at(later)), !theirs.is_stale(at(later)), "{:?}", ours);
            prop_assert_eq!(ours.age(at(later)), theirs.age(at(later)));
        }
    }
}
