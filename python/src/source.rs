//! Where a streamer reads from: a name, several, bytes, or an object with `read`.

use std::io::{self, Read};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use flowgauge::Streamer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyMemoryView, PyString, PyTuple};

use crate::metric::Abandoned;
use crate::value;

/// What kind of thing the source is; looked at when the streamer is made, opened when it is iterated.
pub(crate) enum Source {
    /// A file, an interface, or `-`.
    Named(PathBuf),
    /// Several files as one capture.
    Files(Vec<PathBuf>),
    /// A capture in memory.
    Bytes,
    /// An object with `read`.
    Reader,
}

impl Source {
    /// # Errors
    ///
    /// `TypeError` for anything that cannot be read a capture from, `ValueError` for no files at all.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(list) = object.cast::<PyList>() {
            return Self::files(list.iter());
        }
        if let Ok(tuple) = object.cast::<PyTuple>() {
            return Self::files(tuple.iter());
        }
        let bytes = object.is_instance_of::<PyBytes>()
            || object.is_instance_of::<PyByteArray>()
            || object.is_instance_of::<PyMemoryView>();
        if bytes {
            return Ok(Self::Bytes);
        }
        if let Some(path) = path(object)? {
            return Ok(Self::Named(path));
        }
        if !object.hasattr(intern!(object.py(), "read"))? {
            return Err(PyTypeError::new_err(format!(
                "source must be a path, the name of an interface, \"-\", a list of paths, bytes or a binary file object, \
                 not {}",
                value::type_name(object)
            )));
        }
        let text = object.py().import("io")?.getattr("TextIOBase")?;
        if object.is_instance(&text)? {
            return Err(PyTypeError::new_err("source is a file in text mode: open it with mode \"rb\""));
        }
        Ok(Self::Reader)
    }

    /// A streamer that reads from here; `object` is what the source was made of, `run` the run that it is for.
    pub(crate) fn streamer(&self, object: &Bound<'_, PyAny>, run: &Abandoned) -> PyResult<Streamer> {
        match self {
            Self::Named(path) => Ok(match path.to_str() {
                Some(name) => Streamer::from_name(name),
                // No interface has such a name.
                None => Streamer::from_file(path),
            }),
            Self::Files(paths) => Ok(Streamer::from_files(paths)),
            Self::Bytes => {
                let bytes = object.py().get_type::<PyBytes>().call1((object,))?;
                Ok(Streamer::from_bytes(bytes.cast::<PyBytes>()?.as_bytes()))
            }
            Self::Reader => {
                let name = object.getattr("name").and_then(|name| name.extract::<String>());
                let name = name.unwrap_or_else(|_| value::type_name(object));
                Ok(Streamer::from_reader(name, Reader { object: object.clone().unbind(), run: run.clone() }))
            }
        }
    }

    fn files<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>) -> PyResult<Self> {
        let mut paths = Vec::new();
        for item in items {
            let path = path(&item)?.ok_or_else(|| {
                let kind = value::type_name(&item);
                PyTypeError::new_err(format!("a list as source must hold paths only, not {kind}"))
            })?;
            paths.push(path);
        }
        if paths.is_empty() {
            return Err(PyValueError::new_err("a list as source must hold at least one path, not none"));
        }
        Ok(Self::Files(paths))
    }
}

/// The path that a `str` or `os.PathLike` stands for; `None` for anything else.
fn path(object: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    let is_path = object.is_instance_of::<PyString>() || object.hasattr(intern!(object.py(), "__fspath__"))?;
    if !is_path {
        return Ok(None);
    }
    let text = object.py().import("os")?.call_method1("fsdecode", (object,))?;
    text.extract().map(Some)
}

/// A Python object that is read from.
struct Reader {
    object: Py<PyAny>,
    run: Abandoned,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = Python::try_attach(|py| self.run.within(|| read(self.object.bind(py), buffer)));
        match read {
            Some(Ok(Some(bytes))) => Ok(bytes),
            Some(Ok(None)) => {
                thread::sleep(NOTHING_YET);
                Err(io::ErrorKind::WouldBlock.into())
            }
            Some(Err(error)) => Err(io::Error::other(error)),
            None => Err(io::Error::other("the interpreter is shutting down")),
        }
    }
}

/// Reads once; `None` when an object that does not block has nothing for now.
fn read(object: &Bound<'_, PyAny>, buffer: &mut [u8]) -> PyResult<Option<usize>> {
    let py = object.py();
    let read = object.call_method1(intern!(py, "read"), (buffer.len(),))?;
    if read.is_none() {
        return Ok(None);
    }
    if read.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("read() gave str: the source must be a binary file object"));
    }
    let bytes = match read.cast_into::<PyBytes>() {
        Ok(bytes) => bytes,
        Err(other) => {
            let other = other.into_inner();
            let like = other.is_instance_of::<PyByteArray>() || other.is_instance_of::<PyMemoryView>();
            if !like {
                let kind = value::type_name(&other);
                return Err(PyTypeError::new_err(format!("read() gave {kind}, not bytes")));
            }
            py.get_type::<PyBytes>().call1((other,))?.cast_into()?
        }
    };
    let bytes = bytes.as_bytes();
    let Some(space) = buffer.get_mut(..bytes.len()) else {
        return Err(PyValueError::new_err(format!("read({}) gave {} bytes", buffer.len(), bytes.len())));
    };
    space.copy_from_slice(bytes);
    Ok(Some(bytes.len()))
}

/// How long to wait before an object is asked again.
const NOTHING_YET: Duration = Duration::from_millis(20);
