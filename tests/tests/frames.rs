//! The datapath's reading and rewriting of frames beside the oracle's: same bytes in, same fields and
//! same bytes out. `FRAMES=N` sets the number of frames (default 20,000); a failure names its seed.

use datapath::key::Presence;
use datapath::packet::Packet;
use datapath::{extract, rewrite};
use hypercall::{Frame, Meta, Port, VecFrame};
use ofp_codec::{Action, OxmField};
use rumpswitch_tests::generate::actions::change;
use rumpswitch_tests::generate::frames::frame;
use rumpswitch_tests::oracle::{fields, walk};
use rumpswitch_tests::random::Random;

fn frames() -> u64 {
    std::env::var("FRAMES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000)
}

fn packet(bytes: &[u8]) -> Packet<VecFrame> {
    let mut packet = Packet::new(VecFrame::from_bytes(bytes), Port(1), Meta::default());
    extract::extract(&mut packet);
    packet
}

fn assert_same_fields(packet: &Packet<VecFrame>, told: &str) {
    let layout = fields::read(packet.frame.headers());
    for field in OxmField::ALL {
        let beside =
            [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::TunnelId];
        if !beside.contains(&field) {
            let bytes = packet.frame.headers();
            assert_eq!(packet.key.get(field), layout.get(field), "{told}: {field:?} {bytes:02x?}");
        }
    }
}

/// The same action on the packet; whether it left a valid TTL.
fn act(packet: &mut Packet<VecFrame>, action: &Action) -> bool {
    let done = match action {
        Action::PushVlan(kind) => rewrite::push_vlan(packet, *kind),
        Action::PopVlan => rewrite::pop_vlan(packet),
        Action::PushMpls(kind) => rewrite::push_mpls(packet, *kind),
        Action::PopMpls(kind) => rewrite::pop_mpls(packet, *kind),
        Action::PushPbb(kind) => rewrite::push_pbb(packet, *kind),
        Action::PopPbb => rewrite::pop_pbb(packet),
        Action::CopyTtlOut => rewrite::copy_ttl_out(packet),
        Action::CopyTtlIn => rewrite::copy_ttl_in(packet),
        Action::SetNwTtl(ttl) => rewrite::set_nw_ttl(packet, *ttl),
        Action::DecNwTtl => rewrite::dec_nw_ttl(packet),
        Action::SetMplsTtl(ttl) => rewrite::set_mpls_ttl(packet, *ttl),
        Action::DecMplsTtl => rewrite::dec_mpls_ttl(packet),
        Action::SetField(oxm) => rewrite::set_field(packet, oxm.field, oxm.value),
        _ => Ok(()),
    };
    match done {
        Err(rewrite::RewriteError::NoRoom) => panic!("{action:?} found no room"),
        done => done.is_ok(),
    }
}

#[test]
fn fields_are_the_oracles() {
    for seed in 0..frames() {
        let bytes = frame(&mut Random::new(seed));
        assert_same_fields(&packet(&bytes), &format!("seed {seed}"));
    }
}

#[test]
fn rewrites_are_the_oracles() {
    for seed in 0..frames() {
        let random = &mut Random::new(seed);
        let mut bytes = frame(random);
        let mut packet = packet(&bytes);
        let count = 1 + random.below(6);
        let mut told = format!("seed {seed}: {bytes:02x?}");
        for action in random.list(count, change) {
            told = format!("{told}, {action:?}");
            let valid = walk::change(&action, &mut bytes).is_some();
            assert_eq!(act(&mut packet, &action), valid, "{told}");
            assert_eq!(packet.frame.headers(), bytes.as_slice(), "{told}");
            assert_same_fields(&packet, &told);
        }
        assert!(packet.key.has(Presence::ETH) || bytes.len() < 14);
    }
}
