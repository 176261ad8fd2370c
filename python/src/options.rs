//! Options of a streamer: what Python was given, checked one by one, each error naming the option and the way out.

use std::time::Duration;

use flowgauge::OnError;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::types::{PyBool, PyFloat, PyString};
use pyo3::{Borrowed, PyClass};

use crate::value;

/// An option as the caller gave it, or not at all.
pub(crate) enum Given<'py> {
    Default,
    Value(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Value(object.to_owned()))
    }
}

/// A number of seconds, kept as it was given.
#[derive(Clone, Copy, Debug, IntoPyObject)]
pub(crate) enum Seconds {
    Whole(u64),
    Parts(f64),
}

impl Seconds {
    /// The same as a duration, rounded to nanoseconds.
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::Whole(seconds) => Duration::from_secs(seconds),
            Self::Parts(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
        }
    }
}

/// A timeout in seconds, by default `default`; `None` is never.
pub(crate) fn seconds(name: &str, given: Given<'_>, default: u64) -> PyResult<Option<Seconds>> {
    const ALLOWED: &str = "a number of seconds from 0 to 18446744073709551615, or None for never";
    let Given::Value(object) = given else { return Ok(Some(Seconds::Whole(default))) };
    if object.is_none() {
        return Ok(None);
    }
    if let Some(whole) = value::index(&object) {
        let seconds = whole.extract().map_err(|_| out_of_range(name, &object, ALLOWED))?;
        return Ok(Some(Seconds::Whole(seconds)));
    }
    let number = object.is_instance_of::<PyFloat>() || object.hasattr("__float__")?;
    if !number || object.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, &object, ALLOWED));
    }
    let seconds: f64 = object.extract()?;
    Duration::try_from_secs_f64(seconds).map_err(|_| out_of_range(name, &object, ALLOWED))?;
    Ok(Some(Seconds::Parts(seconds)))
}

/// A whole number in a range.
pub(crate) fn number(name: &str, given: Given<'_>, default: u64, from: u64, to: u64) -> PyResult<u64> {
    let Given::Value(object) = given else { return Ok(default) };
    in_range(name, &object, from, to, "")
}

/// A whole number in a range, or `None`, which is also the default.
pub(crate) fn number_or_none(name: &str, given: Given<'_>, from: u64, to: u64) -> PyResult<Option<u64>> {
    match given {
        Given::Value(object) if !object.is_none() => in_range(name, &object, from, to, ", or None").map(Some),
        _ => Ok(None),
    }
}

/// A whole number that is as its type is.
pub(crate) fn whole<T>(name: &str, object: &Bound<'_, PyAny>, allowed: &str) -> PyResult<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py>,
{
    let number = value::index(object).ok_or_else(|| wrong_type(name, object, allowed))?;
    number.extract().map_err(|_| out_of_range(name, object, allowed))
}

/// True or false.
pub(crate) fn flag(name: &str, given: Given<'_>, default: bool) -> PyResult<bool> {
    let Given::Value(object) = given else { return Ok(default) };
    object.extract().map_err(|_| wrong_type(name, &object, "True or False"))
}

/// What the failure of a metric does: "raise", which is the default, or "skip".
pub(crate) fn on_error(given: Given<'_>) -> PyResult<OnError> {
    const ALLOWED: &str = "'raise' or 'skip'";
    let Given::Value(object) = given else { return Ok(OnError::Raise) };
    let text = object.cast::<PyString>().map_err(|_| wrong_type("on_error", &object, ALLOWED))?;
    match text.to_str() {
        Ok("raise") => Ok(OnError::Raise),
        Ok("skip") => Ok(OnError::Skip),
        _ => Err(out_of_range("on_error", &object, ALLOWED)),
    }
}

/// Text, or `None`, which is also the default.
pub(crate) fn text_or_none(name: &str, given: Given<'_>) -> PyResult<Option<String>> {
    match given {
        Given::Value(object) if !object.is_none() => {
            object.extract().map(Some).map_err(|_| wrong_type(name, &object, "a str, or None"))
        }
        _ => Ok(None),
    }
}

/// An object of this class, or `None`, which is also the default.
pub(crate) fn object_or_none<T>(name: &str, given: Given<'_>, wanted: &'static str) -> PyResult<Option<T>>
where
    T: PyClass<Frozen = True> + Clone + Sync,
{
    match given {
        Given::Value(object) if !object.is_none() => {
            Ok(Some(object.cast::<T>().map_err(|_| wrong_type(name, &object, wanted))?.get().clone()))
        }
        _ => Ok(None),
    }
}

/// How many workers to ask for: more than one cannot call Python at the same time, unless it runs without its lock.
pub(crate) fn workers(py: Python<'_>, asked_for: Option<u64>, calls_python: bool) -> PyResult<Option<usize>> {
    if let Some(workers) = asked_for {
        return Ok(Some(saturated(workers)));
    }
    if !calls_python {
        return Ok(None);
    }
    let enabled = py.import("sys")?.getattr_opt(intern!(py, "_is_gil_enabled"))?;
    let locked = enabled.map_or(Ok(true), |enabled| enabled.call0()?.is_truthy())?;
    Ok(locked.then_some(1))
}

/// The number, or the largest of its type.
pub(crate) fn saturated<T: TryFrom<u64> + Bounded>(number: u64) -> T {
    T::try_from(number).unwrap_or(T::MOST)
}

/// Numbers with a largest one.
pub(crate) trait Bounded {
    const MOST: Self;
}

impl Bounded for u32 {
    const MOST: Self = Self::MAX;
}

impl Bounded for usize {
    const MOST: Self = Self::MAX;
}

fn in_range(name: &str, object: &Bound<'_, PyAny>, from: u64, to: u64, or_none: &str) -> PyResult<u64> {
    let allowed = match to {
        u64::MAX => format!("an int from {from} on{or_none}"),
        _ => format!("an int from {from} to {to}{or_none}"),
    };
    let number = value::index(object).ok_or_else(|| wrong_type(name, object, &allowed))?;
    let number = number.extract().ok().filter(|number| (from..=to).contains(number));
    number.ok_or_else(|| out_of_range(name, object, &allowed))
}

fn out_of_range(name: &str, object: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    PyValueError::new_err(format!("{name} must be {allowed}, not {}", shown(object)))
}

fn wrong_type(name: &str, object: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    PyTypeError::new_err(format!("{name} must be {allowed}, not {} ({})", shown(object), value::type_name(object)))
}

fn shown(object: &Bound<'_, PyAny>) -> String {
    object.repr().map_or_else(|_| "an object that cannot be shown".into(), |repr| repr.to_string())
}
