//! Classic BPF (McCanne and Jacobson 1993, as in libpcap's `bpf_filter.c`): a program checked once, then run safely.
//!
//! Checked are the opcodes, that jumps stay inside, the 16 words of scratch memory, constant divisors, and that the last
//! instruction returns. At run time a load beyond the captured bytes or a division by zero rejects the packet. Jumps go
//! forward, but for the unconditional one, with which libpcap follows a chain of headers (`protochain`): after 4,096 jumps
//! back the packet is rejected, so that every run ends.

/// A checked program.
#[derive(Debug)]
pub(super) struct Program {
    instructions: Vec<Instruction>,
}

/// One instruction, as libpcap has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) jt: u8,
    pub(super) jf: u8,
    pub(super) k: u32,
}

impl Program {
    /// Checks `instructions`.
    ///
    /// # Errors
    ///
    /// What is wrong with the first bad one.
    pub(super) fn new(instructions: Vec<Instruction>) -> Result<Self, String> {
        let len = instructions.len();
        let Some(last) = instructions.last() else { return Err("an empty program".to_owned()) };
        if class(last.code) != RET {
            return Err("a program that does not end with a return".to_owned());
        }
        for (at, instruction) in instructions.iter().enumerate() {
            instruction.check(at, len).map_err(|detail| format!("instruction {at}: {detail}"))?;
        }
        Ok(Self { instructions })
    }

    /// Whether a packet with these captured bytes, out of `wire_len` on the wire, passes.
    pub(super) fn matches(&self, wire_len: u32, data: &[u8]) -> bool {
        self.run(wire_len, data).is_some_and(|accepted| accepted != 0)
    }

    /// What the program returns; `None` if it was broken off.
    fn run(&self, wire_len: u32, data: &[u8]) -> Option<u32> {
        let (mut a, mut x) = (0u32, 0u32);
        let mut memory = [0u32; MEMORY_WORDS];
        let mut at = 0usize;
        let mut jumps_back = 0;
        loop {
            let Instruction { code, jt, jf, k } = *self.instructions.get(at)?;
            at += 1;
            let operand = if code & SOURCE_X == 0 { k } else { x };
            let branch = |taken: bool| usize::from(if taken { jt } else { jf });
            match code {
                0x20 => a = load_word(data, u64::from(k))?,
                0x28 => a = load_half(data, u64::from(k))?,
                0x30 => a = load_byte(data, u64::from(k))?,
                0x40 => a = load_word(data, u64::from(x) + u64::from(k))?,
                0x48 => a = load_half(data, u64::from(x) + u64::from(k))?,
                0x50 => a = load_byte(data, u64::from(x) + u64::from(k))?,
                0x80 => a = wire_len,
                0x81 => x = wire_len,
                0x00 => a = k,
                0x01 => x = k,
                0x60 => a = *memory.get(k as usize)?,
                0x61 => x = *memory.get(k as usize)?,
                0xb1 => x = (load_byte(data, u64::from(k))? & 0xf) << 2,
                0x02 => *memory.get_mut(k as usize)? = a,
                0x03 => *memory.get_mut(k as usize)? = x,
                0x04 | 0x0c => a = a.wrapping_add(operand),
                0x14 | 0x1c => a = a.wrapping_sub(operand),
                0x24 | 0x2c => a = a.wrapping_mul(operand),
                0x34 | 0x3c => a = a.checked_div(operand)?,
                0x44 | 0x4c => a |= operand,
                0x54 | 0x5c => a &= operand,
                0x64 | 0x6c => a = a.checked_shl(operand).unwrap_or(0),
                0x74 | 0x7c => a = a.checked_shr(operand).unwrap_or(0),
                0x84 => a = a.wrapping_neg(),
                0x94 | 0x9c => a = a.checked_rem(operand)?,
                0xa4 | 0xac => a ^= operand,
                0x05 => {
                    jumps_back += u32::from(k as i32 <= 0);
                    if jumps_back > MAX_JUMPS_BACK {
                        return None;
                    }
                    at = at.checked_add_signed(k as i32 as isize)?;
                }
                0x15 | 0x1d => at += branch(a == operand),
                0x25 | 0x2d => at += branch(a > operand),
                0x35 | 0x3d => at += branch(a >= operand),
                0x45 | 0x4d => at += branch(a & operand != 0),
                0x07 => x = a,
                0x87 => a = x,
                0x06 => return Some(k),
                0x16 => return Some(a),
                _ => return None,
            }
        }
    }
}

impl Instruction {
    /// Whether it may stand at position `at` of a program of `len` instructions.
    fn check(self, at: usize, len: usize) -> Result<(), String> {
        let known = match class(self.code) {
            LD => matches!(self.code, 0x20 | 0x28 | 0x30 | 0x40 | 0x48 | 0x50 | 0x80 | 0x00 | 0x60),
            LDX => matches!(self.code, 0x01 | 0x61 | 0x81 | 0xb1),
            ST => self.code == 0x02,
            STX => self.code == 0x03,
            ALU => self.code == 0x84 || (matches!(self.code & 0xf0, 0x00..=0x70 | 0x90 | 0xa0) && self.code <= 0xac),
            JMP => self.code == 0x05 || (matches!(self.code & 0xf0, 0x10..=0x40) && self.code <= 0x4d),
            RET => matches!(self.code, 0x06 | 0x16),
            _ => matches!(self.code, 0x07 | 0x87),
        };
        if !known {
            return Err(format!("unknown opcode {:#06x}", self.code));
        }
        if matches!(self.code, 0x60 | 0x61 | 0x02 | 0x03) && self.k as usize >= MEMORY_WORDS {
            return Err(format!("scratch word {} of {MEMORY_WORDS}", self.k));
        }
        if matches!(self.code, 0x34 | 0x94) && self.k == 0 {
            return Err("division by zero".to_owned());
        }
        let next = at + 1;
        let inside = match self.code {
            0x05 => next.checked_add_signed(self.k as i32 as isize).is_some_and(|target| target < len),
            code if class(code) == JMP => next + usize::from(self.jt.max(self.jf)) < len,
            _ => true,
        };
        if !inside {
            return Err("a jump out of the program".to_owned());
        }
        Ok(())
    }
}

fn class(code: u16) -> u16 {
    code & 0x07
}

fn load_word(data: &[u8], at: u64) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(usize::try_from(at).ok()?..)?.first_chunk()?))
}

fn load_half(data: &[u8], at: u64) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(*data.get(usize::try_from(at).ok()?..)?.first_chunk()?)))
}

fn load_byte(data: &[u8], at: u64) -> Option<u32> {
    Some(u32::from(*data.get(usize::try_from(at).ok()?)?))
}

const LD: u16 = 0;
const LDX: u16 = 1;
const ST: u16 = 2;
const STX: u16 = 3;
const ALU: u16 = 4;
const JMP: u16 = 5;
const RET: u16 = 6;
const SOURCE_X: u16 = 0x08;
const MEMORY_WORDS: usize = 16;
/// More headers than any packet has.
const MAX_JUMPS_BACK: u32 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn program(instructions: &[(u16, u8, u8, u32)]) -> Result<Program, String> {
        Program::new(instructions.iter().map(|&(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect())
    }

    fn run(instructions: &[(u16, u8, u8, u32)], wire_len: u32, data: &[u8]) -> Option<u32> {
        program(instructions).unwrap().run(wire_len, data)
    }

    const RETURN_A: (u16, u8, u8, u32) = (0x16, 0, 0, 0);

    /// What is left in A after `code k` with these A and X.
    fn alu(code: u16, a: u32, x: u32, k: u32) -> Option<u32> {
        run(&[(0x01, 0, 0, x), (0x00, 0, 0, a), (code, 0, 0, k), RETURN_A], 0, &[])
    }

    #[test]
    fn loads_read_network_order_and_stop_at_the_captured_bytes() {
        let data = [0x45, 0x02, 0x03, 0x04, 0x05];
        assert_eq!(run(&[(0x20, 0, 0, 1), RETURN_A], 0, &data), Some(0x0203_0405));
        assert_eq!(run(&[(0x20, 0, 0, 2), RETURN_A], 0, &data), None);
        assert_eq!(run(&[(0x28, 0, 0, 3), RETURN_A], 0, &data), Some(0x0405));
        assert_eq!(run(&[(0x28, 0, 0, 4), RETURN_A], 0, &data), None);
        assert_eq!(run(&[(0x30, 0, 0, 4), RETURN_A], 0, &data), Some(5));
        assert_eq!(run(&[(0x30, 0, 0, 5), RETURN_A], 0, &data), None);
        assert_eq!(run(&[(0x30, 0, 0, u32::MAX - 0xfff), RETURN_A], 0, &data), None);
        assert_eq!(run(&[(0xb1, 0, 0, 0), (0x87, 0, 0, 0), RETURN_A], 0, &data), Some(20));
        assert_eq!(run(&[(0xb1, 0, 0, 9), (0x87, 0, 0, 0), RETURN_A], 0, &data), None);
    }

    #[test]
    fn indirect_loads_do_not_wrap_around() {
        let indirect = |code, x, k| run(&[(0x01, 0, 0, x), (code, 0, 0, k), RETURN_A], 0, &[1, 2, 3, 4, 5]);
        assert_eq!(indirect(0x40, 1, 0), Some(0x0203_0405));
        assert_eq!(indirect(0x48, 1, 2), Some(0x0405));
        assert_eq!(indirect(0x50, 2, 2), Some(5));
        assert_eq!(indirect(0x50, u32::MAX, 1), None);
        assert_eq!(indirect(0x40, 1, u32::MAX), None);
    }

    #[test]
    fn the_length_is_that_of_the_wire() {
        assert_eq!(run(&[(0x80, 0, 0, 0), RETURN_A], 1500, &[0; 60]), Some(1500));
        assert_eq!(run(&[(0x81, 0, 0, 0), (0x87, 0, 0, 0), RETURN_A], 1500, &[0; 60]), Some(1500));
    }

    #[test]
    fn arithmetic_wraps_and_takes_k_or_x() {
        assert_eq!(alu(0x04, u32::MAX, 0, 2), Some(1));
        assert_eq!(alu(0x0c, 1, 2, 9), Some(3));
        assert_eq!(alu(0x14, 1, 0, 2), Some(u32::MAX));
        assert_eq!(alu(0x1c, 5, 3, 0), Some(2));
        assert_eq!(alu(0x24, 1 << 31, 0, 2), Some(0));
        assert_eq!(alu(0x2c, 6, 7, 0), Some(42));
        assert_eq!(alu(0x34, 7, 0, 2), Some(3));
        assert_eq!(alu(0x3c, 7, 7, 0), Some(1));
        assert_eq!(alu(0x44, 1, 0, 2), Some(3));
        assert_eq!(alu(0x5c, 7, 2, 0), Some(2));
        assert_eq!(alu(0x64, 1, 0, 31), Some(1 << 31));
        assert_eq!(alu(0x6c, 1, 32, 0), Some(0));
        assert_eq!(alu(0x7c, 1 << 31, 31, 0), Some(1));
        assert_eq!(alu(0x74, 1, 0, 99), Some(0));
        assert_eq!(alu(0x84, 1, 0, 0), Some(u32::MAX));
        assert_eq!(alu(0x94, 7, 0, 4), Some(3));
        assert_eq!(alu(0xac, 6, 3, 0), Some(5));
    }

    #[test]
    fn dividing_by_an_x_of_zero_rejects_the_packet() {
        assert_eq!(alu(0x3c, 7, 0, 1), None);
        assert_eq!(alu(0x9c, 7, 0, 1), None);
    }

    #[test]
    fn jumps_go_where_they_say() {
        let jump = |code, a, x, k| {
            let yes_or_no = [(0x06, 0, 0, 1), (0x06, 0, 0, 0)];
            let mut code = vec![(0x01, 0, 0, x), (0x00, 0, 0, a), (code, 0, 1, k)];
            code.extend(yes_or_no);
            run(&code, 0, &[]) == Some(1)
        };
        assert!(jump(0x15, 5, 0, 5) && !jump(0x15, 5, 0, 6));
        assert!(jump(0x1d, 5, 5, 0) && !jump(0x1d, 5, 6, 5));
        assert!(jump(0x25, 6, 0, 5) && !jump(0x25, 5, 0, 5));
        assert!(jump(0x3d, 5, 5, 9) && !jump(0x3d, 4, 5, 0));
        assert!(jump(0x45, 6, 0, 2) && !jump(0x45, 5, 0, 2));
        assert_eq!(run(&[(0x05, 0, 0, 1), (0x06, 0, 0, 1), (0x06, 0, 0, 2)], 0, &[]), Some(2));
    }

    #[test]
    fn a_loop_runs_and_an_endless_one_rejects_the_packet() {
        let count_to =
            |limit| run(&[(0x04, 0, 0, 1), (0x15, 1, 0, limit), (0x05, 0, 0, -3i32 as u32), RETURN_A], 0, &[]);
        assert_eq!(count_to(100), Some(100));
        assert_eq!(count_to(0), None);
    }

    #[test]
    fn scratch_memory_keeps_a_and_x() {
        let code = [(0x00, 0, 0, 7), (0x02, 0, 0, 15), (0x00, 0, 0, 0), (0x61, 0, 0, 15), (0x87, 0, 0, 0), RETURN_A];
        assert_eq!(run(&code, 0, &[]), Some(7));
    }

    #[test]
    fn bad_programs_are_refused() {
        assert!(program(&[]).is_err());
        assert!(program(&[(0x00, 0, 0, 0)]).is_err(), "no return");
        assert!(program(&[(0x05, 0, 0, 1), RETURN_A]).is_err(), "jump behind the end");
        assert!(program(&[(0x05, 0, 0, i32::MAX as u32), RETURN_A]).is_err(), "jump far behind the end");
        assert!(program(&[(0x05, 0, 0, -2i32 as u32), RETURN_A]).is_err(), "jump before the beginning");
        assert!(program(&[(0x15, 0, 1, 0), RETURN_A]).is_err(), "branch behind the end");
        assert!(program(&[(0x02, 0, 0, 16), RETURN_A]).is_err(), "no such scratch word");
        assert!(program(&[(0x34, 0, 0, 0), RETURN_A]).is_err(), "constant division by zero");
        assert!(program(&[(0xffff, 0, 0, 0), RETURN_A]).is_err(), "no such opcode");
        assert!(program(&[(0x05, 0, 0, 0), RETURN_A]).is_ok());
    }

    #[test]
    fn every_opcode_that_is_let_through_is_run() {
        for code in 0..=u16::MAX {
            let Ok(program) = program(&[(0x01, 0, 0, 1), (code, 0, 0, 1), RETURN_A, RETURN_A]) else { continue };
            assert!(program.run(4, &[0; 8]).is_some(), "opcode {code:#06x} passes the check and is not run");
        }
    }
}
