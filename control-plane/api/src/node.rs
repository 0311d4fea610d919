//! A node as it registers itself.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Node {
    /// Unique name, equal to the name in the node's certificate.
    pub id: String,
    pub role: Role,
    pub region: String,
    #[serde(default)]
    pub location: Option<Location>,
    /// Where clients reach it: `http(s)://…` of an edge's or cdn node's or the origin's public listener.
    pub url: String,
    /// `host:port` of the QUIC listener for other nodes (edge: links, origin: ingest).
    #[serde(default)]
    pub quic: Option<String>,
    /// `host:port` of the HTTPS listener for other nodes (control plane: store and [`crate::fact`] intake).
    #[serde(default)]
    pub nodes: Option<String>,
    /// Base URL of `/metrics`, `/healthz`, `/readyz`.
    pub admin: String,
    /// Start of this process, ms: tells a restart.
    pub epoch: u64,
    #[serde(default)]
    pub draining: bool,
    #[serde(default)]
    pub load: Load,
    /// State of links to other edges, for the ops page.
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Edge,
    Cdn,
    Origin,
    ControlPlane,
}

/// Degrees, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

impl Location {
    /// Whether both numbers are on the globe.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (-90.0..=90.0).contains(&self.latitude) && (-180.0..=180.0).contains(&self.longitude)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub participants: u32,
    /// Participants the node takes at most; 0 when it does not say.
    pub capacity: u32,
    pub rooms: u32,
    /// Share of the media thread that is busy, 0 to 1.
    pub cpu: f32,
    pub bitrate_in_bps: u64,
    pub bitrate_out_bps: u64,
    /// Recordings on this node that the origin does not hold yet.
    #[serde(default)]
    pub journals: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Node at the far end.
    pub peer: String,
    pub rtt_ms: f32,
    /// Share of packets lost, 0 to 1.
    pub loss: f32,
    pub bitrate_in_bps: u64,
    pub bitrate_out_bps: u64,
    /// Media flows sent and received: (track, layer) pairs.
    pub flows_out: u32,
    pub flows_in: u32,
    /// Version of the wire both ends speak; 0 when the node does not say.
    #[serde(default)]
    pub wire_version: u32,
}
