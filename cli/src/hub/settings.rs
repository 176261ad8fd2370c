//! Options by file, environment and flags, in that order of weakness, and the log, for commands that run on and on.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use clap::{CommandFactory, ValueEnum};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Table;
use tracing::level_filters::LevelFilter;

use crate::arguments::Arguments;

/// How a log is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The least that is logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The keys of the file that are the command's own.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Log {
    log_format: LogFormat,
    log_level: LogLevel,
}

/// The file, with what environment and flags tell laid over it.
///
/// # Errors
///
/// In words: a file that cannot be read, a key that is none, a value that cannot be kept; with their place.
pub(crate) fn layered<T: DeserializeOwned>(config: Option<&Path>, told: &impl Serialize) -> Result<(T, Log), String> {
    let mut table = match config {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| format!("cannot read {path:?}: {error}"))?;
            text.parse::<Table>().map_err(|error| {
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                format!("{path:?}, line {line}: {}", error.message())
            })?
        }
        None => Table::new(),
    };
    let told = Table::try_from(told).map_err(|error| format!("an option cannot be kept: {error}"))?;
    table.extend(told);
    let log: Table = ["log_format", "log_level"].into_iter().filter_map(|key| table.remove_entry(key)).collect();
    // The words of such an error, and the key on a line of its own.
    let words = |error: toml::de::Error| error.to_string().trim().replace('\n', " ");
    let wrong = |error| match config {
        Some(path) => format!("{path:?}: {}", words(error)),
        None => words(error),
    };
    Ok((table.try_into().map_err(wrong)?, log.try_into().map_err(wrong)?))
}

/// A variable of ours that says nothing is a mistake, as a key of the file is. `more` are those that are no flags.
///
/// # Errors
///
/// The variable, in words.
pub(crate) fn check_environment(subcommand: &str, prefix: &str, more: &[&str]) -> Result<(), String> {
    let command = Arguments::command();
    let subcommand = command.find_subcommand(subcommand).ok_or("there is no such command")?;
    let known: Vec<_> = subcommand.get_arguments().filter_map(|argument| argument.get_env()).collect();
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with(prefix) && !known.contains(&name.as_os_str()) && !more.contains(&&*text) {
            return Err(format!("no option of {} has the variable {name:?}", subcommand.get_name()));
        }
    }
    Ok(())
}

impl Log {
    /// Begins to write it, to standard error.
    pub(crate) fn begin(&self) {
        let level = match self.log_level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        };
        let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
        // Whoever runs this as a library may have a log already.
        let _ = match self.log_format {
            LogFormat::Text => {
                tracing::subscriber::set_global_default(builder.with_ansi(io::stderr().is_terminal()).finish())
            }
            LogFormat::Json => tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish()),
        };
    }
}
