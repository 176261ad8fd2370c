//! Patterns of topics and sensors: which messages a subscriber wants.

use serde::Deserialize;

/// A name in which `*` stands for any run of characters, dots too: `dns.*`, `*`, `arp.change`.
///
/// Up to 256 bytes. `dns.*` takes `dns.lookup` and `dns.lookup.slow`, but not `dns`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pattern(String);

/// Topics and sensors that are wanted: one pattern of each must fit. An empty list takes all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    topics: Vec<Pattern>,
    sensors: Vec<Pattern>,
}

impl Filter {
    /// A filter of these patterns.
    ///
    /// # Errors
    ///
    /// More than 16 of a kind: every message is held against each.
    pub(crate) fn new(topics: Vec<Pattern>, sensors: Vec<Pattern>) -> Result<Self, &'static str> {
        if topics.len() > 16 || sensors.len() > 16 {
            return Err("at most 16 patterns of topics and 16 of sensors");
        }
        Ok(Self { topics, sensors })
    }

    /// Whether a message of this topic and sensor is wanted. What has no sensor counts as the empty name.
    pub(crate) fn takes(&self, topic: &str, sensor: Option<&str>) -> bool {
        let any = |patterns: &[Pattern], name: &str| patterns.is_empty() || patterns.iter().any(|one| one.takes(name));
        any(&self.topics, topic) && any(&self.sensors, sensor.unwrap_or_default())
    }
}

impl Pattern {
    /// Whether the name fits. Time grows with the product of both lengths at worst, whatever they hold.
    fn takes(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where the last star is, and up to where it stands for the name.
        let mut star = None;
        while n < name.len() {
            if pattern.get(p) == Some(&b'*') {
                star = Some((p, n));
                p += 1;
            } else if pattern.get(p) == Some(&name[n]) {
                p += 1;
                n += 1;
            } else if let Some((at, upto)) = star {
                star = Some((at, upto + 1));
                p = at + 1;
                n = upto + 1;
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|&b| b == b'*')
    }
}

impl TryFrom<String> for Pattern {
    type Error = &'static str;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        if pattern.is_empty() || pattern.len() > 256 {
            return Err("a pattern is 1 to 256 bytes; * takes every name");
        }
        Ok(Self(pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, name: &str) -> bool {
        Pattern::try_from(pattern.to_owned()).unwrap().takes(name)
    }

    #[test]
    fn a_star_stands_for_any_run() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a.b"),
            ("dns.*", "dns.lookup"),
            ("dns.*", "dns.a.b"),
            ("*.b", "a.b.b"),
            ("a*c*e", "abcde"),
        ] {
            assert!(takes(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("dns.*", "dns"), ("dns", "dns.a"), ("a*c", "ab"), ("*.b", "b"), ("A", "a"), ("a", "")]
        {
            assert!(!takes(pattern, name), "{pattern} {name}");
        }
        assert!(!takes(&("*a".repeat(120) + "b"), &"a".repeat(256)));
    }

    #[test]
    fn both_lists_must_fit() {
        let list = |names: &[&str]| names.iter().map(|name| Pattern::try_from((*name).to_owned()).unwrap()).collect();
        let filter = Filter::new(list(&["dns.*", "arp"]), list(&["lab*"])).unwrap();
        assert!(filter.takes("arp", Some("lab1")));
        assert!(!filter.takes("arp", Some("home")));
        assert!(!filter.takes("flow", Some("lab1")));
        assert!(!filter.takes("arp", None));
        assert!(Filter::default().takes("flow", None));
        assert!(Filter::new(list(&["a"; 17]), Vec::new()).is_err());
    }
}
