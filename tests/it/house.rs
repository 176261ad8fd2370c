//! The floors of the house, enforced: a room uses its own code and lower floors, and only one file names a foreign crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms and their floors, as ARCHITECTURE.md has them.
const FLOORS: [(&str, u8); 14] = [
    ("error", 0),
    ("time", 0),
    ("tunnel", 0),
    ("packet", 1),
    ("flow", 1),
    ("capture", 2),
    ("classify", 2),
    ("dissect", 2),
    ("metric", 2),
    ("export", 2),
    ("meter", 3),
    ("streamer", 4),
    ("pipeline", 5),
    ("lib", 9),
];

/// Foreign crates and the files, or rooms, that may name them.
const FOREIGN: [(&str, &[&str]); 26] = [
    ("arrow_array", &["export/arrow/"]),
    ("arrow_buffer", &["export/arrow/"]),
    ("arrow_schema", &["export/arrow/"]),
    ("arrow_ipc", &["export/arrow/ipc.rs"]),
    ("flatbuffers", &["export/arrow/ipc.rs"]),
    ("parquet", &["export/parquet.rs"]),
    ("aes_gcm", &["dissect/quic_keys.rs", "flow/anonymize.rs"]),
    ("base64", &["flow/community_id.rs"]),
    ("blake2", &["flow/anonymize.rs"]),
    ("der", &["dissect/certificate.rs"]),
    ("hkdf", &["dissect/quic_keys.rs"]),
    ("md5", &["dissect/tls/fingerprint.rs"]),
    ("sha1", &["flow/community_id.rs"]),
    ("sha2", &["dissect/quic_keys.rs", "dissect/tls/fingerprint.rs", "export/digest.rs"]),
    ("thiserror", &["error.rs"]),
    ("foldhash", &["flow/key.rs", "packet/fragment.rs"]),
    ("crossbeam_channel", &["streamer/", "pipeline/reverse_dns/pool.rs"]),
    ("dns_lookup", &["pipeline/reverse_dns/lookup.rs"]),
    ("pcap", &["capture/live.rs", "capture/filter/", "capture/dlt.rs"]),
    ("rustix", &["capture/file/input.rs", "capture/live.rs", "meter/hint.rs"]),
    ("flate2", &["capture/decompress.rs", "export/compress.rs"]),
    ("zstd", &["capture/decompress.rs", "export/compress.rs"]),
    ("ndpi_sys", &["classify/ndpi.rs", "classify/told.rs"]),
    ("domain", &["dissect/dns/"]),
    ("httparse", &["dissect/http.rs"]),
    ("itoa", &["flow/json.rs"]),
];

#[test]
fn no_room_looks_at_its_neighbours_or_up() {
    let floors = BTreeMap::from(FLOORS);
    let mut broken = Vec::new();
    for (path, code) in library() {
        let room = room_of(&path);
        let floor = *floors.get(room.as_str()).unwrap_or_else(|| panic!("{path:?} lies in no room of the table"));
        for other in rooms_named(&code) {
            if other.starts_with(char::is_uppercase) {
                broken.push(format!("{} goes through the front door for {other}", path.display()));
            }
            let Some(below) = floors.get(other.as_str()) else { continue };
            if other != room && *below >= floor {
                broken.push(format!("{} (floor {floor}) uses {other} (floor {below})", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_foreign_crate_is_named_in_its_own_file_only() {
    let mut broken = Vec::new();
    for (path, code) in library() {
        for (name, homes) in FOREIGN {
            let path_of_it = format!("{name}::");
            let starts_word = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let named = code.match_indices(&path_of_it).any(|(at, _)| starts_word(at))
                || code.contains(&format!("use {name};"));
            let prefixed = code.contains(&format!("crate::{name}::")) || code.contains(&format!("super::{name}::"));
            if named && !prefixed && !homes.iter().any(|home| path.to_string_lossy().starts_with(home)) {
                broken.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn unsafe_code_stands_in_two_files() {
    for (path, code) in library() {
        let word = code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        let homes = ["classify/ndpi.rs", "meter/hint.rs"];
        assert!(!word || homes.iter().any(|home| path == Path::new(home)), "{path:?}");
    }
}

#[test]
fn no_file_is_longer_than_the_wall() {
    for (path, _) in library() {
        let lines = fs::read_to_string(source_root().join(&path)).unwrap().lines().count();
        assert!(lines <= 600, "{path:?} has {lines} lines");
    }
}

#[test]
fn the_test_itself_sees_what_it_looks_for() {
    let code =
        strip_comments("// crate::streamer::x\nlet a = crate::meter::Meter; /* crate::pipeline */ use crate::Value;");
    assert_eq!(rooms_named(&code), ["meter", "Value"]);
    assert_eq!(room_of(Path::new("capture/file/mod.rs")), "capture");
    assert_eq!(room_of(Path::new("time.rs")), "time");
}

/// Every source file of the library, by its path below `src`, without comments and tests.
fn library() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![source_root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let code = fs::read_to_string(&path).unwrap();
                let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                files.push((path.strip_prefix(source_root()).unwrap().to_owned(), strip_comments(code)));
            }
        }
    }
    assert!(files.len() > 20);
    files
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn room_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The words after `crate::`: rooms, and what `lib.rs` re-exports, which only the outside may use.
fn rooms_named(code: &str) -> Vec<String> {
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

fn strip_comments(code: &str) -> String {
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut rest = lines.collect::<Vec<_>>().join("\n");
    while let Some(start) = rest.find("/*") {
        let end = rest[start..].find("*/").map_or(rest.len(), |end| start + end + 2);
        rest.replace_range(start..end, "");
    }
    rest
}
