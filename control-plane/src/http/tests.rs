use std::collections::BTreeSet;

use super::{description, routes};

/// Every path of the router is described, and nothing else is. (`tests/front_door` compares the methods.)
#[test]
fn the_description_is_of_this_router() {
    let document: serde_json::Value = serde_json::from_str(description::text()).expect("JSON");
    let described = document["paths"].as_object().expect("paths").keys();
    let served: BTreeSet<_> = routes().into_iter().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(served, described.cloned().collect());
}

/// References in the description lead to schemas that are there.
#[test]
fn the_description_has_no_dangling_references() {
    let document: serde_json::Value = serde_json::from_str(description::text()).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut rest = description::text();
    let mut found = 0;
    while let Some(at) = rest.find("#/components/schemas/") {
        rest = &rest[at + "#/components/schemas/".len()..];
        let name = rest.split('"').next().unwrap_or_default();
        assert!(schemas.contains_key(name), "{name}");
        found += 1;
    }
    assert!(found > 10);
}
