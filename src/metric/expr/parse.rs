//! Expressions out of text: the language that `Display` writes, a small part of Python's, read without running anything.

use std::str::FromStr;

use super::method::Argument;
use super::operator::{Binary, Unary};
use super::types::{Invalid, Literal};
use super::{Expr, MAX_DEPTH};

impl Expr {
    /// Reads an expression: numbers, `True`, `False`, `"texts"`, `packet.field`, `flow.column`, operators with the
    /// precedence of Python, methods, `when(condition).then(value).otherwise(value)` and parentheses.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for what cannot be read, naming the place, and for whatever the parts refuse.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        if text.len() > MAX_TEXT {
            return Err(Invalid::value(format!("{:.20}...", text), format!("it is longer than {MAX_TEXT} bytes")));
        }
        let expr = parser.expression(0)?;
        match parser.peek() {
            None => Ok(expr),
            Some(_) => Err(parser.expected("an operator or the end")),
        }
    }
}

impl FromStr for Expr {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Parts joined by operators that bind more tightly than `least`.
    fn expression(&mut self, least: u8) -> Result<Expr, Invalid> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(self.expected("less nesting"));
        }
        let mut left = self.prefix()?;
        let mut compared = false;
        while let Some(operator) = self.infix().filter(|operator| operator.binding() > least) {
            if operator.is_comparison() && std::mem::replace(&mut compared, true) {
                return Err(self.expected("one comparison; join two with & and parentheses"));
            }
            self.at += operator.text().len();
            let right = self.expression(operator.binding())?;
            left = Expr::binary(operator, &left, &right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expr, Invalid> {
        let operator = match self.peek() {
            Some('-') => Unary::Neg,
            Some('~') => Unary::Not,
            Some('+') => {
                self.at += 1;
                return self.deeper(Self::prefix);
            }
            _ => return self.postfix(),
        };
        self.at += 1;
        if operator == Unary::Neg && self.least() {
            return Ok(Expr::literal(i64::MIN));
        }
        let part = self.deeper(Self::prefix)?;
        Expr::unary(operator, &part)
    }

    /// Reads the one number whose sign makes it fit, if it stands here.
    fn least(&mut self) -> bool {
        self.peek();
        let Some(rest) = self.rest().strip_prefix("9223372036854775808") else { return false };
        // Other numbers begin like it, and a method binds more tightly than the sign.
        let ends = !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_' || next == '.');
        self.at += if ends { self.rest().len() - rest.len() } else { 0 };
        ends
    }

    fn postfix(&mut self) -> Result<Expr, Invalid> {
        let mut expr = self.atom()?;
        while self.peek() == Some('.') {
            self.at += 1;
            let name = self.name().ok_or_else(|| self.expected("the name of a method"))?;
            let arguments = self.arguments()?;
            expr = expr.call(name, &arguments)?;
        }
        Ok(expr)
    }

    fn atom(&mut self) -> Result<Expr, Invalid> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let inside = self.expression(0)?;
                self.take(')')?;
                Ok(inside)
            }
            Some('"' | '\'') => self.quoted().map(|text| Expr::literal(Literal::Text(text))),
            Some('0'..='9' | '.') => self.number(),
            Some(first) if first.is_ascii_alphabetic() || first == '_' => self.named(),
            _ => Err(self.expected("a number, packet.FIELD, flow.COLUMN or a parenthesis")),
        }
    }

    fn named(&mut self) -> Result<Expr, Invalid> {
        let before = self.at;
        match self.name() {
            Some("True") => Ok(Expr::literal(true)),
            Some("False") => Ok(Expr::literal(false)),
            Some("packet") => {
                self.take('.')?;
                let name = self.name().ok_or_else(|| self.expected("the name of a field"))?;
                Expr::packet(name)
            }
            Some("flow") => {
                self.take('.')?;
                let name = self.name().ok_or_else(|| self.expected("the name of a column"))?;
                Expr::flow(name)
            }
            Some("when") => {
                let condition = self.in_parentheses()?;
                self.word("then")?;
                let then = self.in_parentheses()?;
                self.word("otherwise")?;
                let otherwise = self.in_parentheses()?;
                Expr::when(&condition, &then, &otherwise)
            }
            _ => {
                self.at = before;
                Err(self.expected("packet.FIELD, flow.COLUMN, when(...), True or False"))
            }
        }
    }

    fn in_parentheses(&mut self) -> Result<Expr, Invalid> {
        self.take('(')?;
        let inside = self.expression(0)?;
        self.take(')')?;
        Ok(inside)
    }

    fn word(&mut self, word: &'static str) -> Result<(), Invalid> {
        self.take('.')?;
        if self.name() == Some(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Invalid> {
        self.take('(')?;
        let mut arguments = Vec::new();
        while self.peek() != Some(')') {
            if !arguments.is_empty() {
                self.take(',')?;
            }
            arguments.push(if self.peek() == Some('[') { self.list()? } else { Argument::One(self.expression(0)?) });
        }
        self.take(')')?;
        Ok(arguments)
    }

    fn list(&mut self) -> Result<Argument, Invalid> {
        self.take('[')?;
        let mut numbers = Vec::new();
        while self.peek() != Some(']') {
            if !numbers.is_empty() {
                self.take(',')?;
            }
            let negative = self.peek() == Some('-');
            self.at += usize::from(negative);
            let number = match self.peek() {
                Some('0'..='9' | '.') => self.number()?.as_number(),
                _ => None,
            };
            let number = number.ok_or_else(|| self.expected("a number"))?;
            numbers.push(if negative { -number } else { number });
        }
        self.take(']')?;
        Ok(Argument::Several(numbers))
    }

    fn number(&mut self) -> Result<Expr, Invalid> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut len = 0;
        while let Some(byte) = bytes.get(len) {
            let exponent_sign = matches!(byte, b'+' | b'-') && len > 0 && matches!(bytes[len - 1], b'e' | b'E');
            // A point before a letter calls a method, as in `1.abs()`; Python does not read that either.
            if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'e' | b'E') || exponent_sign) {
                break;
            }
            len += 1;
        }
        let written: String = rest[..len].chars().filter(|character| *character != '_').collect();
        let number = if written.bytes().all(|byte| byte.is_ascii_digit()) {
            written.parse().ok().map(Literal::Int)
        } else {
            written.parse::<f64>().ok().filter(|number| number.is_finite()).map(Literal::Float)
        };
        let number = number.ok_or_else(|| self.expected("a number of 64 bits"))?;
        self.at += len;
        Ok(Expr::literal(number))
    }

    fn quoted(&mut self) -> Result<String, Invalid> {
        let mut characters = self.rest().char_indices();
        let quote = characters.next().map(|(_, quote)| quote);
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            if Some(character) == quote {
                self.at += at + 1;
                return Ok(text);
            }
            match character {
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, escaped @ ('\\' | '"' | '\''))) => text.push(escaped),
                    _ => return Err(self.expected("\\n, \\\\ or a quote behind a backslash")),
                },
                other => text.push(other),
            }
        }
        Err(self.expected("a text that ends with a quote"))
    }

    fn name(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = self.rest();
        let len = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        self.at += len;
        (len > 0).then(|| &rest[..len])
    }

    /// The operator that stands here between two parts.
    fn infix(&mut self) -> Option<Binary> {
        self.peek()?;
        Binary::INFIX.into_iter().find(|operator| self.rest().starts_with(operator.text()))
    }

    fn take(&mut self, wanted: char) -> Result<(), Invalid> {
        if self.peek() != Some(wanted) {
            return Err(self.expected(&format!("{wanted:?}")));
        }
        self.at += wanted.len_utf8();
        Ok(())
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Result<Expr, Invalid>) -> Result<Expr, Invalid> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(self.expected("less nesting"));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn expected(&self, wanted: &str) -> Invalid {
        let found = self.rest().trim_start();
        let found: String = if found.is_empty() { "the end".to_owned() } else { found.chars().take(20).collect() };
        let column = self.text[..self.at].chars().count() + 1;
        Invalid::value(self.text.to_owned(), format!("at character {column} it wants {wanted}, not {found}"))
    }
}

impl Expr {
    /// The number that this is, if it is one that stands in the expression.
    fn as_number(&self) -> Option<f64> {
        match self.node() {
            super::Node::Literal(Literal::Int(number)) => Some(*number as f64),
            super::Node::Literal(Literal::Float(number)) => Some(*number),
            _ => None,
        }
    }
}

/// Longest text that is read: whatever can be built by hand, as it reads, but for absurd lists of edges and texts.
const MAX_TEXT: usize = 1 << 20;
/// Deepest nesting that is read: every part may stand in an operator and in parentheses.
const MAX_NESTING: usize = 2 * MAX_DEPTH + 10;
