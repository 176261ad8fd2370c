//! Which libpcap this is.

/// The version of the libpcap that this process has loaded, as in `1.10.3`; `None` where that cannot be told.
///
/// The crate that links it has no way to ask it. But the name of the loaded file ends in it, also inside a wheel, and Linux
/// tells which files are loaded.
pub(crate) fn libpcap_version() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(of_mapping)
}

fn of_mapping(line: &str) -> Option<String> {
    let (_, name) = line.rsplit_once('/')?;
    let (_, version) = name.strip_prefix("libpcap")?.split_once(".so.")?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').all(digits).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_loaded_file_tells() {
        let of = |name: &str| of_mapping(&format!("7f00-7f10 r-xp 00005000 08:01 123        /usr/lib/{name}"));
        assert_eq!(of("libpcap.so.1.10.3").as_deref(), Some("1.10.3"));
        assert_eq!(of("libpcap-1a2b3c4d.so.0.8").as_deref(), Some("0.8"));
        for name in ["libpcap.so", "libpcap.so.1.x", "libc.so.6", "libpcap.so.1. (deleted)", "", "libpcap.so.."] {
            assert_eq!(of(name), None, "{name}");
        }
        assert_eq!(of_mapping("7f00-7f10 rw-p 00000000 00:00 0 [heap]"), None);
    }
}
