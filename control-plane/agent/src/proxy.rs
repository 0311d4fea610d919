//! Who asks, where a proxy stands in front: networks whose word about it is believed, and what they say.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// Addresses of a forwarding header looked at, from the right: more proxies in a row than anybody has.
const FORWARDED_MAX: usize = 16;

/// Addresses that share their first bits, written `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let masked = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()).checked_shr(32 - u32::from(self.bits)).unwrap_or(0),
            IpAddr::V6(v6) => v6.to_bits().checked_shr(128 - u32::from(self.bits)).unwrap_or(0),
        };
        self.address.is_ipv4() == address.is_ipv4() && masked(self.address) == masked(address)
    }
}

impl TryFrom<String> for Network {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        let wrong = || format!("{text:?} is no network such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').with_context(wrong)?;
        let (address, bits): (IpAddr, u8) =
            (address.parse().with_context(wrong)?, bits.parse().with_context(wrong)?);
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        anyhow::ensure!(bits <= bits_max, wrong());
        Ok(Self { address, bits })
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        format!("{}/{}", network.address, network.bits)
    }
}

/// What one user commonly holds of the address space: an IPv4 address, a /64 of IPv6.
#[must_use]
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// The user's address: the peer's, or, behind trusted proxies, the last in `X-Forwarded-For` that is none of them.
/// Anybody can write that header, so only what a trusted proxy added counts.
#[must_use]
pub fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
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
    fn a_network_holds_its_addresses_and_no_others() {
        let network = |text: &str| Network::try_from(text.to_owned());
        let holds = |text: &str, address: &str| {
            network(text).expect("a network").contains(address.parse().expect("an address"))
        };
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("192.168.1.7/32", "192.168.1.7") && !holds("192.168.1.7/32", "192.168.1.6"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(network("10.0.0.0").is_err() && network("10.0.0.0/33").is_err() && network("x/8").is_err());
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
