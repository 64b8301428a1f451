//! Flow entries and frames as somebody would choose them who wants the switch to be slow.

use crate::frames::{tcp_to, udp_to};
use crate::random::Random;

/// Flow entries in text, in the order in which they are added, and frames.
#[derive(Clone, Debug, Default)]
pub struct Hostile {
    /// Lines of flow text.
    pub flows: Vec<String>,
    /// Frames, received by port 1.
    pub frames: Vec<Vec<u8>>,
}

/// Names of the sets.
pub const NAMES: [&str; 6] =
    ["explosion", "masks-10000", "priorities-65535", "nested", "collisions", "overlaps"];

/// The set of that name.
pub fn hostile(name: &str) -> Option<Hostile> {
    Some(match name {
        "explosion" => explosion(),
        "masks-10000" => masks(10_000),
        "priorities-65535" => priorities(),
        "nested" => nested(),
        "collisions" => collisions(),
        "overlaps" => overlaps(),
        _ => return None,
    })
}

/// Four entries, and a frame for each combination of the first bit in which it differs from them: a cache
/// of wildcards needs a mask for each of these.
fn explosion() -> Hostile {
    let (address, from, to) = (0x0a00_0001u32, 12_345u16, 80u16);
    let mut random = Random::new(11);
    let mut frames = Vec::new();
    let mut differ = |value: u32, bit: u32, width: u32| {
        let top = 1u32 << (width - 1 - bit);
        ((value ^ top) & !(top - 1)) | (random.next() as u32 & (top - 1))
    };
    for bit in 0..32 {
        for dst in 0..16 {
            for src in 0..16 {
                let ip = differ(address, bit, 32);
                let ports = [differ(from.into(), src, 16), differ(to.into(), dst, 16)];
                frames.push(tcp_to(ip, [11, 0, 0, 1], ports.map(|port| port as u16)));
            }
        }
    }
    let flows = [
        format!("priority=30,tcp,tp_dst={to},actions=output:2"),
        "priority=20,tcp,nw_src=10.0.0.1,actions=output:2".into(),
        format!("priority=10,tcp,tp_src={from},actions=output:2"),
        "priority=0,actions=drop".into(),
    ];
    Hostile { flows: flows.to_vec(), frames }
}

/// One entry for each of `count` masks, of any bits of addresses and ports; frames of which each matches
/// the entry that it was made for, or none.
fn masks(count: usize) -> Hostile {
    let mut random = Random::new(12);
    let mut set = Hostile::default();
    for index in 0..count {
        let (src_mask, dst_mask) = (random.next() as u32 | 1, random.next() as u32 | 1 << 31);
        let (src, dst) = (random.next() as u32, random.next() as u32);
        let priority = 1 + index % 65_000;
        set.flows.push(format!(
            "priority={priority},udp,nw_src={}/{},nw_dst={}/{},actions=output:2",
            dotted(src & src_mask),
            dotted(src_mask),
            dotted(dst & dst_mask),
            dotted(dst_mask),
        ));
        let mut frame = udp_to(dst.to_be_bytes(), [2, 0, 0, 0, 0, 9]);
        frame[26..30].copy_from_slice(&if index % 2 == 0 { src } else { !src }.to_be_bytes());
        set.frames.push(frame);
    }
    set
}

/// The same match with every priority that there is, the lowest first, and its frame.
fn priorities() -> Hostile {
    let flow = |priority| format!("priority={priority},dl_dst=02:00:00:00:00:09,actions=output:2");
    Hostile {
        flows: (1..=65_535).map(flow).collect(),
        frames: vec![udp_to([10, 0, 0, 1], [2, 0, 0, 0, 0, 9])],
    }
}

/// Prefixes of every length around some addresses, of which the shorter ones have the higher priority, so
/// that the longest match says nothing.
fn nested() -> Hostile {
    let mut random = Random::new(13);
    let mut set = Hostile::default();
    for _ in 0..1_000 {
        let address = random.next() as u32;
        for len in 1..=32u32 {
            let prefix = dotted(address & (u32::MAX << (32 - len)));
            let priority = 1_000 - len;
            set.flows
                .push(format!("priority={priority},ip,nw_dst={prefix}/{len},actions=output:2"));
        }
        set.frames.push(udp_to(address.to_be_bytes(), [2, 0, 0, 0, 0, 9]));
    }
    set
}

/// Addresses that differ in their highest bits alone, then multiples of constants that hash functions
/// multiply by: without a key they would meet in few buckets.
fn collisions() -> Hostile {
    let mut set = Hostile::default();
    for n in 0..50_000u64 {
        for mac in [n << 31, n.wrapping_mul(0xf1de_83e1_9937_733d)] {
            let [_, _, mac @ ..] = (mac & 0xfeff_ffff_ffff).to_be_bytes();
            let text = mac.map(|byte| format!("{byte:02x}")).join(":");
            set.flows.push(format!("priority=1,dl_dst={text},actions=output:2"));
            if n < 4_000 {
                set.frames.push(udp_to([10, 0, 0, 1], mac));
            }
        }
    }
    set
}

/// Entries of which each overlaps every other: a port and anything else, an address and anything else, a
/// pair with one bit; frames that match hundreds of them.
fn overlaps() -> Hostile {
    let mut random = Random::new(14);
    let mut set = Hostile::default();
    for index in 0..4_000u32 {
        let bit = 1u32 << (index % 32);
        let value = dotted(random.next() as u32 & bit);
        let field = ["nw_src", "nw_dst"][index as usize / 32 % 2];
        let port = ["", ",tp_dst=90", ",tp_src=80"][index as usize / 64 % 3];
        let priority = 1 + random.below(60_000);
        set.flows.push(format!(
            "priority={priority},udp,{field}={value}/{}{port},actions=output:2",
            dotted(bit)
        ));
    }
    for _ in 0..1_000 {
        set.frames.push(udp_to((random.next() as u32).to_be_bytes(), [2, 0, 0, 0, 0, 9]));
    }
    set
}

fn dotted(address: u32) -> String {
    let [a, b, c, d] = address.to_be_bytes();
    format!("{a}.{b}.{c}.{d}")
}
