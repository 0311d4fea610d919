//! What the archive writes: objects with a path, and where the paths come from.

use bytes::Bytes;

/// Something to put into the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `{room}/{room_sid}/…`; only `[A-Za-z0-9._-]`, `%` escapes and `/`.
    pub path: String,
    pub bytes: Bytes,
    pub content_type: &'static str,
    pub lifetime: Lifetime,
}

/// How long what stands at a path stays true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// The same path always has the same bytes: put once, cache for ever.
    Immutable,
    /// A playlist or manifest, replaced while the class runs.
    Changing,
}

/// Longest name of a room or room life, before escaping: file names end at 255 bytes and an escape takes three.
pub const NAME_BYTES_MAX: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name is empty, `.` or `..`: it cannot be a path")]
    NotAName,
    #[error("a name of {0} bytes is over the limit of {NAME_BYTES_MAX}")]
    TooLong(usize),
}

/// One component of a path: everything but `[A-Za-z0-9._-]` is percent-encoded, so no separator and no way up is left.
///
/// # Errors
/// The name has no safe spelling.
pub fn path_component(name: &str) -> Result<String, NameError> {
    if matches!(name, "" | "." | "..") {
        return Err(NameError::NotAName);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong(name.len()));
    }
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(out)
}

/// The name a component was made of; `None` when it is not one [`path_component`] makes.
#[must_use]
pub fn component_name(component: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component;
    while let Some(first) = rest.chars().next() {
        let taken = if first == '%' { 3 } else { first.len_utf8() };
        let (part, after) = rest.split_at_checked(taken)?;
        match part.strip_prefix('%') {
            Some(hex) => bytes.push(u8::from_str_radix(hex, 16).ok()?),
            None => bytes.extend_from_slice(part.as_bytes()),
        }
        rest = after;
    }
    let name = String::from_utf8(bytes).ok()?;
    (path_component(&name).as_deref() == Ok(component)).then_some(name)
}

/// Media type by file name; the store keeps none.
#[must_use]
pub fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("mp4") => "video/mp4",
        Some("m4s") => "video/iso.segment",
        Some("webm") => "video/webm",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Lifetime by file name.
#[must_use]
pub fn lifetime(path: &str) -> Lifetime {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("mp4" | "m4s" | "webm") => Lifetime::Immutable,
        _ => Lifetime::Changing,
    }
}

/// Objects on their way out.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) segments: std::collections::VecDeque<Object>,
    /// What is cut now was cut by the shell and not by the journal: more may come later, so the name says which cut it is.
    pub(crate) forced: bool,
}

impl Output {
    /// Queues an immutable object under `{stem}{extension}`; answers the path. A forced cut carries its checksum.
    pub(crate) fn put(&mut self, stem: &str, extension: &str, bytes: Vec<u8>) -> String {
        let path = if self.forced {
            format!("{stem}-{:08x}{extension}", crc32c::crc32c(&bytes))
        } else {
            format!("{stem}{extension}")
        };
        let content_type = content_type(&path);
        let (bytes, lifetime) = (bytes.into(), Lifetime::Immutable);
        self.segments.push_back(Object { path: path.clone(), bytes, content_type, lifetime });
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_folder() {
        let component = path_component("서당 1/..").expect("a name");
        assert_eq!(component, "%EC%84%9C%EB%8B%B9%201%2F..");
        assert_eq!(component_name(&component).as_deref(), Some("서당 1/.."));
        assert_eq!(component_name("%2e%2e"), None);
        for name in ["", ".", ".."] {
            assert_eq!(path_component(name), Err(NameError::NotAName));
        }
        assert_eq!(path_component(&"x".repeat(81)), Err(NameError::TooLong(81)));
    }
}
