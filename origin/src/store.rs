//! Objects into the object store.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use origin_archive::{Lifetime, Object};

use crate::metrics::Metrics;

/// Where objects go. Segments are synced; playlists of a live class are not, they are made again after a crash.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    durable: Arc<dyn ObjectStore>,
    quick: Arc<dyn ObjectStore>,
    metrics: Metrics,
}

impl Store {
    pub(crate) fn open(folder: &Path, metrics: Metrics) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("object store {}", folder.display()))?;
        let open = || LocalFileSystem::new_with_prefix(folder);
        let open = || open().with_context(|| format!("object store {}", folder.display()));
        Ok(Self { durable: Arc::new(open()?.with_fsync(true)), quick: Arc::new(open()?), metrics })
    }

    pub(crate) fn reader(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.quick)
    }

    /// Puts an object; one that is there already stays. `last` makes a playlist durable too.
    pub(crate) async fn put(&self, object: Object, last: bool) -> anyhow::Result<()> {
        let path = object_store::path::Path::parse(&object.path).context("a path the archive made")?;
        let length = object.bytes.len() as u64;
        let result = match object.lifetime {
            Lifetime::Immutable => self.create(&path, object.bytes).await,
            Lifetime::Changing => {
                let store = if last { &self.durable } else { &self.quick };
                store.put(&path, object.bytes.into()).await.map(drop)
            }
        };
        match &result {
            Ok(()) => {
                self.metrics.objects_put.inc();
                self.metrics.objects_bytes.inc_by(length);
            }
            Err(_) => drop(self.metrics.put_errors.inc()),
        }
        result.with_context(|| format!("writing {path}"))
    }

    async fn create(&self, path: &object_store::path::Path, bytes: bytes::Bytes) -> object_store::Result<()> {
        let length = bytes.len() as u64;
        let payload = PutPayload::from(bytes);
        match self.durable.put_opts(path, payload.clone(), PutMode::Create.into()).await {
            Err(object_store::Error::AlreadyExists { .. }) => {}
            result => return result.map(drop),
        }
        if self.durable.head(path).await?.size == length {
            return Ok(());
        }
        // The same journal gives the same bytes, so this was written by an archive of another version.
        tracing::warn!(%path, "an object differs from what its journal gives; replaced");
        self.durable.put(path, payload).await.map(drop)
    }
}
