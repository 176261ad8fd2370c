//! Expressions as Python writes them: operators and methods over the library's own trees.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use flowgauge::expr::{Argument, Binary, Expr, Invalid, InvalidKind, Literal, Stage, Unary};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyString, PyTuple};

use crate::value;

/// A metric, or a part of one, that flowgauge folds over the packets of each flow without calling Python.
///
/// Expressions are made of the fields of `packet` and the columns of `flow` with operators and methods: with
/// `from flowgauge import packet`, `(packet.size > 666).sum()` is one. They are checked as they are made. What they mean,
/// and every field and method, stands in docs/expressions.md.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct Expression(Expr);

impl Expression {
    pub(crate) fn new(expr: Expr) -> Self {
        Self(expr)
    }

    pub(crate) fn expr(&self) -> &Expr {
        &self.0
    }
}

#[pymethods]
impl Expression {
    /// Numpy is not to take an expression for one of its numbers.
    #[classattr]
    #[pyo3(name = "__array_ufunc__")]
    const ARRAY_UFUNC: Option<bool> = None;

    /// Read an expression as `str` writes it; nothing is run.
    ///
    /// Raises:
    ///     TypeError: A part has a type that does not fit.
    ///     ValueError: The text cannot be read, or names what does not exist.
    #[staticmethod]
    fn parse(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(source) = text.cast::<PyString>() else {
            return Err(PyTypeError::new_err(format!("parse takes a str, not {}", value::type_name(text))));
        };
        Expr::parse(source.to_str()?).map(Self).map_err(invalid)
    }

    /// The expression as an object of JSON, which `from_json` reads.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let object = PyDict::new(py);
        object.set_item(VERSION_KEY, VERSION)?;
        object.set_item(SOURCE_KEY, self.0.to_string())?;
        py.import("json")?.call_method1("dumps", (object,))?.extract()
    }

    /// Read what `to_json` wrote.
    ///
    /// Raises:
    ///     TypeError: `text` is no str or bytes, or a part has a type that does not fit.
    ///     ValueError: It is no such object, of another version, or its source cannot be read.
    #[staticmethod]
    fn from_json(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        if !text.is_instance_of::<PyString>() && !text.is_instance_of::<PyBytes>() {
            let kind = value::type_name(text);
            return Err(PyTypeError::new_err(format!("from_json takes a str or bytes, not {kind}")));
        }
        let wanted = || {
            let object = format!("{{\"{VERSION_KEY}\": {VERSION}, \"{SOURCE_KEY}\": \"...\"}}");
            PyValueError::new_err(format!("an expression in JSON is an object as {object}"))
        };
        let object = text
            .py()
            .import("json")?
            .call_method1("loads", (text,))
            .map_err(|error| if error.is_instance_of::<PyRecursionError>(text.py()) { wanted() } else { error })?;
        let object = object.cast::<PyDict>().map_err(|_| wanted())?;
        let (version, source) = (object.get_item(VERSION_KEY)?, object.get_item(SOURCE_KEY)?);
        let (Some(version), Some(source), 2) = (version, source, object.len()) else { return Err(wanted()) };
        match value::index(&version).map(|number| number.extract::<u64>()) {
            Some(Ok(VERSION)) => {
                Self::parse(&source).map_err(|error| if source.is_instance_of::<PyString>() { error } else { wanted() })
            }
            Some(_) => {
                let text = format!("expressions of version {VERSION} can be read, not of version {version}");
                Err(PyValueError::new_err(text))
            }
            None => Err(wanted()),
        }
    }

    /// Whether both are the same expression; `==` makes an expression instead.
    fn equals(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    /// Bytes that it takes of every living flow, at most.
    ///
    /// Raises:
    ///     TypeError: It has a value for every packet, and none of the flow.
    #[getter]
    fn state_bytes(&self) -> PyResult<usize> {
        self.0.state_bytes().map_err(invalid)
    }

    /// Bytes that it takes of every living flow and of every record with `mergeable`: also for the packets that lack the one
    /// before them, and for both directions.
    ///
    /// Raises:
    ///     TypeError: It has a value for every packet, and none of the flow.
    #[getter]
    fn mergeable_state_bytes(&self) -> PyResult<usize> {
        self.0.mergeable_state_bytes().map_err(invalid)
    }

    /// Whether `merge` can tell it of a whole flow from its pieces; not what counts packets from the first on (`packet.index`),
    /// nor differences of differences, nor bytes chosen by a difference.
    #[getter]
    fn is_mergeable(&self) -> bool {
        self.0.is_mergeable()
    }

    /// What its values are: bool, int, float, str, bytes, list of bool, list of int or list of float; each may be None.
    #[getter]
    fn r#type(&self) -> String {
        self.0.ty().to_string()
    }

    /// When it has a value: "constant" (always the same), "packet" (one for each) or "flow" (one at its end).
    #[getter]
    fn stage(&self) -> &'static str {
        match self.0.stage() {
            Stage::Constant => "constant",
            Stage::Packet => "packet",
            Stage::Flow => "flow",
        }
    }

    fn __repr__(&self) -> String {
        self.0.to_string()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err(format!(
            "{}: an expression is neither true nor false before packets come: write & | ~ instead of and, or, not, put \
             comparisons in parentheses, as in (a > 1) & (a < 9), and ask .equals() whether two are the same",
            self.0
        )))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let parse = slf.get_type().getattr(intern!(py, "parse"))?;
        Ok((parse, PyTuple::new(py, [slf.get().0.to_string()])?))
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operator: CompareOp) -> PyResult<Py<PyAny>> {
        let operator = match operator {
            CompareOp::Lt => Binary::Lt,
            CompareOp::Le => Binary::Le,
            CompareOp::Eq => Binary::Eq,
            CompareOp::Ne => Binary::Ne,
            CompareOp::Gt => Binary::Gt,
            CompareOp::Ge => Binary::Ge,
        };
        let equality = matches!(operator, Binary::Eq | Binary::Ne);
        if equality && other.is_none() {
            let text = format!("{} {} None: ask .is_null() whether there is no value", self.0, operator.text());
            return Err(PyTypeError::new_err(text));
        }
        if equality && operand(other)?.is_none() {
            // Python would compare identities, which says nothing.
            let (operator, kind) = (operator.text(), value::type_name(other));
            return Err(PyTypeError::new_err(format!("{}: {operator} takes no {kind}", self.0)));
        }
        self.operate(operator, other)
    }

    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Add, other)
    }

    fn __radd__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Add, other)
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Sub, other)
    }

    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Sub, other)
    }

    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Mul, other)
    }

    fn __rmul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Mul, other)
    }

    fn __truediv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Div, other)
    }

    fn __rtruediv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Div, other)
    }

    fn __floordiv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::FloorDiv, other)
    }

    fn __rfloordiv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::FloorDiv, other)
    }

    fn __mod__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Mod, other)
    }

    fn __rmod__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Mod, other)
    }

    fn __and__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::And, other)
    }

    fn __rand__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::And, other)
    }

    fn __or__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Or, other)
    }

    fn __ror__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Or, other)
    }

    fn __xor__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Xor, other)
    }

    fn __rxor__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Xor, other)
    }

    fn __lshift__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Shl, other)
    }

    fn __rlshift__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Shl, other)
    }

    fn __rshift__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.operate(Binary::Shr, other)
    }

    fn __rrshift__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.reflect(Binary::Shr, other)
    }

    fn __neg__(&self) -> PyResult<Self> {
        Expr::unary(Unary::Neg, &self.0).map(Self).map_err(invalid)
    }

    fn __pos__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __invert__(&self) -> PyResult<Self> {
        Expr::unary(Unary::Not, &self.0).map(Self).map_err(invalid)
    }

    fn __abs__(&self) -> PyResult<Self> {
        self.abs()
    }

    /// How many packets have a value.
    fn count(&self) -> PyResult<Self> {
        self.call("count", &[])
    }

    /// Their sum; 0 of none.
    fn sum(&self) -> PyResult<Self> {
        self.call("sum", &[])
    }

    /// Their arithmetic mean.
    fn mean(&self) -> PyResult<Self> {
        self.call("mean", &[])
    }

    /// Their sample standard deviation (with n - 1); 0 of one.
    fn std(&self) -> PyResult<Self> {
        self.call("std", &[])
    }

    /// Their sample variance (with n - 1); 0 of one.
    fn var(&self) -> PyResult<Self> {
        self.call("var", &[])
    }

    /// The least of them; with `other` the lesser of the two, packet by packet.
    #[pyo3(signature = (other=None))]
    fn min(&self, other: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        self.call_optional("min", other)
    }

    /// The greatest of them; with `other` the greater of the two, packet by packet.
    #[pyo3(signature = (other=None))]
    fn max(&self, other: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        self.call_optional("max", other)
    }

    /// The first `n` as a list, `n` up to 1,024.
    fn first(&self, n: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("first", &[n])
    }

    /// The last `n` as a list, `n` up to 1,024.
    fn last(&self, n: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("last", &[n])
    }

    /// Whether one is true.
    fn any(&self) -> PyResult<Self> {
        self.call("any", &[])
    }

    /// Whether none is false.
    fn all(&self) -> PyResult<Self> {
        self.call("all", &[])
    }

    /// How many different ones there are: exact up to 256, then estimated (standard error 1.6 %).
    fn n_unique(&self) -> PyResult<Self> {
        self.call("n_unique", &[])
    }

    /// The value that a share `q` (0 to 1) of them does not exceed, within 1 % of itself.
    fn quantile(&self, q: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("quantile", &[q])
    }

    /// How many lie below the first of the edges, between each two, and at or above the last: one count more than edges.
    ///
    /// Args:
    ///     edges: Up to 255 numbers in rising order; an edge belongs to the values above it.
    fn histogram(&self, edges: &Bound<'_, PyAny>) -> PyResult<Self> {
        let wrong = || {
            let text = format!("histogram takes a list of numbers, not {}", value::type_name(edges));
            PyTypeError::new_err(text)
        };
        if edges.is_instance_of::<PyString>() || edges.is_instance_of::<PyBytes>() {
            return Err(wrong());
        }
        let mut numbers = Vec::new();
        for edge in edges.try_iter().map_err(|_| wrong())? {
            numbers.push(edge?.extract::<f64>().map_err(|_| wrong())?);
            // The library refuses more; whoever never ends must not go on here.
            if numbers.len() > 1024 {
                break;
            }
        }
        self.0.call("histogram", &[Argument::Several(numbers)]).map(Self).map_err(invalid)
    }

    /// Shannon entropy in bits: of the bytes, or of how often each whole number comes; null beyond 1,024 different ones.
    fn entropy(&self) -> PyResult<Self> {
        self.call("entropy", &[])
    }

    /// Their exponentially weighted mean: each counts half of the one `half_life` values after it.
    fn ewm_mean(&self, half_life: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("ewm_mean", &[half_life])
    }

    /// The value where the condition is true; null elsewhere.
    fn filter(&self, condition: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("filter", &[condition])
    }

    /// The difference from the packet before it that has a value; null for the first.
    fn diff(&self) -> PyResult<Self> {
        self.call("diff", &[])
    }

    /// By direction: `diff` looks at packets of its own direction only, and a value of the flow becomes a list of two,
    /// from source to destination and back.
    ///
    /// Args:
    ///     by: "direction".
    fn over(&self, by: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("over", &[by])
    }

    /// Without its sign.
    fn abs(&self) -> PyResult<Self> {
        self.call("abs", &[])
    }

    /// The natural logarithm; null of 0 and below.
    fn log(&self) -> PyResult<Self> {
        self.call("log", &[])
    }

    /// The logarithm to base 2.
    fn log2(&self) -> PyResult<Self> {
        self.call("log2", &[])
    }

    /// The logarithm to base 10.
    fn log10(&self) -> PyResult<Self> {
        self.call("log10", &[])
    }

    /// No less than `low` and no more than `high`.
    fn clip(&self, low: &Bound<'_, PyAny>, high: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("clip", &[low, high])
    }

    /// Whether there is no value.
    fn is_null(&self) -> PyResult<Self> {
        self.call("is_null", &[])
    }

    /// The value, or the other one where there is none.
    fn fill_null(&self, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("fill_null", &[value])
    }

    /// The byte `n` places from the beginning (0 is the first); null where there are fewer.
    fn byte(&self, n: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.call("byte", &[n])
    }
}

impl Expression {
    fn call(&self, name: &str, arguments: &[&Bound<'_, PyAny>]) -> PyResult<Self> {
        let taken = |object: &&Bound<'_, PyAny>| taken(name, object).map(Argument::One);
        let arguments = arguments.iter().map(taken).collect::<PyResult<Vec<_>>>()?;
        self.0.call(name, &arguments).map(Self).map_err(invalid)
    }

    fn call_optional(&self, name: &str, argument: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        self.call(name, argument.as_slice())
    }

    /// This and then the other.
    fn operate(&self, operator: Binary, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Some(expr) = operand(other)? else { return Ok(other.py().NotImplemented()) };
        done(other.py(), Expr::binary(operator, &self.0, &expr))
    }

    /// The other and then this.
    fn reflect(&self, operator: Binary, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Some(expr) = operand(other)? else { return Ok(other.py().NotImplemented()) };
        done(other.py(), Expr::binary(operator, &expr, &self.0))
    }
}

fn done(py: Python<'_>, made: Result<Expr, Invalid>) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, Expression(made.map_err(invalid)?))?.into_any())
}

/// What a function of this name is given, as an expression.
///
/// # Errors
///
/// `TypeError` for what is none.
pub(crate) fn taken(function: &str, object: &Bound<'_, PyAny>) -> PyResult<Expr> {
    operand(object)?.ok_or_else(|| {
        PyTypeError::new_err(format!(
            "{function} takes expressions, numbers and texts, not {}",
            value::type_name(object)
        ))
    })
}

/// An expression, or a value that stands in one; `None` for anything else.
fn operand(object: &Bound<'_, PyAny>) -> PyResult<Option<Expr>> {
    if let Ok(expression) = object.cast::<Expression>() {
        return Ok(Some(expression.get().0.clone()));
    }
    if let Ok(truth) = object.cast::<PyBool>() {
        return Ok(Some(Expr::literal(truth.is_true())));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Some(Expr::literal(text.to_str()?)));
    }
    if let Some(number) = value::index(object) {
        let number = number.extract::<i64>().map_err(|_| {
            PyValueError::new_err(format!("whole numbers of expressions have 64 bits with sign, unlike {number}"))
        });
        return number.map(|number| Some(Expr::literal(number)));
    }
    if !object.is_instance_of::<PyFloat>() && !object.hasattr(intern!(object.py(), "__float__"))? {
        return Ok(None);
    }
    let Ok(number) = object.extract::<f64>() else { return Ok(None) };
    if !number.is_finite() {
        return Err(PyValueError::new_err(format!("numbers of expressions are finite, unlike {number}")));
    }
    Ok(Some(Expr::literal(Literal::Float(number))))
}

/// The exception for what is no expression.
pub(crate) fn invalid(error: Invalid) -> PyErr {
    raised(error.kind, error.to_string())
}

/// The exception with a message for what is wrong in this way.
pub(crate) fn raised(kind: InvalidKind, message: String) -> PyErr {
    match kind {
        InvalidKind::Type => PyTypeError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

const VERSION_KEY: &str = "flowgauge_expression";
const VERSION: u64 = 1;
const SOURCE_KEY: &str = "source";
