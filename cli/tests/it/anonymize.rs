//! `--anonymize`: the addresses of the published vectors, and keys that do not fit.

use std::fs;

use flowgauge::Streamer;
use flowgauge::flow::Anonymizer;

use crate::support::{data, run};

/// The key of Crypto-PAn's reference implementation.
const KEY: &str = "15 22 17 8d 33 a4 cf 80 13 0a 5b 16 49 90 7d 10 d8 98 8f 83 79 79 65 27 62 57 4c 2d 2a 84 22 02";

#[test]
fn addresses_are_replaced_with_the_key_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bytes: Vec<_> = KEY.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    fs::write(at("digits"), KEY.to_owned() + "\n").unwrap();
    fs::write(at("bytes"), &bytes).unwrap();
    let table =
        |options: &str| run(&format!("-r web.pcap -j 0 -o csv -F ip_src,ip_dst,src_mac,src_port {options}")).quiet();
    let plain = table("").out;
    for (method, anonymizer) in
        [("crypto-pan", Anonymizer::crypto_pan(&bytes).unwrap()), ("blake2", Anonymizer::blake2(&bytes).unwrap())]
    {
        let [digits, raw] =
            ["digits", "bytes"].map(|key| table(&format!("--anonymize {method}:{}", at(key).display())).out);
        assert_eq!(digits, raw);
        let flows = Streamer::from_file(data("web.pcap")).workers(0).anonymize(anonymizer).start().unwrap();
        let expected: Vec<_> = flows.map(|record| record.unwrap().src().0.to_string()).collect();
        let column = |text: &str, nth| {
            text.lines().skip(1).map(|row| row.split(',').nth(nth).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(column(&digits, 0), expected);
        assert_ne!(column(&digits, 0), column(&plain, 0));
        assert_eq!(column(&digits, 3), column(&plain, 3));
    }
}

#[test]
fn a_key_that_does_not_fit_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "736563726574").unwrap();
    for (anonymize, words) in [
        (format!("crypto-pan:{}", key.display()), "Crypto-PAn with a key of 32 bytes, not one of 6 bytes"),
        (format!("blake2:{}", key.display()), "16 to 64 bytes, not one of 6 bytes"),
        (format!("blake2:{}/missing", key.display()), "cannot read the key in "),
        ("md5:key".to_owned(), "crypto-pan and blake2 are known"),
        ("blake2".to_owned(), "crypto-pan:KEYFILE or blake2:KEYFILE is wanted"),
    ] {
        let run = run(&format!("-r web.pcap --anonymize {anonymize}"));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{anonymize}");
        assert!(run.err.contains(words) && !run.err.contains("736563"), "{}", run.err);
    }
}
