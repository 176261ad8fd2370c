//! Where sinks write: standard output, a file by its path, or a file object.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What a sink writes to, opened, and what it is called in errors.
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) is_terminal: bool,
}

/// Opens what `file` stands for: None is `sys.stdout`, a path a new file, anything else an object with `write`.
pub(crate) fn open(py: Python<'_>, file: Option<&Py<PyAny>>) -> PyResult<Output> {
    let sys = py.import("sys")?;
    let object = match file {
        Some(file) => file.bind(py).clone(),
        None => sys.getattr("stdout")?,
    };
    let is_path = object.is_instance_of::<pyo3::types::PyString>() || object.hasattr("__fspath__")?;
    if is_path {
        let path: PathBuf = py.import("os")?.call_method1("fsdecode", (&object,))?.extract()?;
        let file = File::create(&path)?;
        let name = path.display().to_string();
        return Ok(Output { name, out: Box::new(BufWriter::new(file)), is_terminal: false });
    }
    let is_terminal = object.call_method0("isatty").and_then(|tty| tty.is_truthy()).unwrap_or(false);
    let name = if file.is_none() { "standard output".to_owned() } else { crate::value::type_name(&object) };
    // What Python has not replaced is written without it.
    let plain = sys.getattr("__stdout__")?.is(&object)
        && object.call_method0("fileno").and_then(|number| number.extract::<i32>()).is_ok_and(|number| number == 1);
    if plain {
        object.call_method0("flush")?;
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        return Ok(Output { name, out: Box::new(BufWriter::new(file)), is_terminal });
    }
    let is_text = object.hasattr(intern!(py, "encoding"))?;
    Ok(Output { name, out: Box::new(BufWriter::new(Object { object: object.unbind(), is_text })), is_terminal })
}

/// A Python object that is written to.
struct Object {
    object: Py<PyAny>,
    is_text: bool,
}

impl Write for Object {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let object = self.object.bind(py);
            if self.is_text {
                // Lines are written whole, but a buffer may end within a character.
                let whole = match std::str::from_utf8(bytes) {
                    Ok(_) => bytes.len(),
                    Err(error) if error.valid_up_to() > 0 => error.valid_up_to(),
                    Err(_) => {
                        return object.call_method1("write", (String::from_utf8_lossy(bytes),)).map(|_| bytes.len());
                    }
                };
                object.call_method1("write", (String::from_utf8_lossy(&bytes[..whole]),))?;
                return Ok(whole);
            }
            let written = object.call_method1("write", (PyBytes::new(py, bytes),))?;
            // What is not buffered may take a part only; whoever says nothing took everything.
            Ok(written.extract::<usize>().map_or(bytes.len(), |written| written.min(bytes.len())))
        })
        .map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Python::attach(|py| {
            let object = self.object.bind(py);
            if object.hasattr(intern!(py, "flush"))? { object.call_method0("flush").map(|_| ()) } else { Ok(()) }
        })
        .map_err(io::Error::other)
    }
}
