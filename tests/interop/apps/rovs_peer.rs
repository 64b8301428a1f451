//! A controller on rovs-openflow that connects to a listening switch: `rovs-peer TARGET add|dump|delete`.

use rovs_openflow::{ActionList, Flow, Match, VConn};
use rovs_transport::Address;

const COOKIE: u64 = 0x726f_7673;

fn forward(from: u32, to: u32) -> Flow {
    let actions = ActionList::new().output(to);
    Flow::add().table(0).priority(100).cookie(COOKIE).match_fields(Match::new().in_port(from)).actions(actions)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let address: Address = words[1].parse()?;
    let mut switch = VConn::connect(&address).await?;
    println!("version {:?}", switch.version());
    switch.echo().await?;
    match &words[2][..] {
        "add" => {
            switch.send_flow_sync(&forward(1, 2)).await?;
            switch.send_flow(&forward(2, 1)).await?;
        }
        "delete" => switch.send_flow_sync(&Flow::delete().table(0)).await?,
        _ => {}
    }
    switch.barrier().await?;
    for flow in switch.dump_flows().await? {
        println!("flow cookie={:#x} priority={} packets={}", flow.cookie, flow.priority, flow.packet_count);
    }
    println!("done");
    Ok(())
}
