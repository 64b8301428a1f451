//! What a controller can make of the machine's memory.

use ofp_codec::Message;

use crate::controller::Controller;
use crate::machine::{Machine, Plan};

#[test]
fn churn_of_flow_entries_leaves_no_memory_behind() {
    let Some(mut machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controller = Controller::greet(machine.connect());
    let mut used = Vec::new();
    for round in 0..12 {
        for at in 0..500 {
            controller.add(&format!(
                "udp,tp_dst={},nw_src=10.0.{round}.{},actions=output:2",
                at + 1,
                at % 250
            ));
        }
        assert_eq!(controller.barrier(), []);
        controller.remove_all();
        used.push(machine.memory_used());
    }
    println!("memory in use after each round of 500 entries: {used:?}");
    let (first, last) = (used[1], used[used.len() - 1]);
    assert!(last <= first + 16 * 1024, "{used:?}");
    machine.power_off();
}

/// Fills tables until entries are refused in each, more than memory could hold. A switch that cannot even
/// keep its answers ends the connection, which is loss that is seen; frames pass all the same.
#[test]
fn a_machine_without_memory_left_says_so_and_goes_on() {
    let plan = Plan { memory: 16, ..Plan::listening() };
    let Some(mut machine) = Machine::boot(&plan) else { return };
    let mut controller = Controller::greet(machine.connect());
    controller.install(&["priority=9,in_port=1,actions=output:2"]);
    let mut added = 0;
    for table in 1..=12 {
        match fill(&mut controller, table) {
            Ok(count) => added += count,
            Err(error) => {
                println!("memory is used up after {added} entries: {error}");
                controller = Controller::greet(machine.connect());
                break;
            }
        }
    }
    println!("{added} entries and {} bytes in use", machine.memory_used());
    assert!(added > 10_000, "only {added} entries in 16 MiB");
    machine.send(1, &[0x77; 60]);
    assert_eq!(machine.receive(2), [0x77; 60], "frames pass");
    controller.remove_all();
    controller.install(&["in_port=1,actions=output:2"]);
    machine.send(1, &[0x78; 60]);
    assert_eq!(machine.receive(2), [0x78; 60], "entries can be added again");
    machine.power_off();
}

/// Adds entries until one is refused as TABLE_FULL; how many there are then. An error is a connection that
/// the switch has ended.
fn fill(controller: &mut Controller, table: u8) -> std::io::Result<u32> {
    for thousands in 0..1000u32 {
        for at in 0..1000 {
            let [.., a, b, c] = u32::to_be_bytes(1000 * thousands + at);
            controller.add(&format!(
                "table={table},priority=5,ip,nw_src=10.{a}.{b}.{c},actions=output:2"
            ));
        }
        let refused = controller.try_barrier()?;
        if let Some(Message::Error(error)) = refused.first() {
            let full = (error.error_type, error.code);
            assert_eq!(full, (5, 1), "OFPET_FLOW_MOD_FAILED, TABLE_FULL");
            return Ok(1000 * thousands);
        }
    }
    panic!("a million entries in 16 MiB");
}
