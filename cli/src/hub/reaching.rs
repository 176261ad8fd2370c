//! How the commands that speak to a hub reach it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

/// Which hub, and what to show at its door.
#[derive(Args, Debug)]
pub(crate) struct Reaching {
    /// The hub: ws, wss, http or https, a host and a port.
    #[arg(value_name = "URL", default_value = "ws://127.0.0.1:11346")]
    pub(crate) hub: String,

    /// A file that holds the token to send. Without it, it is that of the variable FLOWGAUGE_TOKEN, if there is one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,

    /// A file of certificates in PEM, of whom the hub's must come. Without it, whom this machine trusts is trusted.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    tls_ca: Option<PathBuf>,
}

impl Reaching {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.token_file else {
            return Ok(std::env::var("FLOWGAUGE_TOKEN").ok().filter(|token| !token.is_empty()));
        };
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {path:?}: {error}"))?;
        match text.trim() {
            "" => Err(format!("{path:?} holds no token")),
            token => Ok(Some(token.to_owned())),
        }
    }

    pub(crate) fn tls_ca(&self) -> Option<&Path> {
        self.tls_ca.as_deref()
    }
}
