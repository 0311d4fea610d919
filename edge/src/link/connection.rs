//! One link's life: hello, then control, data and media until either side ends it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::{Bytes, BytesMut};
use control_plane_agent::spans::Span;
use edge_sfu::LinkId;
use edge_wire::control::{Control, Hello, Message, RoomData};
use edge_wire::probe::Probe;
use edge_wire::{datagram, frame, probe, split};
use tokio::sync::mpsc;

use super::detector::{Change, Detector, TICK};
use super::endpoint::Context;
use super::streams::{Evicted, Streams};
use super::{CONTROL_MAX, Counters, DATA_MAX, DEAD_AFTER, Link, LinkEvent};
use crate::shard::{Input, LINK_PACKETS_MAX};

/// A peer that does not say hello in this time is closed.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);
/// Probes that wait for the next look; a look comes every few of them.
const PROBES_MAX: usize = 32;
/// A stream that is given up in the middle of its publisher's words is waited for this long.
const STREAM_END: Duration = Duration::from_secs(1);

/// Runs the link until it ends. `dialed` names the peer when this side dialed.
///
/// # Errors
/// The handshake failed, or the peer broke the protocol.
pub(super) async fn serve(
    context: Arc<Context>,
    connection: quinn::Connection,
    dialed: Option<&str>,
) -> anyhow::Result<()> {
    let node_id = certified_name(&connection)?;
    let (mut send, mut receive) = if dialed.is_some() {
        connection.open_bi().await?
    } else {
        tokio::time::timeout(HELLO_TIMEOUT, connection.accept_bi()).await.context("no control stream")??
    };
    let hello = Hello {
        version: context.wire_version,
        node_id: context.node_id.clone(),
        region: context.region.clone(),
        epoch: context.epoch,
    };
    write(&mut send, &Control::from(Message::Hello(hello))).await?;
    let mut buffer = BytesMut::new();
    let first =
        tokio::time::timeout(HELLO_TIMEOUT, read(&mut receive, &mut buffer)).await.context("no hello")??;
    let peer = check_hello(first, context.wire_version, &node_id, dialed)?;
    ensure!(
        context.epochs.admit(&node_id, peer.epoch),
        "{node_id:?} was started again since (this process of it began at {} ms): an older one has no say any more",
        peer.epoch
    );

    let mut span = Span::internal("link").on(&context.node_id, &context.region);
    span.set("peer", node_id.clone());
    span.set("dialed", dialed.is_some());
    let (control, control_receiver) = mpsc::channel(CONTROL_MAX);
    let (data, data_receiver) = mpsc::channel(DATA_MAX);
    let (media, media_receiver) = mpsc::channel(LINK_PACKETS_MAX);
    let id = LinkId(context.next_link.fetch_add(1, Ordering::Relaxed));
    let link = Arc::new(Link {
        id,
        node_id: node_id.clone(),
        epoch: peer.epoch,
        // The older of the two is what both speak.
        version: peer.version.min(context.wire_version),
        control,
        data,
        media: media.clone(),
        connection: connection.clone(),
        counters: Counters::default(),
    });
    context.shard.send(Input::LinkOpen { link: id, out: media }).await;
    context.events.send(LinkEvent::Up(Arc::clone(&link))).await?;
    let (probe_sender, probes) = mpsc::channel(PROBES_MAX);
    let result = tokio::select! {
        result = read_control(&context, &link, receive, buffer) => result,
        result = write_control(send, control_receiver) => result,
        result = write_data(&connection, data_receiver) => result,
        result = read_data(&context, &link) => result,
        result = write_media(&context, &link, media_receiver) => result,
        result = read_media(&context, &link, probe_sender) => result,
        result = watch(&context, &link, probes) => result,
    };
    let reason = match &result {
        Ok(()) => "the peer ended it".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    if result.is_err() {
        span.fail(reason.clone());
    }
    connection.close(0_u32.into(), b"done");
    context.shard.send(Input::LinkClosed { link: id }).await;
    context.events.send(LinkEvent::Down { link: id, node_id, reason }).await?;
    Ok(())
}

fn certified_name(connection: &quinn::Connection) -> anyhow::Result<String> {
    let identity = connection.peer_identity().context("the peer has no certificate")?;
    let certificates = identity
        .downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>()
        .map_err(|_| anyhow::anyhow!("the peer's certificate is of an unknown kind"))?;
    control_plane_agent::identity::peer_name(&certificates)
}

fn check_hello(
    first: Option<Control>,
    version: u32,
    certified: &str,
    dialed: Option<&str>,
) -> anyhow::Result<Hello> {
    let Some(Control { message: Some(Message::Hello(hello)) }) = first else {
        bail!("the first message is not a hello");
    };
    ensure!(
        hello.node_id == certified,
        "the peer says it is {:?} but its certificate says {certified:?}",
        hello.node_id
    );
    ensure!(
        hello.version.abs_diff(version) <= 1,
        "the peer speaks link version {}, this edge {version}: upgrade one version at a time",
        hello.version
    );
    ensure!(dialed.is_none_or(|node| node == certified), "dialed {dialed:?}, got {certified:?}");
    Ok(hello)
}

async fn write(send: &mut quinn::SendStream, message: &impl prost::Message) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    frame::encode(message, &mut bytes);
    if bytes.len() > frame::FRAME_BYTES_MAX {
        // The far side would close the link, and every room on it would go with this one message.
        tracing::error!(bytes = bytes.len(), "a message is larger than a frame: it is not sent");
        return Ok(());
    }
    send.write_all(&bytes).await?;
    Ok(())
}

async fn read<M: prost::Message + Default>(
    receive: &mut quinn::RecvStream,
    buffer: &mut BytesMut,
) -> anyhow::Result<Option<M>> {
    loop {
        if let Some(message) = frame::decode(buffer)? {
            return Ok(Some(message));
        }
        match receive.read_chunk(64 * 1024, true).await? {
            Some(chunk) => buffer.extend_from_slice(&chunk.bytes),
            None => return Ok(None),
        }
    }
}

async fn read_control(
    context: &Context,
    link: &Link,
    mut receive: quinn::RecvStream,
    mut buffer: BytesMut,
) -> anyhow::Result<()> {
    while let Some(control) = read::<Control>(&mut receive, &mut buffer).await? {
        link.hear();
        // A message of a newer version that this one does not know decodes to nothing and is skipped.
        let Some(message) = control.message else { continue };
        if let Message::Bye(bye) = &message {
            tracing::info!(reason = %bye.reason, "the peer says goodbye");
            return Ok(());
        }
        context.events.send(LinkEvent::Control { link: link.id, message }).await?;
    }
    Ok(())
}

async fn write_control(
    mut send: quinn::SendStream,
    mut messages: mpsc::Receiver<Message>,
) -> anyhow::Result<()> {
    while let Some(message) = messages.recv().await {
        write(&mut send, &Control::from(message)).await?;
    }
    Ok(())
}

async fn write_data(
    connection: &quinn::Connection,
    mut queue: mpsc::Receiver<RoomData>,
) -> anyhow::Result<()> {
    let mut streams: Streams<quinn::SendStream> = Streams::new();
    while let Some(data) = queue.recv().await {
        let publisher = &data.data.from_sid;
        if streams.get(publisher, Instant::now()).is_none() {
            if let Some(Evicted { mut stream, is_busy }) = streams.evict(Instant::now()) {
                let _ = stream.finish();
                if is_busy {
                    let _ = tokio::time::timeout(STREAM_END, stream.stopped()).await;
                }
            }
            streams.insert(publisher, connection.open_uni().await?, Instant::now());
        }
        let stream = streams.get(publisher, Instant::now()).context("just inserted")?;
        write(stream, &data).await?;
    }
    Ok(())
}

async fn read_data(context: &Arc<Context>, link: &Arc<Link>) -> anyhow::Result<()> {
    loop {
        let mut receive = link.connection.accept_uni().await?;
        let (context, link) = (Arc::clone(context), Arc::clone(link));
        tokio::spawn(async move {
            let mut buffer = BytesMut::new();
            while let Ok(Some(data)) = read::<RoomData>(&mut receive, &mut buffer).await {
                link.hear();
                if context.events.send(LinkEvent::Data { link: link.id, data }).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn write_media(context: &Context, link: &Link, mut queue: mpsc::Receiver<Bytes>) -> anyhow::Result<()> {
    let mut split_number = 0_u16;
    while let Some(datagram) = queue.recv().await {
        let bytes = datagram.len();
        match link.connection.send_datagram(datagram.clone()) {
            Ok(()) => link.count_out(bytes),
            // The path carries less than was assumed; asked again each time, because it changes while the link is up.
            Err(quinn::SendDatagramError::TooLarge) => {
                split_number = split_number.wrapping_add(1);
                send_parts(context, link, &datagram, split_number)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn send_parts(context: &Context, link: &Link, datagram: &[u8], number: u16) -> anyhow::Result<()> {
    let parts =
        link.connection.max_datagram_size().and_then(|bytes_max| split::split(datagram, number, bytes_max));
    let Some(parts) = parts else {
        context.metrics.link_datagrams_lost.inc();
        return Ok(());
    };
    context.metrics.link_datagrams_split.inc();
    for part in parts {
        let bytes = part.len();
        match link.connection.send_datagram(part.into()) {
            Ok(()) => link.count_out(bytes),
            // The path shrank just now: the whole is lost, and repaired by the next NACK.
            Err(quinn::SendDatagramError::TooLarge) => {
                context.metrics.link_datagrams_lost.inc();
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Sends and takes signs of life, and says when they are missed. Version 1 sends none: QUIC alone finds its links lost.
async fn watch(context: &Context, link: &Link, mut probes: mpsc::Receiver<Probe>) -> anyhow::Result<()> {
    if link.version < 2 {
        std::future::pending::<()>().await;
    }
    let mut detector = Detector::new(Instant::now());
    let mut heard = 0;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        while let Ok(probe) = probes.try_recv() {
            detector.handle_probe(now, probe);
        }
        let total = link.counters.heard.load(Ordering::Relaxed);
        if std::mem::replace(&mut heard, total) != total {
            detector.handle_packet(now);
        }
        let (probe, change) = detector.poll(now, link.connection.rtt());
        if let Some(probe) = probe {
            // What the path does not take now is a probe missed.
            let _ = link.connection.send_datagram(probe::encode(&probe).into());
        }
        match change {
            Some(Change::Lost(reason)) => {
                context.events.send(LinkEvent::Lost { link: link.id, reason }).await?;
            }
            Some(Change::Healed) => context.events.send(LinkEvent::Healed { link: link.id }).await?,
            None => {}
        }
        let is_dead = detector.lost_at().is_some_and(|at| now.saturating_duration_since(at) >= DEAD_AFTER);
        ensure!(!is_dead, "nothing was heard on it, in one direction at least, for {DEAD_AFTER:?}");
    }
}

async fn read_media(context: &Context, link: &Link, probes: mpsc::Sender<Probe>) -> anyhow::Result<()> {
    let mut joiner = split::Joiner::default();
    loop {
        let bytes = link.connection.read_datagram().await?;
        link.count_in(bytes.len());
        match datagram::decode(&bytes) {
            Some((split::FLOW_PART, part)) => match joiner.handle_part(part) {
                Ok(Some(whole)) => take_datagram(context, link, whole.into()),
                Ok(None) => {}
                Err(_) => {
                    context.metrics.link_datagrams_lost.inc();
                }
            },
            Some((probe::FLOW_PROBE, payload)) => {
                // One that finds the queue full finds others in it.
                let _ = probe::decode(payload).map(|probe| probes.try_send(probe));
            }
            _ => take_datagram(context, link, bytes),
        }
    }
}

fn take_datagram(context: &Context, link: &Link, bytes: Bytes) {
    match datagram::decode(&bytes) {
        Some((datagram::FLOW_LOSSY_DATA, payload)) => {
            if let Ok(data) = <RoomData as prost::Message>::decode(payload) {
                // Lossy by contract: when the edge is busy it is dropped.
                let _ = context.events.try_send(LinkEvent::Data { link: link.id, data });
            }
        }
        Some(_) => context.shard.link_packet(link.id, bytes),
        None => {
            context.metrics.link_datagrams_lost.inc();
        }
    }
}
