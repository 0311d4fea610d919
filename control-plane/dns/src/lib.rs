//! Answers DNS queries (RFC 1035) for the names of a fleet with the nodes nearest to who asks.
//!
//! ```text
//!   datagram -> query (form, EDNS, client subnet) -> zone (which name, which nodes) -> reply -> limit -> datagram
//!                 | malformed: FORMERR, or nothing                                      | too many: nothing, or TC
//! ```
//!
//! | name | what |
//! |---|---|
//! | `{zone}` | SOA, NS |
//! | `edge.{zone}`, `cdn.{zone}` | A, AAAA: the nearest one to three that are neither full nor draining; or CNAME |
//! | `{node id}.edge.{zone}`, `{node id}.cdn.{zone}` | A, AAAA or CNAME of that node, as long as it is registered |
//! | a nameserver's own name, if it lies in the zone | A, AAAA as configured |
//!
//! A node whose URL has an IP address is answered with it. One whose URL has a name (its clients come by a load balancer, whose addresses
//! change and are of both families) is answered with that name: whoever asks resolves it where it is kept. That name must take
//! what comes for `edge.{zone}`: certificate and Host.
//!
//! Where who asks is: the client's subnet that the resolver gives (RFC 7871), else the resolver itself. Nothing is asked of other
//! servers, and nothing else is answered: other zones are REFUSED, ANY gets one small record (RFC 8482), transfers are REFUSED.
//!
//! What it is not: it has no socket and asks no clock; it signs nothing (DNSSEC). The wire format is read and written here
//! rather than by a DNS library: a server that strangers flood decides about a query without an allocation per record or a
//! line in the log, and a library's client is then an independent judge of it (`control-plane/tests/dns.rs`).

#![forbid(unsafe_code)]

mod limit;
mod name;
mod query;
mod reply;
mod subnet;
mod zone;

use std::net::IpAddr;
use std::time::Instant;

use control_plane_api::node::Location;

pub use limit::{Limiter, Verdict};
pub use name::Name;
pub use query::{Fault, Query};
pub use subnet::Subnet;
pub use zone::{Directory, Zone};

/// Longest answer in a datagram: fits every path without fragments (DNS flag day 2020).
pub const UDP_BYTES_MAX: usize = 1_232;
/// Longest answer to who says nothing of datagrams (RFC 1035, section 4.2.1).
pub const UDP_BYTES_PLAIN: usize = 512;
/// Nodes in an answer: the nearest, and others about as near for who tries several.
pub const NODES_MAX: usize = 3;
/// Another node is about as near when it is farther by at most this.
pub const ABOUT_AS_NEAR_KM: f64 = 150.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    /// The asker's address is proven.
    Tcp,
}

/// Where an address is, as far as a table says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Located {
    pub location: Option<Location>,
    /// All addresses that share so many first bits with it are there; 0 when there is no table.
    pub prefix_bits: u8,
}

/// What became of a query, for the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    /// There is no such name, or no such record of it.
    Negative,
    /// Not this server's business: another zone, a transfer, another class, an operation that is not a query.
    Refused,
    /// There are nodes, and none that can take anybody.
    NoNode,
    Malformed,
    /// An answer too long for a datagram, or one that asks to come again by TCP.
    Truncated,
    /// No answer: too short for a header, itself an answer, or one of too many.
    Dropped,
}

impl Outcome {
    /// As figures name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Negative => "negative",
            Self::Refused => "refused",
            Self::NoNode => "no_node",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Dropped => "dropped",
        }
    }
}

/// Answers one query: `reply` holds the message to send, or nothing. `locate` says where an address is.
pub fn answer(
    zone: &Zone,
    directory: &Directory,
    message: &[u8],
    from: IpAddr,
    transport: Transport,
    locate: &dyn Fn(IpAddr) -> Located,
    reply: &mut Vec<u8>,
) -> Outcome {
    reply.clear();
    let query = match Query::parse(message) {
        Ok(query) => query,
        Err(Fault::Silent) => return Outcome::Dropped,
        Err(fault) => return reply::fault(message, fault, reply),
    };
    let found = zone.find(directory, &query, from, locate);
    reply::write(zone, &query, found, transport, reply)
}

/// As [`answer`] for a datagram, whose sender may be somebody else than it says: at most so many answers go to a network, and what is
/// beyond is dropped or, now and then, asked to come again by TCP, which whoever really asked can do.
#[expect(clippy::too_many_arguments, reason = "a query, what it is answered from, and the moment")]
pub fn answer_datagram(
    zone: &Zone,
    directory: &Directory,
    limiter: &mut Limiter,
    message: &[u8],
    from: IpAddr,
    locate: &dyn Fn(IpAddr) -> Located,
    now: Instant,
    reply: &mut Vec<u8>,
) -> Outcome {
    reply.clear();
    match limiter.take(from, now) {
        Verdict::Answer => answer(zone, directory, message, from, Transport::Udp, locate, reply),
        Verdict::Drop => Outcome::Dropped,
        Verdict::Truncate => match Query::parse(message) {
            Ok(query) => reply::truncated(&query, reply),
            Err(_) => Outcome::Dropped,
        },
    }
}

#[cfg(test)]
mod tests;
