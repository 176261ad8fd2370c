//! A hub without the command: its options are the one argument, in JSON.
//!
//! Prints its address, and ends with its standard input, so that it never outlives whoever started it:
//!
//! ```sh
//! cargo run -p flowgauge-hub --example hub -- '{"listen": "127.0.0.1:0"}'
//! ```

#![expect(clippy::print_stdout, reason = "whoever started it reads its address")]

use std::error::Error;
use std::io::{Read, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use flowgauge_hub::{Options, run};

fn main() -> Result<(), Box<dyn Error>> {
    let options: Options = serde_json::from_str(&std::env::args().nth(1).unwrap_or_else(|| "{}".to_owned()))?;
    let ended = Arc::new(AtomicBool::new(false));
    let sees_the_end = Arc::clone(&ended);
    thread::spawn(move || {
        // An error is an end, too.
        let _ = stdin().read_to_end(&mut Vec::new());
        sees_the_end.store(true, Relaxed);
    });
    let snapshot = run(options, |at| println!("{}", at.http), &|| ended.load(Relaxed))?;
    snapshot.check()?;
    Ok(())
}
