//! Broken captures, thousands of them: whatever the bytes are, runs end, nothing panics and the ledger adds up.
//!
//! Each number breaks the same capture in the same way every time. `FLOWGAUGE_MUTATIONS` says how many (10,000 by default;
//! `scripts/check-deep` takes 100,000).

use std::fs;
use std::time::Duration;

use flowgauge::capture::file::Input;
use flowgauge::classify::{ClassifierOptions, DissectionLimits};
use flowgauge::meter::{Meter, MeterConfig};
use flowgauge::packet::{DecodeOptions, Decoded, Decoder, Packet};
use flowgauge::streamer::Waited;
use flowgauge::{Error, Streamer};

use crate::support::captures::shared;
use crate::support::carriers;
use crate::support::run::{own, read_frames};

/// A generator of numbers (SplitMix64), as good as any and the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A place in `bytes`: one time in four among the first, where the header of a file is.
    fn place(&mut self, bytes: &[u8]) -> usize {
        let end = if self.below(4) == 0 { bytes.len().min(200) } else { bytes.len() };
        self.below(end)
    }
}

/// Breaks a capture at up to four places.
fn mutate(numbers: &mut Numbers, captures: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = captures[numbers.below(captures.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.place(&bytes);
        let to = at + numbers.below(bytes.len() - at).min(1 << numbers.below(12));
        match numbers.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, again));
            }
            3 => {
                let other = &captures[numbers.below(captures.len())];
                let from = numbers.below(other.len());
                let until = from + numbers.below(other.len() - from).min(2000);
                drop(bytes.splice(at..to, other[from..until].iter().copied()));
            }
            4 | 5 => {
                // A length, a count, an offset: what it is depends on where it falls.
                let values = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x4_0000, 0x7fff_ffff, 0xffff_ffff, numbers.next()];
                let value = (values[numbers.below(values.len())] as u32).to_le_bytes();
                let value = if numbers.below(2) == 0 { value } else { [value[3], value[2], value[1], value[0]] };
                let len = [1, 2, 4][numbers.below(3)];
                bytes.iter_mut().skip(at).zip(&value[..len]).for_each(|(byte, new)| *byte = *new);
            }
            _ => {
                for _ in 0..=numbers.below(20) {
                    let at = numbers.place(&bytes);
                    let bit = 1 << numbers.below(8);
                    bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
                }
            }
        }
    }
    bytes
}

/// The beginnings of all captures that are there, and frames in frames of all kinds.
fn beginnings() -> Vec<Vec<u8>> {
    let paths = [own(), shared("corpus"), shared("conformance/quirks")].concat();
    let beginning = |path| {
        let mut bytes = fs::read(path).unwrap();
        bytes.truncate(64 << 10);
        bytes
    };
    paths.iter().map(beginning).chain(carriers::captures()).collect()
}

fn wanted() -> u64 {
    std::env::var("FLOWGAUGE_MUTATIONS")
        .map_or(10_000, |number| number.parse().expect("FLOWGAUGE_MUTATIONS is a number"))
}

/// Runs one broken capture through a streamer with options of all kinds; tells how many packets it still had.
fn survive(seed: u64, captures: &[Vec<u8>]) -> u64 {
    let mut numbers = Numbers(seed);
    let bytes = mutate(&mut numbers, captures);
    let timeouts = [None, Some(0), Some(1), Some(1_000_000_000), Some(60_000_000_000), Some(u64::MAX)];
    let mut timeout = || timeouts[numbers.below(timeouts.len())].map(Duration::from_nanos);
    let streamer = Streamer::from_bytes(bytes)
        .inactive_timeout(timeout())
        .active_timeout(timeout())
        .capacity((numbers.below(2) == 0).then_some(10))
        .tcp_end(numbers.below(2) == 0)
        .n_dissections(0)
        .workers(if seed.is_multiple_of(50) { 2 } else { 0 });
    let mut flows = match streamer.start() {
        Ok(flows) => flows,
        Err(Error::NotACapture { .. } | Error::Damaged { .. } | Error::Read { .. }) => return 0,
        Err(error) => panic!("mutation {seed}: {error}"),
    };
    loop {
        match flows.wait(Duration::from_secs(60)) {
            Ok(Waited::Record(_)) => {}
            Ok(Waited::End) => break,
            Ok(Waited::Nothing) => panic!("mutation {seed} hangs"),
            Err(Error::NotACapture { .. } | Error::Damaged { .. } | Error::Read { .. }) => {}
            Err(error) => panic!("mutation {seed}: {error}"),
        }
    }
    let report = flows.report();
    report.check().unwrap_or_else(|error| panic!("mutation {seed}: {error}"));
    assert!(report.complete, "mutation {seed}");
    report.packets
}

#[test]
fn mutated_captures_neither_panic_nor_hang_nor_break_the_ledger() {
    let captures = beginnings();
    let threads = std::thread::available_parallelism().map_or(1, |number| number.get() as u64);
    let packets: u64 = std::thread::scope(|scope| {
        let share = |first| {
            let seeds = (first..wanted()).step_by(threads as usize);
            scope.spawn(|| seeds.map(|seed| survive(seed, &captures)).sum::<u64>())
        };
        let shares: Vec<_> = (0..threads).map(share).collect();
        shares.into_iter().map(|share| share.join().unwrap()).sum()
    });
    assert!(packets > 5 * wanted(), "mutations leave too little: {packets} packets in all");
}

/// One module sees all of them, so that what one leaves behind meets the next.
#[test]
fn mutated_captures_do_no_harm_to_ndpi() {
    let captures = beginnings();
    let classifier = ClassifierOptions { limits: DissectionLimits::NDPI_READER, ..Default::default() };
    let mut meter = Meter::new(MeterConfig::new().classifier(classifier).capacity(500)).unwrap();
    let mut decoder = Decoder::new(DecodeOptions::new());
    let (mut number, mut metered) = (0, 0);
    for seed in 0..wanted() / 10 {
        read_frames(Input::Bytes(mutate(&mut Numbers(seed), &captures)), |batch, index| {
            number += 1;
            let raw = batch.raw(index, number);
            if let Decoded::Packet(info) = decoder.decode(&raw) {
                meter.observe(&Packet::new(raw, &info));
                metered += 1;
            }
        });
        while let Some(record) = meter.pop() {
            metered -= record.total().pkts;
        }
        assert_eq!(meter.living().packets, metered, "mutation {seed}");
    }
    meter.finish();
    let records = std::iter::from_fn(|| meter.pop());
    metered -= records.map(|record| record.total().pkts).sum::<u64>();
    assert_eq!(metered, 0);
}
