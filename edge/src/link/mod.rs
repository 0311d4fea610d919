//! Links to other edges: QUIC with mutual TLS, one connection for each pair of edges.
//!
//! The edge with the smaller node id dials, so a pair never ends up with two connections. The dialer opens one
//! bidirectional control stream; reliable data of each publisher has a unidirectional stream of its own; media and lossy
//! data travel in datagrams (`edge/wire`).
//!
//! | queue | limit | when full |
//! |---|---|---|
//! | control messages to one peer | [`CONTROL_MAX`] | the link is closed: a peer that far behind is not a peer |
//! | reliable data to one peer | [`DATA_MAX`] | the same |
//! | datagrams to one peer | `shard::LINK_PACKETS_MAX` | the newest is dropped and counted |
//!
//! A datagram larger than the path takes goes in parts (`edge_wire::split`).
//!
//! A link on which nothing is heard ([`detector`]) is reported as lost within 300 ms, and as healed when it speaks again; after
//! [`DEAD_AFTER`] it is closed and dialed anew. A peer that was started again replaces its old link at once; one that is
//! older than what is known of its name is refused.

mod connection;
mod detector;
mod endpoint;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use edge_sfu::LinkId;
use edge_wire::control::{Message, RoomData};
use tokio::sync::mpsc;

pub(crate) use endpoint::{Context, Endpoint, Epochs, bind};

pub(crate) const CONTROL_MAX: usize = 8_192;
pub(crate) const DATA_MAX: usize = 4_096;
/// A link that is lost for so long is not waited for any more.
pub(crate) const DEAD_AFTER: std::time::Duration = std::time::Duration::from_secs(2);

/// What a link tells the edge.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    Up(Arc<Link>),
    /// Nothing is heard on it, in one direction at least.
    Lost {
        link: LinkId,
        reason: &'static str,
    },
    /// It speaks again.
    Healed {
        link: LinkId,
    },
    Control {
        link: LinkId,
        message: Message,
    },
    Data {
        link: LinkId,
        data: RoomData,
    },
    Down {
        link: LinkId,
        node_id: String,
        reason: String,
    },
}

/// One link, as the rest of the edge holds it.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// Name in the peer's certificate.
    pub(crate) node_id: String,
    /// Start of the peer's process, and the version of the wire that both speak.
    pub(crate) epoch: u64,
    pub(crate) version: u32,
    control: mpsc::Sender<Message>,
    data: mpsc::Sender<RoomData>,
    pub(crate) media: mpsc::Sender<Bytes>,
    connection: quinn::Connection,
    pub(crate) counters: Counters,
}

/// Plain totals since the link came up.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) datagrams_out: AtomicU64,
    pub(crate) datagrams_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    /// Signs of life: anything that came, on whichever stream.
    heard: AtomicU64,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("id", &self.id).field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

impl Link {
    /// Queues a control message.
    pub(crate) fn say(&self, message: Message) {
        if self.control.try_send(message).is_err() {
            self.close("the control queue is full");
        }
    }

    /// Queues application data: reliable on the publisher's stream, lossy in a datagram.
    pub(crate) fn send_data(&self, data: RoomData) {
        if data.data.reliable {
            if self.data.try_send(data).is_err() {
                self.close("the data queue is full");
            }
            return;
        }
        let mut datagram = Vec::new();
        edge_wire::datagram::encode_flow(edge_wire::datagram::FLOW_LOSSY_DATA, &mut datagram);
        if prost::Message::encode(&data, &mut datagram).is_ok() {
            // Lossy by contract: a full queue drops it.
            let _ = self.media.try_send(Bytes::from(datagram));
        }
    }

    pub(crate) fn close(&self, reason: &str) {
        tracing::warn!(peer = %self.node_id, reason, "closing the link");
        self.connection.close(1_u32.into(), reason.as_bytes());
    }

    pub(crate) fn rtt_ms(&self) -> f32 {
        self.connection.rtt().as_secs_f32() * 1_000.0
    }

    /// What a packet over the link costs: its round trip, in whole milliseconds.
    pub(crate) fn cost_ms(&self) -> u32 {
        self.rtt_ms().max(1.0) as u32
    }

    /// QUIC packets sent and lost since the link came up.
    pub(crate) fn packets(&self) -> (u64, u64) {
        let path = self.connection.stats().path;
        (path.sent_packets, path.lost_packets)
    }

    fn count_out(&self, bytes: usize) {
        self.counters.datagrams_out.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn hear(&self) {
        self.counters.heard.fetch_add(1, Ordering::Relaxed);
    }

    fn count_in(&self, bytes: usize) {
        self.hear();
        self.counters.datagrams_in.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
