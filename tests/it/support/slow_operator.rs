//! Operators of slow expressions: whole numbers in 128 bits, and numbers with fractions with how far they may be off.

use super::slow_expr::Val;

use Val::{Bool, Float, Int, Null, Unsure};

pub(crate) fn unary(name: &str, part: &Val) -> Val {
    if name == "is_null" {
        return if *part == Unsure { Unsure } else { Bool(*part == Null) };
    }
    match (name, part) {
        (_, Null | Unsure) => part.clone(),
        ("~", Bool(truth)) => Bool(!truth),
        ("~", Int(number)) => Int(-1 - number),
        ("-", Float(number, off)) => Float(-number, *off),
        ("abs", Float(number, off)) => Float(number.abs(), *off),
        ("-", Bool(truth)) => Int(-i64::from(*truth)),
        ("abs", Bool(truth)) => Int(i64::from(*truth)),
        ("-", Int(number)) => Int((-i128::from(*number)) as i64),
        ("abs", Int(number)) => Int(i128::from(*number).abs() as i64),
        (_, Float(number, off)) => logarithm(name, *number, *off),
        (_, Int(number)) => logarithm(name, *number as f64, 0.0),
        (_, Bool(truth)) => logarithm(name, f64::from(u8::from(*truth)), 0.0),
        (_, Val::Bytes(_)) => unreachable!("{name} of bytes"),
    }
}

fn logarithm(name: &str, number: f64, off: f64) -> Val {
    if off > 0.0 && number - off <= 0.0 {
        return Unsure;
    }
    if number <= 0.0 {
        return Null;
    }
    let made = match name {
        "log" => number.ln(),
        "log2" => number.log2(),
        _ => number.log10(),
    };
    Float(made, if off > 0.0 { 2.0 * off / (number - off) + f64::EPSILON * made.abs() } else { 0.0 })
}

/// Of two values of one kind.
pub(crate) fn binary(name: &str, left: &Val, right: &Val) -> Val {
    match (name, left, right) {
        (_, Unsure, _) | (_, _, Unsure) => Unsure,
        ("fill_null", Null, _) => right.clone(),
        ("fill_null", ..) => left.clone(),
        ("&", Bool(false), _) | ("&", _, Bool(false)) => Bool(false),
        ("|", Bool(true), _) | ("|", _, Bool(true)) => Bool(true),
        (_, Null, _) | (_, _, Null) => Null,
        ("&", Bool(a), Bool(b)) => Bool(*a && *b),
        ("|", Bool(a), Bool(b)) => Bool(*a || *b),
        ("^", Bool(a), Bool(b)) => Bool(a != b),
        ("min", Bool(a), Bool(b)) => Bool(*a && *b),
        ("max", Bool(a), Bool(b)) => Bool(*a || *b),
        (_, Bool(a), Bool(b)) => ints(name, i128::from(*a), i128::from(*b)),
        (_, Int(a), Int(b)) => ints(name, i128::from(*a), i128::from(*b)),
        (_, Float(a, off), Float(b, other_off)) => floats(name, (*a, *off), (*b, *other_off)),
        _ => unreachable!("{left:?} {name} {right:?}"),
    }
}

fn ints(name: &str, a: i128, b: i128) -> Val {
    Int(match name {
        "==" => return Bool(a == b),
        "!=" => return Bool(a != b),
        "<" => return Bool(a < b),
        "<=" => return Bool(a <= b),
        ">" => return Bool(a > b),
        ">=" => return Bool(a >= b),
        "//" | "%" if b == 0 => return Null,
        "<<" | ">>" if b < 0 => return Null,
        "//" => floor(a, b) as i64,
        "%" => (a - b * floor(a, b)) as i64,
        "+" => (a + b) as i64,
        "-" => (a - b) as i64,
        "*" => (a * b) as i64,
        "&" => (a & b) as i64,
        "|" => (a | b) as i64,
        "^" => (a ^ b) as i64,
        "min" => a.min(b) as i64,
        "max" => a.max(b) as i64,
        "<<" if b > 63 => 0,
        "<<" => (0..b).fold(a as i64, |number, _| number.wrapping_add(number)),
        ">>" => floor(a, 1 << b.min(64)) as i64,
        _ => unreachable!("{name} of whole numbers"),
    })
}

/// The quotient, rounded down.
fn floor(a: i128, b: i128) -> i128 {
    let (a, b) = if b < 0 { (-a, -b) } else { (a, b) };
    a.div_euclid(b)
}

fn floats(name: &str, (a, a_off): (f64, f64), (b, b_off): (f64, f64)) -> Val {
    let off = a_off + b_off;
    // Far enough from each other that no error changes their order.
    let clear = off == 0.0 || (a - b).abs() > off;
    let told = |truth: bool| if clear { Bool(truth) } else { Unsure };
    let rounded = |made: f64, by: f64| match off {
        _ if !made.is_finite() => Null,
        0.0 => Float(made, 0.0),
        _ => Float(made, by + 2.0 * f64::EPSILON * made.abs()),
    };
    match name {
        "==" => told(a == b),
        "!=" => told(a != b),
        "<" => told(a < b),
        "<=" => told(a <= b),
        ">" => told(a > b),
        ">=" => told(a >= b),
        "+" => rounded(a + b, off),
        "-" => rounded(a - b, off),
        "*" => rounded(a * b, a.abs() * b_off + b.abs() * a_off + a_off * b_off),
        "min" => Float(if b < a { b } else { a }, a_off.max(b_off)),
        "max" => Float(if b > a { b } else { a }, a_off.max(b_off)),
        "/" | "//" | "%" if b_off > 0.0 && b.abs() <= b_off => Unsure,
        "/" => rounded(a / b, (a_off + (a / b).abs() * b_off) / (b.abs() - b_off)),
        _ if off > 0.0 => Unsure,
        "//" | "%" if b == 0.0 => Null,
        "//" => rounded(python_divmod(a, b).0, 0.0),
        "%" => rounded(python_divmod(a, b).1, 0.0),
        _ => unreachable!("{name} of numbers"),
    }
}

/// `divmod` of CPython (`float_divmod` in floatobject.c).
fn python_divmod(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(b);
    } else if (b < 0.0) != (rest < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(a / b), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}
