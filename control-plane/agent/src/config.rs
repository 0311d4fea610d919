//! Strict layered configuration: defaults < TOML file < environment < flags.
//!
//! Each shell has its `Config` (`#[serde(deny_unknown_fields, default)]`) beside it; [`load`] fills it. An unknown key or
//! a value of the wrong type is an error that says where: file and line, variable, or flag.
//!
//! In the environment `SEODANG_` starts a variable, `__` stands between tables: `SEODANG_MEDIA__LISTEN` is
//! `media.listen`. A value is taken as text where text fits, else as TOML (`8080`, `true`, `["a", "b"]`).

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Start of every environment variable that sets a key.
pub const ENV_PREFIX: &str = "SEODANG_";
/// Variables with the prefix that set no key: they steer the build, the tests, or the command line.
pub const ENV_RESERVED: [&str; 13] = [
    "SEODANG_SKIP_WEB",
    "SEODANG_POSTGRES_REQUIRED",
    "SEODANG_CONFIG",
    "SEODANG_CONTROL_PLANE",
    "SEODANG_API_KEY",
    "SEODANG_API_SECRET",
    "SEODANG_DATABASE",
    "SEODANG_TEST",
    "SEODANG_BIN",
    "SEODANG_CACHE",
    "SEODANG_KEEP",
    "SEODANG_SHOTS",
    "SEODANG_CLASS_SECONDS",
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}:{line}: {message}", path.display())]
    File { path: PathBuf, line: usize, message: String },
    #[error("{origin}: {message}")]
    Key { origin: String, message: String },
}

/// A key set outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it came from, for messages: `SEODANG_LISTEN` or `--set listen=…`.
    pub origin: String,
    /// Tables and key: `["media", "listen"]`.
    pub path: Vec<String>,
    pub text: String,
}

impl Setting {
    /// A flag: `key` with dots between tables.
    #[must_use]
    pub fn flag(flag: impl Into<String>, key: &str, text: impl Into<String>) -> Self {
        Self { origin: flag.into(), path: key.split('.').map(str::to_owned).collect(), text: text.into() }
    }
}

/// Loads `T` from its defaults, `file`, the process's environment and `flags`, later ones winning.
///
/// # Errors
/// The first thing that does not fit, and where it is.
pub fn load<T: DeserializeOwned>(file: Option<&Path>, flags: &[Setting]) -> Result<T, Error> {
    load_with(file, std::env::vars(), flags)
}

/// [`load`] with the environment given.
///
/// # Errors
/// As [`load`].
pub fn load_with<T: DeserializeOwned>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[Setting],
) -> Result<T, Error> {
    let mut merged = match file {
        Some(path) => read::<T>(path)?,
        None => Table::new(),
    };
    let mut settings: Vec<Setting> = environment.into_iter().filter_map(from_environment).collect();
    settings.sort_by(|a, b| a.path.cmp(&b.path));
    settings.extend_from_slice(flags);
    for setting in &settings {
        let value = typed::<T>(setting)?;
        insert(&mut merged, &setting.path, value)
            .map_err(|message| Error::Key { origin: setting.origin.clone(), message })?;
    }
    let origin = file.map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
    Value::Table(merged)
        .try_into()
        .map_err(|error: toml::de::Error| Error::Key { origin, message: one_line(&error) })
}

/// Reads a file and checks it alone, while line numbers are still known.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Table, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let located = |error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
        Error::File { path: path.to_owned(), line, message: one_line(&error) }
    };
    toml::from_str::<T>(&text).map_err(located)?;
    toml::from_str(&text).map_err(located)
}

fn from_environment((name, text): (String, String)) -> Option<Setting> {
    let key = name.strip_prefix(ENV_PREFIX)?;
    if ENV_RESERVED.contains(&name.as_str()) {
        return None;
    }
    let path = key.to_ascii_lowercase().split("__").map(str::to_owned).collect();
    Some(Setting { origin: name, path, text })
}

/// The setting's value as the type `T` has there: text if text fits, else TOML.
fn typed<T: DeserializeOwned>(setting: &Setting) -> Result<Value, Error> {
    let text = Value::String(setting.text.clone());
    let first = match try_alone::<T>(setting, text.clone()) {
        Ok(()) => return Ok(text),
        Err(message) => message,
    };
    let parsed = toml::from_str::<Table>(&format!("value = {}", setting.text)).ok();
    let message = match parsed.and_then(|mut table| table.remove("value")) {
        Some(value) => match try_alone::<T>(setting, value.clone()) {
            Ok(()) => return Ok(value),
            Err(message) => message,
        },
        None => first,
    };
    Err(Error::Key { origin: setting.origin.clone(), message })
}

fn try_alone<T: DeserializeOwned>(setting: &Setting, value: Value) -> Result<(), String> {
    let mut alone = Table::new();
    insert(&mut alone, &setting.path, value)?;
    let result: Result<T, _> = Value::Table(alone).try_into();
    result.map(|_| ()).map_err(|error| one_line(&error))
}

fn insert(table: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    match path {
        [] => Err("no key given".to_owned()),
        [key] => {
            table.insert(key.clone(), value);
            Ok(())
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            let inner = inner.as_table_mut().ok_or_else(|| format!("`{key}` is a value, not a table"))?;
            insert(inner, rest, value)
        }
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Config {
        listen: String,
        name: Option<String>,
        workers: u32,
        media: Media,
    }

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Media {
        ports: Vec<u16>,
        on: bool,
    }

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), text).expect("writable");
        file
    }

    #[test]
    fn later_layers_win_and_leave_the_rest_alone() {
        let file = file("listen = 'file'\nname = 'file'\nworkers = 1\n[media]\nports = [1]\non = true\n");
        let environment = environment(&[("SEODANG_WORKERS", "2"), ("SEODANG_NAME", "007"), ("HOME", "/")]);
        let flags =
            [Setting::flag("--ports", "media.ports", "[5, 6]"), Setting::flag("--workers", "workers", "3")];
        let config: Config = load_with(Some(file.path()), environment, &flags).expect("fits");
        let media = Media { ports: vec![5, 6], on: true };
        assert_eq!(config, Config { listen: "file".into(), name: Some("007".into()), workers: 3, media });
    }

    #[test]
    fn an_unknown_key_or_wrong_type_says_where() {
        let bad = file("listen = 'x'\n[media]\nfoo = 1\n");
        let error = load_with::<Config>(Some(bad.path()), [], &[]).expect_err("unknown key").to_string();
        assert!(error.contains(":3: ") && error.contains("foo"), "{error}");
        let error = load_with::<Config>(None, environment(&[("SEODANG_MEDIA__OFF", "1")]), &[]);
        let error = error.expect_err("unknown key").to_string();
        assert!(error.starts_with("SEODANG_MEDIA__OFF: ") && error.contains("off"), "{error}");
        let flag = [Setting::flag("--workers", "workers", "many")];
        let error = load_with::<Config>(None, [], &flag).expect_err("no number").to_string();
        assert!(error.starts_with("--workers: ") && error.contains("u32"), "{error}");
    }
}
