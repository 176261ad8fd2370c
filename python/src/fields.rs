//! Where expressions begin: `packet`, `flow` and `when`.

use flowgauge::expr::{Expr, Invalid, InvalidKind, packet_fields};
use flowgauge::flow::schema::{self, ColumnKind};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;

use crate::expression::{Expression, invalid, taken};

/// The fields of each packet, as expressions: `packet.size`, `packet.gap`, `packet.payload` ...; `dir(packet)` names them.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct PacketFields;

/// The columns of a flow's record, as expressions: `flow.src_to_dst_pkts` ...; `dir(flow)` names them.
///
/// Their values are those at the end of the flow; null where the option that turns a column on is off.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct FlowFields;

#[pymethods]
impl PacketFields {
    fn __getattr__(&self, name: &str) -> PyResult<Expression> {
        attribute(Expr::packet(name))
    }

    fn __dir__(&self) -> Vec<&'static str> {
        packet_fields().iter().map(|field| field.name).collect()
    }

    fn __repr__(&self) -> &'static str {
        "packet"
    }

    fn __reduce__(&self) -> &'static str {
        "packet"
    }
}

#[pymethods]
impl FlowFields {
    fn __getattr__(&self, name: &str) -> PyResult<Expression> {
        attribute(Expr::flow(name))
    }

    fn __dir__(&self) -> Vec<&'static str> {
        schema::columns().map(|column| column.name).filter(|name| Expr::flow(name).is_ok()).collect()
    }

    fn __repr__(&self) -> &'static str {
        "flow"
    }

    fn __reduce__(&self) -> &'static str {
        "flow"
    }
}

// The class itself has no docstring, so that `help(PacketFields.size)` shows the field's.
#[allow(missing_docs)]
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct Field {
    expr: Expr,
    doc: String,
}

#[pymethods]
impl Field {
    fn __get__<'py>(
        slf: Bound<'py, Self>,
        object: Option<&Bound<'py, PyAny>>,
        _class: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match object {
            None => Ok(slf.into_any()),
            Some(_) => Ok(Bound::new(slf.py(), Expression::new(slf.get().expr.clone()))?.into_any()),
        }
    }

    fn __set__(&self, _object: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyAttributeError::new_err(format!("{} cannot be set", self.expr)))
    }

    #[getter(__doc__)]
    fn doc_of_attribute(&self) -> &str {
        &self.doc
    }

    fn __repr__(&self) -> String {
        format!("<{}: {}>", self.expr, self.expr.ty())
    }
}

/// Makes every field and column an attribute of its class.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<PacketFields>();
    for field in packet_fields() {
        let expr = Expr::packet(field.name).map_err(invalid)?;
        let unit = if field.unit.is_empty() { String::new() } else { format!(", in {}", field.unit) };
        let doc = format!("{} Type {}{unit}.", field.doc, field.ty);
        class.setattr(field.name, Field { expr, doc })?;
    }
    let class = py.get_type::<FlowFields>();
    for column in schema::columns() {
        let Ok(expr) = Expr::flow(column.name) else { continue };
        let unit = match column.kind {
            ColumnKind::Time => ", nanoseconds since 1970 UTC".to_owned(),
            ColumnKind::Duration => ", in nanoseconds".to_owned(),
            _ if column.unit.is_empty() => String::new(),
            _ => format!(", in {}", column.unit),
        };
        let option = column.needs.map(|needs| format!(" Needs the option {}.", needs.option()));
        let doc = format!("{} Type {}{unit}.{}", column.doc, expr.ty(), option.unwrap_or_default());
        class.setattr(column.name, Field { expr, doc })?;
    }
    Ok(())
}

fn attribute(made: Result<Expr, Invalid>) -> PyResult<Expression> {
    made.map(Expression::new).map_err(|error| match error.kind {
        InvalidKind::Unknown => PyAttributeError::new_err(error.to_string()),
        _ => invalid(error),
    })
}

/// A choice: `when(condition).then(value).otherwise(other)` is `value` where the condition is true, else `other`, which it
/// is also where the condition is null.
#[pyfunction]
pub(crate) fn when(condition: &Bound<'_, PyAny>) -> PyResult<When> {
    let condition = taken("when", condition)?;
    // What is no condition is refused before anything is chosen.
    let zero = Expr::literal(0);
    Expr::when(&condition, &zero, &zero).map_err(invalid)?;
    Ok(When { condition })
}

/// A choice whose values are still to be said: what `when` gives.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct When {
    condition: Expr,
}

/// A choice that lacks its other value: what `when(...).then(...)` gives.
#[pyclass(frozen, module = "flowgauge")]
pub(crate) struct Then {
    condition: Expr,
    then: Expr,
}

#[pymethods]
impl When {
    /// The value where the condition is true.
    fn then(&self, value: &Bound<'_, PyAny>) -> PyResult<Then> {
        Ok(Then { condition: self.condition.clone(), then: taken("then", value)? })
    }

    fn __repr__(&self) -> String {
        format!("when({})", self.condition)
    }
}

#[pymethods]
impl Then {
    /// The value elsewhere.
    fn otherwise(&self, value: &Bound<'_, PyAny>) -> PyResult<Expression> {
        let made = Expr::when(&self.condition, &self.then, &taken("otherwise", value)?);
        made.map(Expression::new).map_err(invalid)
    }

    fn __repr__(&self) -> String {
        format!("when({}).then({})", self.condition, self.then)
    }
}
