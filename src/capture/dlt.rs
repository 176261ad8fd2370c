//! Link types as libpcap numbers them in a running program (DLT), which differ from those in files (LINKTYPE) for a few
//! historical cases (`pcap-linktype(7)`).

use crate::packet::LinkType;

/// The number libpcap compiles filters for, given the number in a file.
pub(super) fn from_link(link: LinkType) -> i32 {
    let number = PAIRS.iter().find(|(linktype, _)| *linktype == link.0).map_or(link.0, |(_, dlt)| *dlt);
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The number in a file, given that of an open interface.
pub(super) fn to_link(dlt: i32) -> LinkType {
    let dlt = u32::try_from(dlt).unwrap_or(u32::MAX);
    LinkType(PAIRS.iter().find(|(_, number)| *number == dlt).map_or(dlt, |(linktype, _)| *linktype))
}

/// (LINKTYPE, DLT) on Linux: raw IP, ATM (RFC 2684), SLIP and PPP of BSD/OS, Classical IP over ATM, pfsync.
const PAIRS: [(u32, u32); 6] = [(101, 12), (100, 11), (102, 15), (103, 16), (106, 19), (246, 18)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_two_numbers_and_ethernet_one() {
        assert_eq!(from_link(LinkType(101)), 12);
        assert_eq!(from_link(LinkType(12)), 12);
        assert_eq!(to_link(12), LinkType(101));
        assert_eq!((from_link(LinkType::ETHERNET), to_link(1)), (1, LinkType::ETHERNET));
    }

    #[test]
    fn numbers_out_of_range_name_no_link_type() {
        assert_eq!(from_link(LinkType(u32::MAX)), i32::MAX);
        assert_eq!(to_link(-1), LinkType(u32::MAX));
    }
}
