//! How a node that runs alone belongs to its fleet: its certificates, and the control planes or the etcd cluster it
//! reports to.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::store::remote::Remote;
use crate::store::{Store, etcd};

/// `[fleet]` of a node's configuration file. `seodang certificates` makes the three files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// PEM: the fleet's certificate authority.
    pub ca: PathBuf,
    /// PEM: the node's certificate; its first DNS name is the node id.
    pub certificate: PathBuf,
    /// PEM: the node's private key, readable by the node alone.
    pub key: PathBuf,
    /// `host:port` of the control planes' node listeners. They share one store; any of them will do.
    pub control_planes: Vec<String>,
    /// The fleet's etcd cluster: for a control plane in place of its embedded store, for a node in place of
    /// `control_planes`.
    pub etcd: etcd::Config,
}

impl Config {
    /// Whether anything is given. A cdn node can live without a fleet.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// Whether certificates are given. A control plane can live without.
    #[must_use]
    pub fn has_identity(&self) -> bool {
        [&self.ca, &self.certificate, &self.key].iter().any(|path| !path.as_os_str().is_empty())
    }

    /// # Errors
    /// Names the setting that is missing or the file that does not serve.
    pub fn identity(&self) -> anyhow::Result<Identity> {
        for (name, path) in [("ca", &self.ca), ("certificate", &self.certificate), ("key", &self.key)] {
            anyhow::ensure!(
                !path.as_os_str().is_empty(),
                "fleet.{name} is not given; `seodang certificates` makes it"
            );
        }
        Identity::from_files(&self.ca, &self.certificate, &self.key)
    }

    /// The fleet's store: etcd if it is given, else the control planes'. It may come up later than this node.
    ///
    /// # Errors
    /// Neither or both are given, a setting is wrong, or etcd does not take us or holds another schema.
    pub async fn connect(&self, identity: &Identity) -> anyhow::Result<Arc<dyn Store>> {
        if self.etcd.is_given() {
            anyhow::ensure!(
                self.control_planes.is_empty(),
                "fleet.control_planes and fleet.etcd are both given: a node reports to one or the other"
            );
            return Ok(Arc::new(self.connect_etcd().await?));
        }
        let store = Remote::new(&self.control_planes, identity).context("fleet.control_planes")?;
        Ok(Arc::new(store))
    }

    /// The etcd cluster, with the node's own certificate where `[fleet.etcd]` names no other.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_etcd(&self) -> anyhow::Result<etcd::Etcd> {
        let mut config = self.etcd.clone();
        if config.endpoints.iter().any(|endpoint| endpoint.starts_with("https://")) {
            let or = |given: &mut PathBuf, own: &PathBuf| {
                if given.as_os_str().is_empty() {
                    given.clone_from(own);
                }
            };
            or(&mut config.ca, &self.ca);
            if config.key.as_os_str().is_empty() {
                or(&mut config.cert, &self.certificate);
            }
            if config.cert == self.certificate {
                or(&mut config.key, &self.key);
            }
        }
        etcd::Etcd::open(&config).await.context("fleet.etcd")
    }
}
