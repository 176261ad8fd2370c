//! A small machine of registers: what one step makes of two values.

/// A value, or null.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reg {
    /// A whole number with sign, the bits of one with a fraction, or 0 and 1.
    pub(super) bits: u64,
    pub(super) valid: bool,
}

impl Reg {
    pub(super) const NULL: Self = Self { bits: 0, valid: false };

    /// A value that is there.
    #[inline(always)]
    pub(super) const fn some(bits: u64) -> Self {
        Self { bits, valid: true }
    }

    #[inline(always)]
    pub(super) const fn int(number: i64) -> Self {
        Self { bits: number.cast_unsigned(), valid: true }
    }

    /// Null for what is no finite number.
    #[inline(always)]
    pub(super) const fn float(number: f64) -> Self {
        Self { bits: number.to_bits(), valid: number.is_finite() }
    }

    #[inline(always)]
    pub(super) const fn bool(truth: bool) -> Self {
        Self { bits: truth as u64, valid: true }
    }

    #[inline(always)]
    pub(super) const fn or_null(self, valid: bool) -> Self {
        Self { bits: self.bits, valid: self.valid && valid }
    }

    #[inline(always)]
    pub(super) const fn as_int(self) -> i64 {
        self.bits.cast_signed()
    }

    #[inline(always)]
    pub(super) const fn as_float(self) -> f64 {
        f64::from_bits(self.bits)
    }

    #[inline(always)]
    pub(super) const fn is_true(self) -> bool {
        self.valid && self.bits != 0
    }

    #[inline(always)]
    const fn is_false(self) -> bool {
        self.valid && self.bits == 0
    }
}

/// One value of each of some packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) bits: &'a [u64],
    pub(super) valid: &'a [bool],
    /// Whether some may be null; else `valid` need not be looked at.
    pub(super) nullable: bool,
}

impl<'a> Values<'a> {
    /// All of them.
    #[inline(always)]
    pub(super) fn regs(self) -> impl Iterator<Item = Reg> + use<'a> {
        self.bits.iter().zip(self.valid).map(|(bits, valid)| Reg { bits: *bits, valid: *valid })
    }
}

/// Names the steps, and takes each for many values without asking again which it is.
macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident,)+) => {
        /// A step that looks at nothing but its parts.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub(super) enum Pure {
            $($(#[$doc])* $step,)+
        }

        impl Pure {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$step,)+];

            /// What it makes of each of `one` and `other`, into `bits` and `valid`; the latter only where there may be a null.
            #[inline(never)]
            pub(super) fn of_all(self, one: Values<'_>, other: Values<'_>, bits: &mut [u64], valid: &mut [bool]) {
                if self == Self::Filter {
                    let parts = one.valid.iter().zip(other.valid.iter().zip(other.bits));
                    valid.iter_mut().zip(parts).for_each(|(valid, (a, (b, bits)))| *valid = *a & *b & (*bits != 0));
                    return bits.copy_from_slice(one.bits);
                }
                let nullable = one.nullable || other.nullable;
                if self.is_strict() || matches!(self, Self::And | Self::Or) && !nullable {
                    // Apart, each a loop over numbers of one size, so that the compiler takes several at a time.
                    if nullable {
                        let parts = one.valid.iter().zip(other.valid);
                        valid.iter_mut().zip(parts).for_each(|(valid, (a, b))| *valid = *a & *b);
                    }
                    let all = bits.iter_mut().zip(one.bits.iter().zip(other.bits));
                    return match self {
                        $(Self::$step => all.for_each(|(bits, (a, b))| {
                            *bits = Self::$step.of(Reg::some(*a), Reg::some(*b)).bits;
                        }),)+
                    };
                }
                let all = bits.iter_mut().zip(valid).zip(one.regs().zip(other.regs()));
                match self {
                    $(Self::$step => all.for_each(|((bits, valid), (a, b))| {
                        let made = Self::$step.of(a, b);
                        (*bits, *valid) = (made.bits, made.valid);
                    }),)+
                }
            }
        }
    };
}

steps! {
    AddInt,
    SubInt,
    MulInt,
    FloorDivInt,
    ModInt,
    MinInt,
    MaxInt,
    LtInt,
    LeInt,
    EqInt,
    NeInt,
    AddFloat,
    SubFloat,
    MulFloat,
    DivFloat,
    FloorDivFloat,
    ModFloat,
    MinFloat,
    MaxFloat,
    LtFloat,
    LeFloat,
    EqFloat,
    NeFloat,
    /// With null decided by the other part.
    And,
    Or,
    /// Of bits, and of truth values where one null makes null.
    AndBits,
    OrBits,
    XorBits,
    Shl,
    Shr,
    NegInt,
    NegFloat,
    Not,
    NotBits,
    AbsInt,
    AbsFloat,
    Log,
    Log2,
    Log10,
    IsNull,
    ToFloat,
    /// The first, or the second where that is null.
    FillNull,
    /// The first where the second is true.
    Filter,
}

impl Pure {
    /// Whether it makes a null of a null, and of nothing else. Those with one part are given it twice.
    pub(super) fn is_strict(self) -> bool {
        matches!(
            self,
            Self::AddInt
                | Self::SubInt
                | Self::MulInt
                | Self::MinInt
                | Self::MaxInt
                | Self::NegInt
                | Self::AbsInt
                | Self::LtInt
                | Self::LeInt
                | Self::EqInt
                | Self::NeInt
                | Self::Not
                | Self::LtFloat
                | Self::LeFloat
                | Self::EqFloat
                | Self::NeFloat
                | Self::ToFloat
                | Self::AndBits
                | Self::OrBits
                | Self::XorBits
                | Self::NotBits
        )
    }

    /// Whether it may make a null, when its parts may be null as said.
    pub(super) fn may_be_null(self, a: bool, b: bool) -> bool {
        match self {
            Self::IsNull => false,
            Self::FillNull => a && b,
            Self::And | Self::Or => a || b,
            _ => a || b || !self.is_strict(),
        }
    }

    /// What it makes of two values; those with one part pass the second over.
    #[inline(always)]
    pub(super) fn of(self, a: Reg, b: Reg) -> Reg {
        let (int, other_int) = (a.as_int(), b.as_int());
        let (float, other_float) = (a.as_float(), b.as_float());
        let both = a.valid && b.valid;
        match self {
            Self::AddInt => Reg::int(int.wrapping_add(other_int)).or_null(both),
            Self::SubInt => Reg::int(int.wrapping_sub(other_int)).or_null(both),
            Self::MulInt => Reg::int(int.wrapping_mul(other_int)).or_null(both),
            Self::FloorDivInt => floor_div(int, other_int).or_null(both),
            Self::ModInt => floor_mod(int, other_int).or_null(both),
            Self::MinInt => Reg::int(int.min(other_int)).or_null(both),
            Self::MaxInt => Reg::int(int.max(other_int)).or_null(both),
            Self::LtInt => Reg::bool(int < other_int).or_null(both),
            Self::LeInt => Reg::bool(int <= other_int).or_null(both),
            Self::EqInt => Reg::bool(int == other_int).or_null(both),
            Self::NeInt => Reg::bool(int != other_int).or_null(both),
            Self::AddFloat => Reg::float(float + other_float).or_null(both),
            Self::SubFloat => Reg::float(float - other_float).or_null(both),
            Self::MulFloat => Reg::float(float * other_float).or_null(both),
            Self::DivFloat => Reg::float(float / other_float).or_null(both),
            Self::FloorDivFloat => Reg::float(div_rest(float, other_float).0).or_null(both),
            Self::ModFloat => Reg::float(div_rest(float, other_float).1).or_null(both),
            Self::MinFloat => Reg::float(if other_float < float { other_float } else { float }).or_null(both),
            Self::MaxFloat => Reg::float(if other_float > float { other_float } else { float }).or_null(both),
            Self::LtFloat => Reg::bool(float < other_float).or_null(both),
            Self::LeFloat => Reg::bool(float <= other_float).or_null(both),
            Self::EqFloat => Reg::bool(float == other_float).or_null(both),
            Self::NeFloat => Reg::bool(float != other_float).or_null(both),
            Self::And => Reg::bool(a.is_true() && b.is_true()).or_null(both || a.is_false() || b.is_false()),
            Self::Or => Reg::bool(a.is_true() || b.is_true()).or_null(both || a.is_true() || b.is_true()),
            Self::AndBits => Reg { bits: a.bits & b.bits, valid: both },
            Self::OrBits => Reg { bits: a.bits | b.bits, valid: both },
            Self::XorBits => Reg { bits: a.bits ^ b.bits, valid: both },
            Self::Shl => shift(int, other_int, |number, by| number << by, 0).or_null(both),
            Self::Shr => shift(int, other_int, |number, by| number >> by, int >> 63).or_null(both),
            Self::NegInt => Reg::int(int.wrapping_neg()).or_null(a.valid),
            Self::NegFloat => Reg::float(-float).or_null(a.valid),
            Self::Not => Reg { bits: a.bits ^ 1, valid: a.valid },
            Self::NotBits => Reg { bits: !a.bits, valid: a.valid },
            Self::AbsInt => Reg::int(int.wrapping_abs()).or_null(a.valid),
            Self::AbsFloat => Reg::float(float.abs()).or_null(a.valid),
            Self::Log => Reg::float(float.ln()).or_null(a.valid),
            Self::Log2 => Reg::float(float.log2()).or_null(a.valid),
            Self::Log10 => Reg::float(float.log10()).or_null(a.valid),
            Self::IsNull => Reg::bool(!a.valid),
            Self::ToFloat => Reg::float(int as f64).or_null(a.valid),
            Self::FillNull => {
                if a.valid {
                    a
                } else {
                    b
                }
            }
            Self::Filter => Reg { bits: a.bits, valid: a.valid && b.is_true() },
        }
    }
}

fn floor_div(number: i64, by: i64) -> Reg {
    if by == 0 {
        return Reg::NULL;
    }
    let quotient = number.wrapping_div(by);
    let inexact = number.wrapping_rem(by) != 0;
    Reg::int(quotient - i64::from(inexact && (number < 0) != (by < 0)))
}

fn floor_mod(number: i64, by: i64) -> Reg {
    if by == 0 {
        return Reg::NULL;
    }
    let rest = number.wrapping_rem(by);
    Reg::int(if rest != 0 && (rest < 0) != (by < 0) { rest + by } else { rest })
}

/// Quotient, rounded down, and rest, as Python has them: the rest is exact, or rounded once, and has the sign of `by`. No
/// numbers by 0.
fn div_rest(number: f64, by: f64) -> (f64, f64) {
    let exact = number % by;
    let quotient = (number - exact) / by;
    let (quotient, rest) = match exact {
        0.0 => (quotient, 0.0_f64.copysign(by)),
        _ if (exact < 0.0) != (by < 0.0) => (quotient - 1.0, exact + by),
        _ => (quotient, exact),
    };
    // It is whole but for the rounding of the division.
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

/// Shifted by 0 to 63 places; `far` by more, null by less than none.
fn shift(number: i64, by: i64, near: impl Fn(i64, u32) -> i64, far: i64) -> Reg {
    match u32::try_from(by) {
        Ok(by) if by < i64::BITS => Reg::int(near(number, by)),
        _ if by < 0 => Reg::NULL,
        _ => Reg::int(far),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(step: Pure, a: i64, b: i64) -> Option<i64> {
        let made = step.of(Reg::int(a), Reg::int(b));
        made.valid.then_some(made.as_int())
    }

    /// Numbers at the edges, as ints, floats and truth values, and nulls of each.
    fn edges() -> Vec<Reg> {
        let ints = [0, 1, -1, 2, 63, 64, i64::MIN, i64::MAX].map(Reg::int);
        let floats = [0.0, -0.0, 1.5, -7.25, 1e300, f64::MAX, f64::MIN_POSITIVE].map(Reg::float);
        ints.into_iter().chain(floats).flat_map(|there| [there, there.or_null(false)]).collect()
    }

    /// Of all with all; twice the same for steps with one part.
    fn pairs(step: Pure, parts: &[Reg]) -> Vec<(Reg, Reg)> {
        let has_one = matches!(step, Pure::NegInt | Pure::AbsInt | Pure::Not | Pure::NotBits | Pure::ToFloat);
        let pairs = parts
            .iter()
            .flat_map(|one| parts.iter().map(move |other| if has_one { (*one, *one) } else { (*one, *other) }));
        pairs.collect()
    }

    #[test]
    fn strict_steps_make_null_of_null_and_of_nothing_else() {
        let strict = || Pure::ALL.iter().filter(|step| step.is_strict());
        assert!(strict().count() > 15);
        for step in strict() {
            for (one, other) in pairs(*step, &edges()) {
                let made = step.of(one, other);
                assert_eq!(made.valid, one.valid && other.valid, "{step:?} of {one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn steps_make_of_many_what_they_make_of_each() {
        let there: Vec<_> = edges().into_iter().filter(|edge| edge.valid).collect();
        for (parts, nullable) in [(edges(), true), (there, false)] {
            for step in Pure::ALL {
                let (a, b): (Vec<_>, Vec<_>) = pairs(*step, &parts).into_iter().unzip();
                let split = |regs: &[Reg]| regs.iter().map(|reg| (reg.bits, reg.valid)).unzip();
                let ((a_bits, a_valid), (b_bits, b_valid)): ((Vec<_>, Vec<_>), (Vec<_>, Vec<_>)) =
                    (split(&a), split(&b));
                let one = Values { bits: &a_bits, valid: &a_valid, nullable };
                let other = Values { bits: &b_bits, valid: &b_valid, nullable };
                let (mut bits, mut valid) = (vec![0; a.len()], vec![true; a.len()]);
                step.of_all(one, other, &mut bits, &mut valid);
                for (nth, (a, b)) in a.iter().zip(&b).enumerate() {
                    let (made, of_all) = (step.of(*a, *b), Reg { bits: bits[nth], valid: valid[nth] });
                    let same = made.valid == of_all.valid && (made.bits == of_all.bits || !made.valid);
                    assert!(same, "{step:?} of {a:?} and {b:?}: {made:?}, of all {of_all:?}");
                    assert!(made.valid || step.may_be_null(nullable, nullable), "{step:?} of {a:?} and {b:?}");
                }
            }
        }
    }

    #[test]
    fn division_and_rest_are_those_of_python() {
        for (a, b, quotient, rest) in [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, -2, -3, 0)] {
            assert_eq!(ints(Pure::FloorDivInt, a, b), Some(quotient), "{a} // {b}");
            assert_eq!(ints(Pure::ModInt, a, b), Some(rest), "{a} % {b}");
        }
        assert_eq!((ints(Pure::FloorDivInt, 1, 0), ints(Pure::ModInt, 1, 0)), (None, None));
        assert_eq!(ints(Pure::FloorDivInt, i64::MIN, -1), Some(i64::MIN));
        assert_eq!(ints(Pure::ModInt, i64::MIN, -1), Some(0));
    }

    #[test]
    fn division_and_rest_of_floats_are_those_of_python() {
        for (a, b, quotient, rest) in [
            (-7.5, 2.0, -4.0, 0.5),
            (7.5, -2.0, -4.0, -0.5),
            (-7.5, -2.0, 3.0, -1.5),
            (1.0, 0.1, 9.0, 0.099_999_999_999_999_95),
            (-1.0, 0.1, -10.0, 5.551_115_123_125_783e-17),
            (6.02e23, 3.7, 1.627_027_027_027_027e23, 0.526_514_845_379_850_3),
            (-6.02e23, 3.7, -1.627_027_027_027_027e23, 3.173_485_154_620_15),
            (1e300, 7.0, 1.428_571_428_571_428_6e299, 1.0),
            (-1e-20, 1.0, -1.0, 1.0),
            (4.35, 0.05, 86.0, 0.049_999_999_999_999_406),
            (1e16, 0.1, 1e17, 0.044_888_487_687_421_76),
        ] {
            let of = |step: Pure| step.of(Reg::float(a), Reg::float(b)).as_float();
            assert_eq!((of(Pure::FloorDivFloat), of(Pure::ModFloat)), (quotient, rest), "{a} and {b}");
        }
        for step in [Pure::FloorDivFloat, Pure::ModFloat] {
            assert!(!step.of(Reg::float(1.0), Reg::float(0.0)).valid);
        }
    }

    #[test]
    fn shifts_by_too_much_leave_nothing_or_the_sign() {
        assert_eq!((ints(Pure::Shl, 1, 63), ints(Pure::Shl, 1, 64)), (Some(i64::MIN), Some(0)));
        assert_eq!((ints(Pure::Shr, -8, 1), ints(Pure::Shr, -8, 70)), (Some(-4), Some(-1)));
        assert_eq!(ints(Pure::Shl, 1, -1), None);
    }

    #[test]
    fn null_is_decided_by_the_other_part_where_it_can_be() {
        let (null, yes, no) = (Reg::NULL, Reg::bool(true), Reg::bool(false));
        let told = |reg: Reg| reg.valid.then_some(reg.bits == 1);
        assert_eq!([told(Pure::And.of(null, no)), told(Pure::And.of(yes, null))], [Some(false), None]);
        assert_eq!([told(Pure::Or.of(null, yes)), told(Pure::Or.of(no, null))], [Some(true), None]);
        assert_eq!(told(Pure::XorBits.of(yes, null)), None);
        let null_with_bits = Reg { bits: 1, valid: false };
        assert_eq!([told(Pure::And.of(null_with_bits, yes)), told(Pure::Or.of(null_with_bits, no))], [None, None]);
    }

    #[test]
    fn what_is_no_finite_number_is_null() {
        assert!(!Pure::DivFloat.of(Reg::float(0.0), Reg::float(0.0)).valid);
        assert!(!Pure::Log.of(Reg::float(0.0), Reg::NULL).valid);
        assert!(!Pure::MulFloat.of(Reg::float(f64::MAX), Reg::float(2.0)).valid);
    }
}
