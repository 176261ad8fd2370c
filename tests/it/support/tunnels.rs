//! Headers of tunnels other than those of phones and sensors, made by hand as in `frames`.

use crate::support::frames::*;

pub(crate) const GRE: u8 = 47;
/// The EtherType of a whole Ethernet frame.
pub(crate) const BRIDGED: u16 = 0x6558;
pub(crate) const ERSPAN: u16 = 0x88be;
pub(crate) const ERSPAN_III: u16 = 0x22eb;

/// An Ethernet frame whose addresses are not those of the frame around it.
pub(crate) fn inner_ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&Radio::address(7)[..], &Radio::address(8), &ether_type.to_be_bytes(), payload].concat()
}

pub(crate) fn vxlan(vni: u32, frame: &[u8]) -> Vec<u8> {
    vxlan_with(0x08, 0, vni, frame)
}

/// VXLAN with its flags and the byte before its identifier, which names what follows in the generic extension.
pub(crate) fn vxlan_with(flags: u8, protocol: u8, vni: u32, payload: &[u8]) -> Vec<u8> {
    [&[flags, 0, 0, protocol][..], &(vni << 8).to_be_bytes(), payload].concat()
}

/// Geneve with this many words of options.
pub(crate) fn geneve(ether_type: u16, vni: u32, words: u8, payload: &[u8]) -> Vec<u8> {
    let options = [1, 2, 3, 0].repeat(usize::from(words));
    [&[words, 0][..], &ether_type.to_be_bytes(), &(vni << 8).to_be_bytes(), &options, payload].concat()
}

/// GRE with its flags and all optional fields as they stand.
pub(crate) fn gre(flags: u16, protocol: u16, fields: &[u8], payload: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes()[..], &protocol.to_be_bytes(), fields, payload].concat()
}

/// GRE with a key.
pub(crate) fn keyed_gre(key: u32, protocol: u16, payload: &[u8]) -> Vec<u8> {
    gre(0x2000, protocol, &key.to_be_bytes(), payload)
}

/// Enhanced GRE with a sequence number and an acknowledgement.
pub(crate) fn pptp(call: u16, ppp: &[u8]) -> Vec<u8> {
    let len = (ppp.len() as u16).to_be_bytes();
    gre(0x3081, 0x880b, &[&len[..], &call.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 2]].concat(), ppp)
}

/// ERSPAN type II in GRE, of VLAN 99 as the switch says.
pub(crate) fn erspan_ii(session: u16, frame: &[u8]) -> Vec<u8> {
    let header = [0x10, 99, 0xa0 | (session >> 8) as u8, session as u8, 0, 0, 0, 5];
    gre(0x1000, ERSPAN, &[0, 0, 0, 1], &[&header[..], frame].concat())
}

/// ERSPAN type III in GRE, with a frame of this type (0 is Ethernet, 2 is IP).
pub(crate) fn erspan_iii(session: u16, frame_type: u8, subheader: bool, frame: &[u8]) -> Vec<u8> {
    let more = if subheader { &[3; 8][..] } else { &[] };
    let start = [0x20, 99, 0xa0 | (session >> 8) as u8, session as u8, 1, 2, 3, 4, 0, 0];
    let end = [frame_type << 2, u8::from(subheader)];
    gre(0x1000, ERSPAN_III, &[0, 0, 0, 1], &[&start[..], &end, more, frame].concat())
}

/// Teredo's authentication, with an identifier and a value of these lengths.
pub(crate) fn authentication(id_len: u8, value_len: u8) -> Vec<u8> {
    [&[0, 1, id_len, value_len][..], &vec![0x60; usize::from(id_len) + usize::from(value_len)], &[9; 8], &[0]].concat()
}

/// Teredo's origin indication.
pub(crate) const ORIGIN: [u8; 8] = [0, 0, 0x12, 0x34, 0x80, 1, 2, 3];
