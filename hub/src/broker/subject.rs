//! Subjects of NATS: `STREAM.SENSOR.TOPIC`, where the dots of a topic part its words, as those of NATS do.
//!
//! A word keeps letters, digits, `-` and `_`; every other byte is `%` and two digits of hex, as in URLs, so that no name holds a
//! wildcard. What cannot be written so has words of its own: `%null` is no sensor, and `%` an empty word.

/// The subject of what a sensor says of a topic.
pub(super) fn subject(stream: &str, sensor: Option<&str>, topic: &str) -> String {
    let mut subject = format!("{stream}.");
    push_sensor(&mut subject, sensor);
    let end = subject.len() + TOPIC_BYTES;
    for word in topic.split('.') {
        subject.push('.');
        push_word(&mut subject, word);
        // Names of messages are shorter; a chef of netdumplings may not be.
        if subject.len() > end {
            break;
        }
    }
    subject.truncate(end);
    // What was cut may not end with a dot.
    subject.truncate(subject.trim_end_matches('.').len());
    subject
}

/// The word of a sensor, as it is in a subject.
pub(super) fn sensor_word(sensor: Option<&str>) -> String {
    let mut word = String::new();
    push_sensor(&mut word, sensor);
    word
}

fn push_sensor(text: &mut String, sensor: Option<&str>) {
    let Some(sensor) = sensor else { return text.push_str("%null") };
    let start = text.len();
    push_word(text, sensor);
    text.truncate(start + SENSOR_BYTES);
}

fn push_word(text: &mut String, word: &str) {
    if word.is_empty() {
        text.push('%');
    }
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push('%');
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
    }
}

/// Enough for every name of 256 bytes.
const SENSOR_BYTES: usize = 3 * 256;
/// The same, with a dot more; both together are well below the 4,096 bytes that a server reads.
const TOPIC_BYTES: usize = 3 * 256 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a subject says, read back.
    fn read(subject: &str) -> (Option<String>, String) {
        let word = |word: &str| {
            let mut bytes = Vec::new();
            let mut rest = word.as_bytes();
            while let Some((first, behind)) = rest.split_first() {
                if *first == b'%' && behind.len() >= 2 {
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&behind[..2]).unwrap(), 16).unwrap());
                    rest = &behind[2..];
                } else if *first == b'%' {
                    return String::new();
                } else {
                    bytes.push(*first);
                    rest = behind;
                }
            }
            String::from_utf8(bytes).unwrap()
        };
        let mut words = subject.split('.').skip(1);
        let sensor = words.next().unwrap();
        let topic: Vec<_> = words.map(word).collect();
        ((sensor != "%null").then(|| word(sensor)), topic.join("."))
    }

    #[test]
    fn a_subject_says_sensor_and_topic() {
        assert_eq!(subject("flowgauge", Some("lab"), "dns.lookup"), "flowgauge.lab.dns.lookup");
        assert_eq!(subject("f", Some("a b.c"), "x*.>"), "f.a%20b%2Ec.x%2A.%3E");
        assert_eq!(subject("f", None, ".a..b."), "f.%null.%.a.%.b.%");
    }

    #[test]
    fn no_name_is_lost_and_none_is_a_wildcard() {
        let long = "é.".repeat(85);
        for name in ["lab", "%null", "%", "", "a b", "*", ">", "a.*.>", "..", "é%2E", "%25", "\u{7f}\t", &long] {
            let text = subject("f", Some(name), name);
            assert_eq!(read(&text), (Some(name.to_owned()), name.to_owned()), "{text}");
            assert!(text.is_ascii() && text.split('.').all(|word| !word.is_empty()), "{text}");
            assert!(!text.contains(['*', '>', ' ', '\t']), "{text}");
        }
        assert_eq!(read(&subject("f", None, "a")), (None, "a".to_owned()));
    }

    #[test]
    fn what_is_no_name_has_a_short_subject_too() {
        for chef in ["x".repeat(1 << 20), ".".repeat(1 << 20), "é".repeat(1 << 20), "a.".repeat(1 << 20)] {
            let text = subject("f", Some(&chef), &chef);
            assert!(text.len() < 2048 && text.split('.').all(|word| !word.is_empty()), "{text}");
        }
    }
}
