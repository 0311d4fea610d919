//! Domain names as they stand in messages: labels with their lengths, ended by an empty one. Lower case, so that equal names are
//! equal bytes.

/// Longest name, in bytes (RFC 1035, section 2.3.4).
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Longest label, in bytes.
pub(crate) const LABEL_BYTES_MAX: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Vec<u8>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{name:?} is no domain name: labels of 1 to 63 letters, digits, `-` or `_`, 255 bytes at most in all"
)]
pub struct Error {
    name: String,
}

impl Name {
    /// Reads `live.school.example`, with or without a dot at the end.
    ///
    /// # Errors
    /// A label is empty, too long, or has other characters; or there is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || Error { name: text.chars().take(NAME_BYTES_MAX).collect() };
        let mut bytes = Vec::with_capacity(text.len() + 2);
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if label.is_empty() || label.len() > LABEL_BYTES_MAX || !label.bytes().all(is_good) {
                return Err(wrong());
            }
            bytes.push(label.len() as u8);
            bytes.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
        }
        bytes.push(0);
        if bytes.len() > NAME_BYTES_MAX { Err(wrong()) } else { Ok(Self(bytes)) }
    }

    /// The name of labels that were checked, such as those of a query.
    pub(crate) fn of_labels(labels: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(NAME_BYTES_MAX);
        for label in labels {
            bytes.push(label.len() as u8);
            bytes.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        bytes.push(0);
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn labels(&self) -> Vec<&[u8]> {
        labels(&self.0)
    }

    /// The labels in front of `parent`; `None` if it does not lie there.
    pub(crate) fn below(&self, parent: &Self) -> Option<Vec<&[u8]>> {
        let (mut own, above) = (self.labels(), parent.labels());
        if !own.ends_with(&above) {
            return None;
        }
        own.truncate(own.len() - above.len());
        Some(own)
    }
}

/// Labels of a name's bytes; stops where they are not a name's.
fn labels(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((length, rest)) = bytes.split_first()
        && *length > 0
        && let Some((label, rest)) = rest.split_at_checked(usize::from(*length))
    {
        found.push(label);
        bytes = rest;
    }
    found
}
