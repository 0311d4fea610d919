//! The life of one request, from its head to the head of its answer.

use crate::body::Body;
use crate::drain::Stage;
use crate::fetch::Job;
use crate::flight::{Reader, Shared};
use crate::node::Node;
use crate::pass;
use cdn_cache::cache_status::{CacheStatus, Forward};
use cdn_cache::flight::{Failure, NotShared, Phase};
use cdn_cache::headers::{self, Forwarding};
use cdn_cache::lookup::{Lookup, lookup};
use cdn_cache::served::{self, Asked, Served, Told};
use cdn_cache::stored::{Head, Stored};
use cdn_cache::table::Entry;
use cdn_cache::target::{Key, key_of};
use http::header::{IF_MATCH, IF_UNMODIFIED_SINCE, RANGE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

/// Answers one request.
pub(crate) async fn serve(node: Arc<Node>, request: Request<Incoming>) -> Response<Body> {
    node.asked.fetch_add(1, Ordering::Relaxed);
    if *node.stage.borrow() == Stage::Closed {
        let text = "this node is being emptied; ask another";
        return node.refuse(StatusCode::SERVICE_UNAVAILABLE, "draining", text);
    }
    let (parts, body) = request.into_parts();
    let header_bytes: usize = parts.headers.iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    if header_bytes > node.config.limits.header_bytes_max {
        let text = "request header fields are too large";
        return node.refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "header_too_large", text);
    }
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let key = match key_of(target) {
        Ok(key) => key,
        Err(error) => return node.refuse_target(error),
    };
    if let Err(error) = headers::check_loop(&parts.headers, &node.config.node) {
        return node.refuse(StatusCode::LOOP_DETECTED, "loop", &error.to_string());
    }
    match parts.method {
        Method::GET | Method::HEAD => cached(&node, &parts, &key).await,
        Method::OPTIONS => node.pass(&parts, &key, Forward::Method).await,
        ref method if pass::is_passed(method, &node.config.pass_methods) => {
            node.pass_unsafe(parts, body, &key).await
        }
        _ => node.refuse_method(),
    }
}

/// How a request without a usable stored response came to its flight.
struct Ride {
    reader: Reader,
    why: Forward,
    stored: Option<Arc<Stored>>,
    leads: bool,
}

async fn cached(node: &Arc<Node>, parts: &Parts, key: &Key) -> Response<Body> {
    let now = SystemTime::now();
    let (why, stored) = match find(node, parts, key, now) {
        Lookup::Hit(stored) => return hit(node, parts, &stored, "hit", now),
        Lookup::Stale(stored) => {
            refresh(node, parts, key, &stored, now);
            return hit(node, parts, &stored, "stale", now);
        }
        Lookup::OnlyIfCached => {
            return node.refuse(StatusCode::GATEWAY_TIMEOUT, "only_if_cached", "not in this cache");
        }
        Lookup::Miss { why, stored } => (why, stored),
    };
    // A HEAD could only store a head, and If-Match is for the origin to judge.
    let preconditions =
        parts.headers.contains_key(IF_MATCH) || parts.headers.contains_key(IF_UNMODIFIED_SINCE);
    if parts.method == Method::HEAD || preconditions {
        return node.pass(parts, key, why).await;
    }
    let entry = node.flights.lock().enter(key, now, || Shared::new(node.config.object_bytes_max));
    match entry {
        Entry::Join(flight) => match flight.join() {
            Some(reader) => ride(node, parts, key, Ride { reader, why, stored, leads: false }).await,
            None => alone(node, parts, key, why, stored).await,
        },
        Entry::Lead(flight) => {
            // Between our look into the store and our entry a flight may have landed.
            if let Lookup::Hit(stored) = find(node, parts, key, now) {
                node.flights.lock().land(key, |flying| Arc::ptr_eq(flying, &flight));
                // Who joined meanwhile is served from the store as well.
                flight.refreshed(Stored::clone(&stored));
                return hit(node, parts, &stored, "hit", now);
            }
            lead(node, parts, key, (why, stored), flight, true).await
        }
        Entry::Alone(NotShared::TooLarge) => node.pass(parts, key, Forward::Bypass).await,
        Entry::Alone(_) => alone(node, parts, key, why, stored).await,
        Entry::Full => node.failed(Failure::Overloaded),
    }
}

fn find(node: &Node, parts: &Parts, key: &Key, now: SystemTime) -> Lookup {
    let slot = node.store.get(key);
    lookup(slot.as_deref(), &parts.headers, node.config.heed_client_cache_control, now)
}

/// Fetches for this request only.
async fn alone(
    node: &Arc<Node>,
    parts: &Parts,
    key: &Key,
    why: Forward,
    stored: Option<Arc<Stored>>,
) -> Response<Body> {
    let flight = Shared::new(node.config.object_bytes_max);
    lead(node, parts, key, (why, stored), flight, false).await
}

async fn lead(
    node: &Arc<Node>,
    parts: &Parts,
    key: &Key,
    (why, stored): (Forward, Option<Arc<Stored>>),
    flight: Arc<Shared>,
    listed: bool,
) -> Response<Body> {
    let reader = flight.lead();
    start(node, parts, key, stored.clone(), flight, listed);
    match reader {
        Some(reader) => ride(node, parts, key, Ride { reader, why, stored, leads: true }).await,
        None => node.failed(Failure::Overloaded),
    }
}

/// Starts the fetch of a flight on a task of its own.
fn start(
    node: &Arc<Node>,
    parts: &Parts,
    key: &Key,
    stored: Option<Arc<Stored>>,
    flight: Arc<Shared>,
    listed: bool,
) {
    let request = headers::to_upstream(&parts.headers, &node.config.node, Forwarding::Whole);
    let job = Job { key: key.clone(), client: parts.headers.clone(), request, stored, flight, listed };
    node.fetches.spawn(job.run(Arc::clone(node)));
}

/// Refreshes a stale response beside the answer, unless that is under way.
fn refresh(node: &Arc<Node>, parts: &Parts, key: &Key, stored: &Arc<Stored>, now: SystemTime) {
    let entry = node.flights.lock().enter(key, now, || Shared::new(node.config.object_bytes_max));
    if let Entry::Lead(flight) = entry {
        start(node, parts, key, Some(Arc::clone(stored)), flight, true);
    }
}

/// Waits for the flight and answers from it.
async fn ride(node: &Arc<Node>, parts: &Parts, key: &Key, ride: Ride) -> Response<Body> {
    let Ride { reader, why, stored, leads } = ride;
    let phase = reader.phase().await;
    let now = SystemTime::now();
    let usable = |head: &Head| {
        let shared = head.policy.is_fresh(now) || head.policy.usable_while_revalidating(now);
        leads || shared && head.vary.matches(&parts.headers)
    };
    match phase {
        Phase::Flowing { head, length } if usable(&head) => {
            count_miss(node, why, leads);
            let status = CacheStatus::Forwarded {
                why,
                status: Some(head.status.as_u16()),
                stored: leads,
                collapsed: !leads,
                detail: None,
            };
            let told = Told { status, node: &node.config.node, age: !leads };
            let served = served::plan(&head, length, asked(parts), told, now);
            respond(node, served, |node, start, end| {
                Body::flight(reader, start, end, node.metrics.client_bytes.clone())
            })
        }
        Phase::Refreshed(renewed) if usable(&renewed.head) => {
            count_miss(node, why, leads);
            from_stored(node, parts, &renewed, (why, Some(304), None), !leads, now)
        }
        Phase::NotShared(NotShared::TooLarge) => {
            let ranged = parts.headers.contains_key(RANGE);
            if let Some(handover) = reader.take_handover().filter(|_| !ranged) {
                return node.passed(handover, why);
            }
            node.pass(parts, key, Forward::Bypass).await
        }
        Phase::NotShared(NotShared::Error(status)) if !leads => node.failed(Failure::Status(status)),
        Phase::NotShared(_) if leads => match reader.take_handover() {
            Some(handover) => node.passed(handover, why),
            None => node.failed(Failure::BadResponse),
        },
        Phase::Failed(failure) => failed(node, parts, stored, why, failure, now),
        // Phase::Waiting never gets here; the rest is for the leader alone, so this one asks for itself.
        Phase::Waiting | Phase::Flowing { .. } | Phase::Refreshed(_) | Phase::NotShared(_) => {
            drop(reader);
            Box::pin(alone(node, parts, key, why, stored)).await
        }
    }
}

/// The upstream failed: a stale copy if the rules allow one, an error if not.
fn failed(
    node: &Node,
    parts: &Parts,
    stored: Option<Arc<Stored>>,
    why: Forward,
    failure: Failure,
    now: SystemTime,
) -> Response<Body> {
    let options = node.config.freshness();
    let usable = |s: &Arc<Stored>| s.head.policy.usable_on_error(failure.is_unreachable(), &options, now);
    let Some(stored) = stored.filter(usable) else { return node.failed(failure) };
    node.metrics.count("stale");
    node.metrics.error(failure.reason());
    let (status, detail) = match failure {
        Failure::Status(status) => (Some(status), "stale-if-error"),
        _ => (None, "stale-if-unreachable"),
    };
    from_stored(node, parts, &stored, (why, status, Some(detail)), false, now)
}

fn hit(node: &Node, parts: &Parts, stored: &Stored, result: &'static str, now: SystemTime) -> Response<Body> {
    node.metrics.count(result);
    let status = CacheStatus::Hit { ttl_seconds: stored.head.policy.ttl_seconds(now) };
    respond_stored(node, parts, stored, status, now)
}

fn from_stored(
    node: &Node,
    parts: &Parts,
    stored: &Stored,
    (why, status, detail): (Forward, Option<u16>, Option<&'static str>),
    collapsed: bool,
    now: SystemTime,
) -> Response<Body> {
    let status = CacheStatus::Forwarded { why, status, stored: false, collapsed, detail };
    respond_stored(node, parts, stored, status, now)
}

fn respond_stored(
    node: &Node,
    parts: &Parts,
    stored: &Stored,
    status: CacheStatus,
    now: SystemTime,
) -> Response<Body> {
    let told = Told { status, node: &node.config.node, age: true };
    let served = served::plan(&stored.head, Some(stored.body.length()), asked(parts), told, now);
    let body = Arc::clone(&stored.body);
    respond(node, served, |node, start, end| {
        Body::stored(body, start, end, node.metrics.client_bytes.clone())
    })
}

fn respond(
    node: &Node,
    served: Served,
    body: impl FnOnce(&Node, u64, Option<u64>) -> Body,
) -> Response<Body> {
    if served.bad_range {
        node.metrics.error("bad_range");
    }
    let body = match served.bytes {
        Some((start, end)) => body(node, start, end),
        None => Body::empty(node.metrics.client_bytes.clone()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = served.status;
    *response.headers_mut() = served.headers;
    response
}

fn asked(parts: &Parts) -> Asked<'_> {
    Asked { method: &parts.method, headers: &parts.headers }
}

fn count_miss(node: &Node, why: Forward, leads: bool) {
    if !leads {
        node.metrics.collapsed.inc();
    }
    node.metrics.count(match (leads, why) {
        (false, _) => "collapsed",
        (true, Forward::Stale | Forward::Request) => "revalidated",
        (true, _) => "miss",
    });
}
