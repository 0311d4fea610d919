//! Secondary cache keys (RFC 9111 section 4.1).

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderName, VARY};

/// The request fields a response depends on, with the values they had (normalised; `None`: field absent).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VaryKey(Vec<(HeaderName, Option<String>)>);

impl VaryKey {
    /// The key of `response`, had for `request`. `Vary: *` never reaches here: such a response is not stored.
    pub fn of(request: &HeaderMap, response: &HeaderMap) -> Self {
        let mut names: Vec<HeaderName> = response
            .get_all(VARY)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|line| line.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Self(names.into_iter().map(|name| (name.clone(), normal_value(request, &name))).collect())
    }

    /// Whether `request` selects the response this key belongs to.
    pub fn matches(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|(name, value)| normal_value(request, name) == *value)
    }
}

/// Lines are joined and spaces around commas dropped. Where order and case carry no meaning (`Accept-Language`,
/// `Accept-Encoding`) they are dropped as well.
fn normal_value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let text: Vec<String> = lines.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
    let mut items: Vec<String> =
        text.iter().flat_map(|line| line.split(',')).map(|item| item.trim().to_owned()).collect();
    if *name == ACCEPT_LANGUAGE || *name == ACCEPT_ENCODING {
        for item in &mut items {
            item.retain(|c| c != ' ');
            item.make_ascii_lowercase();
        }
        items.sort();
    }
    Some(items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn named_fields_must_match_and_others_need_not() {
        let key = VaryKey::of(&map(&[("foo", "1"), ("bar", "x")]), &map(&[("vary", "Foo, Baz")]));
        assert!(key.matches(&map(&[("foo", "1"), ("bar", "y")])));
        assert!(!key.matches(&map(&[("foo", "2")])));
        assert!(!key.matches(&map(&[])));
        assert!(!key.matches(&map(&[("foo", "1"), ("baz", "")])));
    }

    #[test]
    fn spelling_without_meaning_is_normalised() {
        let vary = map(&[("vary", "foo, accept-language")]);
        let key = VaryKey::of(&map(&[("foo", "1, 2"), ("accept-language", "ko, EN;q=0.5")]), &vary);
        assert!(key.matches(&map(&[("foo", "1"), ("foo", "2"), ("accept-language", "en; q=0.5,ko")])));
        assert!(!key.matches(&map(&[("foo", "2,1"), ("accept-language", "en;q=0.5,ko")])));
    }
}
