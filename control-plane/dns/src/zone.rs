//! What a name of the zone stands for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use control_plane_api::node::{Node, Role};
use control_plane_placement::{Atlas, Carrying, Hint, Measured};

use crate::name::Name;
use crate::query::Query;
use crate::{ABOUT_AS_NEAR_KM, Located, NODES_MAX};

pub(crate) const TYPE_A: u16 = 1;
pub(crate) const TYPE_NS: u16 = 2;
pub(crate) const TYPE_CNAME: u16 = 5;
pub(crate) const TYPE_SOA: u16 = 6;
pub(crate) const TYPE_HINFO: u16 = 13;
pub(crate) const TYPE_AAAA: u16 = 28;
const TYPE_IXFR: u16 = 251;
const TYPE_AXFR: u16 = 252;
const TYPE_ANY: u16 = 255;
const CLASS_IN: u16 = 1;

/// The zone as configured.
#[derive(Clone, Debug)]
pub struct Zone {
    pub(crate) apex: Name,
    pub(crate) ttl_s: u32,
    /// With the addresses of those that lie in the zone.
    pub(crate) nameservers: Vec<(Name, Vec<IpAddr>)>,
}

impl Zone {
    /// `nameservers` are the names the parent zone delegates to, with their addresses: those that lie in this zone are answered here.
    #[must_use]
    pub fn new(apex: Name, ttl_s: u32, nameservers: Vec<(Name, Vec<IpAddr>)>) -> Self {
        Self { apex, ttl_s, nameservers }
    }
}

/// The nodes by the names they have, as of one view. Made anew when the view changes.
#[derive(Debug)]
pub struct Directory {
    edges: Service,
    cdn: Service,
}

/// The nodes of one role.
#[derive(Debug)]
struct Service {
    v4: Family,
    v6: Family,
    addresses: BTreeMap<String, IpAddr>,
    /// Hosts of those whose URL has a name, such as that of a load balancer; and the lot of them with those above.
    names: BTreeMap<String, Name>,
    all: Family,
}

#[derive(Debug)]
struct Family {
    atlas: Atlas,
    nobody: Carrying,
    is_empty: bool,
}

impl Directory {
    /// Takes the edges and cdn nodes among `nodes`. One whose URL has an IP address is answered with it, another with the name there.
    #[must_use]
    pub fn new(nodes: &[&Node]) -> Self {
        Self { edges: Service::new(nodes, Role::Edge), cdn: Service::new(nodes, Role::Cdn) }
    }
}

impl Service {
    fn new(nodes: &[&Node], role: Role) -> Self {
        let own = nodes.iter().filter(|node| node.role == role);
        let addressed: Vec<(&Node, IpAddr)> =
            own.filter_map(|node| address_of(&node.url).map(|address| (*node, address))).collect();
        let family = |is_v4: bool| {
            let of_family: Vec<&Node> = addressed
                .iter()
                .filter(|(_, address)| address.is_ipv4() == is_v4)
                .map(|(node, _)| *node)
                .collect();
            let atlas = Atlas::new(&of_family, role);
            Family { nobody: atlas.carrying([]), is_empty: of_family.is_empty(), atlas }
        };
        let (v4, v6) = (family(true), family(false));
        let addresses: BTreeMap<String, IpAddr> =
            addressed.iter().map(|(node, address)| (node.id.clone(), *address)).collect();
        let unaddressed = nodes.iter().filter(|node| node.role == role && !addresses.contains_key(&node.id));
        let named: Vec<(&Node, Name)> =
            unaddressed.filter_map(|node| Some((*node, name_of(&node.url)?))).collect();
        let both: Vec<&Node> =
            addressed.iter().map(|(node, _)| *node).chain(named.iter().map(|(node, _)| *node)).collect();
        let atlas = Atlas::new(&both, role);
        let all = Family { nobody: atlas.carrying([]), is_empty: both.is_empty(), atlas };
        let names = named.into_iter().map(|(node, name)| (node.id.clone(), name)).collect();
        Self { v4, v6, addresses, names, all }
    }
}

/// `http(s)://192.0.2.1:8080` or `http(s)://[2001:db8::1]`; a URL with a name has no address of its own.
fn address_of(url: &str) -> Option<IpAddr> {
    let authority = authority_of(url)?;
    if let Some(bracketed) = authority.strip_prefix('[') {
        return bracketed.split(']').next()?.parse().ok();
    }
    authority.split(':').next()?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The host of `https://seoul-edge.example:443`: a name that others resolve, so of two labels at least.
fn name_of(url: &str) -> Option<Name> {
    let host = authority_of(url)?.split(':').next()?;
    Name::parse(host).ok().filter(|name| name.labels().len() > 1)
}

fn authority_of(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?', '#']).next()
}

/// What stands in an answer.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) what: What,
    pub(crate) addresses: Vec<IpAddr>,
    /// With [`What::Alias`].
    pub(crate) alias: Option<Name>,
    /// The answer holds for everybody who shares so many bits of the subnet that was asked for.
    pub(crate) scope_bits: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum What {
    #[default]
    Addresses,
    /// CNAME: who asks goes on with that name (RFC 1034, section 3.6.2).
    Alias,
    Soa,
    Nameservers,
    /// ANY: one record that says so (RFC 8482, section 4.2).
    AnyIsNotAnswered,
    /// The name is there, with other records.
    NoSuchRecord,
    NoSuchName,
    /// There are nodes, and none that takes anybody: asked again soon, where a negative answer would be kept.
    NoNode,
    Refused,
    BadVersion,
}

impl From<What> for Found {
    fn from(what: What) -> Self {
        Self { what, ..Self::default() }
    }
}

impl Zone {
    pub(crate) fn find(
        &self,
        directory: &Directory,
        query: &Query<'_>,
        from: IpAddr,
        locate: &dyn Fn(IpAddr) -> Located,
    ) -> Found {
        if query.edns.is_some_and(|edns| edns.version != 0) {
            return What::BadVersion.into();
        }
        let is_transfer = matches!(query.kind, TYPE_AXFR | TYPE_IXFR);
        let labels = query.name.below(&self.apex).filter(|_| !is_transfer);
        let Some(labels) = labels.filter(|_| query.class == CLASS_IN) else {
            return What::Refused.into();
        };
        match labels.as_slice() {
            [] => self.apex(query.kind),
            [service] if *service == b"edge" => self.nearest(&directory.edges, query, from, locate),
            [service] if *service == b"cdn" => self.nearest(&directory.cdn, query, from, locate),
            [id, service] if *service == b"edge" => self.one(&directory.edges, id, query.kind),
            [id, service] if *service == b"cdn" => self.one(&directory.cdn, id, query.kind),
            _ => self.nameserver(query),
        }
    }

    fn apex(&self, kind: u16) -> Found {
        match kind {
            TYPE_SOA => What::Soa,
            TYPE_NS if !self.nameservers.is_empty() => What::Nameservers,
            TYPE_ANY => What::AnyIsNotAnswered,
            _ => What::NoSuchRecord,
        }
        .into()
    }

    fn nameserver(&self, query: &Query<'_>) -> Found {
        if let Some((_, addresses)) = self.nameservers.iter().find(|(name, _)| *name == query.name) {
            return records(addresses.iter().copied(), query.kind);
        }
        // `b.zone` is there, without records, when `a.b.zone` is.
        let is_above = |(name, _): &(Name, Vec<IpAddr>)| name.below(&query.name).is_some();
        if self.nameservers.iter().any(is_above) { What::NoSuchRecord } else { What::NoSuchName }.into()
    }
}

impl Zone {
    fn one(&self, service: &Service, id: &[u8], kind: u16) -> Found {
        let Ok(id) = std::str::from_utf8(id) else { return What::NoSuchName.into() };
        match service.addresses.get(id) {
            Some(address) => records(std::iter::once(*address), kind),
            None => self.alias(service, id, kind, 0).unwrap_or(What::NoSuchName.into()),
        }
    }

    /// The nearest nodes to who asks: their addresses, or the name of the nearest if that is all it has.
    fn nearest(
        &self,
        service: &Service,
        query: &Query<'_>,
        from: IpAddr,
        locate: &dyn Fn(IpAddr) -> Located,
    ) -> Found {
        if query.kind == TYPE_ANY {
            return What::AnyIsNotAnswered.into();
        }
        let (location, scope_bits) = place(query, from, locate);
        let hint = Hint { location, region: None };
        if !service.names.is_empty() {
            let all = &service.all;
            let first = all.atlas.first(&all.nobody, &hint, &Measured::default());
            let alias = first.and_then(|node| self.alias(service, &node.id, query.kind, scope_bits));
            if let Some(alias) = alias {
                return alias;
            }
        }
        nearest_addresses(service, query.kind, &hint, scope_bits)
    }

    /// That a name stands for a node's host. A host in this zone would lead back here.
    fn alias(&self, service: &Service, id: &str, kind: u16, scope_bits: u8) -> Option<Found> {
        let name = service.names.get(id).filter(|name| name.below(&self.apex).is_none())?;
        if kind == TYPE_ANY {
            return Some(What::AnyIsNotAnswered.into());
        }
        Some(Found { what: What::Alias, alias: Some(name.clone()), addresses: Vec::new(), scope_bits })
    }
}

/// Addresses of the kind asked for.
fn records(addresses: impl Iterator<Item = IpAddr>, kind: u16) -> Found {
    let of_kind = |address: &IpAddr| kind == if address.is_ipv4() { TYPE_A } else { TYPE_AAAA };
    match kind {
        TYPE_A | TYPE_AAAA => {
            let addresses: Vec<IpAddr> = addresses.filter(of_kind).collect();
            let what = if addresses.is_empty() { What::NoSuchRecord } else { What::Addresses };
            Found { what, addresses, ..Found::default() }
        }
        TYPE_ANY => What::AnyIsNotAnswered.into(),
        _ => What::NoSuchRecord.into(),
    }
}

/// The nearest nodes to who asks that have an address.
fn nearest_addresses(service: &Service, kind: u16, hint: &Hint, scope_bits: u8) -> Found {
    let (family, other) = match kind {
        TYPE_A => (&service.v4, &service.v6),
        TYPE_AAAA => (&service.v6, &service.v4),
        _ => return What::NoSuchRecord.into(),
    };
    let near = family.atlas.choose(&family.nobody, hint, &Measured::default(), NODES_MAX);
    let nearest_km = near.first().and_then(|(_, distance_km)| *distance_km);
    // Of nodes whose distance nobody knows all are as near.
    let is_near = |distance_km: Option<f64>| match (nearest_km, distance_km) {
        (Some(nearest_km), Some(distance_km)) => distance_km <= nearest_km + ABOUT_AS_NEAR_KM,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let near = near.into_iter().filter(|(_, distance_km)| is_near(*distance_km));
    let addresses: Vec<IpAddr> = near.filter_map(|(node, _)| address_of(&node.url)).collect();
    let what = match (addresses.is_empty(), family.is_empty && !other.is_empty) {
        (false, _) => What::Addresses,
        (true, true) => What::NoSuchRecord,
        (true, false) => What::NoNode,
    };
    Found { what, addresses, alias: None, scope_bits }
}

/// Where who asks is, and for which part of the subnet given that holds.
fn place(
    query: &Query<'_>,
    from: IpAddr,
    locate: &dyn Fn(IpAddr) -> Located,
) -> (Option<control_plane_api::node::Location>, u8) {
    let subnet = query.edns.and_then(|edns| edns.subnet).and_then(|subnet| subnet.address());
    let Some(subnet) = subnet else { return (locate(from).location, 0) };
    let Located { location, prefix_bits } = locate(subnet);
    // An unknown subnet is answered by its resolver's place, and so are its neighbours that are as unknown.
    (location.or_else(|| locate(from).location), prefix_bits)
}
