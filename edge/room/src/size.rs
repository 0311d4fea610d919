//! How large a participant's record may be: it is told whole, to every client and in one frame to every edge.

use edge_wire::{frame, model};

use crate::limits::{ATTRIBUTES_BYTES_MAX, NAME_BYTES_MAX, RECORD_BYTES_MAX};

/// `announced`: tracks that become part of the record when they are negotiated.
///
/// # Errors
/// What is too large, in words for its owner.
pub(crate) fn check<'a>(
    participant: &model::Participant,
    announced: impl IntoIterator<Item = &'a model::Track>,
) -> Result<(), &'static str> {
    let attributes: usize = participant.attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if participant.name.len() > NAME_BYTES_MAX {
        return Err("the name is longer than 1 kB");
    }
    if participant.metadata.len() > ATTRIBUTES_BYTES_MAX {
        return Err("the metadata is larger than 64 kB");
    }
    if attributes > ATTRIBUTES_BYTES_MAX {
        return Err("the attributes are larger than 64 kB");
    }
    let announced: usize = announced.into_iter().map(frame::length).sum();
    if frame::length(participant) + announced > RECORD_BYTES_MAX {
        return Err("metadata, attributes and tracks are larger than 192 kB together");
    }
    Ok(())
}
