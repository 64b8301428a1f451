//! Matches for lookup tables, and frames that find their way through them.

use crate::frames::udp_to;
use crate::random::Random;
use crate::scenarios::prefixes;

/// Matches with their priorities, and frames.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Priority and match, in flow text.
    pub matches: Vec<(u16, String)>,
    /// Frames, received by port 1.
    pub frames: Vec<Vec<u8>>,
}

/// Names of the sets, but for those that are too big to be made under callgrind.
pub const NAMES: [&str; 9] = [
    "fixed-4",
    "exact-1000",
    "exact2-1000",
    "exact3-1000",
    "lpm-1000",
    "masks-10",
    "masks-1000",
    "acl-1000",
    "acl-10000",
];

/// The set of that name.
pub fn rules(name: &str) -> Option<Rules> {
    Some(match name {
        "fixed-4" => stations(4, |address, _| format!("ip,nw_dst={address}")),
        "exact-1000" => stations(1_000, |_, mac| format!("dl_dst={mac}")),
        "exact-100000" => stations(100_000, |_, mac| format!("dl_dst={mac}")),
        "exact2-1000" => stations(1_000, |_, mac| format!("in_port=1,dl_dst={mac}")),
        "exact3-1000" => {
            stations(1_000, |address, _| format!("in_port=1,udp,nw_dst={address},tp_dst=90"))
        }
        "lpm-1000" => lpm(1_000),
        "masks-10" => masks(10, 1_000),
        "masks-1000" => masks(1_000, 1_000),
        "acl-1000" => acl(1_000),
        "acl-10000" => acl(10_000),
        _ => return None,
    })
}

fn dotted(address: u32) -> String {
    let [a, b, c, d] = address.to_be_bytes();
    format!("{a}.{b}.{c}.{d}")
}

fn frame_to(address: u32) -> Vec<u8> {
    udp_to(address.to_be_bytes(), [2, 0, 0, 0, 0, 9])
}

/// One entry for each of `count` stations, by address and MAC.
fn stations(count: u32, entry: impl Fn(&str, &str) -> String) -> Rules {
    let mut rules = Rules::default();
    for station in 0..count {
        let [a, b, c, d] = station.to_be_bytes();
        let address = format!("10.{b}.{c}.{d}");
        let mac = format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
        rules.matches.push((100, entry(&address, &mac)));
        rules.frames.push(crate::frames::udp(station));
    }
    rules
}

fn lpm(count: usize) -> Rules {
    let mut rules = Rules::default();
    for (address, len) in prefixes(count) {
        rules.matches.push((100 + len as u16, format!("ip,nw_dst={}/{len}", dotted(address))));
        rules.frames.push(frame_to(address | 5));
    }
    rules
}

/// `count` entries under `mask_count` masks, at most 1,000, of prefixes and ports, each mask with a
/// priority of its own.
pub(crate) fn masks(mask_count: usize, count: usize) -> Rules {
    let mut random = Random::new(2);
    let mut rules = Rules::default();
    for index in 0..count {
        let mask = index % mask_count;
        let (dst_len, src_len) = (8 + mask % 25, mask / 25 % 8 * 4);
        let dst = random.next() as u32 & (u32::MAX << (32 - dst_len));
        let src = match src_len {
            0 => String::new(),
            len => format!(",nw_src={}/{len}", dotted(0x0a00_0001 & (u32::MAX << (32 - len)))),
        };
        let rest =
            ["ip", "udp,tp_dst=90", "udp,tp_src=80", "udp,tp_src=80,tp_dst=90", "in_port=1,ip"]
                [mask / 200];
        let text = format!("{rest}{src},nw_dst={}/{dst_len}", dotted(dst));
        rules.matches.push((1_000 - mask as u16, text));
        rules.frames.push(frame_to(dst | 1));
    }
    rules
}

/// An access list: source and destination prefixes, protocol, ports, each entry with a priority of
/// its own (or one that it shares with few), and packets for a tenth of them.
pub(crate) fn acl(count: usize) -> Rules {
    let mut random = Random::new(3);
    let mut rules = Rules::default();
    for index in 0..count {
        let dst_len = [16, 24, 24, 28, 32, 32, 32, 32][random.below(8)];
        let dst = random.next() as u32 & (u32::MAX << (32 - dst_len));
        let protocol = ["ip", "tcp", "tcp", "udp", "udp"][random.below(5)];
        let mut text = format!("{protocol},nw_dst={}/{dst_len}", dotted(dst));
        if random.below(3) != 0 {
            let len = [8, 16, 24, 32][random.below(4)];
            let src = match random.below(2) {
                0 => 0x0a00_0001,
                _ => random.next() as u32,
            };
            text += &format!(",nw_src={}/{len}", dotted(src & (u32::MAX << (32 - len))));
        }
        if protocol != "ip" && random.below(3) != 0 {
            let port = [22, 53, 80, 90, 443, 8080][random.below(6)];
            text += &format!(",tp_dst={port}");
        }
        rules.matches.push((u16::try_from(60_000 - index).unwrap_or(1), text));
        if random.below(10) == 0 {
            rules.frames.push(frame_to(dst | 1));
        }
    }
    rules
}
