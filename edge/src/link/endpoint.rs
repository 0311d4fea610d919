//! The QUIC endpoint: accepts links, dials links, keeps at most one for each peer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control_plane_agent::identity::Identity;
use parking_lot::Mutex;
use quinn::congestion::BbrConfig;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{LinkEvent, connection};
use crate::metrics::Metrics;
use crate::shard::Shard;

/// Full-size RTP does not fit a 1,200 byte packet, so the path is first assumed to carry this; quinn falls back to its
/// minimum when it does not.
const MTU_INITIAL: u16 = 1_400;
const KEEP_ALIVE: Duration = Duration::from_millis(500);
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Bytes of datagrams quinn may hold; beyond it quinn drops the oldest.
const DATAGRAM_BUFFER_BYTES: usize = 2 << 20;
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);
const REDIAL_PAUSE: Duration = Duration::from_millis(200);
/// Streams of reliable data a peer may have open: one for each of its publishers.
const DATA_STREAMS_MAX: u32 = 1_024;

/// Everything a connection needs of its edge.
pub(crate) struct Context {
    pub(crate) node_id: String,
    pub(crate) region: String,
    /// Of the wire, spoken at most.
    pub(crate) wire_version: u32,
    pub(crate) epoch: u64,
    pub(crate) shard: Shard,
    pub(crate) events: mpsc::Sender<LinkEvent>,
    pub(crate) metrics: Metrics,
    pub(crate) next_link: std::sync::atomic::AtomicU32,
    pub(crate) epochs: Epochs,
}

/// The youngest known start of each peer: an older process of the name has no say any more. By node id; as many as there are nodes.
#[derive(Debug, Default)]
pub(crate) struct Epochs(Mutex<BTreeMap<String, u64>>);

impl Epochs {
    /// The control plane's word, which holds even when a clock was set back meanwhile.
    pub(crate) fn set(&self, node_id: &str, epoch: u64) {
        self.0.lock().insert(node_id.to_owned(), epoch);
    }

    /// Whether a process of that start may speak for the node. If so, older ones may not from now on.
    pub(super) fn admit(&self, node_id: &str, epoch: u64) -> bool {
        let mut epochs = self.0.lock();
        let known = epochs.entry(node_id.to_owned()).or_default();
        if epoch < *known {
            return false;
        }
        *known = epoch;
        true
    }
}

pub(crate) struct Endpoint {
    quinn: quinn::Endpoint,
    context: Arc<Context>,
    /// Dialing tasks by peer, with the address they dial.
    dialing: Mutex<BTreeMap<String, (String, CancellationToken)>>,
    shutdown: CancellationToken,
}

/// Opens the QUIC socket.
///
/// # Errors
/// Names the address and the role when the port is taken.
pub(crate) fn bind(address: SocketAddr, identity: &Identity) -> anyhow::Result<quinn::Endpoint> {
    let alpn: &[&[u8]] = &[edge_wire::ALPN_LINK];
    let server_tls = quinn::crypto::rustls::QuicServerConfig::try_from(identity.server_config(alpn)?)?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(server_tls));
    server.transport_config(Arc::new(transport()?));
    let client_tls = quinn::crypto::rustls::QuicClientConfig::try_from(identity.client_config(alpn)?)?;
    let mut client = quinn::ClientConfig::new(Arc::new(client_tls));
    client.transport_config(Arc::new(transport()?));
    let mut endpoint = quinn::Endpoint::server(server, address).with_context(|| {
        format!("edge links: UDP port {address} is taken or not ours; choose another with --link")
    })?;
    endpoint.set_default_client_config(client);
    Ok(endpoint)
}

fn transport() -> anyhow::Result<quinn::TransportConfig> {
    let mut transport = quinn::TransportConfig::default();
    transport
        .initial_mtu(MTU_INITIAL)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IDLE_MAX.try_into()?))
        .max_concurrent_uni_streams(DATA_STREAMS_MAX.into())
        .max_concurrent_bidi_streams(1_u32.into())
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES)
        // Media is paced by its encoders; a loss-driven window would stall it on every burst of loss.
        .congestion_controller_factory(Arc::new(BbrConfig::default()));
    Ok(transport)
}

impl Endpoint {
    pub(crate) fn new(quinn: quinn::Endpoint, context: Context, shutdown: CancellationToken) -> Arc<Self> {
        let endpoint =
            Arc::new(Self { quinn, context: Arc::new(context), dialing: Mutex::default(), shutdown });
        tokio::spawn(Arc::clone(&endpoint).accept());
        endpoint
    }

    async fn accept(self: Arc<Self>) {
        loop {
            let incoming = tokio::select! {
                incoming = self.quinn.accept() => incoming,
                () = self.shutdown.cancelled() => None,
            };
            let Some(incoming) = incoming else { break };
            // An address that has not proven itself costs a stateless reply, not a handshake.
            if !incoming.remote_address_validated() {
                let _ = incoming.retry();
                continue;
            }
            let context = Arc::clone(&self.context);
            let refused = Arc::clone(&self.context);
            tokio::spawn(async move {
                let result = async {
                    let connection = incoming.await?;
                    connection::serve(context, connection, None).await
                };
                if let Err(error) = result.await {
                    refused.metrics.links_refused.inc();
                    tracing::warn!(%error, "a peer's link was refused");
                }
            });
        }
        self.quinn.close(0_u32.into(), b"the edge ends");
    }

    /// What is known of the start of each peer.
    pub(crate) fn epochs(&self) -> &Epochs {
        &self.context.epochs
    }

    /// Makes the set of dialed peers what it should be: (node id, address).
    pub(crate) fn reconcile(self: &Arc<Self>, peers: &BTreeMap<String, String>) {
        let mut dialing = self.dialing.lock();
        dialing.retain(|node, (address, stop)| {
            // A peer that came back elsewhere is dialed there.
            let wanted = peers.get(node) == Some(address);
            if !wanted {
                stop.cancel();
            }
            wanted
        });
        for (node, address) in peers {
            if dialing.contains_key(node) || *node <= self.context.node_id {
                continue;
            }
            let stop = self.shutdown.child_token();
            dialing.insert(node.clone(), (address.clone(), stop.clone()));
            tokio::spawn(Arc::clone(self).keep_dialed(node.clone(), address.clone(), stop));
        }
    }

    async fn keep_dialed(self: Arc<Self>, node: String, address: String, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.dial(&node, &address, &stop).await {
                tracing::debug!(peer = %node, %error, "no link yet");
            }
            tokio::select! {
                () = tokio::time::sleep(REDIAL_PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn dial(&self, node: &str, address: &str, stop: &CancellationToken) -> anyhow::Result<()> {
        let connecting = async {
            let address = tokio::net::lookup_host(address)
                .await?
                .next()
                .context("the peer's address does not resolve")?;
            let connecting = self.quinn.connect(address, node)?;
            anyhow::Ok(tokio::time::timeout(DIAL_TIMEOUT, connecting).await.context("no answer")??)
        };
        let connection = tokio::select! {
            connection = connecting => connection?,
            () = stop.cancelled() => return Ok(()),
        };
        let closing = connection.clone();
        let serve = connection::serve(Arc::clone(&self.context), connection, Some(node));
        tokio::pin!(serve);
        tokio::select! {
            result = &mut serve => result,
            // The link is closed, then served to its end: the rooms and the media thread hear that it is gone.
            () = stop.cancelled() => {
                closing.close(0_u32.into(), b"no room in common");
                serve.await
            }
        }
    }
}
