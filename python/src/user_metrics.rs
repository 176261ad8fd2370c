//! What `user_metrics`, `end_flow_when` and `keep_flows` say: callables and expressions, checked when a streamer is made.

use std::sync::Arc;

use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::expr::Expr;
use flowgauge::meter::{Meter, MeterConfig};
use flowgauge::metric::MetricGroup;
use flowgauge::{Error, Streamer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyMapping, PyString};

use crate::callable::Callable;
use crate::error;
use crate::expression::{Expression, raised};
use crate::metric::{Abandoned, Callables, Calls, Group};
use crate::value;

/// The user's metrics in the order of their dict, and the conditions on flows.
pub(crate) struct UserMetrics {
    listed: Vec<Listed>,
    end_flow_when: Option<Expr>,
    keep_flows: Option<Expr>,
    mergeable: bool,
}

enum Listed {
    /// All of them, where the first stood: they share a dict.
    Callables(Arc<Callables>),
    Expression(String, Expr),
}

impl UserMetrics {
    /// # Errors
    ///
    /// `TypeError` naming what is no mapping, no name, no metric, or an expression that does not fit where it stands;
    /// `ValueError` for a name that is taken and for a text that is no expression.
    pub(crate) fn new(
        py: Python<'_>,
        user_metrics: Option<&Bound<'_, PyAny>>,
        end_flow_when: Option<&Bound<'_, PyAny>>,
        keep_flows: Option<&Bound<'_, PyAny>>,
        mergeable: bool,
    ) -> PyResult<Self> {
        let metrics = Self {
            listed: user_metrics.map_or_else(|| Ok(Vec::new()), listed)?,
            end_flow_when: end_flow_when.map(|given| condition("end_flow_when", given)).transpose()?,
            keep_flows: keep_flows.map(|given| condition("keep_flows", given)).transpose()?,
            mergeable,
        };
        metrics.check().map_err(|error| error::raise(py, error))?;
        Ok(metrics)
    }

    /// Whether they fit: a meter takes them.
    fn check(&self) -> Result<(), Error> {
        let classifier = ClassifierOptions { limits: DissectionLimits::NONE, ..ClassifierOptions::default() };
        let mut config = MeterConfig::new()
            .classifier(classifier)
            .end_flow_when(self.end_flow_when.clone())
            .keep_flows(self.keep_flows.clone())
            .mergeable(self.mergeable);
        for listed in &self.listed {
            if let Listed::Expression(name, expr) = listed {
                config = config.expression(name, expr.clone());
            }
        }
        Meter::new(config).map(drop)
    }

    /// Hands them to the library for a run.
    pub(crate) fn add_to(&self, mut streamer: Streamer, abandoned: &Abandoned) -> Streamer {
        for listed in &self.listed {
            streamer = match listed {
                Listed::Callables(callables) => {
                    let group: Arc<dyn MetricGroup> = Arc::new(Group(Calls::new(callables, abandoned.clone())));
                    streamer.metric_group(group)
                }
                Listed::Expression(name, expr) => streamer.expression(name, expr.clone()),
            };
        }
        let streamer = streamer.end_flow_when(self.end_flow_when.clone()).keep_flows(self.keep_flows.clone());
        streamer.mergeable(self.mergeable)
    }

    /// Whether a run calls Python.
    pub(crate) fn calls_python(&self) -> bool {
        self.listed.iter().any(|listed| matches!(listed, Listed::Callables(_)))
    }

    /// Shows the callables to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.listed.iter().try_for_each(|listed| match listed {
            Listed::Callables(callables) => callables.traverse(visit),
            Listed::Expression(..) => Ok(()),
        })
    }
}

fn listed(user_metrics: &Bound<'_, PyAny>) -> PyResult<Vec<Listed>> {
    let Ok(mapping) = user_metrics.cast::<PyMapping>() else {
        return Err(PyTypeError::new_err(format!(
            "user_metrics must be a dict of names and Expressions or callables, or None, not {}",
            value::type_name(user_metrics)
        )));
    };
    let (mut listed, mut callables, mut place) = (Vec::new(), Vec::new(), 0);
    for item in mapping.items()?.iter() {
        let (name, metric): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let Ok(key) = name.cast::<PyString>() else {
            let kind = value::type_name(&name);
            return Err(PyTypeError::new_err(format!("a name in user_metrics must be a str, not {kind}")));
        };
        let text = key.to_str()?;
        if text.is_empty() || flowgauge::flow::schema::column(text).is_some() {
            return Err(PyValueError::new_err(format!(
                "a name in user_metrics must differ from the columns of a flow and not be empty, not {text:?}"
            )));
        }
        if let Ok(expression) = metric.cast::<Expression>() {
            listed.push(Listed::Expression(text.to_owned(), expression.get().expr().clone()));
            continue;
        }
        if callables.is_empty() {
            place = listed.len();
        }
        callables.push(Callable::new(text, key, metric)?);
    }
    if !callables.is_empty() {
        listed.insert(place, Listed::Callables(Callables::new(callables)));
    }
    Ok(listed)
}

/// An expression, or a text that is read as one.
fn condition(option: &str, given: &Bound<'_, PyAny>) -> PyResult<Expr> {
    if let Ok(expression) = given.cast::<Expression>() {
        return Ok(expression.get().expr().clone());
    }
    let Ok(text) = given.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "{option} must be an Expression, a str that is one, or None, not {}",
            value::type_name(given)
        )));
    };
    let read = Expr::parse(text.to_str()?);
    read.map_err(|invalid| raised(invalid.kind, format!("{option}: {invalid}")))
}
