//! DTLS 1.2 as the server (RFC 6347, RFC 5764), behind a trait so that another implementation can take its place.

mod guard;
mod hello;
mod record;
mod server;

use std::time::Instant;

use bytes::Bytes;
use rtc_crypto::SecretVec;

use crate::{CloseReason, DropReason, SrtpProfile};

pub(crate) use server::RtcDtlsServer;

/// One DTLS connection without IO. After each call that takes `now`: `poll_event`, `poll_transmit`, `poll_timeout`.
pub(crate) trait Dtls: Send {
    /// Feeds one datagram from a validated address.
    fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DropReason>;
    /// Sends `payload` as one record; silently nothing before the connection and after its end.
    fn send(&mut self, now: Instant, payload: &[u8]);
    /// Queues a close_notify and ends the connection; no event comes of it.
    fn close(&mut self, now: Instant);
    fn poll_event(&mut self) -> Option<DtlsEvent>;
    fn poll_transmit(&mut self) -> Option<Bytes>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn handle_timeout(&mut self, now: Instant);
}

/// What a DTLS connection reports.
pub(crate) enum DtlsEvent {
    /// The handshake finished and the peer's certificate is the one its SDP announced.
    Connected(Option<KeyingMaterial>),
    /// One record of application data.
    Data(Bytes),
    /// The connection is over.
    Closed(CloseReason),
}

/// What DTLS exports for SRTP (RFC 5764 section 4.2): client key, server key, client salt, server salt.
pub(crate) struct KeyingMaterial {
    pub(crate) profile: SrtpProfile,
    pub(crate) bytes: SecretVec,
}
