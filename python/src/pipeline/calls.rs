//! The user's own code as source, link and sink of a native pipeline.

use std::sync::Arc;

use flowgauge::packet::{Block, LinkType};
use flowgauge::pipeline::{Batch, Item as Native, Link, Pulled, Sink, Source};
use flowgauge::{Error, Result, Timestamp};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyIterator, PyMapping, PyString};

use crate::error::failure;
use crate::pipeline::item::Item;
use crate::pipeline::overlay::Own;
use crate::value;

/// An iterator of items as source.
pub(crate) struct Iterated {
    iterator: Option<Held>,
    /// How many came, for packets that have no number.
    count: u64,
}

/// A callable as link: item in; item, none or several out.
pub(crate) struct Called {
    name: String,
    function: Held,
}

/// An object that a run holds, and the stream that shows it to the garbage collector: one reference for both.
pub(crate) type Held = Arc<Py<PyAny>>;

/// A callable as sink.
pub(crate) struct Taken {
    name: String,
    function: Py<PyAny>,
}

/// Refuses what is no item in front of a native part that could do nothing with it.
pub(crate) struct Guard(pub(crate) &'static str);

type Part = (Native, Arc<Block>);

impl Iterated {
    pub(crate) fn new(iterator: Held) -> Self {
        Self { iterator: Some(iterator), count: 0 }
    }
}

impl Source for Iterated {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Pulled> {
        batch.clear();
        let Some(iterator) = &self.iterator else { return Ok(Pulled::End) };
        let mut live = false;
        let next = Python::attach(|py| -> PyResult<Option<Part>> {
            let mut iterator: Bound<'_, PyIterator> = iterator.bind(py).clone().cast_into()?;
            let Some(object) = iterator.next().transpose()? else { return Ok(None) };
            self.count += 1;
            if let Ok(item) = object.cast::<Item>() {
                live = item.get().is_live();
            }
            native(object, self.count).map(Some)
        });
        match next {
            // One at a time: nobody knows how long the iterator takes for the next, and this one is not to wait for it.
            Ok(Some(part)) => {
                if let Native::Packet(packet) = &part.0 {
                    batch.advance(packet.stamp());
                }
                batch.gather(vec![part]);
                batch.set_live(live);
                batch.set_prompt(true);
            }
            Ok(None) => self.iterator = None,
            Err(error) => {
                self.iterator = None;
                return Err(Error::Link { part: "the source".to_owned(), source: failure(error) });
            }
        }
        Ok(if self.iterator.is_some() { Pulled::Items } else { Pulled::End })
    }
}

impl Called {
    pub(crate) fn new(name: String, function: Held) -> Self {
        Self { name, function }
    }

    fn call(&self, py: Python<'_>, item: Native, block: &Arc<Block>, out: &mut Vec<Part>) -> PyResult<()> {
        let (object, is_item) = wrapped(py, item, block)?;
        let result = self.function.bind(py).call1((&object,))?;
        if result.is(&object) {
            drop(result);
            out.push(if is_item { taken(&object)? } else { native(object, 0)? });
            return Ok(());
        }
        if is_item {
            release(&object)?;
        }
        if result.is_none() {
            return Ok(());
        }
        if result.is_instance_of::<Item>() || result.cast::<PyMapping>().is_ok() {
            out.push(native(result, 0)?);
            return Ok(());
        }
        let is_text = result.is_instance_of::<PyString>() || result.is_instance_of::<PyBytes>();
        if is_text || result.is_instance_of::<PyBool>() || !result.hasattr(intern!(py, "__iter__"))? {
            return Err(PyTypeError::new_err(format!(
                "a link gave {}: give the item to keep it, None to drop it, or an iterable of items",
                value::type_name(&result)
            )));
        }
        drop(object);
        for item in result.try_iter()? {
            out.push(native(item?, 0)?);
        }
        Ok(())
    }
}

impl Link for Called {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.items.is_empty() {
            return Ok(());
        }
        let items = std::mem::take(&mut batch.items);
        let block = Arc::clone(&batch.block);
        let mut out = Vec::with_capacity(items.len());
        let called = Python::attach(|py| items.into_iter().try_for_each(|item| self.call(py, item, &block, &mut out)));
        batch.gather(out);
        called.map_err(|error| Error::Link { part: self.name.clone(), source: failure(error) })
    }
}

impl Taken {
    pub(crate) fn new(name: String, function: Py<PyAny>) -> Self {
        Self { name, function }
    }
}

impl Sink for Taken {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        let block = Arc::clone(&batch.block);
        let called = Python::attach(|py| {
            batch.items.drain(..).try_for_each(|item| {
                let (object, is_item) = wrapped(py, item, &block)?;
                self.function.bind(py).call1((&object,))?;
                if is_item { release(&object) } else { Ok(()) }
            })
        });
        called.map_err(|error| Error::Link { part: self.name.clone(), source: failure(error) })
    }
}

impl Link for Guard {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        let Some(Native::Own(own)) = batch.items.iter().find(|item| matches!(item, Native::Own(_))) else {
            return Ok(());
        };
        let error = Python::attach(|py| {
            let kind = Own::object(py, own).map_or_else(|| "something".into(), |own| value::type_name(own.bind(py)));
            PyRuntimeError::new_err(format!(
                "{} was given {kind}, not a packet or a flow: set fields on the item and hand that on, or give a dict with \
                 raw_buf (bytes) and timestamp",
                self.0
            ))
        });
        Err(Error::Link { part: self.0.to_owned(), source: failure(error) })
    }
}

/// The object for an item, and whether that is an `Item`.
#[inline]
fn wrapped<'py>(py: Python<'py>, item: Native, block: &Arc<Block>) -> PyResult<(Bound<'py, PyAny>, bool)> {
    if let Native::Own(own) = &item
        && let Some(object) = Own::object(py, own)
    {
        return Ok((object.into_bound(py), false));
    }
    Ok((Bound::new(py, Item::new(item, Arc::clone(block)))?.into_any(), true))
}

/// The native item in an object that is handed on; whoever else holds that keeps a copy of its few bytes.
#[inline]
fn taken(object: &Bound<'_, PyAny>) -> PyResult<Part> {
    let item = object.cast::<Item>()?.get();
    #[expect(deprecated, reason = "the other way to read a reference count is unsafe")]
    let last = object.get_refcnt() == 1;
    let part = item.take(object.py(), last)?;
    if !last {
        item.keep();
    }
    part.ok_or_else(gone)
}

/// The call is over, and the item is not handed on.
pub(crate) fn release(object: &Bound<'_, PyAny>) -> PyResult<()> {
    #[expect(deprecated, reason = "the other way to read a reference count is unsafe")]
    if object.get_refcnt() > 1 {
        object.cast::<Item>()?.get().keep();
    }
    Ok(())
}

/// What an object of the user's stands for: an item, a frame, or something of their own. `number` is for frames without one.
fn native(object: Bound<'_, PyAny>, number: u64) -> PyResult<Part> {
    if object.is_instance_of::<Item>() {
        return object.cast::<Item>()?.get().take(object.py(), false)?.ok_or_else(gone);
    }
    if let Ok(dict) = object.cast::<PyDict>()
        && let Some(part) = frame(dict, number)?
    {
        return Ok(part);
    }
    Ok((Native::Own(Arc::new(Own(object.unbind()))), Arc::default()))
}

/// A dict with a frame, as `PacketStreamer` gives it: raw_buf, timestamp and packet_num; other fields go with it.
fn frame(dict: &Bound<'_, PyDict>, number: u64) -> PyResult<Option<Part>> {
    let py = dict.py();
    let Some(raw) = dict.get_item(intern!(py, "raw_buf"))? else { return Ok(None) };
    if dict.contains(intern!(py, "packet"))? {
        return Ok(None);
    }
    let data = if let Ok(bytes) = raw.cast::<PyBytes>() {
        bytes.as_bytes().to_vec()
    } else if raw.is_instance_of::<PyByteArray>() {
        raw.extract::<Vec<u8>>()?
    } else {
        return Err(PyTypeError::new_err(format!("raw_buf must be bytes, not {}", value::type_name(&raw))));
    };
    let stamp = dict.get_item(intern!(py, "timestamp"))?.map(|stamp| timestamp(&stamp)).transpose()?;
    let number = match dict.get_item(intern!(py, "packet_num"))? {
        Some(number) => number.extract::<u64>()?.saturating_add(1),
        None => number,
    };
    let link = match dict.get_item(intern!(py, "link_type"))? {
        Some(link) => LinkType(link.extract()?),
        None => LinkType::ETHERNET,
    };
    let mut batch = Batch::of_packet(number, stamp.unwrap_or_default(), link, data);
    let Some(item) = batch.items.pop() else { return Ok(None) };
    let rest = dict.copy()?;
    for known in ["raw_buf", "timestamp", "packet_num", "link_type"] {
        rest.call_method1(intern!(py, "pop"), (known, py.None()))?;
    }
    if rest.is_empty() {
        return Ok(Some((item, batch.block)));
    }
    let object = Bound::new(py, Item::new(item, batch.block))?;
    for (key, value) in rest.iter() {
        object.as_any().set_item(key, value)?;
    }
    object.get().take(py, true)
}

/// Seconds since the Unix epoch, or a date, which without a time zone is in UTC.
fn timestamp(object: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = object.py();
    let seconds = if object.hasattr(intern!(py, "timestamp"))? {
        let utc = py.import("datetime")?.getattr("timezone")?.getattr("utc")?;
        let kwargs = PyDict::new(py);
        kwargs.set_item("tzinfo", utc)?;
        let zoned = object.getattr(intern!(py, "tzinfo"))?;
        let dated = if zoned.is_none() { object.call_method("replace", (), Some(&kwargs))? } else { object.clone() };
        dated.call_method0("timestamp")?.extract::<f64>()?
    } else {
        object.extract::<f64>()?
    };
    // To the microsecond: a float knows no more of times of today. What is out of range saturates.
    Ok(Timestamp::from_nanos(((seconds * 1e6).round() as i64).saturating_mul(1_000)))
}

fn gone() -> PyErr {
    PyRuntimeError::new_err("the item was handed on before: hand on item.copy() to give one twice")
}
