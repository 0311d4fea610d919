//! Where a user is, as far as anybody can tell.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use control_plane_api::node::Location;
use http::HeaderMap;
use maxminddb::{PathElement, Reader};

use crate::config::Network;

/// Addresses of a forwarding header looked at, from the right: more proxies in a row than anybody has.
const FORWARDED_MAX: usize = 16;

/// Positions by address, from a MaxMind database file. Without a file, none.
#[derive(Debug, Default)]
pub(crate) struct GeoIp {
    reader: Option<Reader<Vec<u8>>>,
}

impl GeoIp {
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let reader = Reader::open_readfile(file)
            .with_context(|| format!("geoip: {} is no readable MaxMind database", file.display()))?;
        tracing::info!(file = %file.display(), kind = reader.metadata().database_type, "positions by address");
        Ok(Self { reader: Some(reader) })
    }

    /// `None` for addresses the file does not know, such as private ones.
    pub(crate) fn locate(&self, address: IpAddr) -> Option<Location> {
        let found = self.reader.as_ref()?.lookup(address.to_canonical()).ok()?;
        let degrees = |name| {
            found.decode_path::<f64>(&[PathElement::Key("location"), PathElement::Key(name)]).ok().flatten()
        };
        let location = Location { latitude: degrees("latitude")?, longitude: degrees("longitude")? };
        location.is_valid().then_some(location)
    }
}

/// The user's address: the peer's, or, behind trusted proxies, the last in `X-Forwarded-For` that is none of them.
/// Anybody can write that header, so only what a trusted proxy added counts.
pub(crate) fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.ip().to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    for hop in hops.take(FORWARDED_MAX) {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarding_header_counts_only_from_a_trusted_proxy() {
        let trusted = [Network::try_from("10.0.0.0/8".to_owned()).expect("a network")];
        let headers = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
            }
            headers
        };
        let client = |peer: &str, lines: &[&'static str]| {
            client_address(SocketAddr::new(peer.parse().expect("an address"), 1), &headers(lines), &trusted)
                .to_string()
        };
        assert_eq!(client("8.8.8.8", &["1.1.1.1"]), "8.8.8.8", "a stranger's header");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"]),
            "1.1.1.1",
            "what the user made up stays out"
        );
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "1.1.1.1"]), "1.1.1.1", "lines count in order");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:1.1.1.1"]), "1.1.1.1");
    }
}
