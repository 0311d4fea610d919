//! Listings, in pages: a fleet's rooms are more than one answer should hold.

use etcd_client::{GetOptions, KeyValue};
use futures_util::FutureExt as _;

use super::cluster::Repeat;
use super::{Etcd, header, kv};
use crate::store::{Error, Listing, Revision};

/// Entries asked for at once.
const PAGE_ENTRIES: i64 = 1_000;

impl Etcd {
    /// One page of a listing, from key `from` on, as of `at` or now.
    async fn page(
        &self,
        from: &[u8],
        end: &[u8],
        at: Option<Revision>,
    ) -> Result<(Vec<KeyValue>, bool, Revision), Error> {
        let mut options = GetOptions::new().with_range(end).with_limit(PAGE_ENTRIES);
        if let Some(at) = at {
            options = options.with_revision(i64::try_from(at).map_err(Error::refused)?);
        }
        self.cluster
            .ask(Repeat::Always, |client| {
                let (from, options) = (from.to_vec(), options.clone());
                async move {
                    let mut found = kv(&client).get(from, Some(options)).await?;
                    let revision = header(found.header())?;
                    let more = found.more();
                    Ok((found.take_kvs(), more, revision))
                }
                .boxed()
            })
            .await
    }

    /// All entries below `prefix`, page by page as of one revision.
    pub(super) async fn list_all(&self, prefix: &str) -> Result<Listing, Error> {
        let (start, end) = range(self.full(prefix));
        let mut from = start.clone();
        let mut entries = Vec::new();
        let mut at = None;
        loop {
            let (found, more, now) = match self.page(&from, &end, at).await {
                // Compacted between two pages: what was read so far cannot be completed.
                Err(Error::Refused { reason }) if at.is_some() && reason.contains("has been compacted") => {
                    (from, at) = (start.clone(), None);
                    entries.clear();
                    continue;
                }
                page => page?,
            };
            let revision = *at.get_or_insert(now);
            entries.extend(found.iter().filter_map(|found| self.entry(found)));
            match found.last() {
                Some(last) if more => {
                    from = last.key().to_vec();
                    from.push(0);
                }
                _ => return Ok(Listing { entries, revision }),
            }
        }
    }
}

/// Start and end of all keys that begin with `prefix`.
pub(super) fn range(prefix: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let mut end = prefix.clone();
    match end.last_mut() {
        // Text never ends in 0xff.
        Some(last) => *last = last.saturating_add(1),
        // From the first key to the last.
        None => return (vec![0], vec![0]),
    }
    (prefix, end)
}
