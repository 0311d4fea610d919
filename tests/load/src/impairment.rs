//! A UDP relay between one client and its edge: loses packets in both directions, and can change its port like a NAT.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::net::UdpSocket;
use tokio::sync::{Mutex, watch};

/// Largest datagram.
const DATAGRAM_BYTES_MAX: usize = 2_048;

/// A running relay. It ends when dropped.
pub struct Impairment {
    /// Where the client sends instead of to the edge.
    pub address: SocketAddr,
    upstream: watch::Sender<Arc<UdpSocket>>,
    loss_per_mille: Arc<AtomicU32>,
    dropped: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Impairment {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Impairment {
    /// Starts a relay on loopback towards `edge`. The same `seed` loses the same packets of the same traffic.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn start(edge: SocketAddr, loss: f64, seed: u64) -> anyhow::Result<Self> {
        let downstream = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let first = connect(edge).await?;
        let (upstream, receiver) = watch::channel(first);
        let loss_per_mille = Arc::new(AtomicU32::new((loss * 1_000.0) as u32));
        let dropped = Arc::new(AtomicU64::new(0));
        let client = Arc::new(Mutex::new(None));
        let dice = |salt| Dice {
            rng: StdRng::seed_from_u64(seed ^ salt),
            loss_per_mille: Arc::clone(&loss_per_mille),
            dropped: Arc::clone(&dropped),
        };
        let up = tokio::spawn(upwards(Arc::clone(&downstream), receiver.clone(), Arc::clone(&client), dice(1)));
        let down = tokio::spawn(downwards(Arc::clone(&downstream), receiver, client, dice(2)));
        let address = downstream.local_addr()?;
        Ok(Self { address, upstream, loss_per_mille, dropped, tasks: vec![up, down] })
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
        self.loss_per_mille.store((loss * 1_000.0) as u32, Ordering::Relaxed);
    }

    /// Packets lost so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

async fn connect(edge: SocketAddr) -> anyhow::Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(edge).await?;
    Ok(Arc::new(socket))
}

struct Dice {
    rng: StdRng,
    loss_per_mille: Arc<AtomicU32>,
    dropped: Arc<AtomicU64>,
}

impl Dice {
    fn loses(&mut self) -> bool {
        let loses = self.rng.random_range(0..1_000) < self.loss_per_mille.load(Ordering::Relaxed);
        if loses {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        loses
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
        *client.lock().await = Some(source);
        if !dice.loses() {
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
                let Some(client) = *client.lock().await else { continue };
                if !dice.loses() {
                    let _ = downstream.send_to(&buffer[..length], client).await;
                }
            }
            changed = upstream.changed() => if changed.is_err() { return },
        }
    }
}
