//! Where a user is, as far as anybody can tell.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use control_plane_api::node::Location;
use maxminddb::{PathElement, Reader};

/// Positions by address, from a MaxMind database file. Without a file, none.
#[derive(Clone, Debug, Default)]
pub(crate) struct GeoIp {
    reader: Option<Arc<Reader<Vec<u8>>>>,
}

impl GeoIp {
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let reader = Reader::open_readfile(file)
            .with_context(|| format!("geoip: {} is no readable MaxMind database", file.display()))?;
        tracing::info!(file = %file.display(), kind = reader.metadata().database_type, "positions by address");
        Ok(Self { reader: Some(Arc::new(reader)) })
    }

    /// `None` for addresses the file does not know, such as private ones.
    pub(crate) fn locate(&self, address: IpAddr) -> Option<Location> {
        self.locate_network(address).0
    }

    /// The same, and how many first bits an address has to share with this one to have the same answer; 0 without a file.
    pub(crate) fn locate_network(&self, address: IpAddr) -> (Option<Location>, u8) {
        let Some(reader) = &self.reader else { return (None, 0) };
        let Ok(found) = reader.lookup(address.to_canonical()) else { return (None, 0) };
        let bits = found.network().map_or(0, |network| network.prefix());
        let degrees = |name| {
            found.decode_path::<f64>(&[PathElement::Key("location"), PathElement::Key(name)]).ok().flatten()
        };
        let place = degrees("latitude").zip(degrees("longitude"));
        let place = place.map(|(latitude, longitude)| Location { latitude, longitude });
        (place.filter(Location::is_valid), bits)
    }
}

#[cfg(test)]
#[path = "../tests/support/mmdb.rs"]
mod mmdb;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_gives_the_positions_it_has() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        let jeju = Location { latitude: 33.4996, longitude: 126.5312 };
        std::fs::write(file.path(), mmdb::database(&[([203, 0, 113, 0], 24, jeju)])).expect("writable");
        let geoip = GeoIp::open(Some(file.path())).expect("a database");
        let locate = |address: &str| geoip.locate(address.parse().expect("an address"));
        assert_eq!(locate("203.0.113.77"), Some(jeju));
        let network = |address: &str| geoip.locate_network(address.parse().expect("an address"));
        assert_eq!(network("203.0.113.77"), (Some(jeju), 24));
        assert_eq!(network("203.0.112.77"), (None, 24), "the neighbour is known to be unknown");
        assert_eq!(network("8.8.8.8"), (None, 1));
        assert_eq!(locate("::ffff:203.0.113.77"), Some(jeju));
        assert_eq!(locate("203.0.112.77"), None);
        assert_eq!(locate("2001:db8::1"), None, "the file has IPv4 only");

        std::fs::write(
            file.path(),
            mmdb::database(&[([203, 0, 113, 0], 24, Location { latitude: 400.0, ..jeju })]),
        )
        .expect("writable");
        let absurd = GeoIp::open(Some(file.path())).expect("a database");
        assert_eq!(absurd.locate("203.0.113.77".parse().expect("an address")), None);
        std::fs::write(file.path(), b"no database").expect("writable");
        assert!(GeoIp::open(Some(file.path())).is_err());
        assert_eq!(GeoIp::default().locate("203.0.113.77".parse().expect("an address")), None);
    }
}
