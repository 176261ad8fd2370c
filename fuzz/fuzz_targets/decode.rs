//! Decoding never panics, never tells an offset outside the captured bytes, and moves its clock with packets only.
//!
//! An input is options, a link type and then frames: each two bytes of captured length, two of bytes missing on the wire
//! and one of seconds passed, then its bytes. One of the options has every frame decoded once more by a decoder that goes
//! on from the position before it, which must not change anything.
#![no_main]

use flowgauge::Timestamp;
use flowgauge::packet::{
    DecodeOptions, Decoded, Decoder, LinkType, NO_OFFSET, Packet, PacketFlags, RawPacket, Tunnel, Tunnels,
};
use libfuzzer_sys::fuzz_target;

const LINK_TYPES: [u32; 16] = [1, 0, 12, 101, 108, 113, 228, 229, 276, 9, 50, 104, 105, 127, 1, 1];

fuzz_target!(|input: &[u8]| {
    let Some((&[options], mut rest)) = input.split_first_chunk::<1>() else { return };
    let link = LinkType(LINK_TYPES[usize::from(options >> 4)]);
    let cut = options & 8 != 0;
    let options = if options & 4 == 0 {
        let tunnels = if options & 1 == 0 { Tunnels::ALL } else { Tunnels::NONE };
        // Keys are on for every other entry of the link types, one of Ethernet's among them.
        DecodeOptions::new().tunnels(tunnels).tunnel_keys(options & 0x10 != 0).fragments(options & 2 == 0)
    } else {
        DecodeOptions::nfstream()
    };
    let mut decoder = Decoder::new(options);
    let mut seconds = 0_i64;
    let mut number = 0;
    while let Some((&[len_high, len_low, missing_high, missing_low, passed], bytes)) = rest.split_first_chunk::<5>() {
        let len = usize::from(u16::from_be_bytes([len_high, len_low])).min(bytes.len());
        let (data, following) = bytes.split_at(len);
        rest = following;
        number += 1;
        seconds += i64::from(passed as i8);
        let missing = u32::from(u16::from_be_bytes([missing_high, missing_low]));
        let stamp = Timestamp::from_millis(seconds * 1000);
        let raw = RawPacket { number, stamp, wire_len: len as u32 + missing, link, data };
        if cut {
            let position = decoder.position(number - 1);
            let resumed = Decoder::resume(options, &position).decode(&raw);
            assert_eq!((resumed, position.frame()), (check(&mut decoder, &raw), number - 1));
        } else {
            check(&mut decoder, &raw);
        }
    }
});

fn check(decoder: &mut Decoder, raw: &RawPacket<'_>) -> Decoded {
    let before = decoder.clock();
    let decoded = decoder.decode(raw);
    match &decoded {
        Decoded::Packet(info) => {
            assert!(info.ip_offset <= info.transport_offset && info.transport_offset <= info.payload_offset);
            assert!(info.payload_offset as usize <= raw.data.len());
            assert!(info.payload_len <= info.transport_len && info.transport_len <= info.ip_len);
            assert_eq!(decoder.clock(), before.max(raw.stamp));
            assert_eq!(info.clock, decoder.clock());
            let keyed = info.flags.contains(PacketFlags::TUNNEL_KEY);
            match info.tunnel {
                Some(Tunnel::GtpU | Tunnel::Vxlan | Tunnel::Geneve) => assert!(keyed),
                Some(Tunnel::Gre | Tunnel::Erspan) => {}
                _ => assert!(!keyed),
            }
            assert!(keyed || (info.tunnel_key == 0 && !info.flags.contains(PacketFlags::KEY_IN_FLOW)));
            let packet = Packet::new(*raw, info);
            assert!(packet.payload().len() <= info.payload_len as usize);
            assert!(packet.ip_bytes().len() <= info.ip_len as usize);
            assert_eq!(packet.macs().is_some(), info.src_mac_offset != NO_OFFSET && info.dst_mac_offset != NO_OFFSET);
            assert_eq!(packet.icmp().is_some(), info.flags.contains(PacketFlags::ICMP));
            assert!(packet.flow_label().is_none_or(|label| label < 1 << 20));
            let last = packet.vlan_ids().last();
            if info.vlan_offset != NO_OFFSET && !info.flags.contains(PacketFlags::LATER_FRAGMENT) {
                assert_eq!(last, Some(info.vlan_id));
            }
        }
        Decoded::Skipped(skipped) => {
            assert!(skipped.payload_offset as usize <= raw.data.len());
            assert!(skipped.mac_offsets.is_none_or(|(src, dst)| usize::from(src.max(dst)) + 6 <= raw.data.len()));
            assert_eq!(decoder.clock(), before);
        }
    }
    decoded
}
