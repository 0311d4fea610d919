//! The sockets of the DNS server (`control-plane-dns`), so that plain SDKs and viewers reach the nearest node by name.
//!
//! One task reads datagrams and answers each before the next: an answer takes some microseconds, and what comes faster is the
//! kernel's to drop.
//! Streams (RFC 7766) have a task each, few and short.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control_plane_agent::view::View;
use control_plane_api::node::Node;
use control_plane_dns::{Directory, Limiter, Located, Name, Outcome, Transport, Zone};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::locate::GeoIp;
use crate::metrics::{self, Metrics};

/// Longest query read in a datagram: no sound one comes near.
const QUERY_BYTES_MAX: usize = 4_096;
/// Streams at once; beyond that the one that comes is closed. And of one network, so that one cannot have them all.
const STREAMS_MAX: usize = 512;
const STREAMS_OF_NETWORK_MAX: usize = 32;
/// Queries of one stream.
const STREAM_QUERIES_MAX: usize = 128;
/// A stream sends a whole query, and takes a whole answer, within this.
const STREAM_TIMEOUT: Duration = Duration::from_secs(5);
/// Changes of nodes closer together are taken as one.
const DIRECTORY_INTERVAL: Duration = Duration::from_millis(100);
/// After a failed read (no buffers, no file descriptors) the next try waits.
const SOCKET_PAUSE: Duration = Duration::from_millis(20);
/// Time to live of answers, at most: a node that is gone should be forgotten within the hour.
const TTL_S_MAX: u32 = 3_600;

/// The DNS server's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// UDP and TCP; without it there is no DNS server.
    pub listen: Option<SocketAddr>,
    /// The zone that is delegated to this server: `live.example`.
    pub zone: String,
    /// How long an answer may be kept, seconds: how long clients still go to a node that is gone.
    pub ttl_s: u32,
    /// Names the parent zone delegates to, each with its addresses if it lies in the zone.
    pub nameservers: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: None, zone: String::new(), ttl_s: 30, nameservers: BTreeMap::new() }
    }
}

impl Config {
    /// `None`: no DNS server is wanted.
    ///
    /// # Errors
    /// Says which setting is missing or wrong.
    pub fn check(&self) -> anyhow::Result<Option<(SocketAddr, Zone)>> {
        let Some(listen) = self.listen else { return Ok(None) };
        anyhow::ensure!(
            !self.zone.is_empty(),
            "dns.zone is empty: name the zone that is delegated to this server"
        );
        let apex = Name::parse(&self.zone).context("dns.zone")?;
        anyhow::ensure!(
            (1..=TTL_S_MAX).contains(&self.ttl_s),
            "dns.ttl_s is {}; give 1 to {TTL_S_MAX} seconds",
            self.ttl_s
        );
        anyhow::ensure!(
            !self.nameservers.is_empty(),
            "dns.nameservers is empty: name the servers the parent zone delegates to"
        );
        let named = |(name, addresses): (&String, &Vec<IpAddr>)| {
            Ok((Name::parse(name).context("dns.nameservers")?, addresses.clone()))
        };
        let nameservers = self.nameservers.iter().map(named).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Some((listen, Zone::new(apex, self.ttl_s, nameservers))))
    }
}

/// The server with its ports taken.
#[derive(Debug)]
pub(crate) struct Dns {
    zone: Zone,
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Dns {
    /// Takes the port of the settings, if they name one.
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some((listen, zone)) = config.check()? else { return Ok(None) };
        let taken = || {
            format!(
                "control-plane: port {} on {} cannot be bound for DNS; choose another with dns.listen",
                listen.port(),
                listen.ip()
            )
        };
        let tcp = TcpListener::bind(listen).await.with_context(taken)?;
        // With port 0 the two get the same.
        let udp = UdpSocket::bind(tcp.local_addr()?).await.with_context(taken)?;
        Ok(Some(Self { zone, udp, tcp }))
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.udp.local_addr().ok()
    }

    /// Works until `shutdown`.
    pub(crate) async fn run(self, view: View, geoip: GeoIp, metrics: Metrics, shutdown: CancellationToken) {
        let (sender, directory) = watch::channel(Arc::new(Directory::new(&[])));
        let office = Office { zone: self.zone, directory, geoip, metrics };
        tokio::select! {
            () = keep_directory(view, sender, &shutdown) => {}
            () = datagrams(&self.udp, &office) => {}
            () = streams(self.tcp, Arc::new(office.clone())) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// What an answer is made from.
#[derive(Clone)]
struct Office {
    zone: Zone,
    directory: watch::Receiver<Arc<Directory>>,
    geoip: GeoIp,
    metrics: Metrics,
}

impl Office {
    fn locate(&self, address: IpAddr) -> Located {
        let (location, prefix_bits) = self.geoip.locate_network(address);
        Located { location, prefix_bits }
    }

    fn count(&self, transport: &'static str, outcome: Outcome) {
        let answer = metrics::DnsAnswer { transport, outcome: outcome.as_str() };
        self.metrics.dns_answers.get_or_create(&answer).inc();
    }
}

async fn keep_directory(view: View, sender: watch::Sender<Arc<Directory>>, shutdown: &CancellationToken) {
    let mut changes = view.changes(shutdown);
    loop {
        let nodes = crate::drained::nodes(&view);
        sender.send_replace(Arc::new(Directory::new(&nodes.values().collect::<Vec<&Node>>())));
        if changes.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(DIRECTORY_INTERVAL).await;
        changes.mark_unchanged();
    }
}

async fn datagrams(socket: &UdpSocket, office: &Office) {
    let mut limiter = Limiter::new(Instant::now().into_std());
    let (mut message, mut reply) = (vec![0; QUERY_BYTES_MAX], Vec::with_capacity(QUERY_BYTES_MAX));
    loop {
        let (length, from) = match socket.recv_from(&mut message).await {
            Ok(received) => received,
            Err(error) => {
                // Such as a port that was unreachable for an answer before.
                tracing::debug!(%error, "DNS: receive");
                tokio::time::sleep(SOCKET_PAUSE).await;
                continue;
            }
        };
        let directory = office.directory.borrow().clone();
        let outcome = control_plane_dns::answer_datagram(
            &office.zone,
            &directory,
            &mut limiter,
            &message[..length],
            from.ip(),
            &|address| office.locate(address),
            Instant::now().into_std(),
            &mut reply,
        );
        office.count("udp", outcome);
        // An answer that does not go out is one that is lost: the resolver asks again.
        if !reply.is_empty() && socket.try_send_to(&reply, from).is_err() {
            office.metrics.dns_unsent.inc();
        }
    }
}

async fn streams(listener: TcpListener, office: Arc<Office>) {
    let open: Arc<Mutex<BTreeMap<IpAddr, usize>>> = Arc::default();
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "DNS: accept");
                tokio::time::sleep(SOCKET_PAUSE).await;
                continue;
            }
        };
        let Some(place) = Place::take(&open, from.ip()) else {
            office.count("tcp", Outcome::Dropped);
            continue;
        };
        let office = office.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(stream, from, &office).await {
                tracing::debug!(%error, "DNS: stream ended");
            }
            drop(place);
        });
    }
}

/// Answers the queries of one stream in the order they come.
async fn converse(mut stream: TcpStream, from: SocketAddr, office: &Office) -> anyhow::Result<()> {
    let (mut message, mut reply, mut framed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STREAM_QUERIES_MAX {
        let whole = timeout(STREAM_TIMEOUT, read(&mut stream, &mut message)).await.context("silent")??;
        if !whole {
            return Ok(());
        }
        let directory = office.directory.borrow().clone();
        let outcome = control_plane_dns::answer(
            &office.zone,
            &directory,
            &message,
            from.ip(),
            Transport::Tcp,
            &|address| office.locate(address),
            &mut reply,
        );
        office.count("tcp", outcome);
        anyhow::ensure!(!reply.is_empty(), "no query");
        framed.clear();
        framed.extend_from_slice(&u16::try_from(reply.len())?.to_be_bytes());
        framed.extend_from_slice(&reply);
        timeout(STREAM_TIMEOUT, stream.write_all(&framed)).await.context("takes no answer")??;
    }
    Ok(())
}

/// One message with its length before it. `false`: the stream ended between two.
async fn read(stream: &mut TcpStream, message: &mut Vec<u8>) -> anyhow::Result<bool> {
    let mut length = [0; 2];
    if stream.read(&mut length[..1]).await? == 0 {
        return Ok(false);
    }
    stream.read_exact(&mut length[1..]).await?;
    let length = usize::from(u16::from_be_bytes(length));
    anyhow::ensure!(length <= QUERY_BYTES_MAX, "a query of {length} bytes");
    message.resize(length, 0);
    stream.read_exact(message).await?;
    Ok(true)
}

/// One stream among those open.
struct Place {
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    network: IpAddr,
}

impl Place {
    fn take(open: &Arc<Mutex<BTreeMap<IpAddr, usize>>>, from: IpAddr) -> Option<Self> {
        let network = control_plane_agent::proxy::household(from);
        let mut counts = open.lock();
        let of_network = counts.get(&network).copied().unwrap_or_default();
        if of_network >= STREAMS_OF_NETWORK_MAX || counts.values().sum::<usize>() >= STREAMS_MAX {
            return None;
        }
        counts.insert(network, of_network + 1);
        Some(Self { open: open.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.lock();
        match counts.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.network);
            }
        }
    }
}
