//! Carries journals to the origin and frees them when the origin holds them for good.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::BytesMut;
use control_plane_agent::identity::Identity;
use edge_wire::ingest::{Ack, OpenJournal, Resume};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Opened;
use crate::metrics::Metrics;

/// First pause after a failure; doubles up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(5);
const CHUNK_BYTES: usize = 64 * 1024;

/// Where the origin is: (node id, `host:port`), by the control plane.
pub(crate) type Origin = Option<(String, String)>;

pub(crate) struct Uploader {
    endpoint: quinn::Endpoint,
    origin: watch::Receiver<Origin>,
    shutdown: CancellationToken,
    metrics: Metrics,
}

impl Uploader {
    /// # Errors
    /// The TLS configuration or a local socket cannot be made.
    pub(crate) fn new(
        identity: &Identity,
        origin: watch::Receiver<Origin>,
        shutdown: CancellationToken,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let tls = identity.client_config(&[edge_wire::ALPN_INGEST])?;
        let mut config =
            quinn::ClientConfig::new(Arc::new(quinn::crypto::rustls::QuicClientConfig::try_from(tls)?));
        let mut transport = quinn::TransportConfig::default();
        transport
            .keep_alive_interval(Some(Duration::from_secs(1)))
            .max_idle_timeout(Some(Duration::from_secs(5).try_into()?));
        config.transport_config(Arc::new(transport));
        let mut endpoint = quinn::Endpoint::client(std::net::SocketAddr::from(([0, 0, 0, 0], 0)))?;
        endpoint.set_default_client_config(config);
        Ok(Self { endpoint, origin, shutdown, metrics })
    }

    pub(crate) async fn run(self, mut journals: mpsc::UnboundedReceiver<Opened>) {
        let uploader = Arc::new(self);
        while let Some(journal) = journals.recv().await {
            uploader.metrics.uploads_pending.inc();
            let uploader = Arc::clone(&uploader);
            tokio::spawn(async move { uploader.carry(journal).await });
        }
    }

    async fn carry(&self, journal: Opened) {
        let mut pause = RETRY_FIRST;
        loop {
            let result = tokio::select! {
                result = self.attempt(&journal) => result,
                () = self.shutdown.cancelled() => return,
            };
            match result {
                Ok(()) => {
                    self.metrics.uploads_pending.dec();
                    for path in [journal.path.clone(), journal.path.with_extension("json")] {
                        if let Err(error) = tokio::fs::remove_file(&path).await {
                            tracing::warn!(path = %path.display(), %error, "an uploaded journal cannot be deleted");
                        }
                    }
                    tracing::info!(room_sid = %journal.meta.room_sid, "the origin holds the recording of this edge");
                    return;
                }
                Err(error) => {
                    self.metrics.upload_retries.inc();
                    tracing::debug!(%error, room_sid = %journal.meta.room_sid, "the upload pauses");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_LAST),
                () = self.shutdown.cancelled() => return,
            }
        }
    }

    async fn attempt(&self, journal: &Opened) -> anyhow::Result<()> {
        let mut origin = self.origin.clone();
        let (node, address) =
            origin.wait_for(Option::is_some).await?.clone().context("just waited for it")?;
        let address =
            tokio::net::lookup_host(&address).await?.next().context("the origin does not resolve")?;
        let connection = self.endpoint.connect(address, &node)?.await?;
        let (mut send, mut receive) = connection.open_bi().await?;
        let open = OpenJournal {
            version: edge_wire::VERSION,
            room: journal.meta.room.clone(),
            room_sid: journal.meta.room_sid.clone(),
            node_id: journal.meta.node_id.clone(),
            epoch: journal.meta.epoch,
        };
        let mut frame = Vec::new();
        edge_wire::frame::encode(&open, &mut frame);
        send.write_all(&frame).await?;
        let mut buffer = BytesMut::new();
        let resume: Resume = read(&mut receive, &mut buffer).await?;
        let sending = send_from(&journal.path, resume.offset, journal.progress.clone(), send);
        let acks = async {
            loop {
                let ack: Ack = read(&mut receive, &mut buffer).await?;
                if ack.complete {
                    return anyhow::Ok(());
                }
            }
        };
        // Sending ends before the last acknowledgement; a failure of either ends the attempt.
        tokio::pin!(acks);
        tokio::select! {
            sent = sending => { sent?; acks.await?; }
            acked = &mut acks => acked?,
        }
        connection.close(0_u32.into(), b"complete");
        Ok(())
    }
}

async fn send_from(
    path: &Path,
    offset: u64,
    mut progress: watch::Receiver<super::Progress>,
    mut send: quinn::SendStream,
) -> anyhow::Result<()> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut at = offset;
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    loop {
        let state = *progress.borrow_and_update();
        if at > state.length {
            bail!("the origin holds {at} bytes of a journal of {}", state.length);
        }
        file.seek(SeekFrom::Start(at)).await?;
        while at < state.length {
            let wanted = usize::try_from(state.length - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            let read = file.read(&mut chunk[..wanted]).await?;
            if read == 0 {
                bail!("the journal is shorter than it was");
            }
            send.write_all(&chunk[..read]).await?;
            at += read as u64;
        }
        if state.ended {
            send.finish()?;
            return Ok(());
        }
        // The writer is gone without an end when the edge stops: the rest is uploaded by its next life.
        progress.changed().await?;
    }
}

async fn read<M: prost::Message + Default>(
    receive: &mut quinn::RecvStream,
    buffer: &mut BytesMut,
) -> anyhow::Result<M> {
    loop {
        if let Some(message) = edge_wire::frame::decode(buffer)? {
            return Ok(message);
        }
        match receive.read_chunk(CHUNK_BYTES, true).await? {
            Some(chunk) => buffer.extend_from_slice(&chunk.bytes),
            None => bail!("the origin closed the stream"),
        }
    }
}
