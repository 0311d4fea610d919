//! The public listener: how many connections there may be, of whom, and how long each may take.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Extension;
use control_plane_agent::proxy::Network;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::connect::household;
use crate::metrics::Metrics;

/// Connections at once, WebSockets included: several times the participants of a large edge. Beyond it new ones wait in the
/// kernel's queue.
const CONNECTIONS_MAX: usize = 16_384;
/// Of one address, unless it is a trusted proxy's: a school behind one NAT has one for each student, and a few more. Beyond
/// it new ones are closed at once.
const CONNECTIONS_PER_ADDRESS_MAX: u32 = 1_024;
/// The head of a request is here within this time, the first as any later one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests of one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 64;
/// After a failed accept (no file descriptors left) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that do not end by themselves at the end are cut.
const FAREWELL: Duration = Duration::from_millis(500);

pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) trusted: Vec<Network>,
    pub(super) metrics: Metrics,
}

impl Listener {
    /// Serves until `shutdown`.
    pub(super) async fn serve(self, router: Router, shutdown: CancellationToken) {
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
                self.metrics.refuse("connections");
                continue;
            };
            let _ = stream.set_nodelay(true);
            let stream = Held { stream, _place: place, _seat: seat };
            tokio::spawn(connection(stream, address, router.clone(), shutdown.clone()));
        }
        tokio::time::sleep(FAREWELL).await;
    }
}

async fn connection(stream: Held, address: SocketAddr, router: Router, shutdown: CancellationToken) {
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(address))));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(HEAD_TIMEOUT);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
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
        tracing::debug!(error, "a connection ended");
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

    #[tokio::test(start_paused = true)]
    async fn a_request_that_never_ends_its_head_is_cut_off() {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = socket.local_addr().expect("an address");
        let listener = Listener { socket, trusted: Vec::new(), metrics: Metrics::default() };
        let shutdown = CancellationToken::new();
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        let serving = tokio::spawn(listener.serve(router, shutdown.clone()));
        let mut slow = TcpStream::connect(address).await.expect("connects");
        slow.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await.expect("writes");
        let begun = tokio::time::Instant::now();
        let mut answer = Vec::new();
        slow.read_to_end(&mut answer).await.expect("ends");
        assert!(
            begun.elapsed() >= HEAD_TIMEOUT && begun.elapsed() < HEAD_TIMEOUT * 2,
            "{:?}",
            begun.elapsed()
        );
        let mut quick = TcpStream::connect(address).await.expect("connects");
        quick.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("writes");
        quick.read_to_end(&mut answer).await.expect("ends");
        assert!(String::from_utf8_lossy(&answer).ends_with("here"));
        shutdown.cancel();
        serving.await.expect("ends");
    }
}
