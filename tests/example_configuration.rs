//! The files in `config/` load, and show every key there is.

use std::path::PathBuf;

use control_plane_agent::{config, fleet, telemetry};
use seodang::role::{CdnFile, ControlPlaneFile, EdgeFile, OriginFile};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// Loads the file as it is, and again with every `#key = …` taken for what it shows.
fn load<T: DeserializeOwned>(name: &str) -> T {
    let file = path(name);
    let text = std::fs::read_to_string(&file).expect("the example is there");
    let is_shown =
        |line: &&str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase());
    let all: Vec<&str> = text.lines().map(|line| if is_shown(&line) { &line[1..] } else { line }).collect();
    let uncommented = tempfile::NamedTempFile::new().expect("temporary file");
    std::fs::write(uncommented.path(), all.join("\n")).expect("writable");
    config::load_with::<T>(Some(uncommented.path()), [], &[])
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    config::load_with(Some(&file), [], &[]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every key of the defaults stands in the file, set or shown.
fn shows_all(name: &str, defaults: &impl Serialize) {
    let text = std::fs::read_to_string(path(name)).expect("the example is there");
    let keys = toml::Value::try_from(defaults).expect("a table");
    let mut missing = Vec::new();
    collect(&keys, &mut missing);
    missing.retain(|key| {
        let shown = |line: &str| {
            line.trim_start_matches('#').split('=').next().is_some_and(|left| left.trim() == key)
        };
        !text.lines().any(|line| shown(line) || line.trim_end_matches(']').ends_with(&format!(".{key}")))
    });
    assert_eq!(missing, Vec::<String>::new(), "{name} does not show these keys");
}

fn collect(value: &toml::Value, keys: &mut Vec<String>) {
    if let Some(table) = value.as_table() {
        for (key, value) in table {
            keys.push(key.clone());
            // Rates are written in one line.
            if !value.as_table().is_some_and(|table| table.contains_key("burst")) {
                collect(value, keys);
            }
        }
    }
}

#[test]
fn the_control_planes_example_is_whole() {
    let file: ControlPlaneFile = load("control-plane.toml");
    file.control_plane.check().expect("a working example");
    shows_all("control-plane.toml", &control_plane::Config::default());
    shows_all("control-plane.toml", &fleet::Config::default());
    shows_all("control-plane.toml", &telemetry::Config::default());
}

#[test]
fn the_edges_example_is_whole() {
    let file: EdgeFile = load("edge.toml");
    file.edge.check().expect("a working example");
    shows_all("edge.toml", &edge::Config::default());
    shows_all("edge.toml", &fleet::Config::default());
}

#[test]
fn the_origins_example_is_whole() {
    let file: OriginFile = load("origin.toml");
    assert_eq!((file.origin.id.as_str(), file.origin.region.as_str()), ("origin", "seoul"));
    shows_all("origin.toml", &origin::Config::default());
    shows_all("origin.toml", &fleet::Config::default());
}

#[test]
fn the_cdn_nodes_example_is_whole() {
    let file: CdnFile = load("cdn.toml");
    file.cdn.check().expect("a working example");
    assert!(file.node.location.is_some() && !file.node.url.is_empty());
    shows_all("cdn.toml", &cdn::Config::default());
    shows_all("cdn.toml", &fleet::Config::default());
}

#[test]
fn a_key_nobody_knows_is_named_with_its_line() {
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    std::fs::write(file.path(), "[edge]\nid = \"x\"\n\ncapasity = 5\n").expect("writable");
    let error =
        config::load_with::<EdgeFile>(Some(file.path()), [], &[]).expect_err("a typing error").to_string();
    assert!(error.contains(":4: ") && error.contains("capasity"), "{error}");
}
