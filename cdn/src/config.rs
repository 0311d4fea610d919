//! Configuration of a node. The whole of it is checked before a port is bound.

use anyhow::{Context, ensure};
use cdn_cache::cache_status::is_node_name;
use cdn_cache::freshness::Options;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Longest negative TTL, milliseconds: a segment that is asked for a moment too early must not stay missing.
const NEGATIVE_TTL_MS_MAX: u64 = 1_000;

/// Configuration of a CDN node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the node in `Cache-Status`, `Via` and `CDN-Loop`: a letter, then letters, digits, `-`, `_`, `.`.
    /// No two nodes that forward to one another may share it.
    pub node: String,
    /// Region, for logs and metrics.
    pub region: String,
    /// Where clients connect. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `/metrics`, `/healthz` and `/readyz` answer; it has no authentication, keep it off the internet.
    pub admin: Option<SocketAddr>,
    /// Certificate for `listen`; without it clients speak plain HTTP.
    pub tls: Option<Tls>,
    /// Base URLs of the parent node or origin, the preferred one first: `http://host:port[/prefix]`. A later one
    /// is asked when an earlier one cannot be reached.
    pub upstreams: Vec<String>,
    /// PEM file with the certificate authorities `https` upstreams are checked against.
    pub upstream_ca: Option<PathBuf>,
    /// Memory for stored responses, bytes.
    pub memory_bytes_max: usize,
    /// Largest body stored or shared among requests, bytes. Larger ones are passed through, ranges included.
    pub object_bytes_max: u64,
    /// Methods besides GET, HEAD and OPTIONS that are passed through, such as `["POST", "PUT"]`; others get 405.
    pub pass_methods: Vec<String>,
    /// Whether a client's own `Cache-Control` may send its request past a fresh response.
    pub heed_client_cache_control: bool,
    /// Lifetime of a 404 or 410 that names none, milliseconds, at most 1000; below 1000 there is none.
    pub negative_ttl_ms: u64,
    /// Per cent of a response's age since `Last-Modified` taken as lifetime where the origin gives none; 0: none.
    pub heuristic_percent: u32,
    /// How long past its freshness a response is served while no upstream can be reached, seconds.
    pub stale_if_unreachable_s: u64,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

/// Certificate chain and private key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// How much at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Client connections; more wait in the listen queue.
    pub connections_max: usize,
    /// Fetches for the cache under way to the upstream; more wait `fill_wait_ms`, then get 503. Together with
    /// `object_bytes_max` it bounds the memory of bodies that are still coming.
    pub fills_max: usize,
    /// Requests passed through at once; more get 503.
    pub passes_max: usize,
    /// Request header bytes; more get 431.
    pub header_bytes_max: usize,
    /// Request body bytes of a passed method; more get 413.
    pub request_body_bytes_max: u64,
}

/// How long. All milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// From a connection's readiness for a request to the request's last header byte.
    pub request_header_ms: u64,
    /// A client that takes no byte for this long is let go.
    pub client_stall_ms: u64,
    /// TLS handshake with a client.
    pub handshake_ms: u64,
    /// Connecting to an upstream.
    pub connect_ms: u64,
    /// From request to response head of an upstream.
    pub upstream_head_ms: u64,
    /// Between two pieces of an upstream's body.
    pub upstream_idle_ms: u64,
    /// Waiting for one of `fills_max`.
    pub fill_wait_ms: u64,
    /// Letting clients finish at shutdown.
    pub drain_ms: u64,
    /// A node that is to be emptied and end does when nobody has asked it for this long: longer than resolvers keep its
    /// address.
    pub drain_quiet_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: "cdn".into(),
            region: "local".into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7480)),
            admin: None,
            tls: None,
            upstreams: Vec::new(),
            upstream_ca: None,
            memory_bytes_max: 256 << 20,
            object_bytes_max: 16 << 20,
            pass_methods: Vec::new(),
            heed_client_cache_control: false,
            negative_ttl_ms: NEGATIVE_TTL_MS_MAX,
            heuristic_percent: 0,
            stale_if_unreachable_s: 24 * 3600,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 8192,
            fills_max: 64,
            passes_max: 256,
            header_bytes_max: 32 << 10,
            request_body_bytes_max: 1 << 20,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request_header_ms: 15_000,
            client_stall_ms: 20_000,
            handshake_ms: 10_000,
            connect_ms: 3_000,
            upstream_head_ms: 15_000,
            upstream_idle_ms: 15_000,
            fill_wait_ms: 5_000,
            drain_ms: 2_500,
            drain_quiet_ms: 35_000,
        }
    }
}

impl Config {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the key and what to write instead.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            is_node_name(&self.node),
            "cdn: node = {:?} must be a letter followed by letters, digits, '-', '_' or '.', at most 64",
            self.node
        );
        ensure!(
            !self.upstreams.is_empty(),
            "cdn: upstreams is empty: name the parent node or origin, such as http://127.0.0.1:7380"
        );
        ensure!(
            self.negative_ttl_ms <= NEGATIVE_TTL_MS_MAX,
            "cdn: negative_ttl_ms is at most {NEGATIVE_TTL_MS_MAX}"
        );
        ensure!(self.heuristic_percent <= 100, "cdn: heuristic_percent is at most 100");
        let object_bytes_max =
            usize::try_from(self.object_bytes_max).context("cdn: object_bytes_max is too large")?;
        ensure!(
            object_bytes_max > 0 && object_bytes_max <= self.memory_bytes_max / 2,
            "cdn: object_bytes_max ({object_bytes_max}) must be above 0 and at most half of memory_bytes_max ({})",
            self.memory_bytes_max
        );
        let limits = &self.limits;
        ensure!(
            limits.connections_max > 0 && limits.fills_max > 0 && limits.passes_max > 0,
            "cdn: limits connections_max, fills_max and passes_max must be above 0"
        );
        for method in &self.pass_methods {
            http::Method::from_bytes(method.as_bytes())
                .with_context(|| format!("cdn: pass_methods: {method:?}"))?;
        }
        Ok(())
    }

    pub(crate) fn freshness(&self) -> Options {
        Options {
            negative_ttl: Duration::from_secs(self.negative_ttl_ms / 1000),
            heuristic_percent: self.heuristic_percent,
            stale_if_unreachable: Duration::from_secs(self.stale_if_unreachable_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(toml::from_str::<Config>("memory_byte_max = 1").is_err());
        assert!(toml::from_str::<Config>("[limits]\nfill_max = 1").is_err());
        let config: Config =
            toml::from_str("upstreams = [\"http://127.0.0.1:1\"]").expect("the rest has defaults");
        config.check().expect("defaults are sane");
    }

    #[test]
    fn the_example_file_shows_the_defaults() {
        let shown: Config = toml::from_str(include_str!("../example.toml")).expect("example.toml is read");
        shown.check().expect("example.toml works");
        let named = Config {
            node: shown.node.clone(),
            region: shown.region.clone(),
            admin: shown.admin,
            upstreams: shown.upstreams.clone(),
            ..Config::default()
        };
        assert_eq!(shown, named);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let sane = Config { upstreams: vec!["http://127.0.0.1:1".into()], ..Config::default() };
        for (config, key) in [
            (Config { upstreams: vec![], ..sane.clone() }, "upstreams"),
            (Config { node: "a b".into(), ..sane.clone() }, "node"),
            (Config { object_bytes_max: 1 << 40, ..sane.clone() }, "object_bytes_max"),
            (Config { negative_ttl_ms: 2000, ..sane.clone() }, "negative_ttl_ms"),
            (Config { pass_methods: vec!["A B".into()], ..sane }, "pass_methods"),
        ] {
            let error = config.check().expect_err(key);
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
