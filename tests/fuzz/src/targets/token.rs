//! `control-plane-api`: tokens, which anybody may send to any door.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control_plane_api::id;
use control_plane_api::token::{self, ApiKey};
use ring::hmac;

use super::{NOW_S, key};
use crate::Target;

/// Tokens as they come, and under a good signature.
pub const TOKEN: Target = Target {
    name: "token",
    what: "control-plane-api: access tokens and names",
    run: verify,
    seeds,
    is_steps: false,
    words: &[
        b"{\"alg\":\"HS256\"}",
        b"\"exp\":",
        b"\"video\":",
        b"\"iss\":\"main\"",
        b"roomJoin",
        b".",
        b"eyJ",
        b"1e999",
        b"null",
    ],
};

fn verify(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let _ = token::verify(&text, &[key()], NOW_S);
    let _ = (id::check_name("a name", &text), id::check_node_name("a name", &text));
    // Header and claims of the input's own, signed: what only a holder of a key can send.
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, &text));
    if let Ok(claims) = token::verify(&signed(header, claims, &key()), &[key()], NOW_S) {
        assert_eq!(claims.iss, "main");
        let again = token::verify(&token::sign(&claims, &key()), &[key()], NOW_S);
        assert!(again.is_ok() || claims.exp.is_none(), "{again:?}");
    }
}

fn signed(header: &str, claims: &str, key: &ApiKey) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.secret.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

fn seeds() -> Vec<Vec<u8>> {
    let claims = format!(
        r#"{{"iss":"main","sub":"minji","exp":{},"nbf":1,"name":"민지","metadata":"{{}}","attributes":{{"a":"b"}},"kind":"standard","video":{{"roomJoin":true,"room":"class","canPublish":false,"canPublishSources":["camera"]}},"sha256":""}}"#,
        NOW_S + 60
    );
    vec![
        super::token().into(),
        claims.clone().into(),
        format!("{{\"alg\":\"HS256\",\"typ\":\"JWT\"}}\n{claims}").into(),
        br#"{"alg":"none"}"#.to_vec(),
    ]
}
