//! What a failed request to etcd means: whether it was done, and whether to ask another member.

use std::error::Error as StdError;

use etcd_client::Error as EtcdError;
use tonic::{Code, ConnectError, Status};

use crate::store::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Final: no member will answer otherwise.
    Answered(Error),
    /// This member did not do it; another may. `certificate`: TLS did not come about for want of the right one.
    NotDone { reason: String, certificate: bool },
    /// It may have been done. `closed`: the connection was closed, which may also be how TLS was refused.
    Unknown { reason: String, closed: bool },
    /// Not done: the member does not know our token (any more). Authenticate and ask again.
    Session { reason: String },
}

impl Failure {
    pub(super) fn not_done(reason: impl Into<String>) -> Self {
        Self::NotDone { reason: reason.into(), certificate: false }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into(), closed: false }
    }
}

impl From<EtcdError> for Failure {
    fn from(error: EtcdError) -> Self {
        match error {
            EtcdError::GRpcStatus(status) => judge(&status),
            EtcdError::TransportError(error) => match connection_failure(&error) {
                Some(failure) => failure,
                None => Self::unknown(chain(&error)),
            },
            EtcdError::InvalidArgs(reason) => Self::Answered(Error::refused(reason)),
            EtcdError::InvalidUri(error) => Self::Answered(Error::refused(error)),
            EtcdError::InvalidMetadataValue(error) => Self::Answered(Error::refused(error)),
            other => Self::unknown(other.to_string()),
        }
    }
}

/// Texts are etcd's (`api/v3rpc/rpctypes/error.go`), the same from 3.4 to 3.6.
fn judge(status: &Status) -> Failure {
    if let Some(failure) = connection_failure(status) {
        return failure;
    }
    let reason = chain(status);
    match status.code() {
        // Said before anything is done; every other kind of unavailability may come too late.
        Code::Unavailable if reason.contains("no leader") => Failure::not_done(reason),
        // The disk quota is used up, or the queue is full: another member may see it otherwise in a moment.
        Code::ResourceExhausted => Failure::not_done(reason),
        Code::Unauthenticated => Failure::Session { reason },
        Code::InvalidArgument if reason.contains("revision of auth store is old") => {
            Failure::Session { reason }
        }
        Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::PermissionDenied
        | Code::NotFound
        | Code::AlreadyExists
        | Code::OutOfRange
        | Code::Unimplemented => Failure::Answered(Error::refused(reason)),
        _ => Failure::Unknown { closed: CLOSED.iter().any(|text| reason.contains(text)), reason },
    }
}

/// Set if no connection came about, so nothing was asked.
fn connection_failure(error: &(dyn StdError + 'static)) -> Option<Failure> {
    let reason = chain(error);
    let certificate =
        sources(error).any(is_certificate_error) || ALERTS.iter().any(|alert| reason.contains(alert));
    let is_connect = sources(error).any(|source| source.is::<ConnectError>());
    (certificate || is_connect).then_some(Failure::NotDone { reason, certificate })
}

/// How h2 repeats the alerts of a server that wants (another) client certificate. In TLS 1.3 they come when the handshake
/// is over for us, and sometimes later than the connection's end.
const ALERTS: [&str; 7] = [
    "alert: BadCertificate",
    "alert: CertificateRequired",
    "alert: CertificateExpired",
    "alert: CertificateRevoked",
    "alert: CertificateUnknown",
    "alert: UnsupportedCertificate",
    "alert: UnknownCA",
];
const CLOSED: [&str; 3] = ["connection closed", "broken pipe", "connection reset"];

/// Whether the server's certificate is not one we take.
fn is_certificate_error(error: &(dyn StdError + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let tls = inner.and_then(|inner| inner.downcast_ref()).or_else(|| error.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

fn sources<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The error and its causes in one line, each said once.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    for source in sources(error) {
        let text = match source.downcast_ref::<Status>() {
            // Its own text repeats its cause and lists headers.
            Some(status) => status.message().to_owned(),
            None => source.to_string(),
        };
        if text.is_empty() || line.contains(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_surely_not_done_is_told_from_what_may_have_been() {
        let of = |code, text: &str| Failure::from(EtcdError::GRpcStatus(Status::new(code, text)));
        assert!(matches!(
            of(Code::Unavailable, "etcdserver: no leader"),
            Failure::NotDone { certificate: false, .. }
        ));
        for late in ["etcdserver: leader changed", "etcdserver: request timed out"] {
            assert!(matches!(of(Code::Unavailable, late), Failure::Unknown { .. }), "{late}");
        }
        assert!(matches!(
            of(Code::Unauthenticated, "etcdserver: invalid auth token"),
            Failure::Session { .. }
        ));
        let denied = of(Code::PermissionDenied, "etcdserver: permission denied");
        assert_eq!(denied, Failure::Answered(Error::refused("etcdserver: permission denied")));
    }
}
