//! `application/x-www-form-urlencoded` query strings (WHATWG URL, section 5.1).

/// A percent sign without two hex digits, or bytes that are not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// First value of `name`, decoded; `None` when absent. What other pairs hold does not matter.
pub(crate) fn value(query: &str, name: &str) -> Result<Option<String>, Malformed> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let found = pairs.find(|(key, _)| decode(key).as_deref() == Some(name));
    found.map(|(_, value)| decode(value).ok_or(Malformed)).transpose()
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = (rest.next().and_then(hex), rest.next().and_then(hex));
                let (Some(high), Some(low)) = pair else { return None };
                bytes.push(high << 4 | low);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_counts() {
        let query = "%zz=1&a=%EB%B6%93+%2b&b=&a=2&flag";
        let found = |name| value(query, name).expect("well-formed");
        assert_eq!(found("a").as_deref(), Some("붓 +"));
        assert_eq!(found("b").as_deref(), Some(""));
        assert_eq!(found("flag").as_deref(), Some(""));
        assert_eq!(found("c"), None);
        assert_eq!(value("a=%e", "a"), Err(Malformed));
        assert_eq!(value("a=%ff", "a"), Err(Malformed));
    }
}
