//! The version of what stands in the store: a fleet of another major version is left alone.

use control_plane_api::key;
use etcd_client::{Client, Compare, CompareOp, Txn, TxnOp};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::store::Error;

/// Written at [`key::SCHEMA`] by whoever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Raised when a version before cannot read or must not write what stands there.
    pub major: u32,
    /// Raised when something is added that versions before may ignore.
    pub minor: u32,
}

/// What this version reads and writes.
pub const CURRENT: Schema = Schema { major: 1, minor: 0 };

/// Compares the store's version with ours; writes ours where there is none.
pub(super) async fn check(client: &Client, prefix: &str) -> Result<(), Failure> {
    let key = format!("{prefix}{}", key::SCHEMA);
    let mut kv = client.kv_client();
    let found = kv.get(key.as_bytes(), None).await?;
    if let Some(entry) = found.kvs().first() {
        return judge(&key, entry.value()).map_err(Failure::Answered);
    }
    let ours = serde_json::to_vec(&CURRENT).map_err(|error| Failure::Answered(Error::refused(error)))?;
    let create = Txn::new()
        .when([Compare::mod_revision(key.as_bytes(), CompareOp::Equal, 0)])
        .and_then([TxnOp::put(key.as_bytes(), ours, None)])
        .or_else([TxnOp::get(key.as_bytes(), None)]);
    match kv.txn(create).await.map_err(Failure::from) {
        Ok(_) => Ok(()),
        // A user that may only read: somebody else will write it.
        Err(Failure::Answered(Error::Refused { reason })) if reason.contains("permission denied") => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn judge(key: &str, value: &[u8]) -> Result<(), Error> {
    let theirs: Schema = serde_json::from_slice(value)
        .map_err(|error| Error::refused(format_args!("{key} in etcd holds no schema version: {error}")))?;
    if theirs.major == CURRENT.major {
        return Ok(());
    }
    let advice = if theirs.major > CURRENT.major { "upgrade this node" } else { "upgrade the store first" };
    Err(Error::refused(format_args!(
        "{key} in etcd says schema {}.{}, this version works with {}.x: {advice}",
        theirs.major, theirs.minor, CURRENT.major
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_major_version_is_left_alone() {
        assert_eq!(judge("k", br#"{"major":1,"minor":7,"added":"later"}"#), Ok(()));
        for (value, said) in [
            (&br#"{"major":2,"minor":0}"#[..], "upgrade this node"),
            (br#"{"major":0,"minor":9}"#, "upgrade the store"),
            (b"nonsense", "no schema version"),
        ] {
            let error = judge("k", value).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
