//! A class as a calendar file (iCalendar, RFC 5545).

use std::fmt::Write as _;

use jiff::Timestamp;

use super::class::Class;

/// Longest line, in bytes without its end (§3.1).
const LINE_BYTES_MAX: usize = 75;

/// The file, if it is settled when the class begins. Times are in UTC, so no rules of time zones go along and none can be old;
/// the calendar shows them in its own clock. `link` leads to the class.
#[must_use]
pub fn calendar(class: &Class, link: &str, host: &str) -> Option<String> {
    let start_ms = class.starts_at_ms?;
    let end_ms = start_ms + u64::from(class.duration_min) * 60_000;
    let description = if class.description.is_empty() {
        link.to_owned()
    } else {
        format!("{}\n\n{link}", class.description)
    };
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Seodang//Classes//EN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}@{host}", class.id),
        format!("DTSTAMP:{}", utc(class.updated_at_ms)?),
        format!("LAST-MODIFIED:{}", utc(class.updated_at_ms)?),
        // Each change has a higher number, as calendars want it (§3.8.7.4): seconds since it was made.
        format!("SEQUENCE:{}", class.updated_at_ms.saturating_sub(class.created_at_ms) / 1000),
        format!("DTSTART:{}", utc(start_ms)?),
        format!("DTEND:{}", utc(end_ms)?),
        format!("SUMMARY:{}", escaped(&class.title)),
        format!("DESCRIPTION:{}", escaped(&description)),
        format!("URL:{link}"),
        "BEGIN:VALARM".to_owned(),
        "ACTION:DISPLAY".to_owned(),
        format!("DESCRIPTION:{}", escaped(&class.title)),
        "TRIGGER:-PT15M".to_owned(),
        "END:VALARM".to_owned(),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    if !class.instructor_name.is_empty() {
        lines.insert(14, format!("CONTACT:{}", escaped(&class.instructor_name)));
    }
    Some(lines.iter().map(|line| folded(line)).collect())
}

/// `20261121T100000Z`
fn utc(at_ms: u64) -> Option<String> {
    let at = Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
    Some(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// In whose clock the start was meant, for people: `2026-11-21 19:00 (Asia/Seoul)`.
#[must_use]
pub fn local(at_ms: u64, time_zone: &str) -> Option<String> {
    let at = Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
    let zoned = at.in_tz(time_zone).ok()?;
    Some(format!("{} ({time_zone})", zoned.strftime("%Y-%m-%d %H:%M")))
}

/// §3.3.11.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// §3.1: lines of at most 75 bytes, never cut inside a character, the rest begins with a space.
fn folded(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + line.len() / 70 * 3 + 2);
    let mut bytes = 0;
    for c in line.chars() {
        if bytes + c.len_utf8() > LINE_BYTES_MAX {
            folded.push_str("\r\n ");
            bytes = 1;
        }
        bytes += c.len_utf8();
        folded.push(c);
    }
    write!(folded, "\r\n").ok();
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::class::NewClass;

    fn class(title: &str) -> Class {
        let json = serde_json::json!({"title": title, "description": "먹, 붓; 종이\\\n준비", "starts_at_ms": 1_795_255_200_000_u64, "duration_min": 90});
        let new: NewClass = serde_json::from_value(json).expect("a class");
        new.checked("calligraphy-abc234".to_owned(), 1_795_000_000_000).expect("sound")
    }

    #[test]
    fn a_calendar_file_is_folded_escaped_and_in_utc() {
        let file =
            calendar(&class(&"붓글씨 교실 ".repeat(10)), "https://school.example/class/x", "school.example")
                .expect("it has a start");
        assert!(file.ends_with("END:VCALENDAR\r\n") && !file.replace("\r\n", "").contains(['\r', '\n']));
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        let whole = file.replace("\r\n ", "");
        assert!(whole.contains(&format!("SUMMARY:{}\r\n", "붓글씨 교실 ".repeat(10).trim())), "{whole}");
        assert!(
            whole.contains("DESCRIPTION:먹\\, 붓\\; 종이\\\\\\n준비\\n\\nhttps://school.example/class/x\r\n"),
            "{whole}"
        );
        assert!(whole.contains("DTSTART:20261121T100000Z\r\nDTEND:20261121T113000Z\r\n"), "{whole}");
        assert_eq!(local(1_795_255_200_000, "Asia/Seoul").as_deref(), Some("2026-11-21 19:00 (Asia/Seoul)"));
        assert_eq!(calendar(&Class { starts_at_ms: None, ..class("x") }, "", ""), None);
    }
}
