//! What the command says of itself: help, hints, completions, the manual page.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::habits;
use crate::status;

/// Says what is wrong with the arguments, or what help and version have to say; gives the exit status. There is nobody to
/// tell if it cannot be said.
pub(crate) fn say(usage: &clap::Error) -> u8 {
    let hint = habits::hint(usage).map(|hint| wrong(clap::error::ErrorKind::UnknownArgument, hint));
    let text = hint.as_ref().unwrap_or(usage).to_string();
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    if !usage.use_stderr() {
        let mut out = io::stdout();
        let _ = write!(out, "{text}{line_end}").and_then(|()| out.flush());
        return status::DONE;
    }
    let _ = write!(io::stderr(), "{text}{line_end}");
    status::USAGE
}

/// An error of usage with these words.
pub(crate) fn wrong(kind: clap::error::ErrorKind, words: String) -> clap::Error {
    Arguments::command().error(kind, words)
}

/// The script that completes options in a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "flowgauge", &mut script);
    script
}

/// The manual page.
pub(crate) fn manual() -> io::Result<Vec<u8>> {
    let command = Arguments::command();
    let names: Vec<_> = command.get_subcommands().map(|command| Command::get_name(command).to_owned()).collect();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    // There is one page: what does not meter has none of its own that could be looked up.
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for name in names {
        page = page.replace(&format!("flowgauge\\-{name}(1)"), &format!("flowgauge {name}"));
    }
    Ok(page.into_bytes())
}
