//! A MaxMind DB (format 2.0) made for a test: IPv4 networks and where they are.

use control_plane_api::node::Location;

/// The file's bytes. Networks do not overlap.
pub(crate) fn database(networks: &[([u8; 4], u8, Location)]) -> Vec<u8> {
    // A node is a pair of records; each leads to a node, to nothing, or to data.
    let mut nodes: Vec<[Record; 2]> = vec![[Record::Nothing; 2]];
    let mut data = Vec::new();
    for (address, bits, location) in networks {
        let offset = data.len();
        data.extend(map(&[(
            "location",
            map(&[("latitude", double(location.latitude)), ("longitude", double(location.longitude))]),
        )]));
        let mut at = 0;
        for bit in 0..*bits {
            let side = usize::from(address[usize::from(bit / 8)] >> (7 - bit % 8) & 1);
            if bit + 1 == *bits {
                nodes[at][side] = Record::Data(offset);
            } else if let Record::Node(next) = nodes[at][side] {
                at = next;
            } else {
                nodes.push([Record::Nothing; 2]);
                let next = nodes.len() - 1;
                nodes[at][side] = Record::Node(next);
                at = next;
            }
        }
    }
    let count = nodes.len();
    let number = |record: &Record| match record {
        Record::Nothing => count,
        Record::Node(index) => *index,
        Record::Data(offset) => count + 16 + offset,
    };
    let bytes = |record: &Record| u32::try_from(number(record)).expect("a small file").to_be_bytes();
    let mut file: Vec<u8> = nodes.iter().flatten().flat_map(|record| bytes(record)[1..].to_vec()).collect();
    file.extend_from_slice(&[0; 16]);
    file.extend(data);
    file.extend(metadata(u32::try_from(count).expect("a small file")));
    file
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

fn metadata(node_count: u32) -> Vec<u8> {
    let mut bytes = b"\xab\xcd\xefMaxMind.com".to_vec();
    bytes.extend(map(&[
        ("node_count", [&[0xc4], &node_count.to_be_bytes()[..]].concat()),
        ("record_size", vec![0xa1, 24]),
        ("ip_version", vec![0xa1, 4]),
        ("database_type", text("Test")),
        ("languages", vec![0x00, 0x04]),
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa1, 0]),
        ("build_epoch", vec![0x01, 0x02, 1]),
        ("description", map(&[])),
    ]));
    bytes
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
