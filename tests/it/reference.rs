//! The references of columns and of expressions are what the code's own tables say.

use std::fs;
use std::path::Path;

use flowgauge::expr;
use flowgauge::flow::schema;

/// Fails unless the page is `told`; writes it when it is to be blessed.
#[track_caller]
fn is_page(page: &str, told: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    if std::env::var_os("FLOWGAUGE_BLESS").is_some() {
        fs::write(&path, told).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == told, "scripts/bless writes {path:?} anew");
}

#[test]
fn the_reference_has_every_column_as_the_table_has_it() {
    let mut told = String::from(COLUMNS);
    schema::write_reference(&mut told).unwrap();
    is_page("docs/columns.md", &told);
}

#[test]
fn the_reference_has_every_field_and_method_as_the_tables_have_them() {
    let mut told = String::from(EXPRESSIONS);
    expr::write_reference(&mut told).unwrap();
    is_page("docs/expressions.md", &told);
}

const COLUMNS: &str = "\
# The columns of a flow record

JSON lines show the core, the first fourteen; CSV, data frames and the attributes of a flow have all of them. A column with
an option is there when the option is on. In JSON and CSV, and as attributes in Python, times are whole milliseconds since
the Unix epoch and durations whole milliseconds; in Python every one of these has a twin with `_ns` in nanoseconds, and data
frames have nanoseconds.

";

const EXPRESSIONS: &str = "\
# Expressions

An expression is a metric of one's own that runs without the interpreter: it is checked when it is made, compiled once for
all metrics of a run, and folded over the packets of each flow. `(packet.size > 666).sum()` counts large packets. It reads
the same in Python (`from flowgauge import packet, flow, when`), in Rust (`Expr::parse`) and for the command (`--metric
'big=(packet.size > 666).sum()'`); [metrics-tutorial.md](metrics-tutorial.md) has worked examples.

An expression has a type (bool, int, float, text, bytes, or a list at the end) and a stage: a value of each packet, which
begins with `packet.`, or one of the flow, which a fold such as `sum()` makes of those of its packets, or which is a column
of its record (`flow.src_to_dst_pkts`, as [columns.md](columns.md) has them, times and durations in nanoseconds; null where
the option of the column is off). Both may be computed with, but not with each other: fold the one first. A metric is one
value of the flow. Lists (`first`, `last`, `histogram`, and what `over` gives) stand at its end only.

- **Operators** are those of Python with its precedence: `+ - * / // %`, `& | ^ ~`, `<< >>` and comparisons, one at a time.
  `&`, `|` and `~` are and, or, not of truth values: put comparisons in parentheses. `when(c).then(x).otherwise(y)` is `x`
  where `c` is true, else `y`, also where `c` is null. True and false count as 1 and 0.
- **Null** is the value of what a packet does not have: the payload of a header that was cut, the gap before the first
  packet. Operators give null where a part is null, but for `&` and `|` that the other part decides. Folds pass nulls over,
  and `filter` makes null of what it leaves out. `is_null()` and `fill_null(x)` are for the rest.
- **A fold of nothing** is null, but `count` and `sum` are 0, `n_unique` is 0, `any` is false, `all` is true, lists are
  empty, and every bin of a histogram is 0.
- **Whole numbers** have 64 bits with sign. `+`, `-`, `*` and negation wrap around as in two's complement; `sum` is exact
  and ends at the largest or smallest number. `//` and `%` round towards minus infinity, as those of Python do. Bits shifted out
  are lost; a shift by less than 0 is null.
- **Numbers with a fraction** are of 64 bits (IEEE 754). Division by zero, the logarithm of what is not above 0, and
  whatever else is no finite number, is null. A whole number beside one with a fraction counts as the nearest number with
  a fraction, in comparisons and histograms too: beyond 2^53 that is not always itself.
- **Segments**: every record folds anew, also the next segment of a flow that the active timeout cut.
- **Memory** is bounded and taken once per living flow: `expression.state_bytes` (with `mergeable`, as long as a record
  lives: `expression.mergeable_state_bytes`).
- **Merging**: records of pieces of a capture, metered with `mergeable`, merge into the expressions of the whole: whole
  numbers bit for bit, floats within a relative 1e-12, sketches exactly. A record then keeps what it folded, and beside it
  each packet that lacks the one before it (for `gap`, `direction_gap` and `diff()`; mostly the first), and all that once
  more for the other direction where an expression knows it. What only all packets together can tell is not
  `is_mergeable` and becomes null: `packet.index`, a difference of differences, bytes chosen by a difference.
- **Spread**: `std` and `var` of whole numbers are exact up to the division.
- **Limits**: 100 levels, 10,000 parts, 1 MiB of text.

";
