//! Tokens of a provider made here, and what becomes of each change to them.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

use super::*;

/// Of a key that is gone; the token is signed with it.
const RSA_N: &str = "wOmeHP9e9MRbQNofWqHpYyJggTpTAWjHdNb_ELFbZOni5E3IkH5EgnQCbKKTYGTw35ii89Y-UzuMQXzQpdBnY-cSiLNjy-ofdPz025fCE8tBeZOrF-_99J_jrgKL4rU0uJY603A8a88s5Y68Pt3N_GudiXzsWU5h21kPD9qIVgbIpu-OYmJ06PQbpSZss_mPFe-hFZe6REtDwveJBBkHOiEPCYozLY92VgMbkWb-NY-mm-eHKV_RzxPMUnKk_uDlq17J6cONPT4zerpOqzwuMXk6-uhwmEsE6iuFmPxSWgt6zEiy7UTizqG-ZBlXCC5egyb47WcEpFO8a_m6h260sw";
const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJzLTEiLCJhdWQiOlsic2Nob29sIiwib3RoZXIiXSwiYXpwIjoic2Nob29sIiwiZXhwIjoyMDAwLCJpYXQiOjEwMDAsIm5vbmNlIjoibiIsImVtYWlsIjoiTWluamlARXhhbXBsZS5vcmciLCJlbWFpbF92ZXJpZmllZCI6dHJ1ZSwibmFtZSI6Ik1pbmppIn0.I8GTuw_d75Nj8iwXbjxjp0B4lM3ePzrTdjMUXtEjnLnhaRkYQeOw3kU9fTb48ke0EGI9_ue4m4gzc75-idVr4OO2y6dMwPs2Ec52TG10_zZYOh-23m4-S6xqVhyLI17ta0frndyPtPUD1vi0d4dW-yfW1LaPtbA2wrsIJE6d6BTZYmF0Vfcry2IZUsGBs2wST2FAio3drbrnhfY64EhYV_gfuUdgMnnJUC1kQeVfkA-LcVLfjdvYu0owBfCYQPvm-hJ0bQzQplSRNg4at7yjO7MSUL5m_B9Zz4fj6xVtTMoLadexFkadaJBKL6JY2CLIY2PrpNPVMXW6rJi7dPGSLA";
const EXPECTED: Expected<'_> =
    Expected { issuer: "https://id.example", client_id: "school", nonce: "n", now_s: 1_500 };

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("its own")
}

fn jwk(pair: &EcdsaKeyPair, kid: &str) -> Value {
    let point = pair.public_key().as_ref();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": part(&point[1..33]), "y": part(&point[33..])})
}

fn keys(keys: &[Value]) -> Keys {
    Keys::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set")
}

fn signed(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims() -> Value {
    json!({"iss": "https://id.example", "sub": "s-1", "aud": "school", "exp": 2_000, "iat": 1_000, "nonce": "n"})
}

#[test]
fn rsa_signatures_hold_and_break() {
    let rsa =
        keys(&[json!({"kty": "RSA", "kid": "r1", "n": RSA_N, "e": "AQAB", "use": "sig", "alg": "RS256"})]);
    let found = verify(RSA_TOKEN, &rsa, &EXPECTED).expect("good");
    assert_eq!(
        (found.subject.as_str(), found.email.as_deref(), found.name.as_deref()),
        ("s-1", Some("minji@example.org"), Some("Minji"))
    );
    // Another character in the middle of the signature.
    let at = RSA_TOKEN.len() - 100;
    let other = if &RSA_TOKEN[at..=at] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &RSA_TOKEN[..at], &RSA_TOKEN[at + 1..]);
    assert_eq!(verify(&forged, &rsa, &EXPECTED), Err(TokenError::Signature));
    assert_eq!(
        verify(RSA_TOKEN, &rsa, &Expected { now_s: 2_060, ..EXPECTED }),
        Err(TokenError::Time),
        "expired, the leeway over"
    );
    assert_eq!(verify(RSA_TOKEN, &keys(&[jwk(&pair(), "r1")]), &EXPECTED), Err(TokenError::UnknownKey));
}

#[test]
fn each_claim_has_to_be_as_expected() {
    let pair = pair();
    let keys = keys(&[jwk(&pair, "k1")]);
    let header = json!({"alg": "ES256", "kid": "k1"});
    let with = |changes: &[(&str, Value)]| {
        let mut claims = claims();
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        verify(&signed(&pair, &header, &claims), &keys, &EXPECTED)
    };
    assert!(with(&[]).is_ok());
    for (changes, expected) in [
        (vec![("iss", json!("https://id.example/"))], TokenError::Issuer),
        (vec![("aud", json!("others"))], TokenError::Audience),
        (vec![("aud", json!([]))], TokenError::Audience),
        (vec![("aud", json!(["school", "others"]))], TokenError::Party),
        (vec![("azp", json!("others"))], TokenError::Party),
        (vec![("exp", json!(1_440))], TokenError::Time),
        (vec![("iat", json!(1_561))], TokenError::Time),
        (vec![("nbf", json!(1_561))], TokenError::Time),
        (vec![("nonce", json!("m"))], TokenError::Nonce),
        (vec![("nonce", json!(null))], TokenError::Nonce),
        (vec![("sub", json!(""))], TokenError::Subject),
        (vec![("sub", json!("s".repeat(256)))], TokenError::Subject),
        (vec![("exp", json!("soon"))], TokenError::Malformed),
    ] {
        assert_eq!(with(&changes), Err(expected), "{changes:?}");
    }
    let both = [("aud", json!(["school", "others"])), ("azp", json!("school"))];
    assert!(with(&both).is_ok());
    let mail =
        |flag: Value| with(&[("email", json!("a@b.cd")), ("email_verified", flag)]).expect("good").email;
    assert_eq!((mail(json!(true)), mail(json!("true"))), (Some("a@b.cd".into()), Some("a@b.cd".into())));
    assert_eq!((mail(json!(false)), mail(json!(null)), mail(json!(1))), (None, None, None), "not verified");
    assert_eq!(with(&[("name", json!("\u{202e}a\u{7}b "))]).expect("good").name.as_deref(), Some("ab"));
}

#[test]
fn only_the_providers_keys_sign_and_only_their_own_way() {
    let (own, other) = (pair(), pair());
    let known = keys(&[jwk(&own, "k1")]);
    let judged =
        |pair: &EcdsaKeyPair, header: Value| verify(&signed(pair, &header, &claims()), &known, &EXPECTED);
    assert_eq!(judged(&other, json!({"alg": "ES256", "kid": "k1"})), Err(TokenError::Signature));
    assert_eq!(judged(&other, json!({"alg": "ES256", "kid": "k2"})), Err(TokenError::UnknownKey));
    let brought = json!({"alg": "ES256", "kid": "k2", "jwk": jwk(&other, "k2")});
    assert_eq!(judged(&other, brought), Err(TokenError::UnknownKey), "a key of its own counts for nothing");
    for alg in ["none", "None", "HS256", "ES384", ""] {
        assert_eq!(judged(&own, json!({"alg": alg, "kid": "k1"})), Err(TokenError::Algorithm), "{alg}");
    }
    assert_eq!(judged(&own, json!({"alg": "ES256", "crit": ["x"], "x": 1})), Err(TokenError::Algorithm));
    assert_eq!(judged(&own, json!({"alg": "RS256", "kid": "k1"})), Err(TokenError::UnknownKey));
    assert!(judged(&own, json!({"alg": "ES256"})).is_ok(), "there is but one key");
    let two = keys(&[jwk(&own, "k1"), jwk(&other, "k2")]);
    let unnamed = signed(&own, &json!({"alg": "ES256"}), &claims());
    assert_eq!(verify(&unnamed, &two, &EXPECTED), Err(TokenError::UnknownKey), "which?");
    let bare = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
    assert_eq!(verify(&bare, &known, &EXPECTED), Err(TokenError::Algorithm));
    for odd in ["", ".", "..", "a.b.c", "e30.e30.", &"x".repeat(TOKEN_BYTES_MAX + 1), "키.키.키"] {
        assert_eq!(verify(odd, &known, &EXPECTED), Err(TokenError::Malformed), "{odd:.9}");
    }
}

#[test]
fn key_sets_are_read_with_care() {
    assert!(Keys::parse(b"[]").is_none() && Keys::parse(b"<html>").is_none());
    let odd = keys(&[
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
        json!({"kty": "RSA", "n": RSA_N, "e": "AQAB", "use": "enc"}),
        json!({"kty": "RSA", "n": RSA_N, "e": "AQAB", "alg": "PS256"}),
        json!(7),
    ]);
    assert!(odd.is_empty());
    let many: Vec<Value> =
        (0..100).map(|n| json!({"kty": "RSA", "kid": n.to_string(), "n": RSA_N, "e": "AQAB"})).collect();
    assert_eq!(keys(&many).len(), KEYS_MAX);
}

#[test]
fn one_comes_back_to_this_site_only() {
    for good in ["/", "/class/ink?x=1#a", "/%2F%2Fevil.example"] {
        assert_eq!(local_path(good), good);
    }
    let long = format!("/{}", "x".repeat(PATH_BYTES_MAX));
    for bad in [
        "",
        "x",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nSet-Cookie: x",
        "/붓",
        "/a b",
        &long,
    ] {
        assert_eq!(local_path(bad), "/", "{bad:?}");
    }
    // RFC 7636, appendix B.
    assert_eq!(
        challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
}
