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
    fn a_database_gives_the_positions_it_has() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        let jeju = Location { latitude: 33.4996, longitude: 126.5312 };
        std::fs::write(file.path(), database([203, 0, 113], jeju)).expect("writable");
        let geoip = GeoIp::open(Some(file.path())).expect("a database");
        let locate = |address: &str| geoip.locate(address.parse().expect("an address"));
        assert_eq!(locate("203.0.113.77"), Some(jeju));
        assert_eq!(locate("::ffff:203.0.113.77"), Some(jeju));
        assert_eq!(locate("203.0.112.77"), None);
        assert_eq!(locate("2001:db8::1"), None, "the file has IPv4 only");

        std::fs::write(file.path(), database([203, 0, 113], Location { latitude: 400.0, ..jeju }))
            .expect("writable");
        let absurd = GeoIp::open(Some(file.path())).expect("a database");
        assert_eq!(absurd.locate("203.0.113.77".parse().expect("an address")), None);
        std::fs::write(file.path(), b"no database").expect("writable");
        assert!(GeoIp::open(Some(file.path())).is_err());
        assert_eq!(GeoIp::default().locate("203.0.113.77".parse().expect("an address")), None);
    }

    /// A MaxMind DB (format 2.0) that knows one IPv4 /24.
    fn database(network: [u8; 3], location: Location) -> Vec<u8> {
        const NODES: u32 = 24;
        let mut file = Vec::new();
        for bit in 0..NODES {
            let goes_right = network[bit as usize / 8] & (0x80 >> (bit % 8)) != 0;
            // The next node of the path; past the last one, the first record of the data section.
            let onward = if bit + 1 < NODES { bit + 1 } else { NODES + 16 };
            let records = if goes_right { [NODES, onward] } else { [onward, NODES] };
            records.iter().for_each(|record| file.extend_from_slice(&record.to_be_bytes()[1..]));
        }
        file.extend_from_slice(&[0; 16]);
        file.extend(map(&[(
            "location",
            map(&[("latitude", double(location.latitude)), ("longitude", double(location.longitude))]),
        )]));
        file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
        file.extend(map(&[
            ("node_count", [&[0xc4], &NODES.to_be_bytes()[..]].concat()),
            ("record_size", vec![0xa1, 24]),
            ("ip_version", vec![0xa1, 4]),
            ("database_type", text("Test")),
            ("languages", vec![0x00, 0x04]),
            ("binary_format_major_version", vec![0xa1, 2]),
            ("binary_format_minor_version", vec![0xa1, 0]),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("description", map(&[])),
        ]));
        file
    }

    fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let size = u8::try_from(entries.len()).expect("a small map");
        let pairs = entries.iter().map(|(key, value)| [text(key), value.clone()].concat());
        std::iter::once(vec![0xe0 | size]).chain(pairs).flatten().collect()
    }

    /// Up to 28 bytes fit the control byte.
    fn text(value: &str) -> Vec<u8> {
        let size = u8::try_from(value.len()).expect("a short text");
        [&[0x40 | size], value.as_bytes()].concat()
    }

    fn double(value: f64) -> Vec<u8> {
        [&[0x68], &value.to_be_bytes()[..]].concat()
    }

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
