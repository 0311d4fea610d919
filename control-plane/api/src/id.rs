//! Names: which strings may name a room, an identity, a node or a region.

/// Longest room name or identity, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest node or region name, in bytes.
pub const NODE_NAME_BYTES_MAX: usize = 63;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("{what} is empty")]
    Empty { what: &'static str },
    #[error("{what} is longer than {limit} bytes")]
    TooLong { what: &'static str, limit: usize },
    #[error("{what} has a character that is not allowed: {character:?}")]
    Character { what: &'static str, character: char },
}

/// Checks a room name or an identity: any text without control characters and without `/`.
///
/// # Errors
/// Says which rule is broken; `what` names the field in the message.
pub fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::Empty { what });
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::TooLong { what, limit: NAME_BYTES_MAX });
    }
    match name.chars().find(|c| c.is_control() || *c == '/') {
        Some(character) => Err(Error::Character { what, character }),
        None => Ok(()),
    }
}

/// Checks a node or region name: a DNS label of lower-case letters, digits and `-`.
///
/// # Errors
/// Says which rule is broken.
pub fn check_node_name(what: &'static str, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::Empty { what });
    }
    if name.len() > NODE_NAME_BYTES_MAX {
        return Err(Error::TooLong { what, limit: NODE_NAME_BYTES_MAX });
    }
    match name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        Some(character) => Err(Error::Character { what, character }),
        None => Ok(()),
    }
}
