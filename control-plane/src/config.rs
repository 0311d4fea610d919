//! The control plane's settings. `config/control-plane.toml` in the repository shows them all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use control_plane_agent::proxy::Network;
use control_plane_api::node::Location;
use control_plane_api::token::ApiKey;
use control_plane_classes::database::Place;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Unique node id; equal to the name in the node's certificate.
    pub id: String,
    pub region: String,
    pub location: Option<Location>,
    /// Web app and API, HTTP.
    pub listen: SocketAddr,
    /// Where users reach [`Self::listen`]; made from it when empty.
    pub url: String,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub admin: SocketAddr,
    /// The store, for nodes: HTTPS with the fleet's certificates, so it needs the node's identity.
    pub nodes: Option<SocketAddr>,
    /// `host:port` by which nodes reach [`Self::nodes`]; made from it when absent.
    pub public_nodes: Option<String>,
    /// Where the embedded store is kept.
    pub data_dir: PathBuf,
    /// People and classes: `postgres://…` for several control planes; empty: SQLite in `data_dir`.
    pub database: Secret,
    /// Whoever signs up with this mail address is an admin.
    pub admin_email: String,
    /// Who was in class when is kept for so many days, then forgotten.
    pub attendance_kept_days: u32,
    pub mail: Mail,
    /// Where people may sign in instead.
    pub oidc: Vec<OidcProvider>,
    /// The first signs join tokens; edges know them all.
    pub api_keys: Vec<ApiKey>,
    /// Life of a join token.
    pub token_ttl_s: u64,
    /// The page asks "where am I" and offers the regions.
    pub dev: bool,
    /// MaxMind database (`.mmdb`) with positions, for users who declare none.
    pub geoip: Option<PathBuf>,
    /// The DNS server for `edge.` and `cdn.` names.
    pub dns: crate::dns::Config,
    /// Networks whose `X-Forwarded-For` is believed: `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
    /// Per address (IPv6: per /64).
    pub join_rate: Rate,
    pub create_rate: Rate,
    /// Attempts to sign in, sign up or enter a code, per address. A school signs in from one.
    pub sign_in_rate: Rate,
    /// Whatever changes something, per account.
    pub write_rate: Rate,
    /// Positions of regions that may have no node up.
    pub regions: BTreeMap<String, Location>,
}

mod accounts;

pub use accounts::{Mail, OidcProvider, Secret};

/// So many at once, and then one more each time `1 / per_second` has passed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub burst: u32,
    pub per_second: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            id: "control-plane-0".to_owned(),
            region: "local".to_owned(),
            location: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            url: String::new(),
            admin: SocketAddr::from(([127, 0, 0, 1], 8081)),
            nodes: None,
            public_nodes: None,
            data_dir: PathBuf::from("data/control-plane"),
            database: Secret::default(),
            admin_email: String::new(),
            // Three school years.
            attendance_kept_days: 1_096,
            mail: Mail::default(),
            oidc: Vec::new(),
            api_keys: Vec::new(),
            token_ttl_s: 600,
            dev: false,
            geoip: None,
            dns: crate::dns::Config::default(),
            trusted_proxies: Vec::new(),
            // A whole school joins from one address within a minute.
            join_rate: Rate { burst: 100, per_second: 5.0 },
            create_rate: Rate { burst: 50, per_second: 0.5 },
            sign_in_rate: Rate { burst: 60, per_second: 1.0 },
            write_rate: Rate { burst: 100, per_second: 10.0 },
            regions: BTreeMap::new(),
        }
    }
}

impl Config {
    /// # Errors
    /// Says which setting is missing or wrong, and what to do.
    pub fn check(&self) -> anyhow::Result<()> {
        control_plane_api::id::check_node_name("id", &self.id)?;
        control_plane_api::id::check_node_name("region", &self.region)?;
        anyhow::ensure!(
            !self.api_keys.is_empty(),
            "api_keys is empty: give at least one key and secret, the same as the edges have"
        );
        for key in &self.api_keys {
            anyhow::ensure!(
                !key.key.is_empty() && key.secret.len() >= 32,
                "api key {:?}: the secret needs at least 32 characters",
                key.key
            );
        }
        anyhow::ensure!(
            (7..=36_525).contains(&self.attendance_kept_days),
            "attendance_kept_days is 7 to 36525: lessons of the week are not forgotten"
        );
        for (region, location) in &self.regions {
            control_plane_api::id::check_node_name("regions", region)?;
            anyhow::ensure!(location.is_valid(), "regions.{region} is not on the globe");
        }
        anyhow::ensure!(self.location.is_none_or(|place| place.is_valid()), "location is not on the globe");
        let rates = [
            ("join_rate", self.join_rate),
            ("create_rate", self.create_rate),
            ("sign_in_rate", self.sign_in_rate),
            ("write_rate", self.write_rate),
        ];
        for (name, rate) in rates {
            anyhow::ensure!(
                rate.burst > 0 && rate.per_second > 0.0,
                "{name}: burst and per_second are above 0"
            );
        }
        let database = self.database.reveal();
        anyhow::ensure!(
            database.is_empty()
                || database.starts_with("postgres://")
                || database.starts_with("postgresql://"),
            "database is a URL postgres://user:password@host/name, or empty for SQLite in data_dir"
        );
        accounts::check_providers(&self.oidc)?;
        self.mail.check()
    }

    /// Where people and classes are kept.
    #[must_use]
    pub fn place(&self) -> Place {
        match self.database.reveal() {
            "" => Place::File(self.data_dir.join("classes.db")),
            url => Place::Postgres(url.to_owned()),
        }
    }
}
