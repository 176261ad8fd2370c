//! Options of other programs that mean something else here, or nothing: whoever types them is told what is meant instead.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// What to say to whoever used an option that is not there; `None` where there is nothing to say.
pub(crate) fn hint(error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return None };
    let (_, hint) = HABITS.iter().find(|(habit, _)| habit == option)?;
    Some(format!("there is no {option} here: {hint}"))
}

/// Options, and what somebody used to tcpdump, tshark or nfdump should know instead.
const HABITS: [(&str, &str); 25] = [
    ("-n", "addresses and ports are always numbers, no name is ever looked up (how many rows -s writes is --top N)"),
    (
        "-A",
        "payload is not printed; of what it says, --application-fields tells (nfdump's aggregation is -s COLUMN/BY)",
    ),
    ("-x", "packets are not printed, flows are; of payload, --application-fields tells"),
    ("-X", "packets are not printed, flows are; of payload, --application-fields tells"),
    ("-v", "choose columns with -F (all of them: -F all), or write everything to CSV with -o csv"),
    ("-e", "choose columns with -F, as in -F src_mac,dst_mac,ip_src,ip_dst"),
    ("-T", "choose the format with -o (json, csv, table) and the columns with -F"),
    ("-Y", "there are no display filters: put a BPF expression at the end, or use --keep-flows EXPR"),
    ("-R", "there are no display filters: put a BPF expression at the end; -r takes folders and patterns too"),
    ("-z", "statistics are -s COLUMN/BY, as in -s ip_src/bytes"),
    ("-D", "the interfaces are listed by `flowgauge devices`"),
    ("-l", "what is known is written at once when a source is quiet; nothing needs to be said for it"),
    ("-f", "the filter comes last, without an option, as in: flowgauge -i eth0 tcp port 443"),
    ("-d", "`tcpdump -d` shows the code of a filter; here it comes last, without an option"),
    ("-t", "times are always written, in milliseconds since 1970 (in a table as date and time, UTC)"),
    ("-S", "sequence numbers are not printed; --tcp-analysis tells of repeats and disorder"),
    ("-G", "a next file every so many seconds is --rotate-seconds"),
    ("-C", "a next file after so many bytes is --rotate-bytes, as in --rotate-bytes 100M"),
    ("-W", "no file of --rotate-bytes is ever written again; stop with -c or Ctrl-C"),
    ("-a", "stop with -c or Ctrl-C (nfdump's aggregation is -s COLUMN/BY)"),
    ("-b", "a next file is begun by --rotate-rows, --rotate-bytes, --rotate-seconds; flows are bidirectional always"),
    ("-B", "the buffer of an interface is libpcap's choice; flows are bidirectional always"),
    ("-O", "the order is part of -s, as in -s ip_src/bytes; without -s, flows come as they end"),
    ("-E", "nothing is decrypted"),
    ("-y", "the link type is that of the capture or the interface"),
];

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn every_habit_is_refused_with_its_hint() {
        for (option, words) in HABITS {
            for line in [format!("{option} -r x"), format!("-r x {option}"), format!("-r x {option}{}", &option[1..])] {
                let error = Arguments::try_parse_from(["flowgauge"].into_iter().chain(line.split(' '))).unwrap_err();
                assert_eq!(hint(&error), Some(format!("there is no {option} here: {words}")), "{line}");
            }
        }
        let error = Arguments::try_parse_from(["flowgauge", "--nonsense"]).unwrap_err();
        assert_eq!(hint(&error), None);
    }

    #[test]
    fn no_habit_is_an_option_of_ours() {
        for argument in Arguments::command().get_arguments() {
            let short = argument.get_short().map(|short| format!("-{short}"));
            assert!(HABITS.iter().all(|(habit, _)| Some(*habit) != short.as_deref()), "{short:?}");
        }
    }
}
