//! The API's description (OpenAPI 3.1): each part writes its own, they are put together at the start.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use http::header;
use serde_json::{Map, Value};

/// The first one has what is common to all. Of the others, `paths` and everything below `components` are taken.
const PARTS: &[(&str, &str)] = &[
    ("front", include_str!("openapi.json")),
    ("people", include_str!("openapi/people.json")),
    ("catalogue", include_str!("openapi/catalogue.json")),
    ("classroom", include_str!("openapi/classroom.json")),
    ("discover", include_str!("openapi/discover.json")),
];

pub(crate) fn read() -> std::future::Ready<impl IntoResponse> {
    std::future::ready(([(header::CONTENT_TYPE, "application/json")], text()))
}

/// All of it.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| merged().to_string());
    &TEXT
}

fn merged() -> Value {
    let mut parts = PARTS.iter().map(|(name, text)| {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("openapi of {name}: {error}"));
        (*name, value)
    });
    let (_, mut whole) = parts.next().expect("there is a first part");
    for (name, part) in parts {
        add(&mut whole["paths"], &part["paths"], name);
        for (kind, described) in part["components"].as_object().into_iter().flatten() {
            add(&mut whole["components"][kind], described, name);
        }
    }
    whole
}

fn add(whole: &mut Value, part: &Value, name: &str) {
    if whole.is_null() {
        *whole = Value::Object(Map::new());
    }
    let whole = whole.as_object_mut().expect("a part of the description is an object");
    for (key, value) in part.as_object().into_iter().flatten() {
        let before = whole.insert(key.clone(), value.clone());
        assert!(before.is_none(), "openapi of {name}: {key} is described twice");
    }
}
