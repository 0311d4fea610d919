//! The client's subnet that a resolver gives (RFC 7871, option 8).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the option says. Lengths are in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    family: u16,
    source_bits: u8,
    /// The subnet's first address; `None` when the client asks not to be looked at (no bits given).
    address: Option<IpAddr>,
}

impl Subnet {
    /// Reads an option's value. `Ok(None)`: a family nobody here knows, which is ignored.
    ///
    /// # Errors
    /// It is not as section 6 says: FORMERR (section 7.1.2).
    pub(crate) fn parse(value: &[u8]) -> Result<Option<Self>, ()> {
        let [family_high, family_low, source_bits, scope_bits, given @ ..] = value else { return Err(()) };
        let family = u16::from_be_bytes([*family_high, *family_low]);
        let bits_max = match family {
            // Somebody who gives no address need not name a family.
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return Ok(None),
        };
        let (source_bits, bytes) = (*source_bits, usize::from(*source_bits).div_ceil(8));
        if *scope_bits != 0 || source_bits > bits_max || given.len() != bytes {
            return Err(());
        }
        let mut address = [0_u8; 16];
        address[..bytes].copy_from_slice(given);
        let spare = 8 * bytes - usize::from(source_bits);
        if bytes > 0 && given[bytes - 1].trailing_zeros() < spare as u32 {
            return Err(());
        }
        let v4 = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
        let address = match family {
            _ if source_bits == 0 => None,
            1 => Some(IpAddr::V4(v4)),
            _ => Some(IpAddr::V6(Ipv6Addr::from(address))),
        };
        Ok(Some(Self { family, source_bits, address }))
    }

    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The option of an answer that holds for all who share `scope_bits` with the client.
    pub(crate) fn write(&self, scope_bits: u8, out: &mut Vec<u8>) {
        let bytes = usize::from(self.source_bits).div_ceil(8);
        out.extend_from_slice(&8_u16.to_be_bytes());
        out.extend_from_slice(&(4 + bytes as u16).to_be_bytes());
        out.extend_from_slice(&self.family.to_be_bytes());
        out.extend_from_slice(&[self.source_bits, scope_bits.min(self.source_bits)]);
        match self.address {
            Some(IpAddr::V4(address)) => out.extend_from_slice(&address.octets()[..bytes]),
            Some(IpAddr::V6(address)) => out.extend_from_slice(&address.octets()[..bytes]),
            None => {}
        }
    }
}
