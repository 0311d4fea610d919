//! ICE as a lite agent (RFC 8445 section 2.5): answers checks, sends none, and follows the peer where it goes.

mod stun;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::hmac;

use crate::{DropReason, LocalIce};
use stun::{BindingRequest, Message};

pub use stun::stun_local_ufrag;

/// A peer has a handful of candidates, each seen through one or two NATs. When full, the path silent for longest goes.
const PATHS_MAX: usize = 8;

/// A path silent for longer loses to any path with a fresh check. Where media flows, RTCP is heard every second at least.
/// A client behind a NAT that changed its port, whose checks nominate nothing and come every two seconds, is without
/// media for four seconds at most. A path in use that is silent for other reasons is nominated by the client's next check.
const PATH_SILENT_AFTER: Duration = Duration::from_secs(2);

/// The lite agent of one session.
pub(crate) struct Ice {
    credentials: Credentials,
    /// Credentials before a restart; gone with the first check that uses the new ones.
    previous: Option<Credentials>,
    /// Addresses an authenticated check came from.
    paths: Vec<Path>,
    nominated: Option<SocketAddr>,
}

struct Credentials {
    ufrag: String,
    key: hmac::Key,
}

struct Path {
    address: SocketAddr,
    heard_at: Instant,
}

/// What became of a STUN datagram, and the answer to send to where it came from.
pub(crate) struct Checked {
    pub(crate) result: Result<(), DropReason>,
    pub(crate) answer: Option<Bytes>,
}

impl Ice {
    pub(crate) fn new(local: LocalIce) -> Self {
        Self { credentials: Credentials::new(local), previous: None, paths: Vec::new(), nominated: None }
    }

    /// New credentials (RFC 8445 section 9). The old ones stay valid until the first check with the new.
    pub(crate) fn restart(&mut self, local: LocalIce) {
        self.previous = Some(std::mem::replace(&mut self.credentials, Credentials::new(local)));
    }

    /// The address to send to: the latest nominated, else the first a check came from.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.nominated.or_else(|| self.paths.first().map(|path| path.address))
    }

    /// Whether an authenticated check came from `address`.
    pub(crate) fn is_validated(&self, address: SocketAddr) -> bool {
        self.paths.iter().any(|path| path.address == address)
    }

    /// Notes authenticated traffic on a validated path.
    pub(crate) fn heard(&mut self, now: Instant, address: SocketAddr) {
        if let Some(path) = self.paths.iter_mut().find(|path| path.address == address) {
            path.heard_at = now;
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Checked {
        match stun::parse(datagram) {
            None => Checked { result: Err(DropReason::Malformed), answer: None },
            Some(Message::Other) => Checked { result: Err(DropReason::StunIgnored), answer: None },
            Some(Message::Request(request)) => self.check(now, source, &request),
        }
    }

    /// RFC 8489 section 9.1.3 for the credentials, RFC 8445 section 7.3 for the rest.
    fn check(&mut self, now: Instant, source: SocketAddr, request: &BindingRequest<'_>) -> Checked {
        let reject = |answer| Checked { result: Err(DropReason::StunRejected), answer: Some(answer) };
        let (Some(ufrag), true) = (request.local_ufrag(), request.has_integrity()) else {
            return reject(stun::error(request, 400, None));
        };
        let fresh = ufrag == self.credentials.ufrag;
        let credentials = match &self.previous {
            _ if fresh => &self.credentials,
            Some(previous) if ufrag == previous.ufrag => previous,
            _ => return reject(stun::error(request, 401, None)),
        };
        if !request.verify(&credentials.key) {
            return reject(stun::error(request, 401, None));
        }
        if request.unknown_attribute.is_some() {
            return reject(stun::error(request, 420, Some(&credentials.key)));
        }
        // A lite agent is always controlled (RFC 8445 section 6.1.1): the peer has to take the other role.
        if request.controlled {
            return reject(stun::error(request, 487, Some(&credentials.key)));
        }
        let answer = stun::success(request, source, &credentials.key);
        if fresh {
            self.previous = None;
        }
        self.validate(now, source, request.use_candidate);
        Checked { result: Ok(()), answer: Some(answer) }
    }

    fn validate(&mut self, now: Instant, source: SocketAddr, use_candidate: bool) {
        let silent =
            self.destination().is_some_and(|current| current != source && self.is_silent(now, current));
        if self.is_validated(source) {
            self.heard(now, source);
        } else {
            if self.paths.len() == PATHS_MAX {
                self.forget_one_path();
            }
            self.paths.push(Path { address: source, heard_at: now });
        }
        if use_candidate || silent {
            self.nominated = Some(source);
        }
    }

    fn is_silent(&self, now: Instant, address: SocketAddr) -> bool {
        self.paths
            .iter()
            .find(|path| path.address == address)
            .is_none_or(|path| now.saturating_duration_since(path.heard_at) >= PATH_SILENT_AFTER)
    }

    fn forget_one_path(&mut self) {
        let destination = self.destination();
        let others = self.paths.iter().enumerate().filter(|(_, path)| Some(path.address) != destination);
        if let Some((index, _)) = others.min_by_key(|(_, path)| path.heard_at) {
            self.paths.remove(index);
        }
    }
}

impl Credentials {
    fn new(local: LocalIce) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, local.pwd.as_bytes());
        Self { ufrag: local.ufrag, key }
    }
}

#[cfg(test)]
mod tests;
