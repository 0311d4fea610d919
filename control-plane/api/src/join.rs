//! `POST /v1/join`: where a user goes, and with which token.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::node::Location;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// Class id.
    pub class: String,
    /// Only a server with an API key names somebody; whoever is signed in is who they are.
    #[serde(default)]
    pub identity: String,
    /// Likewise.
    #[serde(default)]
    pub name: String,
    /// Likewise; whoever is signed in may only choose to observe.
    #[serde(default)]
    pub role: Option<ClassRole>,
    /// Declared position; wins over all other hints.
    #[serde(default)]
    pub location: Option<Location>,
    /// Region name, used when there is neither a declared position nor one for the address.
    #[serde(default)]
    pub region: Option<String>,
    /// Round trips in ms by edge id, as the client probed them (`GET {url}/probe`) before; they go before distance.
    #[serde(default)]
    pub rtts: BTreeMap<String, f32>,
}

/// Longest list of measured edges: a client probes three at a time.
pub const RTTS_MAX: usize = 64;
/// Longest round trip that is one: past it a connection is given up.
pub const RTT_MS_MAX: f32 = 60_000.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassRole {
    Instructor,
    #[default]
    Student,
    /// Sees and hears, is not seen.
    Observer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinResponse {
    /// Best first. The client probes the first three (`GET {url}/probe`) and takes the fastest.
    pub edges: Vec<EdgeChoice>,
    /// Access token for any of them.
    pub token: String,
    pub identity: String,
    pub room: String,
    pub recorded: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeChoice {
    pub id: String,
    pub region: String,
    /// Base URL: `ws(s)` of the same host and port carries signalling.
    pub url: String,
    pub distance_km: Option<f64>,
    /// Why it stands where it stands: `nearest`, `loaded`, `draining`, …
    pub reason: String,
}

/// Body of every error answer of the control plane: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Stable word for programs, e.g. `class_not_found`.
    pub code: String,
    /// Sentence for people.
    pub message: String,
}
