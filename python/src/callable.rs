//! One metric in Python: a function for every packet, or a class with an object for every flow.

use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use crate::live::LiveFlow;
use crate::packet::PacketInformation;
use crate::value;

/// A metric under its name.
pub(crate) struct Callable {
    pub(crate) name: String,
    pub(crate) key: Py<PyString>,
    kind: Kind,
}

enum Kind {
    /// Called as `f(packet_information, flow)`; its value is in `flow.metrics`.
    Function(Py<PyAny>),
    /// Called without arguments for an object; its value is what the object's `on_end` returns.
    Class { make: Py<PyAny>, has_on_start: bool },
}

impl Callable {
    /// # Errors
    ///
    /// `TypeError` for what cannot be called or does nothing when it is, and for a class that lacks a method.
    pub(crate) fn new(name: &str, key: &Bound<'_, PyString>, metric: Bound<'_, PyAny>) -> PyResult<Self> {
        let py = metric.py();
        let kind = match class_of(&metric)? {
            Some(class) => {
                for (method, arguments) in [("on_packet", "self, packet_information, flow"), ("on_end", "self, flow")] {
                    if !has_method(&class, method)? {
                        return Err(PyTypeError::new_err(format!(
                            "user_metrics[{name:?}] is a class without {method}({arguments}): one object of it is made \
                             per flow, of which on_packet is called for every packet, and on_end for the value"
                        )));
                    }
                }
                for method in ["on_start", "on_packet", "on_end"] {
                    if let Some(method_of) = class.getattr_opt(method)? {
                        refuse_lazy(&format!("user_metrics[{name:?}].{method}"), &method_of)?;
                    }
                }
                Kind::Class { make: metric.unbind(), has_on_start: has_method(&class, "on_start")? }
            }
            None if metric.is_callable() => {
                refuse_lazy(&format!("user_metrics[{name:?}]"), &metric)?;
                refuse_lazy(&format!("user_metrics[{name:?}]"), &metric.get_type().getattr(intern!(py, "__call__"))?)?;
                Kind::Function(metric.unbind())
            }
            None => {
                let hint = if metric.hasattr(intern!(py, "on_packet"))? { " (give the class itself)" } else { "" };
                return Err(PyTypeError::new_err(format!(
                    "user_metrics[{name:?}] must be an Expression, or callable as f(packet_information, flow), or a class \
                     with on_packet and on_end, not {}{hint}",
                    value::type_name(&metric)
                )));
            }
        };
        Ok(Self { name: name.to_owned(), key: key.clone().unbind(), kind })
    }

    /// Whether it has an object for every flow, and so no value in `flow.metrics`.
    pub(crate) fn has_objects(&self) -> bool {
        matches!(self.kind, Kind::Class { .. })
    }

    /// Calls it for a packet; `object` is that of the flow, made with its first packet.
    #[inline]
    pub(crate) fn call(
        &self,
        object: Option<&mut Option<Py<PyAny>>>,
        information: &Bound<'_, PacketInformation>,
        flow: &Bound<'_, LiveFlow>,
    ) -> PyResult<()> {
        match &self.kind {
            Kind::Function(function) => function.bind(flow.py()).call1((information, flow)).map(drop),
            Kind::Class { make, has_on_start } => {
                object.map_or(Ok(()), |object| call_object(make, *has_on_start, object, information, flow))
            }
        }
    }

    /// Shows what the user gave to the garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.kind {
            Kind::Function(given) | Kind::Class { make: given, .. } => visit.call(given),
        }
    }
}

/// Calls the flow's object for a packet; apart, so that functions do without its registers.
#[inline(never)]
fn call_object(
    make: &Py<PyAny>,
    has_on_start: bool,
    place: &mut Option<Py<PyAny>>,
    information: &Bound<'_, PacketInformation>,
    flow: &Bound<'_, LiveFlow>,
) -> PyResult<()> {
    let py = flow.py();
    let object = match place {
        Some(object) => object.bind(py),
        None => {
            let made = make.bind(py).call0()?;
            if has_on_start {
                made.call_method1(intern!(py, "on_start"), (flow,))?;
            }
            place.insert(made.unbind()).bind(py)
        }
    };
    object.call_method1(intern!(py, "on_packet"), (information, flow)).map(drop)
}

/// The class of which calling this without arguments makes an object: itself, or that of a `functools.partial`.
fn class_of<'py>(metric: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyType>>> {
    if let Ok(class) = metric.cast::<PyType>() {
        return Ok(Some(class.clone()));
    }
    let py = metric.py();
    if !metric.is_instance(&py.import("functools")?.getattr("partial")?)? {
        return Ok(None);
    }
    Ok(metric.getattr(intern!(py, "func"))?.cast_into().ok())
}

/// Refuses a function whose body does not run when it is called: it would do nothing, and nobody would notice.
fn refuse_lazy(what: &str, function: &Bound<'_, PyAny>) -> PyResult<()> {
    let inspect = function.py().import("inspect")?;
    for (is_so, kind) in [
        ("isgeneratorfunction", "a generator function"),
        ("iscoroutinefunction", "a coroutine function"),
        ("isasyncgenfunction", "an asynchronous generator function"),
    ] {
        if inspect.call_method1(is_so, (function,))?.is_truthy()? {
            return Err(PyTypeError::new_err(format!(
                "{what} is {kind}, whose body does not run when it is called: make it a plain function, without {}",
                if kind.starts_with("a g") { "yield" } else { "async" }
            )));
        }
    }
    Ok(())
}

fn has_method(class: &Bound<'_, PyType>, name: &str) -> PyResult<bool> {
    Ok(class.getattr_opt(name)?.is_some_and(|method| method.is_callable()))
}
