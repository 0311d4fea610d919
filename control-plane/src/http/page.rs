//! Pages of a list: `{"items": […], "next": cursor | null}`.

use serde::Serialize;

use super::answer::Refusal;

/// One page.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Where a page ended. To whoever asks it is an opaque word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) at_ms: u64,
    pub(crate) id: String,
}

impl<T> Page<T> {
    /// `found` has one more than `limit` if there is another page.
    pub(crate) fn of(mut found: Vec<T>, limit: usize, end: impl Fn(&T) -> After) -> Self {
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| end(last).to_cursor());
        Self { items: found, next }
    }
}

impl After {
    pub(crate) fn to_cursor(&self) -> String {
        format!("{}~{}", self.at_ms, self.id)
    }

    /// No cursor: the first page.
    pub(crate) fn parse(cursor: Option<&str>) -> Result<Option<Self>, Refusal> {
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else { return Ok(None) };
        let parsed = cursor.split_once('~').and_then(|(at_ms, id)| {
            let at_ms = at_ms.parse().ok().filter(|at_ms| *at_ms <= i64::MAX.unsigned_abs())?;
            (id.len() <= 128).then(|| Self { at_ms, id: id.to_owned() })
        });
        let wrong = || {
            Refusal::bad_request(
                "cursor is none of this list: take `next` of the page before, or leave it out",
            )
        };
        parsed.map(Some).ok_or_else(wrong)
    }
}
