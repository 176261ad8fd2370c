//! Rotation: no record is lost or double, every file is whole, and it ends where it was asked to.

use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use flowgauge::export::{CsvExporter, Exporter, IpfixExporter, IpfixOptions, RotatingExporter, Rotation};
use flowgauge::flow::FlowRecord;
use flowgauge::flow::schema::Schema;
use flowgauge::{Error, Result};

use crate::support::ipfix::{Collector, sorted};
use crate::support::scenario::{A, C, Scenario};

/// A flow a second, each of its own.
fn flows(count: u16) -> Vec<FlowRecord> {
    let flow = |story: Scenario, n: u16| story.at_s(n.into()).udp((A.0, 1000 + n), C);
    let mut records = (0..count).fold(Scenario::new(), flow).meter();
    records.sort_unstable_by_key(|record| record.flow_id);
    records
}

fn csv(folder: &Path, rotation: Rotation) -> RotatingExporter<'static> {
    let schema = Schema::new(&[], [].into());
    RotatingExporter::new(folder.join("flows.csv"), rotation, move |name, file| {
        Ok(Box::new(CsvExporter::new(name, file, schema.clone())))
    })
}

fn write(exporter: &mut impl Exporter, records: &[FlowRecord]) -> Result<()> {
    records.iter().try_for_each(|record| exporter.export(record)).and_then(|()| exporter.finish())
}

/// The names in a folder, and how many records each file has under its header.
fn files(folder: &Path) -> Vec<(String, usize)> {
    let file = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        assert!(text.starts_with("ip_src,src_port,") && text.ends_with("\r\n"), "{text}");
        assert_eq!(text.matches("ip_src").count(), 1);
        (entry.file_name().into_string().unwrap(), text.lines().count() - 1)
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect();
    files.sort_unstable();
    files
}

/// The source ports of all files, in the order of their names.
fn ports(folder: &Path) -> Vec<String> {
    let rows = files(folder).into_iter().map(|(name, _)| fs::read_to_string(folder.join(name)).unwrap());
    rows.flat_map(|text| text.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().to_owned()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn files_have_as_many_records_as_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut exporter = csv(folder.path(), Rotation::default().rows(NonZeroU64::new(4)));
    write(&mut exporter, &flows(10)).unwrap();
    assert_eq!(exporter.files(), 3);
    let rows: Vec<_> = files(folder.path()).iter().map(|(_, rows)| *rows).collect();
    assert_eq!(rows, [4, 4, 2]);
    assert_eq!(ports(folder.path()), (1000..1010).map(|port| port.to_string()).collect::<Vec<_>>());
}

#[test]
fn files_end_with_the_record_that_fills_them() {
    let folder = tempfile::tempdir().unwrap();
    let most = 1_500;
    write(&mut csv(folder.path(), Rotation::default().bytes(NonZeroU64::new(most))), &flows(40)).unwrap();
    let names = files(folder.path());
    assert!(names.len() > 5, "{names:?}");
    for (name, _) in &names[..names.len() - 1] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        let last = text.trim_end().rfind("\r\n").unwrap();
        assert!(text.len() as u64 >= most && (last as u64) < most, "{name}: {}", text.len());
    }
    assert_eq!(ports(folder.path()), (1000..1040).map(|port| port.to_string()).collect::<Vec<_>>());
    // One record at least, however few bytes.
    let folder = tempfile::tempdir().unwrap();
    write(&mut csv(folder.path(), Rotation::default().bytes(NonZeroU64::MIN)), &flows(3)).unwrap();
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn slots_of_time_are_those_of_the_clock_on_the_wall() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = flows(400);
    // Nothing happens for a while, and records come out of order.
    records.drain(130..290);
    records.swap(5, 60);
    write(&mut csv(folder.path(), Rotation::default().interval(Duration::from_secs(60))), &records).unwrap();
    let expected = [("2213", 5), ("2214", 95), ("2215", 30), ("2218", 50), ("2219", 60)];
    let expected = (1..).zip(expected).map(|(n, (at, rows))| (format!("flows_0000{n}_20231114{at}00.csv"), rows));
    assert_eq!(files(folder.path()), expected.collect::<Vec<_>>());
}

#[test]
fn records_that_come_together_fill_the_same_files() {
    let records = flows(300);
    let texts = |folder: &Path| {
        let text = |(name, _): (String, usize)| (fs::read_to_string(folder.join(&name)).unwrap(), name);
        files(folder).into_iter().map(text).collect::<Vec<_>>()
    };
    for rotation in [
        Rotation::default().rows(NonZeroU64::new(9)),
        Rotation::default().bytes(NonZeroU64::new(1_500)),
        Rotation::default().interval(Duration::from_secs(45)),
        Rotation::default().rows(NonZeroU64::new(20)).interval(Duration::from_secs(45)),
    ] {
        let (alone, together) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&mut csv(alone.path(), rotation), &records).unwrap();
        let mut exporter = csv(together.path(), rotation);
        records.chunks(64).for_each(|some| exporter.export_many(some).unwrap());
        exporter.finish().unwrap();
        assert!(texts(alone.path()).len() > 5, "{rotation:?}");
        assert_eq!(texts(together.path()), texts(alone.path()), "{rotation:?}");
    }
}

#[test]
fn a_run_without_flows_has_one_file() {
    let folder = tempfile::tempdir().unwrap();
    write(&mut csv(folder.path(), Rotation::default().rows(NonZeroU64::MIN)), &[]).unwrap();
    assert_eq!(files(folder.path()), [("flows_00001.csv".to_owned(), 0)]);
}

#[test]
fn every_file_of_ipfix_has_its_own_templates() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Schema::new(&[], [].into());
    let rotation = Rotation::default().rows(NonZeroU64::new(3));
    let mut exporter = RotatingExporter::new(folder.path().join("flows.ipfix"), rotation, |name, file| {
        Ok(Box::new(IpfixExporter::new(name, file, &schema, &IpfixOptions::default())?))
    });
    write(&mut exporter, &flows(7)).unwrap();
    let mut entries: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_unstable();
    let records = |path: &Path| {
        let mut collector = Collector::default();
        collector
            .file(&fs::read(path).unwrap())
            .iter()
            .map(|message| sorted(std::slice::from_ref(message)).0.len())
            .sum::<usize>()
    };
    assert_eq!(entries.iter().map(|path| records(path)).collect::<Vec<_>>(), [3, 3, 1]);
}

#[test]
fn what_was_complete_stays_when_writing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let records = flows(5);
    let mut exporter = csv(folder.path(), Rotation::default().rows(NonZeroU64::new(2)));
    records[..3].iter().for_each(|record| exporter.export(record).unwrap());
    drop(exporter);
    assert_eq!(files(folder.path()).iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [2]);
    let mut exporter = csv(folder.path(), Rotation::default().rows(NonZeroU64::new(2)));
    records[..3].iter().for_each(|record| exporter.export(record).unwrap());
    let part = exporter.keep().unwrap().unwrap();
    assert!(part.to_str().unwrap().ends_with(".csv.part") && fs::read_to_string(part).unwrap().lines().count() == 2);
    let missing = folder.path().join("missing/flows");
    let mut exporter = csv(&missing, Rotation::default());
    let Err(Error::Write { what, .. }) = exporter.export(&records[0]) else { panic!("there is no such folder") };
    assert!(what.starts_with(missing.to_str().unwrap()), "{what}");
}
