//! A public HTTP listener: how many connections there may be, of whom, and how long each may take.
//!
//! HTTP/1.1 alone: browsers speak HTTP/2 only under TLS, which ends at a proxy before these listeners. A server that waits to see which
//! of the two a connection speaks has no clock on that wait.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::proxy::{Network, household};

/// Connections at once, WebSockets included: several times the participants of a large edge. Beyond it new ones wait in the
/// kernel's queue.
const CONNECTIONS_MAX: usize = 16_384;
/// Of one address, unless it is a trusted proxy's: a school behind one NAT has one for each student, and a few more. Beyond
/// it new ones are closed at once.
const CONNECTIONS_PER_ADDRESS_MAX: u32 = 2_048;
/// The head of a request is here within this time, the first as any later one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that do not end by themselves at the end are cut.
const FAREWELL: Duration = Duration::from_millis(500);

/// A bound socket and whom it lets in.
#[derive(Debug)]
pub struct Listener<F> {
    pub socket: TcpListener,
    /// Proxies: the limit of one address does not hold for theirs.
    pub trusted: Vec<Network>,
    /// Told of each connection that was closed because its address has too many.
    pub refused: F,
}

impl<F: Fn() + Send> Listener<F> {
    /// Serves until `shutdown`; what is under way then has half a second more. Requests carry `ConnectInfo<SocketAddr>`.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let counts = Arc::new(Counts::default());
        loop {
            let accepted = tokio::select! {
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (place, self.socket.accept().await)
                } => accepted,
                () = shutdown.cancelled() => break,
            };
            let (Ok(place), accepted) = accepted else { break };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "public listener: accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let is_proxy = self.trusted.iter().any(|network| network.contains(address.ip().to_canonical()));
            let seat = if is_proxy { Some(None) } else { counts.take(address.ip()).map(Some) };
            let Some(seat) = seat else {
                (self.refused)();
                continue;
            };
            let _ = stream.set_nodelay(true);
            let stream = Held { stream, _place: place, _seat: seat };
            tokio::spawn(connection(stream, address, router.clone(), shutdown.clone()));
        }
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(FAREWELL, places.acquire_many(all)).await;
    }
}

async fn connection(stream: Held, address: SocketAddr, router: Router, shutdown: CancellationToken) {
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(address))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let Ok(ended) = tokio::time::timeout(FAREWELL, connection).await else { return };
            ended
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Connections by address; as many entries as connections at most.
#[derive(Default)]
struct Counts(Mutex<HashMap<IpAddr, u32>>);

impl Counts {
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = household(address);
        let mut counts = self.0.lock();
        let count = counts.entry(address).or_default();
        if *count >= CONNECTIONS_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Seat { counts: Arc::clone(self), address })
    }
}

/// One of an address's connections.
struct Seat {
    counts: Arc<Counts>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A connection that keeps its place for as long as it lives, as a WebSocket too.
struct Held {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    _seat: Option<Seat>,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn an_address_has_so_many_seats_and_gets_them_back() {
        let counts = Arc::new(Counts::default());
        let address = IpAddr::from([10, 0, 0, 1]);
        let mut seats: Vec<Seat> =
            (0..CONNECTIONS_PER_ADDRESS_MAX).filter_map(|_| counts.take(address)).collect();
        assert_eq!(seats.len() as u32, CONNECTIONS_PER_ADDRESS_MAX);
        assert!(counts.take(address).is_none());
        assert!(counts.take(IpAddr::from([10, 0, 0, 2])).is_some());
        seats.pop();
        assert!(counts.take(address).is_some());
        drop(seats);
        assert!(counts.0.lock().is_empty());
    }

    /// What a connection that sends `begun` and nothing more gets, and after how long.
    async fn stalls(address: SocketAddr, begun: &[u8]) -> Duration {
        let mut slow = TcpStream::connect(address).await.expect("connects");
        slow.write_all(begun).await.expect("writes");
        let begun = tokio::time::Instant::now();
        slow.read_to_end(&mut Vec::new()).await.expect("ends");
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_or_half_a_head_is_cut_off() {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = socket.local_addr().expect("an address");
        let listener = Listener { socket, trusted: Vec::new(), refused: || {} };
        let shutdown = CancellationToken::new();
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        let serving = tokio::spawn(listener.serve(router, shutdown.clone()));
        for begun in ["", "P", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: "] {
            let took = stalls(address, begun.as_bytes()).await;
            assert!(took >= HEAD_TIMEOUT && took < HEAD_TIMEOUT * 2, "{begun:?}: {took:?}");
        }
        // No HTTP/2 here: it may be told so at once.
        assert!(stalls(address, b"PRI * HTTP/2.0\r\n").await < HEAD_TIMEOUT * 2);
        let mut answer = Vec::new();
        let mut quick = TcpStream::connect(address).await.expect("connects");
        quick.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("writes");
        quick.read_to_end(&mut answer).await.expect("ends");
        assert!(String::from_utf8_lossy(&answer).ends_with("here"));
        shutdown.cancel();
        serving.await.expect("ends");
    }
}
