//! Answers as messages (RFC 1035, section 4), with pointers for the names that end as the question does.

use std::net::IpAddr;

use crate::name::Name;
use crate::query::{Fault, HEADER_BYTES, Query};
use crate::zone::{Found, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_HINFO, TYPE_NS, TYPE_SOA, What, Zone};
use crate::{Outcome, Transport, UDP_BYTES_MAX, UDP_BYTES_PLAIN};

const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
/// The upper bits of 16, in the OPT record (RFC 6891, section 6.1.3).
const BADVERS_UPPER: u8 = 1;

const IS_ANSWER: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
/// The same operation and wish for recursion as in the query.
const COPIED: u16 = 0x7900;
const CLASS_IN: [u8; 2] = [0, 1];
/// A pointer to the question's name.
const AT_QUESTION: u16 = 0xc000 | HEADER_BYTES as u16;
/// For secondaries, of which there are none: answers differ by who asks. Timers of RIPE-203.
const SERIAL: u32 = 1;
const REFRESH_S: u32 = 86_400;
const RETRY_S: u32 = 7_200;
const EXPIRE_S: u32 = 3_600_000;

/// The answer to a message that is no query: its header.
pub(crate) fn fault(message: &[u8], fault: Fault, out: &mut Vec<u8>) -> Outcome {
    let [id_high, id_low, flags_high, flags_low, ..] = message else { return Outcome::Dropped };
    let (code, outcome) = match fault {
        Fault::Silent => return Outcome::Dropped,
        Fault::Malformed => (FORMERR, Outcome::Malformed),
        Fault::Operation => (NOTIMP, Outcome::Refused),
    };
    let flags = u16::from_be_bytes([*flags_high, *flags_low]) & COPIED;
    out.extend_from_slice(&[*id_high, *id_low]);
    out.extend_from_slice(&(IS_ANSWER | flags | code).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    outcome
}

/// "Come again by TCP": never longer than the query, but for EDNS without options.
pub(crate) fn truncated(query: &Query<'_>, out: &mut Vec<u8>) -> Outcome {
    let mut writer = Writer::new(query, UDP_BYTES_PLAIN, out);
    writer.flags |= TRUNCATED;
    writer.end(0, None);
    Outcome::Truncated
}

/// The answer to a query.
pub(crate) fn write(
    zone: &Zone,
    query: &Query<'_>,
    found: Found,
    transport: Transport,
    out: &mut Vec<u8>,
) -> Outcome {
    let bytes_max = match (transport, query.edns) {
        (Transport::Tcp, _) => usize::from(u16::MAX),
        (Transport::Udp, Some(edns)) => usize::from(edns.udp_bytes).clamp(UDP_BYTES_PLAIN, UDP_BYTES_MAX),
        (Transport::Udp, None) => UDP_BYTES_PLAIN,
    };
    let mut writer = Writer::new(query, bytes_max, out);
    let (code, upper, outcome) = match found.what {
        What::NoSuchName => (NXDOMAIN, 0, Outcome::Negative),
        What::NoSuchRecord => (0, 0, Outcome::Negative),
        What::NoNode => (SERVFAIL, 0, Outcome::NoNode),
        What::Refused => (REFUSED, 0, Outcome::Refused),
        What::BadVersion => (0, BADVERS_UPPER, Outcome::Refused),
        What::Addresses | What::Alias | What::Soa | What::Nameservers | What::AnyIsNotAnswered => {
            (0, 0, Outcome::Answered)
        }
    };
    writer.flags |= code;
    if !matches!(found.what, What::Refused | What::BadVersion) {
        writer.flags |= AUTHORITATIVE;
        writer.apex = query.name.as_bytes().len().checked_sub(zone.apex.as_bytes().len());
    }
    writer.sections(zone, &found);
    let is_truncated = writer.flags & TRUNCATED != 0;
    writer.end(upper, Some(found.scope_bits));
    if is_truncated { Outcome::Truncated } else { outcome }
}

struct Writer<'a, 'q> {
    query: &'a Query<'q>,
    bytes_max: usize,
    out: &'a mut Vec<u8>,
    flags: u16,
    /// Records in the answer, authority and additional sections.
    counts: [u16; 3],
    /// Where in the question's name the zone's begins.
    apex: Option<usize>,
}

impl<'a, 'q> Writer<'a, 'q> {
    fn new(query: &'a Query<'q>, bytes_max: usize, out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(&[0; HEADER_BYTES]);
        out.extend_from_slice(query.question);
        let flags = IS_ANSWER | if query.recursion_desired { RECURSION_DESIRED } else { 0 };
        // Room for the OPT record at the end.
        let opt = if query.edns.is_some() { 11 + 24 } else { 0 };
        Self { query, bytes_max: bytes_max - opt, out, flags, counts: [0; 3], apex: None }
    }

    fn sections(&mut self, zone: &Zone, found: &Found) {
        match found.what {
            What::Addresses => {
                for address in &found.addresses {
                    self.address(0, AT_QUESTION, *address, zone.ttl_s);
                }
            }
            What::Alias => {
                if let Some(name) = &found.alias {
                    self.record(0, AT_QUESTION, TYPE_CNAME, zone.ttl_s, |writer| writer.name(zone, name));
                }
            }
            What::Soa => self.soa(0, zone),
            What::Nameservers => {
                for (name, _) in &zone.nameservers {
                    self.record(0, AT_QUESTION, TYPE_NS, zone.ttl_s, |writer| writer.name(zone, name));
                }
            }
            What::AnyIsNotAnswered => self.record(0, AT_QUESTION, TYPE_HINFO, zone.ttl_s, |writer| {
                writer.out.extend_from_slice(b"\x07RFC8482\x00");
            }),
            What::NoSuchName | What::NoSuchRecord => self.soa(1, zone),
            What::NoNode | What::Refused | What::BadVersion => {}
        }
    }

    fn address(&mut self, section: usize, owner: u16, address: IpAddr, ttl_s: u32) {
        match address {
            IpAddr::V4(v4) => self.record(section, owner, TYPE_A, ttl_s, |writer| {
                writer.out.extend_from_slice(&v4.octets());
            }),
            IpAddr::V6(v6) => self.record(section, owner, TYPE_AAAA, ttl_s, |writer| {
                writer.out.extend_from_slice(&v6.octets());
            }),
        }
    }

    /// The zone's SOA: as an answer, or for how long that there is nothing may be kept (RFC 2308).
    fn soa(&mut self, section: usize, zone: &Zone) {
        let owner = AT_QUESTION + self.apex.unwrap_or_default() as u16;
        let main = zone.nameservers.first().map_or(&zone.apex, |(name, _)| name);
        self.record(section, owner, TYPE_SOA, zone.ttl_s, |writer| {
            writer.name(zone, main);
            writer.out.extend_from_slice(b"\x0ahostmaster");
            writer.out.extend_from_slice(&owner.to_be_bytes());
            for value in [SERIAL, REFRESH_S, RETRY_S, EXPIRE_S, zone.ttl_s] {
                writer.out.extend_from_slice(&value.to_be_bytes());
            }
        });
    }

    /// Writes a record, or none and that the answer is not whole if there is no room.
    fn record(&mut self, section: usize, owner: u16, kind: u16, ttl_s: u32, data: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.out.extend_from_slice(&owner.to_be_bytes());
        self.out.extend_from_slice(&kind.to_be_bytes());
        self.out.extend_from_slice(&CLASS_IN);
        self.out.extend_from_slice(&ttl_s.to_be_bytes());
        let length_at = self.out.len();
        self.out.extend_from_slice(&[0; 2]);
        data(self);
        let length = (self.out.len() - length_at - 2) as u16;
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        if self.out.len() > self.bytes_max {
            self.out.truncate(start);
            self.flags |= TRUNCATED;
        } else {
            self.counts[section] += 1;
        }
    }

    /// A name, its end a pointer if it lies in the zone.
    fn name(&mut self, zone: &Zone, name: &Name) {
        let (whole, apex) = (name.as_bytes(), zone.apex.as_bytes());
        match (name.below(&zone.apex), self.apex) {
            (Some(_), Some(at)) => {
                self.out.extend_from_slice(&whole[..whole.len() - apex.len()]);
                self.out.extend_from_slice(&(AT_QUESTION + at as u16).to_be_bytes());
            }
            _ => self.out.extend_from_slice(whole),
        }
    }

    /// OPT if the query had one, then the header.
    fn end(mut self, upper_code: u8, scope_bits: Option<u8>) {
        if let Some(edns) = self.query.edns {
            self.counts[2] += 1;
            self.out.extend_from_slice(&[0, 0, 41]);
            self.out.extend_from_slice(&(UDP_BYTES_MAX as u16).to_be_bytes());
            self.out.extend_from_slice(&[upper_code, 0, if edns.dnssec_ok { 0x80 } else { 0 }, 0]);
            let length_at = self.out.len();
            self.out.extend_from_slice(&[0; 2]);
            if let Some((subnet, scope_bits)) = edns.subnet.zip(scope_bits) {
                subnet.write(scope_bits, self.out);
            }
            let length = (self.out.len() - length_at - 2) as u16;
            self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        }
        let [answers, authorities, extra] = self.counts;
        let header = [self.query.id, self.flags, 1, answers, authorities, extra];
        for (place, word) in self.out.chunks_exact_mut(2).zip(header) {
            place.copy_from_slice(&word.to_be_bytes());
        }
    }
}
