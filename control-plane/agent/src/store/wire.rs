//! How [`super::remote::Remote`] and a control plane's node listener talk: JSON over HTTPS with mutual TLS.
//!
//! `POST /v1/store` takes a [`Request`] and answers a [`Response`]; an [`Error`] comes as `{"error": …}` with status
//! 409 (lease, compacted), 503 (unavailable) or 403 (refused). `POST /v1/store/watch` takes a [`WatchRequest`] and
//! answers lines of [`WatchLine`] for as long as the connection lives, at least one per [`HEARTBEAT`].

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Batch, Compared, Entry, Error, LeaseId, Listing, Revision};

pub const PATH: &str = "/v1/store";
pub const WATCH_PATH: &str = "/v1/store/watch";
/// A watch without news says so this often; whoever hears nothing for three of them takes the connection for dead.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// Longest request body and longest watch line, in bytes: the largest value in base64 with room for its key.
pub const REQUEST_BYTES_MAX: usize = super::VALUE_BYTES_MAX * 4 / 3 + 4096;
/// Longest answer, in bytes: a listing of the largest fleet thought of (10,000 rooms, 1,000 nodes, 1 kB each).
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op", deny_unknown_fields)]
pub enum Request {
    Grant {
        ttl_ms: u64,
    },
    KeepAlive {
        lease: LeaseId,
    },
    Revoke {
        lease: LeaseId,
    },
    Get {
        key: String,
    },
    List {
        prefix: String,
    },
    Put {
        key: String,
        #[serde(with = "base64_bytes")]
        value: Bytes,
        lease: Option<LeaseId>,
    },
    CompareAndPut {
        key: String,
        expected: Revision,
        #[serde(with = "base64_bytes")]
        value: Bytes,
        lease: Option<LeaseId>,
    },
    Delete {
        key: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    Granted { lease: LeaseId },
    KeptAlive { ttl_ms: u64 },
    Revoked,
    Got { entry: Option<Entry> },
    Listed(Listing),
    Put { revision: Revision },
    Compared(Compared),
    Deleted { existed: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    pub prefix: String,
    pub from: Revision,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WatchLine {
    Batch(Batch),
    /// The last line.
    Error(Error),
}

/// HTTP status that carries `error`.
#[must_use]
pub fn status(error: &Error) -> http::StatusCode {
    match error {
        Error::LeaseNotFound { .. } | Error::Compacted { .. } => http::StatusCode::CONFLICT,
        Error::Unavailable { .. } => http::StatusCode::SERVICE_UNAVAILABLE,
        Error::Refused { .. } => http::StatusCode::FORBIDDEN,
    }
}

/// Runs one request against a store: the whole of the listener but its HTTP.
///
/// # Errors
/// Whatever the store says.
pub async fn answer(store: &dyn super::Store, request: Request) -> Result<Response, Error> {
    Ok(match request {
        Request::Grant { ttl_ms } => {
            Response::Granted { lease: store.grant(Duration::from_millis(ttl_ms)).await? }
        }
        Request::KeepAlive { lease } => {
            let ttl = store.keep_alive(lease).await?;
            Response::KeptAlive { ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX) }
        }
        Request::Revoke { lease } => {
            store.revoke(lease).await?;
            Response::Revoked
        }
        Request::Get { key } => Response::Got { entry: store.get(&key).await? },
        Request::List { prefix } => Response::Listed(store.list(&prefix).await?),
        Request::Put { key, value, lease } => {
            Response::Put { revision: store.put(&key, value, lease).await? }
        }
        Request::CompareAndPut { key, expected, value, lease } => {
            Response::Compared(store.compare_and_put(&key, expected, value, lease).await?)
        }
        Request::Delete { key } => Response::Deleted { existed: store.delete(&key).await? },
    })
}

/// Values travel as base64: they are JSON by contract, but the store does not look.
pub(super) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{Bytes, Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        STANDARD.encode(value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(serde::de::Error::custom)
    }
}
