//! What the cache holds: a response head with its policy, its body in chunks, and the variants under one key.

use crate::freshness::{self, NoStore, Options, Policy};
use crate::headers;
use crate::vary::VaryKey;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, VIA,
};
use std::sync::Arc;
use std::time::SystemTime;

/// Body chunk size in the store, bytes. Large enough that a 1 MiB segment is written in four pieces, small
/// enough that a slow client pins little.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Most variants (`Vary`) held under one key; the oldest makes room. Media has none, playlists at most a few
/// encodings; more is an origin varying on something unbounded.
pub const VARIANTS_MAX: usize = 8;

/// Rough memory a stored response takes beside its body and header bytes.
const OVERHEAD_BYTES: usize = 512;

/// Status and fields of a response as stored: hop-by-hop and computed fields are gone, `Via` is in.
#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub policy: Policy,
    pub vary: VaryKey,
}

/// A whole body. Its chunks are allocated to size, so that their lengths are what they cost.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Body {
    chunks: Vec<Bytes>,
    length: u64,
}

impl Body {
    /// Copies `parts` into chunks of [`CHUNK_BYTES`]. Copying once here lets go of the network buffers the parts
    /// point into, which may be many times larger than the parts.
    pub fn gather<'a>(parts: impl Iterator<Item = &'a Bytes> + Clone) -> Self {
        let length: usize = parts.clone().map(Bytes::len).sum();
        let mut chunks = Vec::with_capacity(length.div_ceil(CHUNK_BYTES));
        let mut left = length;
        let mut open = BytesMut::with_capacity(left.min(CHUNK_BYTES));
        for part in parts {
            let mut part = part.as_ref();
            while !part.is_empty() {
                let room = CHUNK_BYTES - open.len();
                let (now, later) = part.split_at(part.len().min(room));
                open.extend_from_slice(now);
                part = later;
                if open.len() == CHUNK_BYTES {
                    left -= CHUNK_BYTES;
                    chunks.push(
                        std::mem::replace(&mut open, BytesMut::with_capacity(left.min(CHUNK_BYTES))).freeze(),
                    );
                }
            }
        }
        if !open.is_empty() {
            chunks.push(open.freeze());
        }
        Self { chunks, length: length as u64 }
    }

    /// Bytes in the body.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The longest piece of `start..end` that lies in one chunk; `None` when the range is used up.
    pub fn piece(&self, start: u64, end: u64) -> Option<Bytes> {
        let end = end.min(self.length);
        if start >= end {
            return None;
        }
        // Every chunk but the last is CHUNK_BYTES long (see `gather`).
        let index = usize::try_from(start / CHUNK_BYTES as u64).ok()?;
        let from = usize::try_from(start % CHUNK_BYTES as u64).ok()?;
        let chunk = self.chunks.get(index)?;
        let to = usize::try_from(end - start).map_or(chunk.len(), |left| chunk.len().min(from + left));
        Some(chunk.slice(from..to))
    }
}

/// A whole response in the store.
#[derive(Debug, Clone)]
pub struct Stored {
    pub head: Arc<Head>,
    pub body: Arc<Body>,
}

impl Stored {
    /// Memory this response is taken to hold, bytes.
    pub fn weight_bytes(&self) -> usize {
        let fields: usize = self.head.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 64).sum();
        usize::try_from(self.body.length).unwrap_or(usize::MAX).saturating_add(fields + OVERHEAD_BYTES)
    }

    /// Adds the preconditions that ask whether this response still holds (RFC 9111 section 4.3.1). Without
    /// a validator nothing is added and the answer replaces this response.
    pub fn ask_if_changed(&self, request: &mut HeaderMap) {
        let mut ask = |name, validator: Option<&HeaderValue>| {
            if let Some(validator) = validator {
                request.insert(name, validator.clone());
            }
        };
        ask(IF_NONE_MATCH, self.head.headers.get(ETAG));
        ask(IF_MODIFIED_SINCE, self.head.headers.get(LAST_MODIFIED));
    }

    /// This response with the fields of a 304 (RFC 9111 sections 3.2 and 4.3.4). The error half of the policy
    /// tells that the refreshed response serves this once and is not to be kept.
    pub fn freshen(
        &self,
        request: &HeaderMap,
        not_modified: &HeaderMap,
        times: (SystemTime, SystemTime),
        options: &Options,
    ) -> (Self, Result<(), NoStore>) {
        let (requested, received) = times;
        let mut update = not_modified.clone();
        headers::strip_hop_by_hop(&mut update);
        // They describe the stored bytes, which a 304 does not change.
        for name in [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE] {
            update.remove(name);
        }
        // The stored Via tells the way the body came.
        update.remove(VIA);
        let mut merged = self.head.headers.clone();
        merged.remove(DATE);
        for name in update.keys() {
            merged.remove(name);
        }
        merged.extend(update);
        headers::ensure_date(&mut merged, received);
        let judged = freshness::judge(request, self.head.status, &merged, requested, received, options);
        headers::forget_computed(&mut merged);
        let kept = judged.as_ref().map(|_| ()).map_err(|why| *why);
        let policy = judged.unwrap_or_else(|_| Policy::unstored(received));
        let vary = VaryKey::of(request, &merged);
        let head = Head { status: self.head.status, headers: merged, policy, vary };
        (Self { head: Arc::new(head), body: Arc::clone(&self.body) }, kept)
    }
}

/// The variants stored under one key, newest first. Immutable: a change makes a new slot, so that readers need
/// no lock.
#[derive(Debug, Clone, Default)]
pub struct Slot(Vec<Arc<Stored>>);

impl Slot {
    /// The newest variant `request` selects.
    pub fn select(&self, request: &HeaderMap) -> Option<&Arc<Stored>> {
        self.0.iter().find(|stored| stored.head.vary.matches(request))
    }

    /// This slot with `stored` in it, in place of the variant of the same secondary key.
    pub fn with(&self, stored: Arc<Stored>) -> Self {
        let others =
            self.0.iter().filter(|old| old.head.vary != stored.head.vary).take(VARIANTS_MAX - 1).cloned();
        let mut variants = Vec::with_capacity(self.0.len() + 1);
        variants.extend(others);
        variants.insert(0, stored);
        Self(variants)
    }

    /// This slot without the variant `request` selects; `None` when nothing is left.
    pub fn without(&self, request: &HeaderMap) -> Option<Self> {
        let left: Vec<_> = self.0.iter().filter(|old| !old.head.vary.matches(request)).cloned().collect();
        (!left.is_empty()).then_some(Self(left))
    }

    /// Memory of all variants, bytes.
    pub fn weight_bytes(&self) -> usize {
        self.0.iter().fold(0, |sum, stored| sum.saturating_add(stored.weight_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_of_a_gathered_body_are_its_bytes(
            sizes in prop::collection::vec(0usize..400_000, 0..4), start in 0u64..900_000, length in 0u64..900_000
        ) {
            let parts: Vec<Bytes> =
                sizes.iter().enumerate().map(|(i, &n)| (0..n).map(|b| (b * 7 + i) as u8).collect::<Vec<_>>().into()).collect();
            let flat: Vec<u8> = parts.concat();
            let body = Body::gather(parts.iter());
            prop_assert_eq!(body.length(), flat.len() as u64);
            let (mut at, end) = (start, start + length);
            let mut read = Vec::new();
            while let Some(piece) = body.piece(at, end) {
                prop_assert!(!piece.is_empty());
                at += piece.len() as u64;
                read.extend_from_slice(&piece);
            }
            let (from, to) = ((start as usize).min(flat.len()), (end as usize).min(flat.len()));
            prop_assert_eq!(&read[..], &flat[from..to]);
        }
    }
}
