//! Byte ranges (RFC 9110 section 14). One range is served; several are answered with the whole.

/// What to send for a `Range` field over a representation of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// 200 with everything: no range, a unit we do not know, or several ranges.
    Full,
    /// 206 with bytes `start..end` (end exclusive, never empty).
    Part { start: u64, end: u64 },
    /// 416.
    Unsatisfiable(Unsatisfiable),
}

/// Why 416.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsatisfiable {
    /// Well-formed, but wholly beyond the end.
    BeyondEnd,
    /// `bytes=` followed by something that is no range. A server may ignore or reject it (RFC 9110 section
    /// 14.2); a player that sends it is broken and learns so.
    Malformed,
}

/// Selects bytes of a representation of `length` bytes for the value of a `Range` field.
pub fn select(range: Option<&[u8]>, length: u64) -> Selection {
    let Some(value) = range.and_then(|v| std::str::from_utf8(v).ok()) else { return Selection::Full };
    let Some((unit, set)) = value.split_once('=') else { return Selection::Full };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selection::Full;
    }
    let mut specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    match (specs.next(), specs.next()) {
        (Some(spec), None) => select_one(spec, length),
        (Some(_), Some(_)) => Selection::Full,
        (None, _) => Selection::Unsatisfiable(Unsatisfiable::Malformed),
    }
}

fn select_one(spec: &str, length: u64) -> Selection {
    let malformed = Selection::Unsatisfiable(Unsatisfiable::Malformed);
    let Some((first, last)) = spec.split_once('-') else { return malformed };
    let (start, end) = match (position(first), position(last)) {
        (Position::At(start), Position::Absent) => (start, length),
        (Position::At(start), Position::At(last)) if start <= last => {
            (start, length.min(last.saturating_add(1)))
        }
        (Position::Absent, Position::At(suffix)) => (length.saturating_sub(suffix), length),
        _ => return malformed,
    };
    if start < end {
        Selection::Part { start, end }
    } else {
        Selection::Unsatisfiable(Unsatisfiable::BeyondEnd)
    }
}

enum Position {
    Absent,
    At(u64),
    Unreadable,
}

fn position(text: &str) -> Position {
    match text {
        "" => Position::Absent,
        _ if text.bytes().all(|b| b.is_ascii_digit()) => Position::At(text.parse().unwrap_or(u64::MAX)),
        _ => Position::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(range: &str) -> Selection {
        select(Some(range.as_bytes()), 10)
    }

    #[test]
    fn range_matrix() {
        let part = |start, end| Selection::Part { start, end };
        for (range, want) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-", part(0, 10)),
            ("bytes=3-5", part(3, 6)),
            ("bytes=3-99", part(3, 10)),
            ("bytes=9-99999999999999999999999", part(9, 10)),
            ("bytes=-1", part(9, 10)),
            ("bytes=-99", part(0, 10)),
            ("BYTES=1-2", part(1, 3)),
            ("bytes=0-1,3-4", Selection::Full),
            ("items=0-1", Selection::Full),
            ("nonsense", Selection::Full),
            ("bytes=10-", Selection::Unsatisfiable(Unsatisfiable::BeyondEnd)),
            ("bytes=-0", Selection::Unsatisfiable(Unsatisfiable::BeyondEnd)),
            ("bytes=5-3", Selection::Unsatisfiable(Unsatisfiable::Malformed)),
            ("bytes=a-b", Selection::Unsatisfiable(Unsatisfiable::Malformed)),
            ("bytes=-", Selection::Unsatisfiable(Unsatisfiable::Malformed)),
            ("bytes=", Selection::Unsatisfiable(Unsatisfiable::Malformed)),
            ("bytes=1", Selection::Unsatisfiable(Unsatisfiable::Malformed)),
            ("bytes=1--2", Selection::Unsatisfiable(Unsatisfiable::Malformed)),
        ] {
            assert_eq!(of(range), want, "{range}");
        }
        assert_eq!(select(None, 10), Selection::Full);
        assert_eq!(select(Some(b"bytes=0-"), 0), Selection::Unsatisfiable(Unsatisfiable::BeyondEnd));
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_nor_beyond_the_end(range in "(bytes=)?[0-9,\\- a]{0,24}", length in 0u64..1000) {
            if let Selection::Part { start, end } = select(Some(range.as_bytes()), length) {
                prop_assert!(start < end && end <= length);
            }
        }
    }
}
