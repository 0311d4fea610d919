//! Configuration of an edge: TOML file, then `SEODANG_EDGE__…`, then flags (`control_plane_agent::config`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use control_plane_agent::proxy::Network;
use control_plane_api::node::Location;
use control_plane_api::token::ApiKey;
use edge_signaling::IceServer;
use serde::{Deserialize, Serialize};

/// Everything an edge needs to know. `config/edge.toml` explains each key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Unique name; must equal the name in the node's certificate.
    pub id: String,
    pub region: String,
    pub location: Option<Location>,
    /// HTTP for clients: signalling, WHIP, WHEP, probe.
    pub listen: SocketAddr,
    /// UDP for media.
    pub media: SocketAddr,
    /// UDP for QUIC links to other edges.
    pub link: SocketAddr,
    /// HTTP for operators: metrics and health.
    pub admin: SocketAddr,
    /// Base URL by which clients reach `listen`; made from it when absent.
    pub public_url: Option<String>,
    /// `host:port` by which other edges reach `link`; made from it when absent.
    pub public_link: Option<String>,
    /// Addresses written into ICE candidates; this machine's own and loopback when empty.
    pub candidates: Vec<IpAddr>,
    /// Networks whose `X-Forwarded-For` is believed: `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
    /// STUN and TURN servers told to clients: in the join, and as `Link` of WHIP and WHEP.
    pub ice_servers: Vec<IceServerConfig>,
    /// Keys that may sign tokens.
    pub keys: Vec<ApiKey>,
    /// Journals of recordings until the origin holds them.
    pub data_dir: PathBuf,
    /// Participants the edge takes at most.
    pub capacity: u32,
    /// Seconds that a SIGTERM leaves to move users to other edges and recordings to the origin; a second signal ends at once.
    pub drain_s: u64,
    /// URLs that get signed webhooks: `http://…` or `https://…`.
    pub webhooks: Vec<String>,
    /// Link version spoken at most: an edge upgraded among older ones is held at theirs until the last of them is upgraded.
    pub wire_version: u32,
    /// PEM: authorities trusted beside the machine's own, for webhooks and calls to other edges over HTTPS.
    pub trusted_ca: Option<PathBuf>,
}

/// A STUN or TURN server beside this edge.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IceServerConfig {
    /// `stun:…`, `turn:…?transport=udp`, `turns:…`.
    pub urls: Vec<String>,
    pub username: String,
    pub credential: String,
}

impl Default for Config {
    fn default() -> Self {
        let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self {
            id: "edge".into(),
            region: "local".into(),
            location: None,
            listen: any(7_880),
            media: any(7_881),
            link: any(7_882),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 7_883)),
            public_url: None,
            public_link: None,
            candidates: Vec::new(),
            trusted_proxies: Vec::new(),
            ice_servers: Vec::new(),
            keys: Vec::new(),
            data_dir: PathBuf::from("data/edge"),
            capacity: 2_000,
            drain_s: 30,
            webhooks: Vec::new(),
            wire_version: edge_wire::VERSION,
            trusted_ca: None,
        }
    }
}

impl Config {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// Names the key and what to write instead.
    pub fn check(&self) -> anyhow::Result<()> {
        control_plane_api::id::check_node_name("id", &self.id)?;
        control_plane_api::id::check_node_name("region", &self.region)?;
        anyhow::ensure!(
            !self.keys.is_empty(),
            "keys is empty: an edge without an API key can verify no token"
        );
        for url in self.ice_servers.iter().flat_map(|server| &server.urls) {
            let is_ice = ["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme));
            // It becomes part of a header (RFC 9725 section 4.6).
            let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
            anyhow::ensure!(
                is_ice && is_plain,
                "ice_servers: {url:?} is no stun:, stuns:, turn: or turns: URL"
            );
        }
        for url in &self.webhooks {
            let parsed = url.parse::<http::Uri>().ok();
            let is_url = parsed.is_some_and(|url| {
                matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some()
            });
            anyhow::ensure!(is_url, "webhooks: {url:?} is no http:// or https:// URL");
        }
        anyhow::ensure!(
            (edge_wire::VERSION - 1..=edge_wire::VERSION).contains(&self.wire_version),
            "wire_version is {}: this program speaks {} and {}",
            self.wire_version,
            edge_wire::VERSION - 1,
            edge_wire::VERSION
        );
        anyhow::ensure!(self.capacity > 0, "capacity is 0: nobody could join");
        anyhow::ensure!(self.location.is_none_or(|l| l.is_valid()), "location is not on the globe");
        Ok(())
    }

    /// What clients are told of STUN and TURN.
    pub(crate) fn ice_servers(&self) -> Vec<IceServer> {
        let told = |server: &IceServerConfig| IceServer {
            urls: server.urls.clone(),
            username: server.username.clone(),
            credential: server.credential.clone(),
        };
        self.ice_servers.iter().map(told).collect()
    }

    /// Addresses for ICE candidates.
    pub(crate) fn candidate_addresses(&self) -> Vec<IpAddr> {
        if !self.candidates.is_empty() {
            return self.candidates.clone();
        }
        if !self.media.ip().is_unspecified() {
            return vec![self.media.ip()];
        }
        let mut addresses: Vec<IpAddr> = own_address().into_iter().collect();
        addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
        addresses
    }
}

/// The address the kernel would use towards the world. Connecting a UDP socket sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_neighbouring_wire_versions_are_spoken() {
        let of = |wire_version| {
            let keys = vec![ApiKey { key: "k".into(), secret: "a secret that is long enough for it".into() }];
            Config { keys, wire_version, ..Config::default() }.check().is_ok()
        };
        assert!(of(edge_wire::VERSION) && of(edge_wire::VERSION - 1));
        assert!(!of(edge_wire::VERSION + 1) && !of(edge_wire::VERSION - 2));
    }
}
