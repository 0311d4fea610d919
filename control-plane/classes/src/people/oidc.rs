//! What an OpenID provider says of somebody, checked: OpenID Connect Core 1.0, keys of RFC 7517, signatures of RFC 7518.
//!
//! Pure: the shell fetches keys and tokens, and gives the time. Two algorithms are taken, RS256 and ES256, each with keys of
//! its own kind only: nothing unsigned, nothing signed with a shared secret, no key that the token itself brings.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, signature};
use serde::Deserialize;
use serde_json::Value;

use super::account::{NAME_CHARACTERS_MAX, check_email, is_invisible};
use crate::id;

/// Longest ID token that is looked at, in bytes; providers send one or two thousand.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Keys of one provider; more are not looked at. Providers have two or three.
pub const KEYS_MAX: usize = 64;
/// Longest subject (Core §2: "MUST NOT exceed 255 ASCII characters").
pub const SUBJECT_BYTES_MAX: usize = 255;
/// Longest path to come back to, in bytes.
pub const PATH_BYTES_MAX: usize = 512;
/// Clocks differ by this much, in seconds.
const LEEWAY_S: u64 = 60;

/// Why an ID token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Three parts of base64url with JSON in two of them were expected.
    #[error("it is no signed token")]
    Malformed,
    /// Neither RS256 nor ES256.
    #[error("its algorithm is not taken")]
    Algorithm,
    /// None of the provider's keys fits: they may have changed, and fetching them again may help.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// Somebody else has signed it, or it was changed.
    #[error("its signature is wrong")]
    Signature,
    /// It is of another provider.
    #[error("it is of another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// It was asked for by somebody else (Core §3.1.3.7, 4 and 5).
    #[error("it was issued to another party")]
    Party,
    /// It is over, or not yet good.
    #[error("it is expired or not yet valid")]
    Time,
    /// It answers another sign-in.
    #[error("its nonce is of another sign-in")]
    Nonce,
    /// Nobody, or too long.
    #[error("its subject is missing or too long")]
    Subject,
}

/// What a token has to say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider, exactly as configured.
    pub issuer: &'a str,
    /// This school at the provider.
    pub client_id: &'a str,
    /// Of this sign-in.
    pub nonce: &'a str,
    /// Seconds since the Unix epoch.
    pub now_s: u64,
}

/// Who somebody is at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Never given to anybody else by the provider.
    pub subject: String,
    /// In the form of [`check_email`]. Only one that the provider has verified.
    pub email: Option<String>,
    /// As it can be shown, if it can.
    pub name: Option<String>,
}

/// A provider's public keys.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// P-256, uncompressed.
    Ec(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Es256,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    email: Option<Value>,
    email_verified: Option<Value>,
    name: Option<Value>,
}

impl Keys {
    /// Reads a JWK set. Keys of other kinds, for other uses or without sense are left out: providers add new ones. `None`:
    /// it is no key set.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(json).ok()?;
        let keys = set.get("keys")?.as_array()?;
        Some(Self(keys.iter().filter_map(Key::parse).take(KEYS_MAX).collect()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none that could be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<&Key> {
        let fits = |key: &&Key| key.algorithm() == algorithm && (id.is_none() || key.id.as_deref() == id);
        let mut fitting = self.0.iter().filter(fits);
        let found = fitting.next()?;
        // Without a name only an only key can be meant.
        (id.is_some() || fitting.next().is_none()).then_some(found)
    }
}

impl Key {
    fn parse(key: &Value) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        text("use").is_none_or(|used| used == "sig").then_some(())?;
        let (material, algorithm) = match text("kty")? {
            "RSA" => {
                let plain = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect();
                (Material::Rsa { n: plain(bytes("n")?), e: plain(bytes("e")?) }, "RS256")
            }
            "EC" if text("crv") == Some("P-256") => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                (x.len() == 32 && y.len() == 32).then_some(())?;
                (Material::Ec([&[4][..], &x, &y].concat()), "ES256")
            }
            _ => return None,
        };
        text("alg").is_none_or(|alg| alg == algorithm).then_some(())?;
        Some(Self { id: text("kid").map(str::to_owned), material })
    }

    fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::Ec(_) => Algorithm::Es256,
        }
    }

    fn has_signed(&self, message: &[u8], signed: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Rsa { n, e } => signature::RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message,
                signed,
            ),
            Material::Ec(point) => {
                signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signed)
            }
        };
        verified.is_ok()
    }
}

/// Who an ID token is of, once everything in it is as it has to be (Core §3.1.3.7).
///
/// # Errors
/// The first thing that is not.
pub fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Identity, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let (message, signed) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
    let algorithm = match header.alg.as_str() {
        "RS256" => Algorithm::Rs256,
        "ES256" => Algorithm::Es256,
        _ => return Err(TokenError::Algorithm),
    };
    // What has to be understood (RFC 7515 §4.1.11) and is not.
    if header.crit.is_some() {
        return Err(TokenError::Algorithm);
    }
    let key = keys.find(algorithm, header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
    if !key.has_signed(message.as_bytes(), &decode(signed)?) {
        return Err(TokenError::Signature);
    }
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)?;
    check(&claims, expected)?;
    Ok(identity(claims))
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    if claims.iss != expected.issuer {
        return Err(TokenError::Issuer);
    }
    let audiences = match &claims.aud {
        Value::Array(audiences) => audiences.iter().collect(),
        one => vec![one],
    };
    if !audiences.iter().any(|audience| audience.as_str() == Some(expected.client_id)) {
        return Err(TokenError::Audience);
    }
    let is_ours = |party: &str| party == expected.client_id;
    let has_sound_party = match &claims.azp {
        Some(party) => is_ours(party),
        None => audiences.len() == 1,
    };
    if !has_sound_party {
        return Err(TokenError::Party);
    }
    let (earliest, latest) = (expected.now_s.saturating_sub(LEEWAY_S), expected.now_s + LEEWAY_S);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let (earliest, latest) = (earliest as f64, latest as f64);
    let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
    if claims.exp <= earliest || begins > latest {
        return Err(TokenError::Time);
    }
    // Hashes: how long a comparison of them takes says nothing.
    let nonce = claims.nonce.as_deref().ok_or(TokenError::Nonce)?;
    if id::hash(nonce) != id::hash(expected.nonce) {
        return Err(TokenError::Nonce);
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Subject);
    }
    Ok(())
}

fn identity(claims: Claims) -> Identity {
    // Some providers write the flag as text.
    let is_verified = claims.email_verified.is_some_and(|flag| flag == true || flag == "true");
    let email = claims.email.as_ref().and_then(Value::as_str).filter(|_| is_verified);
    let name = claims.name.as_ref().and_then(Value::as_str).unwrap_or_default();
    let shown: String = name.chars().filter(|c| !is_invisible(*c)).take(NAME_CHARACTERS_MAX).collect();
    let shown = shown.trim();
    Identity {
        subject: claims.sub,
        email: email.and_then(|email| check_email(email).ok()),
        name: (!shown.is_empty()).then(|| shown.to_owned()),
    }
}

/// PKCE: what is sent ahead of a verifier (RFC 7636 §4.2, S256).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// A path of this site to come back to; anything else is the first page: `//host` and `/\host` are other sites to a browser.
#[must_use]
pub fn local_path(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.len() <= PATH_BYTES_MAX
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests;
