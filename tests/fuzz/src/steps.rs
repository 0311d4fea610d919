//! Inputs that are a sequence of things happening: kind, length, bytes, and again. Every byte string is such a sequence.

/// Reads the steps of an input; the last one takes what is left when its length says more.
#[derive(Clone, Debug)]
pub struct Steps<'a>(&'a [u8]);

impl<'a> Steps<'a> {
    #[must_use]
    pub fn of(input: &'a [u8]) -> Self {
        Self(input)
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
        let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        self.0 = rest;
        Some((*kind, body))
    }
}

/// Writes steps as an input. A body over 64 KiB is cut.
#[must_use]
pub fn write<B: AsRef<[u8]>>(steps: &[(u8, B)]) -> Vec<u8> {
    let mut input = Vec::new();
    for (kind, body) in steps {
        let body = body.as_ref();
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
        input.push(*kind);
        input.extend_from_slice(&length.to_be_bytes());
        input.extend_from_slice(&body[..usize::from(length)]);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_back_and_a_cut_input_is_still_read() {
        let input = write(&[(1, &b"abc"[..]), (2, b""), (9, b"xy")]);
        let steps: Vec<_> = Steps::of(&input).collect();
        assert_eq!(steps, [(1, &b"abc"[..]), (2, b""), (9, b"xy")]);
        assert_eq!(Steps::of(&input[..5]).collect::<Vec<_>>(), [(1, &b"ab"[..])]);
        assert_eq!(Steps::of(&[7]).collect::<Vec<_>>(), [(7, &b""[..])]);
    }
}
