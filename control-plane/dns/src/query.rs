//! A query as it came (RFC 1035, section 4; RFC 6891), read without trust: every length is checked before it is used.

use crate::name::{LABEL_BYTES_MAX, NAME_BYTES_MAX, Name};
use crate::subnet::Subnet;

pub(crate) const HEADER_BYTES: usize = 12;
/// Records besides the question that are looked at: OPT, a signature nobody here checks, and room to spare.
const EXTRA_RECORDS_MAX: u16 = 4;
const TYPE_OPT: u16 = 41;
const OPTION_SUBNET: u16 = 8;

#[derive(Clone, Debug)]
pub struct Query<'a> {
    pub(crate) id: u16,
    pub(crate) recursion_desired: bool,
    /// The question as it came, letters in the case they came in: resolvers compare it (draft-vixie-dnsext-dns0x20).
    pub(crate) question: &'a [u8],
    pub(crate) name: Name,
    pub(crate) kind: u16,
    pub(crate) class: u16,
    pub(crate) edns: Option<Edns>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Edns {
    pub(crate) version: u8,
    pub(crate) udp_bytes: u16,
    pub(crate) dnssec_ok: bool,
    pub(crate) subnet: Option<Subnet>,
}

/// Why a message is not answered as a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too short to be answered, or an answer itself: two servers would talk for ever.
    Silent,
    /// FORMERR.
    Malformed,
    /// NOTIMP: some other operation than a query.
    Operation,
}

impl<'a> Query<'a> {
    /// # Errors
    /// What it is instead.
    pub fn parse(message: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader { message, at: 0 };
        let mut header = [0_u16; 6];
        for word in &mut header {
            *word = reader.word().ok_or(Fault::Silent)?;
        }
        let [id, flags, questions, answers, authorities, extra] = header;
        if flags & 0x8000 != 0 {
            return Err(Fault::Silent);
        }
        if flags & 0x7800 != 0 {
            return Err(Fault::Operation);
        }
        if (questions, answers, authorities) != (1, 0, 0) || extra > EXTRA_RECORDS_MAX {
            return Err(Fault::Malformed);
        }
        let name = reader.name().ok_or(Fault::Malformed)?;
        let kind = reader.word().ok_or(Fault::Malformed)?;
        let class = reader.word().ok_or(Fault::Malformed)?;
        let question = &message[HEADER_BYTES..reader.at];
        let mut edns = None;
        for _ in 0..extra {
            let found = reader.extra_record()?;
            if found.is_some() && edns.is_some() {
                return Err(Fault::Malformed);
            }
            edns = edns.or(found);
        }
        if reader.at != message.len() {
            return Err(Fault::Malformed);
        }
        Ok(Self { id, recursion_desired: flags & 0x0100 != 0, question, name, kind, class, edns })
    }
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.message.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn word(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A name without pointers: nothing stands before a question to point to.
    fn name(&mut self) -> Option<Name> {
        let (start, mut labels) = (self.at, Vec::new());
        loop {
            let length = usize::from(self.byte()?);
            if length == 0 {
                return Some(Name::of_labels(&labels));
            }
            if length > LABEL_BYTES_MAX || self.at + length + 1 - start > NAME_BYTES_MAX {
                return None;
            }
            labels.push(self.take(length)?);
        }
    }

    /// Skips a name that may end in a pointer. Answers whether it is the root.
    fn skip_name(&mut self) -> Option<bool> {
        let start = self.at;
        loop {
            match self.byte()? {
                0 => return Some(self.at == start + 1),
                length if length & 0xc0 == 0xc0 => return self.byte().map(|_| false),
                length if usize::from(length) > LABEL_BYTES_MAX => return None,
                length => {
                    self.take(usize::from(length))?;
                }
            }
            if self.at - start > NAME_BYTES_MAX {
                return None;
            }
        }
    }

    /// A record of the additional section: EDNS, or passed over.
    fn extra_record(&mut self) -> Result<Option<Edns>, Fault> {
        let (is_root, kind, class, ttl, data) = self.record().ok_or(Fault::Malformed)?;
        if kind != TYPE_OPT {
            return Ok(None);
        }
        if !is_root {
            return Err(Fault::Malformed);
        }
        // The extended result code, the version, the flags. Of another version nothing more is understood.
        let version = ttl.to_be_bytes()[1];
        let subnet = if version == 0 { subnet(data)? } else { None };
        Ok(Some(Edns { version, udp_bytes: class, dnssec_ok: ttl & 0x8000 != 0, subnet }))
    }

    fn record(&mut self) -> Option<(bool, u16, u16, u32, &'a [u8])> {
        let is_root = self.skip_name()?;
        let (kind, class) = (self.word()?, self.word()?);
        let ttl = u32::from(self.word()?) << 16 | u32::from(self.word()?);
        let length = self.word()?;
        Some((is_root, kind, class, ttl, self.take(usize::from(length))?))
    }
}

/// The client's subnet among the options, each of which has to be whole.
fn subnet(options: &[u8]) -> Result<Option<Subnet>, Fault> {
    let mut reader = Reader { message: options, at: 0 };
    let mut found = None;
    while reader.at < options.len() {
        let option = reader.word().zip(reader.word()).ok_or(Fault::Malformed)?;
        let value = reader.take(usize::from(option.1)).ok_or(Fault::Malformed)?;
        if option.0 == OPTION_SUBNET {
            let subnet = Subnet::parse(value).map_err(|()| Fault::Malformed)?;
            if found.replace(subnet).is_some() {
                return Err(Fault::Malformed);
            }
        }
    }
    Ok(found.flatten())
}
