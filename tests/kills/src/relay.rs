//! The wires between edges: every edge is dialled through a relay of its own, which can cut a pair, or one direction of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;

/// Longest datagram of a link (quinn's ceiling with room to spare).
const DATAGRAM_BYTES_MAX: usize = 2_048;

/// Directions that carry nothing: (from, to), by number of the edge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts(Arc<Mutex<BTreeSet<(usize, usize)>>>);

impl Cuts {
    pub(crate) fn cut(&self, from: usize, to: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((from, to));
    }

    pub(crate) fn heal(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn is_cut(&self, from: usize, to: usize) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&(from, to))
    }
}

/// Carries datagrams between `listen` and the link port of edge `to`, for as long as the process lives. `ports` are the link ports
/// of all edges, by which it tells who is calling.
pub(crate) async fn start(listen: u16, to: usize, ports: Arc<Vec<u16>>, cuts: Cuts) -> anyhow::Result<()> {
    let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, listen)).await?);
    tokio::spawn(async move {
        let mut callers: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        loop {
            let Ok((bytes, caller)) = front.recv_from(&mut datagram).await else { continue };
            let Some(from) = ports.iter().position(|port| *port == caller.port()) else { continue };
            let back = match callers.get(&caller) {
                Some(back) => Arc::clone(back),
                None => {
                    let Ok(back) = back(&front, caller, (to, from), ports[to], cuts.clone()).await else {
                        continue;
                    };
                    callers.insert(caller, Arc::clone(&back));
                    back
                }
            };
            if !cuts.is_cut(from, to) {
                back.send(&datagram[..bytes]).await.ok();
            }
        }
    });
    Ok(())
}

/// A socket that stands for `caller` before the edge, and carries its answers.
async fn back(
    front: &Arc<UdpSocket>,
    caller: SocketAddr,
    direction: (usize, usize),
    port: u16,
    cuts: Cuts,
) -> anyhow::Result<Arc<UdpSocket>> {
    let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
    back.connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (front, answers) = (Arc::clone(front), Arc::clone(&back));
    tokio::spawn(async move {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        loop {
            // An edge that is down refuses; it may come back.
            let Ok(bytes) = answers.recv(&mut datagram).await else { continue };
            if !cuts.is_cut(direction.0, direction.1) {
                front.send_to(&datagram[..bytes], caller).await.ok();
            }
        }
    });
    Ok(back)
}
