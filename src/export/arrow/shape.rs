//! What values that may be anything have in common, and an array of them.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, NullArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};

use crate::flow::{Value, json};

use super::cells::room;
use super::{Overflow, fields};

/// The type that values share.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// All are null.
    Null,
    Bool,
    Int,
    /// Also where some are whole numbers.
    Float,
    Text,
    Bytes,
    List(Box<Self>),
    /// They have no type in common: text that is JSON.
    Json,
}

/// Why values do not become an array.
#[derive(Debug)]
pub(super) enum Misfit {
    /// One of another type.
    Type(Shape),
    Overflow,
}

impl Shape {
    /// What all of these share.
    pub(super) fn of_all(values: &[Value]) -> Self {
        values
            .iter()
            .fold(Self::Null, |shape, value| if shape == Self::Json { shape } else { shape.joined(Self::of(value, 0)) })
    }

    fn of(value: &Value, depth: usize) -> Self {
        match value {
            Value::Null | Value::Opaque(_) => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Text(_) => Self::Text,
            Value::Bytes(_) => Self::Bytes,
            Value::List(_) if depth == DEEPEST => Self::Json,
            Value::List(values) => {
                let item = values.iter().fold(Self::Null, |shape, value| shape.joined(Self::of(value, depth + 1)));
                if item == Self::Json { Self::Json } else { Self::List(item.into()) }
            }
        }
    }

    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, shape) | (shape, Self::Null) => shape,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::List(one), Self::List(other)) => match one.joined(*other) {
                Self::Json => Self::Json,
                item => Self::List(item.into()),
            },
            (one, other) if one == other => one,
            _ => Self::Json,
        }
    }

    /// Whether it says nothing of some values, or of the items of lists, since all so far were null.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(item) => item.is_open(),
            _ => false,
        }
    }

    /// Whether values of this are told as values of `wanted`.
    fn fits(&self, wanted: &Self) -> bool {
        self == wanted || *wanted == Self::Json || self.clone().joined(wanted.clone()) == *wanted
    }

    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text | Self::Json => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::List(item) => fields::list(item.data_type()),
        }
    }

    /// The values as an array of this.
    pub(super) fn array(&self, values: &[Value]) -> Result<ArrayRef, Misfit> {
        if let Some(other) = values.iter().map(|value| Self::of(value, 0)).find(|shape| !shape.fits(self)) {
            return Err(Misfit::Type(other));
        }
        self.build(&values.iter().collect::<Vec<_>>()).map_err(|Overflow| Misfit::Overflow)
    }

    /// An array of values that fit.
    fn build(&self, values: &[&Value]) -> Result<ArrayRef, Overflow> {
        Ok(match self {
            Self::Null => Arc::new(NullArray::new(values.len())),
            Self::Bool => {
                let mut column = BooleanBuilder::with_capacity(values.len());
                let truth = |value: &Value| if let Value::Bool(truth) = value { Some(*truth) } else { None };
                values.iter().for_each(|value| column.append_option(truth(value)));
                Arc::new(column.finish())
            }
            Self::Int => {
                let mut column = Int64Builder::with_capacity(values.len());
                let int = |value: &Value| if let Value::Int(number) = value { Some(*number) } else { None };
                values.iter().for_each(|value| column.append_option(int(value)));
                Arc::new(column.finish())
            }
            Self::Float => {
                let mut column = Float64Builder::with_capacity(values.len());
                let float = |value: &Value| match value {
                    Value::Float(number) => Some(*number),
                    Value::Int(number) => Some(*number as f64),
                    _ => None,
                };
                values.iter().for_each(|value| column.append_option(float(value)));
                Arc::new(column.finish())
            }
            Self::Text => {
                texts(values.iter().map(|value| if let Value::Text(text) = value { Some(text) } else { None }))?
            }
            Self::Bytes => {
                let mut column = BinaryBuilder::new();
                for value in values {
                    let Value::Bytes(bytes) = value else {
                        column.append_null();
                        continue;
                    };
                    room(column.values_slice().len(), bytes.len())?;
                    column.append_value(bytes);
                }
                Arc::new(column.finish())
            }
            Self::List(item) => lists(item, values)?,
            Self::Json => texts(values.iter().map(|value| json(value)))?,
        })
    }
}

/// Lists: all their items one after another, and how many each has.
fn lists(item: &Shape, values: &[&Value]) -> Result<ArrayRef, Overflow> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for value in values {
        let before = items.len();
        if let Value::List(values) = value {
            room(before, values.len())?;
            items.extend(values);
        }
        lengths.push(items.len() - before);
    }
    let nulls: NullBuffer = values.iter().map(|value| matches!(value, Value::List(_))).collect();
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    let field = Arc::new(Field::new_list_field(item.data_type(), true));
    let array = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), item.build(&items)?, nulls);
    // As many offsets as values, and items of the type that was asked for.
    array.map(|array| Arc::new(array) as ArrayRef).map_err(|_| Overflow)
}

fn texts(texts: impl Iterator<Item = Option<impl AsRef<str>>>) -> Result<ArrayRef, Overflow> {
    let mut column = StringBuilder::new();
    for text in texts {
        if let Some(text) = &text {
            room(column.values_slice().len(), text.as_ref().len())?;
        }
        column.append_option(text);
    }
    Ok(Arc::new(column.finish()))
}

fn json(value: &Value) -> Option<String> {
    if matches!(value, Value::Null | Value::Opaque(_)) {
        return None;
    }
    let mut text = String::new();
    json::write_value(&mut text, value).expect("a string takes everything");
    Some(text)
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int64"),
            Self::Float => f.write_str("float64"),
            Self::Text => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
            Self::List(item) => write!(f, "list[{item}]"),
            Self::Json => f.write_str("a mixture"),
        }
    }
}

/// How deep lists of lists may be; deeper ones are JSON.
const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(values: &[Value]) -> String {
        Shape::of_all(values).to_string()
    }

    #[test]
    fn values_have_the_type_that_they_share() {
        assert_eq!(shape(&[]), "null");
        assert_eq!(shape(&[Value::Null, true.into()]), "bool");
        assert_eq!(shape(&[1.into(), 2.5.into()]), "float64");
        assert_eq!(shape(&[true.into(), 1.into()]), "a mixture");
        assert_eq!(shape(&[Value::List(vec![Value::Null]), Value::List(vec![1.into(), 2.5.into()])]), "list[float64]");
        assert_eq!(shape(&[Value::List(vec![1.into(), "x".into()])]), "a mixture");
    }

    #[test]
    fn lists_that_are_too_deep_are_a_mixture() {
        let nested = |depth| (0..depth).fold(Value::from(1), |value, _| Value::List(vec![value]));
        assert_eq!(shape(&[nested(DEEPEST)]), "list[".repeat(DEEPEST) + "int64" + &"]".repeat(DEEPEST));
        assert_eq!(shape(&[nested(DEEPEST + 1)]), "a mixture");
    }
}
