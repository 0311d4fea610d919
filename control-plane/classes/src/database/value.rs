//! Values as both engines know them.

use crate::{Error, Result};

/// A value on its way into a statement. A null has a kind too: PostgreSQL wants to know it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `BIGINT`. Also truth: 0 or 1.
    Int(Option<i64>),
    /// `DOUBLE PRECISION`.
    Real(Option<f64>),
    /// `TEXT`.
    Text(Option<String>),
    /// `BYTEA`.
    Bytes(Option<Vec<u8>>),
}

macro_rules! from {
    ($kind:ident, $from:ty, $value:ident => $made:expr) => {
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$kind(Some($made))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$kind(value.map(|$value| $made))
            }
        }
    };
}

from!(Int, i64, value => value);
from!(Int, i32, value => i64::from(value));
from!(Int, u32, value => i64::from(value));
// Times and counts; nothing real is beyond 2^63.
from!(Int, u64, value => i64::try_from(value).unwrap_or(i64::MAX));
from!(Int, usize, value => i64::try_from(value).unwrap_or(i64::MAX));
from!(Int, bool, value => i64::from(value));
from!(Real, f64, value => value);
from!(Text, &str, value => value.to_owned());
from!(Text, String, value => value);
from!(Text, &String, value => value.clone());
from!(Bytes, Vec<u8>, value => value);
from!(Bytes, &[u8], value => value.to_vec());

/// Values of a statement: `args![id, now_ms, None::<String>]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

/// `$3, $4, $5` for `IN (…)`: `count` of them from `first` on.
#[must_use]
pub fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<String> = (first..first + count).map(|index| format!("${index}")).collect();
    names.join(", ")
}

/// One row of an answer; columns by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
    /// A whole number.
    ///
    /// # Errors
    /// It is null or of another kind.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.int_or_null(column)?.ok_or_else(|| unexpected(column, "a number", &Value::Int(None)))
    }

    /// A whole number or null.
    ///
    /// # Errors
    /// It is of another kind.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>> {
        match self.at(column)? {
            Value::Int(value) => Ok(*value),
            other if other.is_null() => Ok(None),
            other => Err(unexpected(column, "a number", other)),
        }
    }

    /// A time or a count: negative ones are 0.
    ///
    /// # Errors
    /// It is null or of another kind.
    pub fn count(&self, column: usize) -> Result<u64> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }

    /// The same, or null.
    ///
    /// # Errors
    /// It is of another kind.
    pub fn count_or_null(&self, column: usize) -> Result<Option<u64>> {
        Ok(self.int_or_null(column)?.map(|value| u64::try_from(value).unwrap_or(0)))
    }

    /// Truth: anything but 0.
    ///
    /// # Errors
    /// It is null or of another kind.
    pub fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A number with a fraction; whole ones too.
    ///
    /// # Errors
    /// It is null or of another kind.
    pub fn real(&self, column: usize) -> Result<f64> {
        match self.at(column)? {
            Value::Real(Some(value)) => Ok(*value),
            #[expect(clippy::cast_precision_loss, reason = "scores and shares are far below 2^53")]
            Value::Int(Some(value)) => Ok(*value as f64),
            other => Err(unexpected(column, "a number", other)),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// It is null or of another kind.
    pub fn text(&self, column: usize) -> Result<String> {
        self.text_or_null(column)?.ok_or_else(|| unexpected(column, "text", &Value::Text(None)))
    }

    /// Text or null.
    ///
    /// # Errors
    /// It is of another kind.
    pub fn text_or_null(&self, column: usize) -> Result<Option<String>> {
        match self.at(column)? {
            Value::Text(value) => Ok(value.clone()),
            other if other.is_null() => Ok(None),
            other => Err(unexpected(column, "text", other)),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// It is null or of another kind.
    pub fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        match self.at(column)? {
            Value::Bytes(Some(value)) => Ok(value.clone()),
            other => Err(unexpected(column, "bytes", other)),
        }
    }

    /// All of it, for a dump.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    fn at(&self, column: usize) -> Result<&Value> {
        let missing = || Error::Unexpected(format!("an answer has no column {column}"));
        self.0.get(column).ok_or_else(missing)
    }
}

impl Value {
    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Int(None) | Self::Real(None) | Self::Text(None) | Self::Bytes(None))
    }
}

fn unexpected(column: usize, wanted: &str, found: &Value) -> Error {
    let found = match found {
        value if value.is_null() => "null",
        Value::Int(_) => "a whole number",
        Value::Real(_) => "a fraction",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    };
    Error::Unexpected(format!("column {column} is {found} and not {wanted}"))
}
