//! Text cut into sections: the session's lines and the lines of each m-line, in order, attributes split at the colon.

use crate::{Error, MAX_MEDIA, MAX_TEXT_BYTES};

/// The whole description: order is kept everywhere, since order is preference.
pub(crate) struct Sections<'a> {
    pub(crate) session: Vec<Attribute<'a>>,
    pub(crate) media: Vec<Section<'a>>,
}

/// One m-line and its attributes.
pub(crate) struct Section<'a> {
    pub(crate) media: &'a str,
    pub(crate) port: u16,
    pub(crate) formats: Vec<&'a str>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// `a=name:value`, or `a=name` with an empty value.
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

/// First value of an attribute.
pub(crate) fn value<'a>(attributes: &[Attribute<'a>], name: &str) -> Option<&'a str> {
    values(attributes, name).next()
}

/// Every value of an attribute, in order.
pub(crate) fn values<'a>(attributes: &[Attribute<'a>], name: &str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |a| a.name == name).map(|a| a.value)
}

impl<'a> Sections<'a> {
    pub(crate) fn split(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Error::TooLong { length: text.len(), limit: MAX_TEXT_BYTES });
        }
        let count = text.split('\n').filter(|line| line.starts_with("m=")).count();
        if count > MAX_MEDIA {
            return Err(Error::TooManyMedia { count, limit: MAX_MEDIA });
        }
        let mut sections = Self { session: Vec::new(), media: Vec::with_capacity(count) };
        let mut lines = 0usize;
        for (index, raw) in text.split('\n').enumerate() {
            let line = raw.strip_suffix('\r').unwrap_or(raw);
            if line.is_empty() {
                continue;
            }
            sections.take(line, index + 1, lines == 0)?;
            lines += 1;
        }
        if lines == 0 {
            return Err(Error::Syntax("it is empty".into()));
        }
        Ok(sections)
    }

    fn take(&mut self, line: &'a str, number: usize, is_first: bool) -> Result<(), Error> {
        // A control character inside a value would come out again as a line of the answer.
        if line.chars().any(char::is_control) {
            return Err(syntax(number, "holds a control character"));
        }
        let Some((kind, rest)) = line.split_once('=').filter(|(kind, _)| kind.len() == 1) else {
            return Err(syntax(number, "is not of the form x=value"));
        };
        if is_first && (kind != "v" || rest.trim() != "0") {
            return Err(syntax(number, "is not v=0, the first line of every description"));
        }
        match kind {
            "m" => self.media.push(Section::parse(rest, number)?),
            "a" => {
                let (name, value) = rest.split_once(':').unwrap_or((rest, ""));
                let attributes = match self.media.last_mut() {
                    Some(section) => &mut section.attributes,
                    None => &mut self.session,
                };
                attributes.push(Attribute { name, value: value.trim() });
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Section<'a> {
    fn parse(rest: &'a str, number: usize) -> Result<Self, Error> {
        let mut words = rest.split_ascii_whitespace();
        let (Some(media), Some(port), Some(_proto)) = (words.next(), words.next(), words.next()) else {
            return Err(syntax(number, "is not of the form m=kind port protocol formats"));
        };
        let port = port.split('/').next().unwrap_or(port);
        let port = port.parse().map_err(|_| syntax(number, "has a port that is no number up to 65535"))?;
        Ok(Self { media, port, formats: words.collect(), attributes: Vec::new() })
    }
}

fn syntax(number: usize, what: &str) -> Error {
    Error::Syntax(format!("line {number} {what}"))
}
