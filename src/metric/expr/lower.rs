//! Operators as steps: which step an operator is depends on the types of its parts.

use super::compile::Compiler;
use super::machine::{Pure, Reg};
use super::operator::{Binary, Unary};
use super::types::{Literal, Type};

impl Compiler {
    pub(super) fn unary(&mut self, operator: Unary, of: u16, ty: Type, emit: Emit) -> u16 {
        let float = ty == Type::Float;
        let pure = match operator {
            Unary::Neg if float => Pure::NegFloat,
            Unary::Neg => Pure::NegInt,
            Unary::Not if ty == Type::Bool => Pure::Not,
            Unary::Not => Pure::NotBits,
            Unary::Abs if float => Pure::AbsFloat,
            Unary::Abs => Pure::AbsInt,
            Unary::Log => Pure::Log,
            Unary::Log2 => Pure::Log2,
            Unary::Log10 => Pure::Log10,
            Unary::IsNull => Pure::IsNull,
        };
        let logarithm = matches!(operator, Unary::Log | Unary::Log2 | Unary::Log10);
        let of = if logarithm { self.as_type(of, ty, Type::Float, emit) } else { of };
        emit(self, pure, of, of)
    }

    pub(super) fn binary(&mut self, operator: Binary, left: (u16, Type), right: (u16, Type), emit: Emit) -> u16 {
        let bools = left.1 == Type::Bool && right.1 == Type::Bool;
        let float = left.1 == Type::Float || right.1 == Type::Float || operator == Binary::Div;
        let wanted = if float { Type::Float } else { Type::Int };
        let (mut a, mut b) = (self.as_type(left.0, left.1, wanted, emit), self.as_type(right.0, right.1, wanted, emit));
        if matches!(operator, Binary::Gt | Binary::Ge) {
            (a, b) = (b, a);
        }
        let pure = match operator {
            Binary::And if bools => Pure::And,
            Binary::Or if bools => Pure::Or,
            Binary::And => Pure::AndBits,
            Binary::Or => Pure::OrBits,
            Binary::Xor => Pure::XorBits,
            Binary::Shl => Pure::Shl,
            Binary::Shr => Pure::Shr,
            Binary::FillNull => Pure::FillNull,
            Binary::Div => Pure::DivFloat,
            Binary::Add => choose(float, Pure::AddFloat, Pure::AddInt),
            Binary::Sub => choose(float, Pure::SubFloat, Pure::SubInt),
            Binary::Mul => choose(float, Pure::MulFloat, Pure::MulInt),
            Binary::FloorDiv => choose(float, Pure::FloorDivFloat, Pure::FloorDivInt),
            Binary::Mod => choose(float, Pure::ModFloat, Pure::ModInt),
            Binary::Min => choose(float, Pure::MinFloat, Pure::MinInt),
            Binary::Max => choose(float, Pure::MaxFloat, Pure::MaxInt),
            Binary::Eq => choose(float, Pure::EqFloat, Pure::EqInt),
            Binary::Ne => choose(float, Pure::NeFloat, Pure::NeInt),
            Binary::Lt | Binary::Gt => choose(float, Pure::LtFloat, Pure::LtInt),
            Binary::Le | Binary::Ge => choose(float, Pure::LeFloat, Pure::LeInt),
        };
        emit(self, pure, a, b)
    }

    pub(super) fn clip(&mut self, parts: [(u16, Type); 3], ty: Type, emit: Emit) -> u16 {
        let [part, low, high] = parts.map(|(of, from)| self.as_type(of, from, ty, emit));
        let float = ty == Type::Float;
        let raised = emit(self, choose(float, Pure::MaxFloat, Pure::MaxInt), part, low);
        emit(self, choose(float, Pure::MinFloat, Pure::MinInt), raised, high)
    }

    pub(super) fn as_type(&mut self, of: u16, from: Type, to: Type, emit: Emit) -> u16 {
        if to == Type::Float && from != Type::Float { emit(self, Pure::ToFloat, of, of) } else { of }
    }
}

/// How a step is added: to those of packets, or to those of the end.
pub(super) type Emit = fn(&mut Compiler, Pure, u16, u16) -> u16;

const fn choose(float: bool, of_floats: Pure, of_ints: Pure) -> Pure {
    if float { of_floats } else { of_ints }
}

pub(super) fn literal_reg(literal: &Literal) -> Reg {
    match literal {
        Literal::Bool(truth) => Reg::bool(*truth),
        Literal::Int(number) => Reg::int(*number),
        Literal::Float(number) => Reg::float(*number),
        // Compared by the step itself.
        Literal::Text(_) => Reg::NULL,
    }
}
