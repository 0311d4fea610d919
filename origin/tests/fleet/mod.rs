//! An origin on free ports, an edge that uploads to it, and a viewer.

#![allow(dead_code, reason = "each test file uses a part of the fleet")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use control_plane_agent::authority::Authority;
use control_plane_agent::identity::Identity;
use edge_wire::frame;
use edge_wire::ingest::{Ack, OpenJournal, Resume};
use origin::{Config, Origin, RecordingUpdate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing here takes longer on a working machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Fleet {
    authority: Authority,
    folder: tempfile::TempDir,
}

pub(crate) struct Running {
    pub(crate) addresses: origin::Addresses,
    pub(crate) updates: mpsc::Receiver<RecordingUpdate>,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        let authority = Authority::in_memory().expect("a CA");
        Self { authority, folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        self.authority.issue(name, &[]).and_then(|issued| issued.identity()).expect("a certificate")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> Config {
        let any = "127.0.0.1:0".parse().expect("an address");
        Config {
            listen: any,
            admin: any,
            ingest: any,
            data_dir: self.folder.path().to_owned(),
            idle_finish_s: 2,
            ..Default::default()
        }
    }

    pub(crate) async fn start(&self) -> Running {
        let (sender, updates) = mpsc::channel(64);
        let bound = Origin::bind(self.config(), &self.identity("origin"), sender).await.expect("free ports");
        let (addresses, shutdown) = (bound.addrs(), CancellationToken::new());
        let task = tokio::spawn(bound.run(shutdown.clone()));
        Running { addresses, updates, shutdown, task }
    }

    /// An edge's QUIC connection to the origin.
    pub(crate) async fn connect(&self, edge: &str, origin: SocketAddr) -> quinn::Connection {
        let client = self.identity(edge).quic_client_config(&[edge_wire::ALPN_INGEST]).expect("a client");
        let mut endpoint =
            quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a port");
        endpoint.set_default_client_config(client);
        endpoint.connect(origin, "origin").expect("a name").await.expect("the origin answers")
    }
}

impl Running {
    /// The next update; the test fails when none comes.
    pub(crate) async fn update(&mut self) -> control_plane_api::recording::Recording {
        let update = tokio::time::timeout(PATIENCE, self.updates.recv()).await.expect("an update in time");
        update.expect("the origin runs").0
    }

    /// Ends in order.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("it ends in time");
        ended.expect("no panic").expect("no error");
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        request(self.addresses.http, "GET", path, &[]).await
    }
}

/// One journal's upload.
pub(crate) struct Upload {
    pub(crate) send: quinn::SendStream,
    recv: quinn::RecvStream,
    buffer: BytesMut,
}

pub(crate) fn journal(node: &str) -> OpenJournal {
    OpenJournal {
        version: edge_wire::VERSION,
        room: "서당 1".into(),
        room_sid: "RM_1".into(),
        node_id: node.into(),
        epoch: 1_763_672_400_000,
    }
}

impl Upload {
    /// Opens and answers where to go on.
    pub(crate) async fn open(connection: &quinn::Connection, open: &OpenJournal) -> Result<(Self, u64), u64> {
        let (mut send, recv) = connection.open_bi().await.expect("a stream");
        let mut out = Vec::new();
        frame::encode(open, &mut out);
        send.write_all(&out).await.expect("the first frame");
        let mut upload = Self { send, recv, buffer: BytesMut::new() };
        let resume: Resume = upload.next().await?;
        Ok((upload, resume.offset))
    }

    /// The next frame of the origin, or the code it stops with.
    pub(crate) async fn next<M: prost::Message + Default>(&mut self) -> Result<M, u64> {
        loop {
            if let Some(message) = frame::decode(&mut self.buffer).expect("frames of the contract") {
                return Ok(message);
            }
            let read = tokio::time::timeout(PATIENCE, self.recv.read_chunk(4_096, true)).await;
            match read.expect("an answer in time") {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                Ok(None) => panic!("the origin ended the stream"),
                Err(quinn::ReadError::Reset(code)) => return Err(code.into_inner()),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until everything below `offset` is durable.
    pub(crate) async fn acknowledged(&mut self, offset: u64) -> Result<Ack, u64> {
        loop {
            let ack: Ack = self.next().await?;
            if ack.offset >= offset {
                return Ok(ack);
            }
        }
    }

    /// Sends the rest and waits for the last acknowledgement.
    pub(crate) async fn complete(&mut self, bytes: &[u8]) -> Result<u64, u64> {
        self.send.write_all(bytes).await.expect("the origin reads");
        self.send.finish().expect("not finished before");
        loop {
            let ack: Ack = self.next().await?;
            if ack.complete {
                return Ok(ack.offset);
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(line).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }
}

/// One request exactly as written: no client here tidies the path.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut stream = TcpStream::connect(address).await.expect("the origin listens");
    let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("{method} {path} HTTP/1.1\r\nhost: origin\r\nconnection: close\r\n{extra}\r\n");
    stream.write_all(text.as_bytes()).await.expect("the origin reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an answer");
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a header");
    let head = String::from_utf8(bytes[..at].to_vec()).expect("a header is text");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    let mut body = bytes.split_off(at + 4);
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    Response { status, head, body }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(at) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..at]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let size = size.expect("a chunk size");
        out.extend_from_slice(&body[at + 2..at + 2 + size]);
        body = &body[at + 4 + size..];
    }
    out
}
