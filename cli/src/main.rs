//! The command `flowgauge` as a program of its own.

use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without the handler the signal ends the program as usual.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)));
    }
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
    let code =
        flowgauge_cli::run(std::env::args_os(), &mut out, &mut io::stderr(), &|| interrupted.load(Ordering::Relaxed));
    ExitCode::from(code)
}
