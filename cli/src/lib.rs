//! The command `flowgauge`: flow records from captures and interfaces.
//!
//! A library, so that the program and the command that the Python package installs are the same, and so are the manifests
//! that both write.

mod amount;
mod anonymize;
mod arguments;
mod collector;
mod convert;
mod devices;
mod dns;
mod fields;
mod files;
mod flow_table;
mod habits;
mod help;
#[cfg(feature = "hub")]
mod hub;
mod inputs;
pub mod manifest;
mod merge;
mod meter;
mod output;
mod pipes;
mod position;
mod progress;
mod schema;
mod series;
mod sink;
mod status;
mod summary;
mod table;
mod text;
mod told;
mod top;
mod urls;
mod verify;
mod watch;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};

use clap::Parser;
use flowgauge::{Error, Result};

use std::path::Path;

use arguments::{Arguments, Command};
use flowgauge::export::Compression;
#[cfg(feature = "hub")]
pub use hub::sensor::Loader;
use meter::{Ended, Plan};
use output::{Format, Output};

/// How a file of this name is written: the word for it after -o; `None` when its end says nothing that is known.
pub fn format_of(path: &Path) -> Option<String> {
    let (_, plain) = Compression::of_name(path);
    Format::of_name(plain).ok().map(Format::name)
}

/// Runs the command with these arguments, the program's name first; gives its exit status.
///
/// Records go to standard output or a file, all else to standard error. As soon as `interrupted` says so, reading stops,
/// and the flows so far are written; the status is then 130. 0 is success, also when whoever reads along wants no more; 1
/// an error, 2 a usage error.
pub fn run(arguments: impl IntoIterator<Item = OsString>, interrupted: &dyn Fn() -> bool) -> u8 {
    #[cfg(feature = "hub")]
    return run_with(arguments, &hub::sensor::no_python, interrupted);
    #[cfg(not(feature = "hub"))]
    dispatch(arguments, interrupted)
}

/// The same, with processors that are none of ours made by `loader`.
#[cfg(feature = "hub")]
pub fn run_with(
    arguments: impl IntoIterator<Item = OsString>,
    loader: Loader<'_>,
    interrupted: &dyn Fn() -> bool,
) -> u8 {
    dispatch(arguments, loader, interrupted)
}

fn dispatch(
    arguments: impl IntoIterator<Item = OsString>,
    #[cfg(feature = "hub")] loader: Loader<'_>,
    interrupted: &dyn Fn() -> bool,
) -> u8 {
    let mut err = io::stderr();
    let arguments = match Arguments::try_parse_from(arguments::joined(arguments)) {
        Ok(arguments) => arguments,
        Err(usage) => return help::say(&usage),
    };
    let ended = match &arguments.command {
        Some(Command::Verify { files }) => return verify::run(files, &mut err, interrupted),
        Some(Command::Merge(merging)) => return merge::run(merging, &mut err, interrupted),
        Some(Command::Convert(conversion)) => return convert::run(conversion, &mut err, interrupted),
        #[cfg(feature = "hub")]
        Some(Command::Hub(relaying)) => return hub::relay::run(relaying, &mut err, interrupted),
        #[cfg(feature = "hub")]
        Some(Command::Sensor(sensing)) => return hub::sensor::run(sensing, loader, &mut err, interrupted),
        #[cfg(feature = "hub")]
        Some(Command::Tail(tailing)) => return hub::tail::run(tailing, &mut err, interrupted),
        Some(Command::Watch(watching)) => watch::run(watching, &mut err, interrupted),
        Some(Command::Dns(asking)) => dns::run(asking, &mut err, interrupted),
        Some(Command::Urls(urls)) => urls::run(urls, &mut err, interrupted),
        Some(command) => command_of_its_own(command),
        #[cfg(feature = "hub")]
        None if let Some(at) = arguments.metering.live => {
            return hub::live::run(&arguments.metering, at, &mut err, interrupted);
        }
        None => match Plan::new(&arguments.metering) {
            Ok(plan) => plan.run(&mut err, interrupted),
            Err(words) => return help::say(&help::wrong(clap::error::ErrorKind::ValueValidation, words)),
        },
    };
    match ended {
        Ok(Ended::Whole | Ended::Unwanted) => status::DONE,
        Ok(Ended::Interrupted) => status::INTERRUPTED,
        Err(error) => {
            let _ = writeln!(err, "flowgauge: {error}");
            status::of(&error)
        }
    }
}

/// What does not meter writes to standard output.
fn command_of_its_own(command: &Command) -> Result<Ended> {
    let output = Output::standard(None, false);
    let mut out = output.open()?;
    let written = match command {
        Command::Devices { format } => devices::write(&mut out, output.room, *format),
        Command::Schema { format } => {
            schema::write(&mut out, output.room, *format).map_err(|source| output.error(source))
        }
        Command::Completions { shell } => {
            out.write_all(&help::completions(*shell)).map_err(|source| output.error(source))
        }
        // These have gone their own way.
        Command::Verify { .. } | Command::Convert(_) | Command::Merge(_) => Ok(()),
        #[cfg(feature = "hub")]
        Command::Hub(_) | Command::Sensor(_) | Command::Tail(_) => Ok(()),
        Command::Watch(_) | Command::Dns(_) | Command::Urls(_) => Ok(()),
        Command::Man => help::manual().and_then(|page| out.write_all(&page)).map_err(|source| output.error(source)),
    };
    match written.and_then(|()| out.complete(&output)) {
        Err(Error::Write { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(Ended::Unwanted),
        written => written.map(|()| Ended::Whole),
    }
}
