//! How a node that runs alone belongs to its fleet: its certificates and the control planes it reports to.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::store::Store;
use crate::store::remote::Remote;

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
}

impl Config {
    /// Whether anything is given. A cdn node can live without a fleet.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
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

    /// The control planes' store. Nothing is connected yet: it may come up later than this node.
    ///
    /// # Errors
    /// No control plane is given, or one is no `host:port`.
    pub fn connect(&self, identity: &Identity) -> anyhow::Result<Arc<dyn Store>> {
        let store = Remote::new(&self.control_planes, identity).context("fleet.control_planes")?;
        Ok(Arc::new(store))
    }
}
