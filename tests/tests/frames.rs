//! The datapath's reading and rewriting of frames beside the oracle's: same bytes in, same fields
//! and same bytes out.

use datapath::key::Presence;
use datapath::packet::Packet;
use datapath::{extract, rewrite};
use hypercall::{Frame, Meta, Port, VecFrame};
use ofp_codec::OxmField;
use proptest::prelude::*;
use rumpswitch_tests::generate::frames::frame;
use rumpswitch_tests::oracle::{fields, rewrite as naive};

fn packet(bytes: &[u8]) -> Packet<VecFrame> {
    let mut packet = Packet::new(VecFrame::from_bytes(bytes), Port(1), Meta::default());
    extract::extract(&mut packet);
    packet
}

fn assert_same_fields(packet: &Packet<VecFrame>) {
    let layout = fields::read(packet.frame.headers());
    for field in OxmField::ALL {
        let beside =
            [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::TunnelId];
        if !beside.contains(&field) {
            let bytes = packet.frame.headers();
            assert_eq!(packet.key.get(field), layout.get(field), "{field:?} of {bytes:02x?}");
        }
    }
}

/// One change of a frame, the same for both.
fn change(
    packet: &mut Packet<VecFrame>,
    bytes: &mut Vec<u8>,
    kind: u8,
    field: OxmField,
    value: u128,
) {
    let done = match kind {
        0 => {
            naive::push_vlan(bytes, 0x88a8);
            rewrite::push_vlan(packet, 0x88a8)
        }
        1 => {
            naive::pop_vlan(bytes);
            rewrite::pop_vlan(packet)
        }
        2 => {
            naive::nw_ttl(bytes, |_| Some(value as u8));
            rewrite::set_nw_ttl(packet, value as u8)
        }
        3 => {
            let valid = naive::nw_ttl(bytes, |ttl| ttl.checked_sub(1).filter(|&ttl| ttl > 0));
            let done = rewrite::dec_nw_ttl(packet);
            assert_eq!(done.is_ok(), valid.is_some());
            Ok(())
        }
        4 => {
            let valid = naive::mpls_ttl(bytes, |ttl| ttl.checked_sub(1).filter(|&ttl| ttl > 0));
            let done = rewrite::dec_mpls_ttl(packet);
            assert_eq!(done.is_ok(), valid.is_some());
            Ok(())
        }
        _ => {
            let value = value & field.all_ones();
            let value = if field == OxmField::VlanVid { value | 0x1000 } else { value };
            naive::set_field(bytes, field, value);
            rewrite::set_field(packet, field, value)
        }
    };
    assert_eq!(done, Ok(()));
}

/// Fields of the bytes that set-field writes.
fn settable() -> impl Strategy<Value = OxmField> {
    let fields: Vec<_> = OxmField::ALL
        .into_iter()
        .filter(|field| field.info().settable && *field != OxmField::TunnelId)
        .collect();
    prop::sample::select(fields)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn fields_are_the_oracles(spec in frame()) {
        assert_same_fields(&packet(&spec.bytes()));
    }

    #[test]
    fn rewrites_are_the_oracles(
        spec in frame(),
        changes in prop::collection::vec((0u8..20, settable(), any::<u128>()), 1..6),
    ) {
        let mut bytes = spec.bytes();
        let mut packet = packet(&bytes);
        for (kind, field, value) in changes {
            change(&mut packet, &mut bytes, kind, field, value);
            prop_assert_eq!(packet.frame.headers(), bytes.as_slice(), "{} {:?}", kind, field);
            assert_same_fields(&packet);
        }
        prop_assert!(packet.key.has(Presence::ETH) || bytes.len() < 14);
    }
}
