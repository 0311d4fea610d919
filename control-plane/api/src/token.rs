//! Access tokens: JWT (RFC 7519) signed with HS256 (RFC 7515), carrying the LiveKit grant claims so that stock client and
//! server SDKs make and use them. Verified against several keys, chosen by `iss`.
//!
//! Own code, on ring's HMAC: the JWT crates at hand bring RSA or a second crypto provider for one HMAC.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// Longest token accepted, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Clocks of issuer and verifier may differ by this much.
pub const LEEWAY_S: u64 = 60;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// API key that signed.
    pub iss: String,
    /// Identity.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub: String,
    /// Not before, seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Expiry, seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// `standard`, `ingress`, `agent`, …; empty is standard.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Grant>,
    /// Base64 SHA-256 of a webhook's body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Set by an edge that sends a participant on to another edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves: Option<Moves>,
    /// Trace the join belongs to, by W3C Trace Context (section 3.2): the edge's span goes below it. Empty or malformed: the
    /// edge begins a trace of its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
}

/// "The bearer is this participant of the room, and goes on elsewhere": the edge it joins takes over what it is and what
/// it publishes, so that nobody in class sees it leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Moves {
    pub participant_sid: String,
    pub tracks: Vec<MovedTrack>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MovedTrack {
    pub sid: String,
    /// `TrackSource` and `TrackKind` of the edges' wire.
    pub source: i32,
    pub kind: i32,
}

/// What the bearer may do. An absent `can_*` means yes, except `can_update_own_metadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grant {
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_record: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_join: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// `camera`, `microphone`, `screen_share`, `screen_share_audio`; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub recorder: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// One API key and its secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    pub key: String,
    pub secret: String,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("key", &self.key).field("secret", &"…").finish()
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the token is not three base64url parts of at most {TOKEN_BYTES_MAX} bytes")]
    Malformed,
    #[error("the token's algorithm is not HS256")]
    Algorithm,
    #[error("the token's issuer {0:?} is not a key of this deployment")]
    UnknownKey(String),
    #[error("the token's signature does not match its key")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: String,
}

/// Signs `claims` with `key`; `iss` is set to the key's name.
#[must_use]
pub fn sign(claims: &Claims, key: &ApiKey) -> String {
    let header = Header { alg: "HS256".into(), typ: "JWT".into() };
    let claims = Claims { iss: key.key.clone(), ..claims.clone() };
    let encode = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let mut token = encode(serde_json::to_vec(&header).expect("plain data"));
    token.push('.');
    token.push_str(&encode(serde_json::to_vec(&claims).expect("plain data")));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.secret.as_bytes()), token.as_bytes());
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(tag.as_ref()));
    token
}

/// Checks form, key, signature (in constant time) and times.
///
/// # Errors
/// The first rule that is broken; nothing of an unverified token is returned.
pub fn verify(token: &str, keys: &[ApiKey], now_s: u64) -> Result<Claims, Error> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::Malformed);
    }
    let (signed, tag) = token.rsplit_once('.').ok_or(Error::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Error::Malformed)?;
    let header: Header = decode_part(header)?;
    if header.alg != "HS256" {
        return Err(Error::Algorithm);
    }
    let claims: Claims = decode_part(claims)?;
    let Some(key) = keys.iter().find(|key| key.key == claims.iss) else {
        return Err(Error::UnknownKey(claims.iss.chars().take(64).collect()));
    };
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| Error::Malformed)?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key.secret.as_bytes()), signed.as_bytes(), &tag)
        .map_err(|_| Error::Signature)?;
    if claims.exp.is_none_or(|exp| now_s > exp.saturating_add(LEEWAY_S)) {
        return Err(Error::Expired);
    }
    if claims.nbf.is_some_and(|nbf| nbf > now_s.saturating_add(LEEWAY_S)) {
        return Err(Error::NotYet);
    }
    Ok(claims)
}

fn decode_part<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Error> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Error::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Error::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn key(name: &str) -> ApiKey {
        ApiKey { key: name.into(), secret: format!("secret-of-{name}") }
    }

    fn claims() -> Claims {
        let video = Grant { room_join: true, room: "붓글씨".into(), ..Grant::default() };
        Claims { sub: "minji".into(), exp: Some(NOW_S + 600), video: Some(video), ..Claims::default() }
    }

    #[test]
    fn a_signed_token_verifies_against_its_own_key_among_several() {
        let token = sign(&claims(), &key("b"));
        let verified = verify(&token, &[key("a"), key("b")], NOW_S).expect("valid");
        assert_eq!(verified, Claims { iss: "b".into(), ..claims() });
    }

    #[test]
    fn wrong_key_wrong_secret_expiry_and_other_algorithms_are_refused() {
        let token = sign(&claims(), &key("b"));
        assert_eq!(verify(&token, &[key("a")], NOW_S), Err(Error::UnknownKey("b".into())));
        let impostor = ApiKey { key: "b".into(), secret: "guess".into() };
        assert_eq!(verify(&token, &[impostor], NOW_S), Err(Error::Signature));
        assert_eq!(verify(&token, &[key("b")], NOW_S + 600 + LEEWAY_S + 1), Err(Error::Expired));
        let eternal = Claims { exp: None, ..claims() };
        assert_eq!(verify(&sign(&eternal, &key("b")), &[key("b")], NOW_S), Err(Error::Expired));
        let none = format!("{}.e30.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#));
        assert_eq!(verify(&none, &[key("b")], NOW_S), Err(Error::Algorithm));
        assert_eq!(verify("a.b", &[key("b")], NOW_S), Err(Error::Malformed));
    }
}
