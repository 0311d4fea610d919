//! The page that documents the wire says what the code says.

const PAGE: &str = include_str!("../edge/wire/README.md");
const CONTROL: &str = include_str!("../edge/wire/src/control.rs");

#[test]
fn the_page_has_the_version_and_the_protocols_of_the_code() {
    assert!(PAGE.starts_with(&format!("# The wire between nodes, version {}\n", edge_wire::VERSION)));
    for alpn in [edge_wire::ALPN_LINK, edge_wire::ALPN_INGEST] {
        let alpn = std::str::from_utf8(alpn).expect("ALPNs are ASCII");
        assert!(PAGE.contains(&format!("| `{alpn}` |")), "the page does not name {alpn}");
    }
    let limit = edge_wire::frame::FRAME_BYTES_MAX;
    assert!(PAGE.contains(&format!("at most {},{:03}", limit / 1_000, limit % 1_000)));
}

#[test]
fn every_control_message_stands_on_the_page_with_its_tag() {
    let body = CONTROL
        .split("pub enum Message {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .expect("the enum");
    let lines: Vec<&str> =
        body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    let mut messages = 0;
    for pair in lines.chunks(2) {
        let [attribute, variant] = pair else { panic!("an attribute without a variant: {pair:?}") };
        let tag = attribute.split("tag = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a tag");
        let name = variant.split('(').next().expect("a name");
        assert!(PAGE.contains(&format!("| {tag} | {name} |")), "the page lacks | {tag} | {name} |");
        messages += 1;
    }
    assert_eq!(
        messages,
        PAGE.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).count()
    );
}
