//! What tests/stack_tables.c fills its tables with is compiled to the forms whose stack it means to measure.

use datapath::classifier::Template;
use datapath::{SwitchConfig, Tables};
use hypercall::Nanos;
use ofp_codec::text::{NoNames, parse_flow};
use ofp_codec::{FlowModCommand, TableId};

/// What a table of these entries is compiled to.
fn template(flows: impl Iterator<Item = String>) -> Template {
    let mut tables = Tables::new(SwitchConfig::default());
    for flow in flows {
        let flow = parse_flow(&flow, FlowModCommand::Add, &NoNames).unwrap();
        tables.flow_mod(Nanos(0), &flow).unwrap();
    }
    tables.settle();
    tables.compiled(TableId(0)).unwrap().template
}

fn address(index: u32) -> u32 {
    0x0a00_0000 + index.wrapping_mul(2_654_435_761) % (1 << 24)
}

/// A prefix of the address of an index, the `len`th of seven lengths.
fn prefix(index: u32, len: u32) -> String {
    let [a, b, c, d] = address(index).to_be_bytes();
    format!("{a}.{b}.{c}.{d}/{}", [8, 12, 16, 20, 24, 28, 32][len as usize % 7])
}

fn route(index: u32) -> String {
    format!("priority=5,ip,nw_dst={},actions=output:2", prefix(index, index))
}

fn access(index: u32) -> String {
    let (from, to) = (prefix(index, index), prefix(index + 7777, index / 7));
    let port = index % 50;
    format!("priority={index},udp,nw_src={from},nw_dst={to},tp_dst={port},actions=output:2")
}

fn nested(index: u32) -> String {
    let [from, to, port] = [index % 33, index / 33 % 33, index / 33 / 33 % 17];
    let port = 0xffff_0000_u32 >> port & 0xffff;
    format!(
        "priority={index},udp,nw_src=10.0.0.1/{from},nw_dst=10.0.0.2/{to},tp_dst=2/{port:#x},actions=output:2"
    )
}

#[test]
fn the_tables_of_the_stack_test_are_of_each_form() {
    assert_eq!(template((0..3000).map(route)), Template::Lpm);
    assert_eq!(template((0..3000).map(access)), Template::Tree);
    assert_eq!(template((0..2200).map(nested)), Template::BitVec);
}
