//! A media shard: one thread, one UDP socket, one [`Sfu`]. No locks and no async runtime on the packet path.
//!
//! Everything reaches the thread through bounded queues and leaves through bounded queues:
//!
//! | queue | limit | when full |
//! |---|---|---|
//! | commands from the rooms | [`COMMANDS_MAX`] | the rooms wait: commands are never lost |
//! | link datagrams in | [`LINK_PACKETS_MAX`] | the newest is dropped and counted; NACK repairs it |
//! | link datagrams out, per link | [`LINK_PACKETS_MAX`] | the same |
//! | events to the rooms | [`EVENTS_MAX`] | they wait inside the core, which keeps the newest 65,536 |
//! | recorder packets | `recorder::QUEUE_MAX` | dropped and counted: the media thread never waits for a disk |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use edge_sfu::{Command, Event, LinkId, Sfu};
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::mpsc;

use crate::recorder;

pub(crate) const COMMANDS_MAX: usize = 4_096;
pub(crate) const EVENTS_MAX: usize = 4_096;
pub(crate) const LINK_PACKETS_MAX: usize = 8_192;
/// Datagrams read before sending and timers get their turn.
const RECEIVE_BUDGET: usize = 128;
/// Errors of the socket in one round; then the thread sleeps first, so that a broken socket does not take a core.
const RECEIVE_ERRORS_MAX: u32 = 16;
/// Longest sleep: bounds how late a lost wake-up can make anything.
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// Pause of the counter copy for `/metrics`.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(500);
const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// What the rest of the edge says to the thread.
pub(crate) enum Input {
    Command(Command),
    LinkOpen { link: LinkId, out: mpsc::Sender<Bytes> },
    LinkClosed { link: LinkId },
}

/// Handle to a running shard.
#[derive(Clone)]
pub(crate) struct Shard {
    inputs: mpsc::Sender<Input>,
    link_packets: mpsc::Sender<(LinkId, Bytes)>,
    wake: Arc<Wake>,
    pub(crate) gauges: Arc<Gauges>,
}

/// What the thread publishes for `/metrics` and the ops page.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) snapshot: parking_lot::Mutex<Snapshot>,
    pub(crate) link_in_dropped: AtomicU64,
    pub(crate) link_out_dropped: AtomicU64,
    pub(crate) recorder_dropped: AtomicU64,
    pub(crate) send_errors: AtomicU64,
    pub(crate) receive_errors: AtomicU64,
    /// Nanoseconds the thread was busy since it started.
    pub(crate) busy_ns: AtomicU64,
}

/// A copy of the core's counters, twice a second.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) counters: Option<edge_sfu::Counters>,
    pub(crate) detail: edge_sfu::Snapshot,
}

struct Wake {
    waker: Waker,
    pending: AtomicBool,
}

impl Wake {
    /// One system call per sleep of the thread, however many messages are waiting.
    fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            let _ = self.waker.wake();
        }
    }
}

impl Shard {
    /// Hands over a command; waits while the queue is full.
    pub(crate) async fn send(&self, input: Input) {
        if self.inputs.send(input).await.is_ok() {
            self.wake.wake();
        }
    }

    /// Hands over a datagram of a link, flow id included.
    pub(crate) fn link_packet(&self, link: LinkId, datagram: Bytes) {
        match self.link_packets.try_send((link, datagram)) {
            Ok(()) => self.wake.wake(),
            Err(_) => {
                self.gauges.link_in_dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Opens the media socket.
///
/// # Errors
/// Names the address and the role when the port is taken.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind(address).with_context(|| {
        format!("edge media: UDP port {address} is taken or not ours; choose another with --media")
    })?;
    let tuned = socket2::SockRef::from(&socket);
    // 4 MiB is what kernels commonly allow; less is taken silently and only shortens the burst that fits.
    let _ = tuned.set_recv_buffer_size(4 << 20);
    let _ = tuned.set_send_buffer_size(4 << 20);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Starts the thread. It ends, with what it still had to send, once every [`Shard`] is gone.
pub(crate) fn start(
    socket: std::net::UdpSocket,
    sfu: edge_sfu::Config,
    events: mpsc::Sender<Event>,
    recorder: std::sync::mpsc::SyncSender<recorder::Input>,
) -> anyhow::Result<(Shard, std::thread::JoinHandle<()>)> {
    let poll = Poll::new()?;
    let wake = Arc::new(Wake { waker: Waker::new(poll.registry(), WAKE)?, pending: AtomicBool::new(false) });
    let mut socket = mio::net::UdpSocket::from_std(socket);
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
    let (inputs, inputs_receiver) = mpsc::channel(COMMANDS_MAX);
    let (link_packets, link_receiver) = mpsc::channel(LINK_PACKETS_MAX);
    let gauges = Arc::new(Gauges::default());
    let mut thread = Thread {
        poll,
        socket,
        sfu: Sfu::new(sfu, Instant::now()),
        inputs: inputs_receiver,
        link_packets: link_receiver,
        events,
        recorder,
        links: BTreeMap::new(),
        wake: Arc::clone(&wake),
        gauges: Arc::clone(&gauges),
        chunk: BytesMut::new(),
        head: Vec::new(),
        snapshot_at: Instant::now(),
    };
    let running = std::thread::Builder::new().name("media-0".into()).spawn(move || thread.run())?;
    Ok((Shard { inputs, link_packets, wake, gauges }, running))
}

struct Thread {
    poll: Poll,
    socket: mio::net::UdpSocket,
    sfu: Sfu,
    inputs: mpsc::Receiver<Input>,
    link_packets: mpsc::Receiver<(LinkId, Bytes)>,
    events: mpsc::Sender<Event>,
    recorder: std::sync::mpsc::SyncSender<recorder::Input>,
    links: BTreeMap<LinkId, mpsc::Sender<Bytes>>,
    wake: Arc<Wake>,
    gauges: Arc<Gauges>,
    /// Link datagrams are cut from here, so that one allocation serves many packets.
    chunk: BytesMut,
    /// A datagram's flow id while it is written.
    head: Vec<u8>,
    snapshot_at: Instant,
}

impl Thread {
    fn run(&mut self) {
        let mut ready = Events::with_capacity(64);
        let mut buffer = vec![0_u8; 2_048];
        let mut more = false;
        loop {
            let timeout = if more { Duration::ZERO } else { self.sleep_for() };
            if let Err(error) = self.poll.poll(&mut ready, Some(timeout))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the media thread cannot wait for its socket and ends");
                return;
            }
            let woken = Instant::now();
            self.wake.pending.store(false, Ordering::Release);
            if !self.take_inputs(woken) {
                return;
            }
            more = self.receive(&mut buffer);
            more |= self.take_link_packets();
            let now = Instant::now();
            if self.sfu.poll_timeout().is_some_and(|(at, _)| at <= now) {
                self.sfu.handle_timeout(now);
            }
            self.flush();
            self.publish(now);
            let busy = u64::try_from(woken.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.gauges.busy_ns.fetch_add(busy, Ordering::Relaxed);
        }
    }

    fn sleep_for(&self) -> Duration {
        let now = Instant::now();
        self.sfu.poll_timeout().map_or(SLEEP_MAX, |(at, _)| at.saturating_duration_since(now).min(SLEEP_MAX))
    }

    /// False once every handle is gone: the thread ends.
    fn take_inputs(&mut self, now: Instant) -> bool {
        loop {
            match self.inputs.try_recv() {
                Ok(Input::Command(command)) => self.sfu.handle_command(now, command),
                Ok(Input::LinkOpen { link, out }) => {
                    self.links.insert(link, out);
                }
                Ok(Input::LinkClosed { link }) => {
                    self.links.remove(&link);
                    self.sfu.handle_command(now, Command::CloseLink { link });
                }
                Err(mpsc::error::TryRecvError::Empty) => return true,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.flush();
                    return false;
                }
            }
        }
    }

    /// True when the budget ran out before the socket did.
    fn receive(&mut self, buffer: &mut [u8]) -> bool {
        let mut errors = 0;
        for _ in 0..RECEIVE_BUDGET {
            match self.socket.recv_from(buffer) {
                Ok((length, source)) => {
                    let Some(datagram) = buffer.get_mut(..length) else { continue };
                    self.sfu.handle_datagram(Instant::now(), source, datagram);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
                // ICMP errors of earlier sends surface here; they concern one peer, whose consent will expire.
                // Each is taken by being read; a socket that has nothing else to give is looked at again after the next sleep.
                Err(error) => {
                    self.gauges.receive_errors.fetch_add(1, Ordering::Relaxed);
                    errors += 1;
                    if errors >= RECEIVE_ERRORS_MAX {
                        tracing::debug!(%error, "the media socket gives errors only");
                        return false;
                    }
                }
            }
        }
        true
    }

    fn take_link_packets(&mut self) -> bool {
        for _ in 0..RECEIVE_BUDGET {
            let Ok((link, datagram)) = self.link_packets.try_recv() else { return false };
            if let Some((flow, rtp)) = edge_wire::datagram::decode(&datagram) {
                self.sfu.handle_link_packet(Instant::now(), link, flow, rtp);
            }
        }
        true
    }

    /// Sends what the core has ready. Events the rooms have no room for wait in the core until the next round.
    fn flush(&mut self) {
        let transmits = self.sfu.transmits();
        for (destination, datagram) in transmits.iter() {
            if self.socket.send_to(datagram, destination).is_err() {
                self.gauges.send_errors.fetch_add(1, Ordering::Relaxed);
            }
        }
        transmits.clear();
        self.flush_links();
        while let Ok(permit) = self.events.try_reserve() {
            let Some(event) = self.sfu.poll_event() else { return };
            permit.send(event);
        }
    }

    fn flush_links(&mut self) {
        let packets = self.sfu.link_packets();
        for (link, flow, rtp) in packets.iter() {
            if link == LinkId::RECORDER {
                let packet = recorder::Input::Packet {
                    flow,
                    at_ms: crate::clock::now_ms(),
                    rtp: Bytes::copy_from_slice(rtp),
                };
                if self.recorder.try_send(packet).is_err() {
                    self.gauges.recorder_dropped.fetch_add(1, Ordering::Relaxed);
                }
                continue;
            }
            let Some(out) = self.links.get(&link) else { continue };
            let datagram = cut(&mut self.chunk, &mut self.head, flow, rtp);
            if out.try_send(datagram).is_err() {
                self.gauges.link_out_dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        packets.clear();
    }

    fn publish(&mut self, now: Instant) {
        if now < self.snapshot_at {
            return;
        }
        self.snapshot_at = now + SNAPSHOT_INTERVAL;
        let fresh = Snapshot { counters: Some(self.sfu.counters().clone()), detail: self.sfu.snapshot() };
        // The reader holds the lock for a copy; skipping one snapshot is better than waiting on the packet path.
        if let Some(mut snapshot) = self.gauges.snapshot.try_lock() {
            *snapshot = fresh;
        }
    }
}

/// One link datagram out of the shared chunk.
fn cut(chunk: &mut BytesMut, head: &mut Vec<u8>, flow: u64, rtp: &[u8]) -> Bytes {
    const CHUNK_BYTES: usize = 64 * 1024;
    let needed = rtp.len() + 8;
    if chunk.capacity() < needed {
        *chunk = BytesMut::with_capacity(CHUNK_BYTES);
    }
    head.clear();
    edge_wire::datagram::encode_flow(flow, head);
    chunk.extend_from_slice(head);
    chunk.extend_from_slice(rtp);
    chunk.split().freeze()
}
