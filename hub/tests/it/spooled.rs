//! Publishers whose spool reaches the disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flowgauge_hub::Error;
use flowgauge_hub::client::{Publisher, PublisherOptions};
use serde_json::json;
use tempfile::TempDir;

use crate::publishing::{LONG, fast, finish, named, publish};
use crate::support::Running;

fn on_disk(hub: &str, folder: &Path) -> PublisherOptions {
    let mut options = named(hub);
    options.spool_messages = 50;
    options.spool_dir = Some(folder.join("spool"));
    options
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder.join("spool")).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some());
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn what_memory_does_not_hold_goes_to_disk_and_the_next_start_sends_it() {
    let folder = TempDir::new().unwrap();
    let publisher = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap();
    let boot = publisher.boot().to_owned();
    publish(&publisher, 1..=1000);
    let counters = publisher.counters();
    assert_eq!((counters.memory_messages, counters.disk_messages, counters.lost.total()), (50, 950, 0));
    let Err(Error::Spool { detail, .. }) = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())) else {
        panic!()
    };
    assert!(detail.contains("another publisher"), "{detail}");
    let counters = finish(publisher, Duration::ZERO).await;
    assert_eq!((counters.left, counters.lost.total()), (1000, 0));
    let mut other = on_disk("ws://127.0.0.1:9", folder.path());
    other.sensor = "desk".to_owned();
    let refused = Publisher::start(other).unwrap_err().to_string();
    assert!(refused.contains("of the sensor \"lab\""), "{refused}");

    let hub = Running::start(fast(None)).await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let publisher = Publisher::start(on_disk(&format!("ws://{}", hub.at.http), folder.path())).unwrap();
    publish(&publisher, 1..=500);
    let second = publisher.boot().to_owned();
    assert_ne!(boot, second);
    for (boot, numbers) in [(boot, 1..=1000), (second, 1..=500)] {
        for number in numbers {
            assert_eq!(desk.value().await["message"]["id"], format!("{boot}:{number}"));
        }
    }
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.made, counters.found, counters.acknowledged), (500, 1000, 1500));
    assert!(files(folder.path()).is_empty());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_costs_the_message_that_it_tore() {
    let folder = TempDir::new().unwrap();
    let publisher = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap();
    publish(&publisher, 1..=200);
    assert_eq!(finish(publisher, Duration::ZERO).await.left, 200);
    let last = files(folder.path()).pop().unwrap();
    let whole = fs::metadata(&last).unwrap().len();
    fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(whole - 5).unwrap();

    // It is found, and lost, by the next start, and not again by the one behind that.
    let publisher = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap();
    let counters = finish(publisher, Duration::ZERO).await;
    assert_eq!((counters.found, counters.lost.of("damaged"), counters.left), (200, 1, 199));

    let hub = Running::start(fast(None)).await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let publisher = Publisher::start(on_disk(&format!("ws://{}", hub.at.http), folder.path())).unwrap();
    let counters = publisher.counters();
    assert_eq!((counters.found, counters.lost.of("damaged")), (199, 0));
    publish(&publisher, 1..=1);
    for number in (1..=199).chain([1]) {
        assert_eq!(desk.value().await["message"]["payload"], number);
    }
    finish(publisher, LONG).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_disk_when_the_process_was_killed_is_sent_by_the_next() {
    let folder = TempDir::new().unwrap();
    let publisher = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap();
    publish(&publisher, 1..=200);
    // What a kill leaves is what the files hold at that moment.
    let killed = TempDir::new().unwrap();
    fs::create_dir(killed.path().join("spool")).unwrap();
    for file in files(folder.path()).iter().chain([&folder.path().join("spool/lock")]) {
        fs::copy(file, killed.path().join("spool").join(file.file_name().unwrap())).unwrap();
    }
    finish(publisher, Duration::ZERO).await;
    let hub = Running::start(fast(None)).await;
    let (mut desk, _) = hub.subscriber(json!({"topics": ["a"]})).await;
    let publisher = Publisher::start(on_disk(&format!("ws://{}", hub.at.http), killed.path())).unwrap();
    for number in 51..=200 {
        assert_eq!(desk.value().await["message"]["payload"], number);
    }
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.found, counters.acknowledged), (150, 150));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_bounded_and_memory_takes_over_where_it_fails() {
    let folder = TempDir::new().unwrap();
    let mut options = on_disk("ws://127.0.0.1:9", folder.path());
    options.spool_disk_bytes = 65_536;
    let publisher = Publisher::start(options.clone()).unwrap();
    publish(&publisher, 1..=2000);
    let counters = publisher.counters();
    counters.check().unwrap();
    assert!(counters.lost.of("full") > 1000 && counters.disk_bytes <= 65_536, "{counters:?}");
    let on_disk: u64 = files(folder.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert_eq!(on_disk, counters.disk_bytes);
    let counters = finish(publisher, Duration::ZERO).await;
    assert!(counters.left > 300 && counters.disk_bytes <= 65_536, "{counters:?}");

    fs::remove_dir_all(folder.path()).unwrap();
    let publisher = Publisher::start(options).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    publish(&publisher, 1..=70);
    let counters = publisher.counters();
    counters.check().unwrap();
    assert_eq!((counters.disk_errors, counters.memory_messages, counters.lost.of("full")), (1, 50, 20));
    let counters = finish(publisher, Duration::ZERO).await;
    assert_eq!((counters.left, counters.lost.of("closing")), (0, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_the_folder_are_not_followed() {
    let folder = TempDir::new().unwrap();
    let (spool, victim) = (folder.path().join("spool"), folder.path().join("victim"));
    fs::create_dir(&spool).unwrap();
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, spool.join("lock")).unwrap();
    let refused = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap_err().to_string();
    assert!(refused.contains("\"lock\""), "{refused}");
    fs::remove_file(spool.join("lock")).unwrap();
    fs::create_dir(spool.join("lock")).unwrap();
    assert!(Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).is_err());
    fs::remove_dir(spool.join("lock")).unwrap();

    let publisher = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap();
    publish(&publisher, 1..=60);
    assert_eq!(finish(publisher, Duration::ZERO).await.left, 60);
    let [first, ..] = &files(folder.path())[..] else { panic!() };
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(first, &elsewhere).unwrap();
    symlink(&elsewhere, first).unwrap();
    fs::create_dir(spool.join("7-x.spool")).unwrap();
    let held = fs::read(&elsewhere).unwrap();
    let publisher = Publisher::start(on_disk("ws://127.0.0.1:9", folder.path())).unwrap();
    assert!(publisher.counters().found < 60);
    finish(publisher, Duration::ZERO).await;
    assert_eq!((fs::read(&elsewhere).unwrap(), fs::read(&victim).unwrap()), (held, b"precious".to_vec()));
    assert!(first.is_symlink() && spool.join("7-x.spool").is_dir());
}
