//! Configuration of an origin.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Everything an origin is told. Identity and control plane stand in the tables of the process that runs it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Unique name, equal to the name in the node's certificate.
    pub id: String,
    pub region: String,
    /// Where viewers and cdn nodes reach the HTTP listener: `http(s)://…`. Empty: `http://` and the address bound.
    pub public_url: String,
    /// `host:port` at which edges reach the QUIC listener. Empty: the address bound.
    pub public_ingest: String,
    /// Objects over HTTP.
    pub listen: SocketAddr,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub admin: SocketAddr,
    /// Upload of journals (QUIC).
    pub ingest: SocketAddr,
    /// Journals: the source of truth. Needs a disk that keeps what is synced.
    pub data_dir: PathBuf,
    /// Objects made of them. Empty: `objects` below `data_dir`.
    pub store: PathBuf,
    /// A recording whose edges went away without ending it is ended after this long, and reopened when they come back.
    pub idle_finish_s: u64,
    /// Largest journal: a day of a large class. A larger one is refused.
    pub journal_bytes_max: u64,
    /// Journals one edge may upload at once: the classes it records.
    pub journals_per_edge_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        let any = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            id: "origin".into(),
            region: "local".into(),
            public_url: String::new(),
            public_ingest: String::new(),
            listen: any(7_600),
            admin: any(7_601),
            ingest: any(7_602),
            data_dir: "data/origin".into(),
            store: PathBuf::new(),
            idle_finish_s: 120,
            journal_bytes_max: 64 << 30,
            journals_per_edge_max: 512,
        }
    }
}

impl Config {
    /// Folder of the objects.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        if self.store.as_os_str().is_empty() { self.data_dir.join("objects") } else { self.store.clone() }
    }
}
