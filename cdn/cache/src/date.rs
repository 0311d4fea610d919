//! HTTP dates (RFC 9110 section 5.6.7), read leniently in letter case and strictly in everything else.

use std::time::SystemTime;

/// Reads an HTTP-date in any of its three forms. Letter case is forgiven because caches in the wild forgive it;
/// any other zone than GMT, a wrong field width or a second value make the date invalid.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    // "Sunday, 06-Nov-94 08:49:37 GMT" is the longest legal form.
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    let mut normal = String::with_capacity(text.len());
    for word in text.split_inclusive([' ', ',', '-']) {
        if word.trim_end().eq_ignore_ascii_case("gmt") {
            normal.push_str("GMT");
        } else {
            for (i, c) in word.chars().enumerate() {
                normal.push(if i == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
            }
        }
    }
    httpdate::parse_http_date(&normal).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn three_forms_and_wrong_case_are_read() {
        let want = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN, 06 NOV 1994 08:49:37 gMT",
        ] {
            assert_eq!(parse(text), Some(want), "{text}");
        }
    }

    #[test]
    fn other_zones_and_loose_forms_are_refused() {
        for text in [
            "0",
            "",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
