//! Random expressions that fit: trees grown out of a list of choices, which shrinks well.

use flowgauge::expr::{Type, packet_fields};
use proptest::collection::vec;
use proptest::prelude::*;

use super::slow_expr::{Kind, Tree};
use super::slow_fold::Fold;

/// A random metric.
pub(crate) fn metric() -> impl Strategy<Value = Tree> {
    vec(any::<u16>(), 0..60).prop_map(|choices| Grower { choices: choices.into_iter() }.metric())
}

/// A random truth value of each packet.
pub(crate) fn packet_condition() -> impl Strategy<Value = Tree> {
    vec(any::<u16>(), 1..20).prop_map(|choices| Grower { choices: choices.into_iter() }.packet(Kind::Bool, 3))
}

/// A random truth value of a flow.
pub(crate) fn flow_condition() -> impl Strategy<Value = Tree> {
    vec(any::<u16>(), 1..30).prop_map(|choices| Grower { choices: choices.into_iter() }.flow(Kind::Bool, 2))
}

struct Grower {
    choices: std::vec::IntoIter<u16>,
}

impl Grower {
    /// One of `count`; the first when there are no choices left.
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().unwrap_or_default()) % count
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.choose(from.len())].clone()
    }

    fn metric(&mut self) -> Tree {
        let kind = self.kind();
        match self.choose(8) {
            0 => Tree::Fold(Fold::First(self.pick(&[1, 2, 7, 1024])), self.part(kind, 4)),
            1 => Tree::Fold(Fold::Last(self.pick(&[1, 2, 7, 1024])), self.part(kind, 4)),
            2 => {
                let edges = [vec![0.0], vec![-1.5, 0.0, 64.0, 1e9], vec![1.0, 54.0, 60.0, 66.0, 100.0, 1e3]];
                Tree::Fold(Fold::Histogram(self.pick(&edges)), self.part(kind, 4))
            }
            3 => match self.flow(kind, 3) {
                tree if tree.text().contains("packet.") => Tree::Over(Box::new(tree)),
                // What is the same for every packet is no value of the flow.
                _ => Tree::Over(Box::new(self.fold(kind))),
            },
            _ => self.flow(kind, 3),
        }
    }

    fn kind(&mut self) -> Kind {
        self.pick(&[Kind::Int, Kind::Int, Kind::Float, Kind::Bool])
    }

    /// The kind, or one that counts as it.
    fn narrower(&mut self, kind: Kind) -> Kind {
        match kind {
            Kind::Float => self.pick(&[Kind::Float, Kind::Int, Kind::Float, Kind::Bool]),
            Kind::Int => self.pick(&[Kind::Int, Kind::Int, Kind::Int, Kind::Bool]),
            other => other,
        }
    }

    fn part(&mut self, kind: Kind, depth: usize) -> Box<Tree> {
        Box::new(self.packet(kind, depth))
    }

    fn field(&mut self, ty: Type, kind: Kind) -> Tree {
        let fields: Vec<_> = packet_fields().iter().filter(|field| field.ty == ty).collect();
        Tree::Field(self.pick(&fields).name, kind)
    }

    fn bytes(&mut self) -> Tree {
        let bytes = self.field(Type::Bytes, Kind::Bytes);
        match self.choose(4) {
            3 => Tree::Filter(Box::new(bytes), self.part(Kind::Bool, 1)),
            _ => bytes,
        }
    }

    fn literal(&mut self, kind: Kind) -> Tree {
        let ints = [0, 1, 2, -1, 3, 7, 64, 100, 666, 1 << 32, i64::MAX, i64::MIN, -1_000_000_007];
        let floats = [0.0, 1.0, -0.0, 0.5, -1.5, 2.0, 3.7, 1e9, -1e-3, 6.02e23, 0.1];
        match kind {
            Kind::Bool => Tree::Bool(self.choose(2) == 0),
            Kind::Float => Tree::Float(self.pick(&floats)),
            _ => Tree::Int(self.pick(&ints)),
        }
    }

    /// A value of each packet.
    fn packet(&mut self, kind: Kind, depth: usize) -> Tree {
        let choice = if depth == 0 { self.choose(4) } else { self.choose(16) };
        match (choice, kind) {
            (0..=2, Kind::Int) => self.field(Type::Int, Kind::Int),
            (0..=2, Kind::Bool) => self.field(Type::Bool, Kind::Bool),
            (0..=2, _) => {
                Tree::Binary("/", Box::new(self.field(Type::Int, Kind::Int)), Box::new(self.literal(Kind::Float)))
            }
            (3, _) => self.literal(kind),
            (4, _) => Tree::Filter(self.part(kind, depth - 1), self.part(Kind::Bool, depth - 1)),
            (5, _) => Tree::Over(self.part(kind, depth - 1)),
            (6, Kind::Int | Kind::Float) => Tree::Diff(self.part(kind, depth - 1)),
            (7, Kind::Int) => Tree::Byte(Box::new(self.bytes()), self.pick(&[0, 1, 9, 39, 300, u16::MAX])),
            (6 | 7, Kind::Bool) => Tree::Unary("is_null", Box::new(self.bytes())),
            _ => self.operator(kind, depth, Self::packet),
        }
    }

    /// A value of the flow.
    fn flow(&mut self, kind: Kind, depth: usize) -> Tree {
        let choice = if depth == 0 { self.choose(9) } else { self.choose(16) };
        match (choice, kind) {
            (8, Kind::Int) => Tree::Column(self.pick(&["src_to_dst_pkts", "dst_to_src_pkts", "src_to_dst_bytes"])),
            (8, _) => self.literal(kind),
            (0..=7, _) => self.fold(kind),
            _ => self.operator(kind, depth, Self::flow),
        }
    }

    fn fold(&mut self, kind: Kind) -> Tree {
        let plain = match kind {
            Kind::Bool => ["any", "all", "min", "max"].as_slice(),
            Kind::Int => ["sum", "sum", "count", "n_unique", "min", "max"].as_slice(),
            _ => {
                ["sum", "mean", "std", "var", "min", "max", "quantile", "entropy", "entropy of bytes", "ewm"].as_slice()
            }
        };
        let any_kind = self.kind();
        let (fold, of) = match self.pick(plain) {
            "entropy of bytes" => return Tree::Fold(Fold::Plain("entropy"), Box::new(self.bytes())),
            "quantile" => (Fold::Quantile(self.pick(&[0.5, 0.0, 1.0, 0.9, 0.25])), any_kind),
            "ewm" => (Fold::Ewm(self.pick(&[2.5, 1.0, 0.1, 100.0])), any_kind),
            name @ ("mean" | "std" | "var" | "count" | "n_unique") => (Fold::Plain(name), any_kind),
            "entropy" => (Fold::Plain("entropy"), self.pick(&[Kind::Int, Kind::Bool])),
            "sum" if kind == Kind::Int => (Fold::Plain("sum"), self.pick(&[Kind::Int, Kind::Bool])),
            name => (Fold::Plain(name), kind),
        };
        Tree::Fold(fold, self.part(of, 4))
    }

    fn operator(&mut self, kind: Kind, depth: usize, grow: fn(&mut Self, Kind, usize) -> Tree) -> Tree {
        let part = |this: &mut Self, kind| Box::new(grow(this, kind, depth - 1));
        let other = self.narrower(kind);
        let binary = match kind {
            Kind::Bool => ["&", "|", "^", "min", "max", "fill_null"].as_slice(),
            Kind::Int => ["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "min", "max", "fill_null"].as_slice(),
            _ => ["+", "-", "*", "/", "//", "%", "min", "max", "fill_null"].as_slice(),
        };
        match (self.choose(8), kind) {
            (0, _) => Tree::When(part(self, Kind::Bool), part(self, kind), part(self, other)),
            (1, Kind::Bool) => Tree::Unary("~", part(self, Kind::Bool)),
            (1, Kind::Int) => Tree::Unary(self.pick(&["-", "~", "abs"]), part(self, kind)),
            (1, _) => {
                let name = self.pick(&["-", "abs", "log", "log2", "log10"]);
                let of = if name.starts_with("log") { self.narrower(kind) } else { kind };
                Tree::Unary(name, part(self, of))
            }
            (2, Kind::Bool) => {
                let of = self.kind();
                Tree::Unary("is_null", part(self, of))
            }
            (2, _) => {
                let (low, high) = (self.literal(kind), self.literal(kind));
                Tree::Clip(part(self, kind), Box::new(low), Box::new(high))
            }
            (3..=5, Kind::Bool) => {
                let (left, right) = (self.kind(), self.kind());
                Tree::Binary(self.pick(&["<", "<=", ">", ">=", "==", "!="]), part(self, left), part(self, right))
            }
            _ => {
                let name = self.pick(binary);
                let other = if matches!(name, "&" | "|" | "^" | "<<" | ">>") { kind } else { other };
                if matches!(name, "<<" | ">>") && self.choose(2) == 0 {
                    let places = self.pick(&[1, 0, 3, 8, 63, 64, 70, -1]);
                    return Tree::Binary(name, part(self, kind), Box::new(Tree::Int(places)));
                }
                Tree::Binary(name, part(self, kind), part(self, other))
            }
        }
    }
}
