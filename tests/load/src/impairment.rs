//! A UDP relay between one client and its edge: loses packets in both directions, and can change its port like a NAT.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// Largest datagram.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// Handshake datagrams so soon after a ServerHello are of the same flight.
const FLIGHT_LASTS: Duration = Duration::from_millis(30);
/// RFC 6347 section 4.1: content type of handshake records, bytes of a record's header.
const DTLS_HANDSHAKE: u8 = 22;
const DTLS_RECORD_HEADER_BYTES: usize = 13;
const DTLS_SERVER_HELLO: u8 = 2;

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Share of packets lost, 0 to 1, each way.
    pub loss: f64,
    /// The same seed loses the same packets of the same traffic.
    pub seed: u64,
    /// So many times, the whole flight of the edge that begins with its ServerHello is lost.
    pub server_hellos_lost: u32,
}

impl Faults {
    #[must_use]
    pub fn loss(loss: f64, seed: u64) -> Self {
        Self { loss, seed, server_hellos_lost: 0 }
    }
}

/// A running relay. It ends when dropped.
pub struct Impairment {
    /// Where the client sends instead of to the edge.
    pub address: SocketAddr,
    upstream: watch::Sender<Arc<UdpSocket>>,
    counts: Arc<Counts>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    loss_per_mille: AtomicU32,
    dropped: AtomicU64,
    flights_dropped: AtomicU64,
    handshakes: AtomicU64,
}

impl Drop for Impairment {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl std::fmt::Debug for Impairment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Impairment").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Impairment {
    /// Starts a relay on loopback towards `edge`.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn start(edge: SocketAddr, faults: Faults) -> anyhow::Result<Self> {
        let downstream = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let first = connect(edge).await?;
        let (upstream, receiver) = watch::channel(first);
        let counts = Arc::new(Counts::default());
        let client = Arc::new(Mutex::new(None));
        let dice = |salt, server_hellos_lost| Dice {
            rng: StdRng::seed_from_u64(faults.seed ^ salt),
            server_hellos_lost,
            flight_until: None,
            counts: Arc::clone(&counts),
        };
        let up = upwards(Arc::clone(&downstream), receiver.clone(), Arc::clone(&client), dice(1, 0));
        let down = downwards(Arc::clone(&downstream), receiver, client, dice(2, faults.server_hellos_lost));
        let address = downstream.local_addr()?;
        let relay = Self { address, upstream, counts, tasks: vec![tokio::spawn(up), tokio::spawn(down)] };
        relay.set_loss(faults.loss);
        Ok(relay)
    }

    /// From now on the edge sees the client at another port.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn rebind(&self) -> anyhow::Result<()> {
        let edge = self.upstream.borrow().peer_addr()?;
        self.upstream.send_replace(connect(edge).await?);
        Ok(())
    }

    pub fn set_loss(&self, loss: f64) {
        self.counts.loss_per_mille.store((loss * 1_000.0) as u32, Ordering::Relaxed);
    }

    /// Sends to the edge what the client never said, from the client's address.
    ///
    /// # Errors
    /// The socket refuses.
    pub async fn inject(&self, datagram: &[u8]) -> anyhow::Result<()> {
        let socket = Arc::clone(&self.upstream.borrow());
        socket.send(datagram).await?;
        Ok(())
    }

    /// Packets lost so far, those of lost flights too.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Flights lost so far.
    #[must_use]
    pub fn flights_dropped(&self) -> u64 {
        self.counts.flights_dropped.load(Ordering::Relaxed)
    }

    /// Datagrams of DTLS handshakes so far, both ways.
    #[must_use]
    pub fn handshakes(&self) -> u64 {
        self.counts.handshakes.load(Ordering::Relaxed)
    }
}

async fn connect(edge: SocketAddr) -> anyhow::Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(edge).await?;
    Ok(Arc::new(socket))
}

struct Dice {
    rng: StdRng,
    server_hellos_lost: u32,
    /// End of the flight that is being lost.
    flight_until: Option<Instant>,
    counts: Arc<Counts>,
}

impl Dice {
    fn loses(&mut self, datagram: &[u8]) -> bool {
        let is_handshake = datagram.first() == Some(&DTLS_HANDSHAKE);
        if is_handshake {
            self.counts.handshakes.fetch_add(1, Ordering::Relaxed);
        }
        let by_chance = self.rng.random_range(0..1_000) < self.counts.loss_per_mille.load(Ordering::Relaxed);
        let loses = (is_handshake && self.loses_flight(datagram)) || by_chance;
        if loses {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        loses
    }

    fn loses_flight(&mut self, datagram: &[u8]) -> bool {
        let now = Instant::now();
        if self.flight_until.is_some_and(|until| now < until) {
            return true;
        }
        let is_server_hello = datagram.get(DTLS_RECORD_HEADER_BYTES) == Some(&DTLS_SERVER_HELLO);
        if !is_server_hello || self.server_hellos_lost == 0 {
            return false;
        }
        self.server_hellos_lost -= 1;
        self.flight_until = Some(now + FLIGHT_LASTS);
        self.counts.flights_dropped.fetch_add(1, Ordering::Relaxed);
        true
    }
}

async fn upwards(
    downstream: Arc<UdpSocket>,
    upstream: watch::Receiver<Arc<UdpSocket>>,
    client: Arc<Mutex<Option<SocketAddr>>>,
    mut dice: Dice,
) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    while let Ok((length, source)) = downstream.recv_from(&mut buffer).await {
        *client.lock() = Some(source);
        if !dice.loses(&buffer[..length]) {
            let socket = Arc::clone(&upstream.borrow());
            let _ = socket.send(&buffer[..length]).await;
        }
    }
}

async fn downwards(
    downstream: Arc<UdpSocket>,
    mut upstream: watch::Receiver<Arc<UdpSocket>>,
    client: Arc<Mutex<Option<SocketAddr>>>,
    mut dice: Dice,
) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        let socket = Arc::clone(&upstream.borrow_and_update());
        tokio::select! {
            received = socket.recv(&mut buffer) => {
                let Ok(length) = received else { continue };
                let Some(client) = *client.lock() else { continue };
                if !dice.loses(&buffer[..length]) {
                    let _ = downstream.send_to(&buffer[..length], client).await;
                }
            }
            changed = upstream.changed() => if changed.is_err() { return },
        }
    }
}
