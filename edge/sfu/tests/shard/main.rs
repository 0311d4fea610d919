//! The whole core with real sessions: clients on the stock DTLS, SCTP and SRTP, a network with delay and loss, virtual
//! time.

#[expect(dead_code, reason = "the session's tests use more of the client than these")]
#[path = "../../../session/tests/session/client.rs"]
mod client;
mod data;
mod forward;
mod hostile;
mod links;
mod publisher;
mod reports;
mod switching;
mod world;
