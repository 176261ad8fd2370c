//! A flow as nfstream's users know it.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use flowgauge::flow::FlowKey;
use flowgauge::{ExportReason, FlowRecord, FlowState, Timestamp};
use pyo3::IntoPyObjectExt;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::column::{self, missing};
use super::columns::{Definition, columns, columns_of};
use super::row::{Accounting, Row, View};

/// A flow, with nfstream's names: every column that was asked for is an attribute.
///
/// The same object is handed to all calls of the plugins and then to whoever iterates. What a plugin sets stays as it
/// was set.
#[pyclass(frozen, weakref, module = "flowgauge.nfstream")]
pub(crate) struct NFlow {
    view: Arc<View>,
    id: AtomicU64,
    numbers: Numbers,
    udps: OnceLock<Py<PyAny>>,
    set: OnceLock<Mutex<Set>>,
}

/// What plugins set, by column.
type Set = Vec<(&'static Definition, Py<PyAny>)>;

/// What the meter counted.
enum Numbers {
    /// Once and for all.
    Done(Counted),
    /// So far: the plugins see it grow.
    Growing(Mutex<Counted>),
}

struct Counted {
    flow: FlowState,
    reason: Option<ExportReason>,
}

impl NFlow {
    /// A flow that nobody saw before.
    pub(super) fn done(view: &Arc<View>, id: u64, record: FlowRecord) -> Self {
        let counted = Counted { flow: record.flow, reason: Some(record.export_reason) };
        Self::new(view, id, Numbers::Done(counted))
    }

    /// A flow that plugins are to see.
    pub(super) fn growing(view: &Arc<View>, flow: &FlowState, reason: Option<ExportReason>) -> Self {
        let counted = Counted { flow: flow.clone(), reason };
        Self::new(view, flow.flow_id, Numbers::Growing(Mutex::new(counted)))
    }

    fn new(view: &Arc<View>, id: u64, numbers: Numbers) -> Self {
        Self { view: Arc::clone(view), id: AtomicU64::new(id), numbers, udps: OnceLock::new(), set: OnceLock::new() }
    }

    /// The flow grew; with a reason, it ended.
    #[inline]
    pub(super) fn update(&self, flow: &FlowState, reason: Option<ExportReason>) {
        if let Numbers::Growing(counted) = &self.numbers {
            let mut counted = lock(counted);
            counted.flow.clone_from(flow);
            counted.reason = reason;
        }
    }

    /// It is handed out, as the one of this number.
    pub(super) fn number(&self, id: u64) {
        self.id.store(id, Ordering::Relaxed);
    }

    /// Whether a plugin wants it to end now.
    #[inline]
    pub(super) fn is_to_end(&self, py: Python<'_>) -> bool {
        let Some(set) = self.set.get() else { return false };
        let value =
            lock(set).iter().find(|(column, _)| column.name == EXPIRATION).map(|(_, value)| value.clone_ref(py));
        value.is_some_and(|value| value.extract::<i64>(py).is_ok_and(|value| value == -1))
    }

    /// What a column tells.
    #[inline]
    pub(super) fn value<'py>(&self, py: Python<'py>, column: &'static Definition) -> PyResult<Bound<'py, PyAny>> {
        if !column.is_in(&self.view) {
            return Err(missing(column.name));
        }
        if let Some(value) = self.set_value_of(py, column) {
            return Ok(value);
        }
        let id = self.id.load(Ordering::Relaxed);
        match &self.numbers {
            Numbers::Done(counted) => column::to_python(py, column.get(&counted.row(&self.view, id))),
            Numbers::Growing(counted) => {
                // No object is made under the lock: that may set the garbage collector to work, and it anything.
                let cell = column.get(&lock(counted).row(&self.view, id)).into_owned();
                column::to_python(py, cell)
            }
        }
    }

    /// Lets a column tell something else from now on.
    pub(super) fn set_value(&self, column: &'static Definition, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if !column.is_in(&self.view) {
            return Err(missing(column.name));
        }
        let value = value.clone().unbind();
        let mut set = lock(self.set.get_or_init(Mutex::default));
        let before = match set.iter_mut().find(|(other, _)| std::ptr::eq(*other, column)) {
            Some((_, before)) => Some(std::mem::replace(before, value)),
            None => {
                set.push((column, value));
                None
            }
        };
        drop(set);
        // Whatever its end runs may look at this flow.
        drop(before);
        Ok(())
    }

    /// What was set instead of a column's own value.
    #[inline]
    pub(super) fn set_value_of<'py>(&self, py: Python<'py>, column: &Definition) -> Option<Bound<'py, PyAny>> {
        let set = lock(self.set.get()?);
        set.iter().find(|(other, _)| std::ptr::eq(*other, column)).map(|(_, value)| value.bind(py).clone())
    }

    /// The values of the plugins, by name, in the order in which they were made.
    pub(super) fn user_values<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        if !self.view.plugins {
            return Ok(None);
        }
        let values = self.namespace(py)?.getattr_opt(intern!(py, "__dict__"))?;
        Ok(values.and_then(|values| values.cast_into().ok()))
    }

    /// Reads the flow. Make no Python object meanwhile.
    #[inline]
    pub(super) fn with<T>(&self, read: impl FnOnce(&Row<'_>) -> T) -> T {
        let id = self.id.load(Ordering::Relaxed);
        match &self.numbers {
            Numbers::Done(counted) => read(&counted.row(&self.view, id)),
            Numbers::Growing(counted) => read(&lock(counted).row(&self.view, id)),
        }
    }

    fn namespace<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if !self.view.plugins {
            return Err(missing("udps"));
        }
        if let Some(udps) = self.udps.get() {
            return Ok(udps.bind(py).clone());
        }
        let made = py.import(intern!(py, "types"))?.getattr(intern!(py, "SimpleNamespace"))?.call0()?.unbind();
        Ok(self.udps.get_or_init(|| made).bind(py).clone())
    }
}

#[pymethods]
impl NFlow {
    /// What the plugins keep with the flow: a namespace with any attributes. Without plugins there is none.
    #[getter]
    fn udps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.namespace(py)
    }

    /// The names of the columns, in order; those of the plugins' values are `udps.NAME`.
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let mut names: Vec<String> = columns_of(&self.view).map(|column| column.name.to_owned()).collect();
        if let Some(values) = self.user_values(py)? {
            for name in values.keys().iter() {
                names.push(format!("udps.{}", name.str()?.to_str()?));
            }
        }
        Ok(names)
    }

    /// The values of the columns, in the order of `keys()`.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let values = columns_of(&self.view).map(|column| self.value(py, column)).collect::<PyResult<Vec<_>>>()?;
        let values = PyList::new(py, values)?;
        if let Some(more) = self.user_values(py)? {
            more.values().iter().try_for_each(|value| values.append(value))?;
        }
        Ok(values)
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = String::from("NFlow(");
        let mut separator = "";
        for (name, value) in self.keys(py)?.iter().zip(self.values(py)?.iter()) {
            let value = value.str()?;
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{name}={}", value.to_string_lossy());
            separator = ",\n      ";
        }
        text.push(')');
        Ok(text)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tell = |name| {
            let column = columns().find(|column| column.name == name).ok_or_else(|| missing(name))?;
            Ok::<_, PyErr>(self.value(py, column)?.str()?.to_string())
        };
        Ok(format!(
            "<flowgauge.nfstream.NFlow {}: {} port {} to {} port {}, protocol {}, {} packets>",
            tell("id")?,
            tell("src_ip")?,
            tell("src_port")?,
            tell("dst_ip")?,
            tell("dst_port")?,
            tell("protocol")?,
            tell("bidirectional_packets")?
        ))
    }

    /// For `copy` and `pickle`: what all columns tell, and the plugins' values.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let view = &this.view;
        let values = columns_of(view).map(|column| this.value(py, column)).collect::<PyResult<Vec<_>>>()?;
        let udps = view.plugins.then(|| this.namespace(py)).transpose()?;
        let options = (view.tunnels, view.statistics, view.splt, view.dissection);
        (slf.get_type().getattr("_restore")?, (options, values, udps)).into_bound_py_any(py)
    }

    /// A flow that tells these values.
    #[staticmethod]
    fn _restore(
        options: (bool, bool, usize, bool),
        values: Vec<Bound<'_, PyAny>>,
        udps: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let (tunnels, statistics, splt, dissection) = options;
        let accounting = Accounting::default();
        let view = Arc::new(View { tunnels, statistics, splt, dissection, accounting, plugins: udps.is_some() });
        let nothing = FlowKey::new(4, 0, (0, 0), (0, 0), 0).0;
        let counted = Counted { flow: FlowState::new(nothing, false, 0, Timestamp::default()), reason: None };
        let flow = Self::new(&view, 0, Numbers::Done(counted));
        for (column, value) in columns_of(&view).zip(values) {
            flow.set_value(column, &value)?;
        }
        if let Some(udps) = udps {
            flow.udps.get_or_init(|| udps);
        }
        Ok(flow)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(udps) = self.udps.get() {
            visit.call(udps)?;
        }
        // Nobody who holds the lock lets the collector run.
        if let Some(Ok(set)) = self.set.get().map(Mutex::try_lock) {
            set.iter().try_for_each(|(_, value)| visit.call(value))?;
        }
        Ok(())
    }
}

impl Counted {
    #[inline]
    fn row<'a>(&'a self, view: &'a View, id: u64) -> Row<'a> {
        Row { view, id, flow: &self.flow, reason: self.reason }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const EXPIRATION: &str = "expiration_id";
