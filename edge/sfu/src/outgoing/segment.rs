//! A part of an outgoing stream that maps to a run of one layer by constant shifts.

use crate::Layer;

/// How the packets of one part differ from the layer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// 48-bit packet index for the receiver.
    pub(crate) index: u64,
    pub(crate) timestamp_shift: u32,
    pub(crate) picture_shift: u16,
    pub(crate) tl0_shift: u8,
    pub(crate) frame_shift: u16,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// Layer and its epoch.
    pub(crate) id: (Layer, u32),
    /// First index on the layer.
    pub(crate) first: u64,
    /// One past the last index on the layer. Indices between that did not come (yet) keep their place.
    pub(crate) end: u64,
    /// Index of `first` for the receiver.
    pub(crate) out_first: u64,
    pub(crate) timestamp_shift: u32,
    pub(crate) picture_shift: u16,
    pub(crate) tl0_shift: u8,
    pub(crate) frame_shift: u16,
}

impl Segment {
    pub(crate) fn new(id: (Layer, u32), first: u64, out_first: u64) -> Self {
        Self {
            id,
            first,
            end: first,
            out_first,
            timestamp_shift: 0,
            picture_shift: 0,
            tl0_shift: 0,
            frame_shift: 0,
        }
    }

    /// Ends this part before a padding packet at `index` and gives the part after it: the receiver sees no hole.
    pub(crate) fn after_padding(&mut self, index: u64) -> Self {
        let out = self.out_first + (index - self.first);
        self.end = index;
        Self { first: index + 1, end: index + 1, out_first: out, ..*self }
    }

    /// Whether an index of the layer lies in this part.
    pub(crate) fn holds(&self, index: u64) -> bool {
        (self.first..self.end).contains(&index)
    }

    /// Whether an index of the receiver lies in this part.
    pub(crate) fn covers(&self, out: u64) -> bool {
        (self.out_first..self.out_first + (self.end - self.first)).contains(&out)
    }

    pub(crate) fn source_index(&self, out: u64) -> u64 {
        self.first + (out - self.out_first)
    }

    pub(crate) fn rewrite(&self, index: u64) -> Rewrite {
        Rewrite {
            index: self.out_first + (index - self.first),
            timestamp_shift: self.timestamp_shift,
            picture_shift: self.picture_shift,
            tl0_shift: self.tl0_shift,
            frame_shift: self.frame_shift,
        }
    }
}
