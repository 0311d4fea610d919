//! Runs one fetch for a flight, on a task of its own: no client that goes away takes it along.

use crate::flight::{Handover, Shared};
use crate::node::Node;
use bytes::Bytes;
use cdn_cache::flight::{Failure, NotShared};
use cdn_cache::freshness::{self, NoStore, Policy};
use cdn_cache::stored::{Body, Head, Stored};
use cdn_cache::target::Key;
use cdn_cache::vary::VaryKey;
use cdn_cache::{headers, stored};
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, Method, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// One fetch to run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) key: Key,
    /// The client's fields: they select the variant, and say whether the answer may be stored.
    pub(crate) client: HeaderMap,
    /// The fields to send.
    pub(crate) request: HeaderMap,
    /// What is stored and may be validated.
    pub(crate) stored: Option<Arc<Stored>>,
    pub(crate) flight: Arc<Shared>,
    /// The flight is in the table and must land.
    pub(crate) listed: bool,
}

impl Job {
    /// Runs the fetch to its end. Always leaves the flight in a state its readers can act on.
    pub(crate) async fn run(mut self, node: Arc<Node>) {
        if node.upstream.rests() && self.serves_stale(&node, true, SystemTime::now()) {
            return self.fail(&node, Failure::Unreachable);
        }
        let wait = Duration::from_millis(node.config.timeouts.fill_wait_ms);
        let Ok(Ok(permit)) = timeout(wait, Arc::clone(&node.fills).acquire_owned()).await else {
            return self.fail(&node, Failure::Overloaded);
        };
        if let Some(stored) = &self.stored {
            stored.ask_if_changed(&mut self.request);
        }
        let requested = SystemTime::now();
        let request = std::mem::take(&mut self.request);
        let response = match node.upstream.fetch(&Method::GET, self.key.as_str(), request).await {
            Ok(response) => response,
            Err(failure) => return self.fail(&node, failure),
        };
        self.answered(&node, response, requested, permit).await;
    }

    async fn answered(
        self,
        node: &Arc<Node>,
        mut response: Response<Incoming>,
        requested: SystemTime,
        permit: OwnedSemaphorePermit,
    ) {
        let received = SystemTime::now();
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED {
            return self.not_modified(node, response.headers(), (requested, received));
        }
        if status.is_server_error() && self.serves_stale(node, false, received) {
            return self.fail(node, Failure::Status(status.as_u16()));
        }
        let options = node.config.freshness();
        let judged = match unframed(&response) {
            true => Err(NoStore::Useless),
            false => {
                freshness::judge(&self.client, status, response.headers(), requested, received, &options)
            }
        };
        let too_large = response.body().size_hint().lower() > node.config.object_bytes_max;
        match judged {
            Ok(_) if too_large => self.hand_over(node, NotShared::TooLarge, response, permit),
            Ok(policy) => {
                let head = self.head_of(node, &mut response, policy, received);
                self.stream(node, head, response.into_body(), received).await;
            }
            Err(why) => {
                tracing::debug!(status = status.as_u16(), %why, "answer not stored");
                let error = status.is_server_error();
                if !error {
                    node.store.forget(&self.key, &self.client);
                }
                let why = if error { NotShared::Error(status.as_u16()) } else { NotShared::NotReusable };
                self.hand_over(node, why, response, permit);
            }
        }
    }

    fn serves_stale(&self, node: &Node, unreachable: bool, now: SystemTime) -> bool {
        let options = node.config.freshness();
        let usable = |stored: &Arc<Stored>| stored.head.policy.usable_on_error(unreachable, &options, now);
        self.stored.as_ref().is_some_and(usable)
    }

    fn head_of(
        &self,
        node: &Node,
        response: &mut Response<Incoming>,
        policy: Policy,
        received: SystemTime,
    ) -> Arc<Head> {
        let mut fields = std::mem::take(response.headers_mut());
        headers::from_upstream(&mut fields, &node.config.node, received);
        headers::forget_computed(&mut fields);
        let vary = VaryKey::of(&self.client, &fields);
        Arc::new(Head { status: response.status(), headers: fields, policy, vary })
    }

    fn not_modified(self, node: &Node, update: &HeaderMap, times: (SystemTime, SystemTime)) {
        let Some(stored) = &self.stored else {
            return self.fail(node, Failure::BadResponse);
        };
        let (renewed, kept) = stored.freshen(&self.client, update, times, &node.config.freshness());
        match kept {
            Ok(()) => node.store.put(&self.key, Arc::new(renewed.clone())),
            Err(_) => node.store.forget(&self.key, &self.client),
        }
        self.land(node);
        self.flight.refreshed(renewed);
    }

    /// Reads the body into the flight, and puts the whole into the store before its last bytes are shown: who
    /// has read a response to its end finds it stored.
    async fn stream(self, node: &Node, head: Arc<Head>, mut body: Incoming, received: SystemTime) {
        let length = body.size_hint().exact();
        let reusable = head.policy.is_fresh(received) || head.policy.usable_while_revalidating(received);
        if !reusable {
            // Nobody else may have it unvalidated (RFC 9111 section 4), so nobody need wait for it.
            self.land(node);
        }
        self.flight.head(Arc::clone(&head), length);
        let idle = Duration::from_millis(node.config.timeouts.upstream_idle_ms);
        let stall = Duration::from_millis(node.config.timeouts.client_stall_ms);
        let mut received_bytes = 0;
        let mut last = Bytes::new();
        while Some(received_bytes) != length {
            match timeout(stall, self.flight.room()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => return self.fail(node, Failure::Timeout),
            }
            let data = match timeout(idle, body.frame()).await {
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Ok(None) if length.is_none() => break,
                Ok(None | Some(Err(_))) => return self.fail(node, Failure::Truncated),
                Err(_) => return self.fail(node, Failure::Timeout),
            };
            received_bytes += data.len() as u64;
            node.metrics.upstream_bytes.inc_by(data.len() as u64);
            if Some(received_bytes) == length {
                last = data;
            } else {
                let fitted = !self.flight.is_outgrown();
                self.flight.chunk(data, false);
                if fitted && self.flight.is_outgrown() {
                    self.land_apart(node, NotShared::TooLarge);
                }
            }
        }
        if let Some(mut parts) = self.flight.parts() {
            parts.push(last.clone());
            let body = Arc::new(Body::gather(parts.iter()));
            node.store.put(&self.key, Arc::new(stored::Stored { head, body }));
            node.flights.lock().share_again(&self.key);
            self.land(node);
        }
        self.flight.chunk(last, true);
    }

    fn hand_over(
        &self,
        node: &Node,
        why: NotShared,
        response: Response<Incoming>,
        permit: OwnedSemaphorePermit,
    ) {
        match why {
            NotShared::Error(_) => self.land(node),
            _ => self.land_apart(node, why),
        }
        self.flight.hand_over(why, Handover { response, permit });
    }

    fn fail(&self, node: &Node, failure: Failure) {
        node.metrics.upstream_failure(failure.reason());
        self.land(node);
        self.flight.fail(failure);
    }

    fn land(&self, node: &Node) {
        if self.listed {
            node.flights.lock().land(&self.key, |flying| Arc::ptr_eq(flying, &self.flight));
        }
    }

    fn land_apart(&self, node: &Node, why: NotShared) {
        self.land(node);
        node.flights.lock().set_apart(&self.key, why, SystemTime::now());
    }
}

/// A body that ends where the connection ends may have been cut short without a sign: not for the store.
fn unframed(response: &Response<Incoming>) -> bool {
    response.version() < Version::HTTP_2
        && response.body().size_hint().exact().is_none()
        && !response.headers().contains_key(TRANSFER_ENCODING)
}
