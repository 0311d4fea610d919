//! Journals in over QUIC ([`edge_wire::ingest`]): verified, made durable, acknowledged, in that order.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::BytesMut;
use control_plane_agent::admin::Health;
use control_plane_agent::identity::quic_peer_name;
use edge_wire::ingest::{Ack, OpenJournal, Resume, error_code};
use edge_wire::journal::{self, Entry, Read};
use edge_wire::{VERSION, frame};
use origin_archive::JournalId;
use parking_lot::Mutex;
use quinn::VarInt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::disk::{JournalFile, RecordingId};
use crate::library::{Library, Open};
use crate::metrics::Metrics;

/// Bytes are synced after this long at the latest: what a crash may cost.
const COMMIT_AFTER: Duration = Duration::from_millis(250);
/// Bytes are synced at this many at the latest. One journal holds no more than this and a read in memory.
const COMMIT_BYTES: usize = 1 << 20;
/// Bytes taken off a stream at once.
const READ_BYTES: usize = 64 * 1024;
/// An edge that says nothing this long is gone.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for the first frame of a stream, and for a connection to show who it is.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Part of readiness that the disk answers for.
pub(crate) const STORAGE: &str = "storage";

/// Why an upload ends, with the code the edge is told.
#[derive(Debug)]
struct Refusal {
    code: u32,
    reason: &'static str,
    detail: String,
}

fn refuse(code: u32, reason: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal { code, reason, detail: detail.into() }
}

/// State shared by all uploads.
#[derive(Clone, Debug)]
pub(crate) struct Ingest {
    pub(crate) library: Library,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) journal_bytes_max: u64,
    holders: Arc<Mutex<HashMap<PathBuf, Holder>>>,
}

/// Who appends to a journal.
#[derive(Clone, Debug, Default)]
struct Holder {
    cancel: CancellationToken,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Settings of the QUIC listener, on top of the fleet's TLS.
pub(crate) fn transport(journals_per_edge_max: u32) -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport.max_concurrent_bidi_streams(journals_per_edge_max.into());
    transport.max_concurrent_uni_streams(0_u8.into());
    transport.max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("15 s fit a VarInt of milliseconds")));
    transport.stream_receive_window((2 * COMMIT_BYTES as u32).into());
    transport.datagram_receive_buffer_size(None);
    transport
}

impl Ingest {
    pub(crate) fn new(library: Library, metrics: Metrics, health: Health, journal_bytes_max: u64) -> Self {
        Self { library, metrics, health, journal_bytes_max, holders: Arc::default() }
    }

    /// Accepts edges until `shutdown`.
    pub(crate) async fn run(self, endpoint: quinn::Endpoint, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        loop {
            let incoming = tokio::select! {
                incoming = endpoint.accept() => incoming,
                () = shutdown.cancelled() => break,
            };
            let Some(incoming) = incoming else { break };
            let (ingest, shutdown) = (self.clone(), shutdown.clone());
            tasks.spawn(async move {
                match tokio::time::timeout(OPEN_TIMEOUT, incoming).await {
                    Ok(Ok(connection)) => ingest.serve_edge(connection, shutdown).await,
                    Ok(Err(error)) => {
                        ingest.metrics.refused("handshake");
                        tracing::warn!("a peer was refused at the upload port: {error}");
                    }
                    Err(_) => ingest.metrics.refused("handshake"),
                }
            });
        }
        tasks.close();
        tasks.wait().await;
        endpoint.close(error_code::BUSY.into(), b"origin is shutting down");
        endpoint.wait_idle().await;
    }

    async fn serve_edge(self, connection: quinn::Connection, shutdown: CancellationToken) {
        let name = match quic_peer_name(&connection) {
            Ok(name) => name,
            Err(error) => {
                self.metrics.refused("certificate");
                tracing::warn!(peer = %connection.remote_address(), "no node id in a certificate: {error:#}");
                return connection.close(error_code::NOT_YOURS.into(), b"no node id in the certificate");
            }
        };
        tracing::info!(edge = %name, "edge connected for upload");
        self.metrics.edges.inc();
        let streams = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                stream = connection.accept_bi() => stream,
                () = shutdown.cancelled() => break,
            };
            let Ok((send, recv)) = stream else { break };
            let (ingest, name, shutdown) = (self.clone(), name.clone(), shutdown.clone());
            streams.spawn(async move { ingest.serve_stream(&name, send, recv, &shutdown).await });
        }
        streams.close();
        streams.wait().await;
        self.metrics.edges.dec();
        tracing::info!(edge = %name, "edge disconnected from upload");
    }

    async fn serve_stream(
        &self,
        edge: &str,
        mut send: quinn::SendStream,
        mut recv: quinn::RecvStream,
        shutdown: &CancellationToken,
    ) {
        self.metrics.journals.inc();
        let result = self.upload(edge, &mut send, &mut recv, shutdown).await;
        self.metrics.journals.dec();
        if let Err(refusal) = result {
            self.metrics.refused(refusal.reason);
            tracing::warn!(edge, reason = refusal.reason, "upload stopped: {}", refusal.detail);
            // Acknowledgements already written still arrive; the code tells the edge why there are no more.
            let _ = recv.stop(VarInt::from_u32(refusal.code));
            let _ = send.reset(VarInt::from_u32(refusal.code));
        }
    }

    async fn upload(
        &self,
        edge: &str,
        send: &mut quinn::SendStream,
        recv: &mut quinn::RecvStream,
        shutdown: &CancellationToken,
    ) -> Result<(), Refusal> {
        let mut buffer = BytesMut::new();
        let read = tokio::time::timeout(OPEN_TIMEOUT, read_open(recv, &mut buffer)).await;
        let open = read.map_err(|_| refuse(error_code::BAD_OPEN, "open", "no first frame in time"))??;
        if open.node_id != edge {
            let detail = format!("journal of {} offered by {edge}", open.node_id);
            return Err(refuse(error_code::NOT_YOURS, "not_yours", detail));
        }
        if let Some(why) = self.health.missing().get(STORAGE) {
            return Err(refuse(error_code::STORAGE, "storage", why.clone()));
        }
        let id = RecordingId { room: open.room, room_sid: open.room_sid };
        let journal = JournalId { node_id: open.node_id, epoch: open.epoch };
        let path = self.library.disk().journal_path(&id, &journal);
        let path = path.map_err(|error| refuse(error_code::BAD_OPEN, "open", error.to_string()))?;
        let holder = self.take_over(&path);
        let _turn = holder.turn.lock().await;
        let file =
            blocking(move || JournalFile::open(&path)).await.map_err(|error| self.storage_failed(&error))?;
        let open = self.library.open(&id);
        let (superseded, shutdown) = (holder.cancel.clone(), shutdown.clone());
        let mut upload =
            Upload { ingest: self, open, id, journal, file: Some(file), buffer, superseded, shutdown };
        upload.run(send, recv).await
    }

    /// Makes this upload the one that appends to a journal; the one before it ends.
    fn take_over(&self, path: &PathBuf) -> Holder {
        let mut holders = self.holders.lock();
        holders.retain(|_, holder| Arc::strong_count(&holder.turn) > 1);
        let turn = holders.get(path).map(|before| {
            before.cancel.cancel();
            Arc::clone(&before.turn)
        });
        let holder = Holder { cancel: CancellationToken::new(), turn: turn.unwrap_or_default() };
        holders.insert(path.clone(), holder.clone());
        holder
    }

    fn storage_failed(&self, error: &anyhow::Error) -> Refusal {
        let detail = format!("{error:#}");
        self.health.waiting(STORAGE, detail.clone());
        refuse(error_code::STORAGE, "storage", detail)
    }
}

async fn read_open(recv: &mut quinn::RecvStream, buffer: &mut BytesMut) -> Result<OpenJournal, Refusal> {
    let bad = |detail: String| refuse(error_code::BAD_OPEN, "open", detail);
    loop {
        if let Some(open) = frame::decode::<OpenJournal>(buffer).map_err(|error| bad(error.to_string()))? {
            if open.version != VERSION && open.version + 1 != VERSION {
                return Err(bad(format!("version {} is not {VERSION}", open.version)));
            }
            return Ok(open);
        }
        match recv.read_chunk(READ_BYTES, true).await {
            Ok(Some(chunk)) => buffer.extend_from_slice(&chunk.bytes),
            Ok(None) => return Err(bad("the stream ended before its first frame".into())),
            Err(error) => return Err(bad(error.to_string())),
        }
    }
}

/// One journal on its way in.
struct Upload<'a> {
    ingest: &'a Ingest,
    open: Open,
    id: RecordingId,
    journal: JournalId,
    /// Away while a sync runs off the runtime.
    file: Option<JournalFile>,
    /// Bytes received and not yet written.
    buffer: BytesMut,
    superseded: CancellationToken,
    shutdown: CancellationToken,
}

impl Upload<'_> {
    async fn run(
        &mut self,
        send: &mut quinn::SendStream,
        recv: &mut quinn::RecvStream,
    ) -> Result<(), Refusal> {
        self.say(send, &Resume { offset: self.durable() }).await?;
        loop {
            let finished = self.fill(recv).await?;
            let corrupt = self.commit(send).await?;
            if let Some(detail) = corrupt {
                return Err(refuse(error_code::CORRUPT, "corrupt", detail));
            }
            if finished {
                if !self.buffer.is_empty() {
                    return Err(refuse(error_code::CORRUPT, "corrupt", "the stream ended inside a record"));
                }
                self.say(send, &Ack { offset: self.durable(), complete: true }).await?;
                let _ = send.finish();
                // The last acknowledgement is worth waiting for: it lets the edge free its disk.
                let _ = tokio::time::timeout(OPEN_TIMEOUT, send.stopped()).await;
                return Ok(());
            }
        }
    }

    /// Waits for bytes, then gathers more for a while; says whether the stream has ended. Only here an upload can be
    /// ended from outside: a write under way is always seen through, so that one journal never has two writers.
    async fn fill(&mut self, recv: &mut quinn::RecvStream) -> Result<bool, Refusal> {
        let mut deadline: Option<tokio::time::Instant> = None;
        loop {
            let commit = tokio::time::sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now));
            let chunk = tokio::select! {
                chunk = recv.read_chunk(READ_BYTES, true) => chunk,
                () = commit, if deadline.is_some() => return Ok(false),
                () = self.superseded.cancelled() => {
                    return Err(refuse(error_code::BUSY, "superseded", "a newer upload took over"));
                }
                () = self.shutdown.cancelled() => {
                    return Err(refuse(error_code::BUSY, "shutdown", "the origin is shutting down"));
                }
            };
            match chunk {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                Ok(None) => return Ok(true),
                Err(error) => return Err(refuse(error_code::BUSY, "interrupted", error.to_string())),
            }
            deadline.get_or_insert_with(|| tokio::time::Instant::now() + COMMIT_AFTER);
            if self.buffer.len() >= COMMIT_BYTES {
                return Ok(false);
            }
        }
    }

    /// Makes the whole records at hand durable and acknowledges them; answers what is wrong with what follows.
    async fn commit(&mut self, send: &mut quinn::SendStream) -> Result<Option<String>, Refusal> {
        let ended_before = self.file.as_ref().is_some_and(|file| file.ended);
        let (length, ended, corrupt) = whole_records(&self.buffer, ended_before, self.durable());
        if length == 0 {
            return Ok(corrupt);
        }
        if self.durable() + length as u64 > self.ingest.journal_bytes_max {
            let detail = format!("a journal over {} bytes", self.ingest.journal_bytes_max);
            return Err(refuse(error_code::LIMIT, "limit", detail));
        }
        let bytes = self.buffer.split_to(length).freeze();
        let mut file = self.file.take().expect("one commit runs at a time");
        let started = std::time::Instant::now();
        let (file, result) = blocking(move || {
            let result = file.append(&bytes);
            Ok((file, result))
        })
        .await
        .map_err(|error| self.ingest.storage_failed(&error))?;
        self.file = Some(file);
        result.map_err(|error| self.ingest.storage_failed(&anyhow::Error::from(error)))?;
        if let Some(file) = &mut self.file {
            file.ended = ended;
        }
        self.ingest.metrics.sync_seconds.observe(started.elapsed().as_secs_f64());
        self.ingest.metrics.ingest_bytes.inc_by(length as u64);
        let durable = self.durable();
        self.say(send, &Ack { offset: durable, complete: false }).await?;
        self.ingest.library.note_durable(&self.id, &self.journal, durable, &mut self.open);
        Ok(corrupt)
    }

    fn durable(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.durable)
    }

    async fn say<M: prost::Message>(&self, send: &mut quinn::SendStream, message: &M) -> Result<(), Refusal> {
        let mut out = Vec::new();
        frame::encode(message, &mut out);
        let written = send.write_all(&out).await;
        written.map_err(|error| refuse(error_code::BUSY, "interrupted", error.to_string()))
    }
}

/// Length of the whole records at the start of `bytes`, whether the last of them ends the journal, and what is wrong after.
fn whole_records(bytes: &[u8], mut ended: bool, offset: u64) -> (usize, bool, Option<String>) {
    let mut length = 0;
    loop {
        if ended && length < bytes.len() {
            let at = offset + length as u64;
            return (length, ended, Some(format!("bytes after the journal's end at {at}")));
        }
        match journal::read(&bytes[length..]) {
            Read::Record(record, taken) => {
                ended = matches!(record.entry, Some(Entry::End(_)));
                length += taken;
            }
            Read::NeedMore => return (length, ended, None),
            Read::Corrupt => {
                let at = offset + length as u64;
                return (
                    length,
                    ended,
                    Some(format!("the record at {at} fails its checksum or has no form")),
                );
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("journal writer")?.context("journal")
}
