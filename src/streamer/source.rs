//! Where a streamer's frames come from, and how that is opened.

use std::path::{Path, PathBuf};

use crate::capture::file::{FileSource, Input};
#[cfg(feature = "pcap")]
use crate::capture::filter::Filter;
#[cfg(feature = "pcap")]
use crate::capture::live::LiveOptions;
use crate::capture::{PacketSource, StopFlag};
use crate::error::{Error, Result};

/// What a streamer was told to read.
pub(super) enum Source {
    Inputs(Vec<Input>),
    Interface(String),
    /// A file if there is one of this name, else an interface.
    Named(String),
    Own(Box<dyn PacketSource>),
}

/// A source that is open, and the filter for its frames.
pub(super) struct Opened {
    pub(super) source: Box<dyn PacketSource>,
    #[cfg(feature = "pcap")]
    pub(super) filter: Option<Filter>,
}

impl Source {
    #[cfg(feature = "pcap")]
    pub(super) fn open(self, filter: Option<String>, stop: &StopFlag, live: LiveOptions) -> Result<Opened> {
        let source: Box<dyn PacketSource> = match self.settled() {
            Self::Inputs(inputs) => Box::new(FileSource::open(inputs, stop.clone())?),
            Self::Own(source) => source,
            Self::Interface(name) => return listen(&name, filter, stop, live),
            // By now it is known that there is no such file.
            Self::Named(name) => {
                return listen(&name, filter, stop, live).map_err(|error| match error {
                    Error::NoSuchInterface { name } => Error::NoSuchSource { name },
                    other => other,
                });
            }
        };
        let filter = filter.map(|expression| Filter::new(&expression)).transpose()?;
        Ok(Opened { source, filter })
    }

    #[cfg(not(feature = "pcap"))]
    pub(super) fn open(self, filter: Option<String>, stop: &StopFlag) -> Result<Opened> {
        if filter.is_some() {
            return Err(Error::MissingFeature { what: "a BPF filter", feature: "pcap" });
        }
        match self.settled() {
            Self::Inputs(inputs) => Ok(Opened { source: Box::new(FileSource::open(inputs, stop.clone())?) }),
            Self::Own(source) => Ok(Opened { source }),
            Self::Interface(_) | Self::Named(_) => {
                Err(Error::MissingFeature { what: "capturing on an interface", feature: "pcap" })
            }
        }
    }

    /// Tells a file from an interface, now that it is to be opened.
    fn settled(self) -> Self {
        match self {
            Self::Named(name) if names_a_file(&name) => Self::Inputs(vec![input(name.into())]),
            other => other,
        }
    }
}

#[cfg(feature = "pcap")]
fn listen(name: &str, filter: Option<String>, stop: &StopFlag, live: LiveOptions) -> Result<Opened> {
    let live = live.filter(filter.as_deref().unwrap_or_default());
    Ok(Opened { source: Box::new(live.open(name, stop.clone())?), filter: None })
}

/// Whether a name is that of a file, and not of an interface. Where one may not look, opening it says so.
pub(super) fn names_a_file(name: &str) -> bool {
    name == "-" || Path::new(name).try_exists().unwrap_or(true)
}

/// The input of this path; `-` is standard input.
pub(super) fn input(path: PathBuf) -> Input {
    if path.as_os_str() == "-" { Input::Stdin } else { Input::Path(path) }
}
