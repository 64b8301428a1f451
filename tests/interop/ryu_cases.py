"""Cases for Ryu's switch tester: what goes in, the flow entries, and what has to come out, byte for byte.

Each field is matched (masked, unmasked and missed) and set on every frame that carries it, plain, tagged and
beneath a label or a PBB header that a first table takes off; each push, pop and TTL action is compared with the
frame that Ryu's packet library builds for it. The form is that of the tester's JSON files.
"""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Iterator

CONTROLLER = 0xFFFFFFFD
IPV4, IPV6, ARP, VLAN, SVLAN, MPLS, PBB = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x88E7
TYPES = {"ipv4": IPV4, "ipv6": IPV6, "arp": ARP}
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58, "ns": 58, "na": 58}

# What a frame says unless a case says otherwise: the value that is matched, and another one.
VALUES = {
    "eth_dst": ("22:22:22:22:22:22", "ba:bb:bb:bb:bb:bb"),
    "eth_src": ("12:11:11:11:11:11", "aa:aa:aa:aa:aa:aa"),
    "vlan_vid": (100, 203),
    "vlan_pcp": (3, 5),
    "ip_dscp": (8, 17),
    "ip_ecn": (1, 2),
    "ipv4_src": ("192.168.10.10", "10.10.10.10"),
    "ipv4_dst": ("192.168.20.20", "10.10.20.20"),
    "ipv6_src": ("10::10", "a0::a0"),
    "ipv6_dst": ("20::20", "b0::b0"),
    "ipv6_flabel": (100, 203),
    "l4_src": (11111, 12345),
    "l4_dst": (2222, 6789),
    "icmp_type": (8, 0),
    "icmp_code": (0, 10),
    "icmpv6_type": (128, 129),
    "icmpv6_code": (0, 1),
    "nd_target": ("20::20", "b0::b0"),
    "nd_ll": ("12:11:11:11:11:11", "aa:aa:aa:aa:aa:aa"),
    "arp_op": (1, 2),
    "arp_spa": ("192.168.10.10", "10.10.10.10"),
    "arp_tpa": ("192.168.20.20", "10.10.20.20"),
    "arp_sha": ("12:11:11:11:11:11", "aa:aa:aa:aa:aa:aa"),
    "arp_tha": ("22:22:22:22:22:22", "ba:bb:bb:bb:bb:bb"),
    "mpls_label": (100, 203),
    "mpls_tc": (3, 5),
    "pbb_isid": (100, 203),
}
MAC_MASK, V4_MASK, V6_MASK = "ff:ff:ff:00:00:00", "255.255.0.0", "ffff:ffff::"

# Field, the value it is in the frame, what carries it, its mask, and bits that OXM adds to the value.
FIELDS = [
    ("eth_dst", "eth_dst", "any", MAC_MASK, 0),
    ("eth_src", "eth_src", "any", MAC_MASK, 0),
    ("vlan_vid", "vlan_vid", "tag", 0x1FF0, 0x1000),
    ("vlan_pcp", "vlan_pcp", "tag", None, 0),
    ("ip_dscp", "ip_dscp", "ip", None, 0),
    ("ip_ecn", "ip_ecn", "ip", None, 0),
    ("ipv4_src", "ipv4_src", "ipv4", V4_MASK, 0),
    ("ipv4_dst", "ipv4_dst", "ipv4", V4_MASK, 0),
    ("tcp_src", "l4_src", "tcp", None, 0),
    ("tcp_dst", "l4_dst", "tcp", None, 0),
    ("udp_src", "l4_src", "udp", None, 0),
    ("udp_dst", "l4_dst", "udp", None, 0),
    ("sctp_src", "l4_src", "sctp", None, 0),
    ("sctp_dst", "l4_dst", "sctp", None, 0),
    ("icmpv4_type", "icmp_type", "icmp", None, 0),
    ("icmpv4_code", "icmp_code", "icmp", None, 0),
    ("arp_op", "arp_op", "arp", None, 0),
    ("arp_spa", "arp_spa", "arp", V4_MASK, 0),
    ("arp_tpa", "arp_tpa", "arp", V4_MASK, 0),
    ("arp_sha", "arp_sha", "arp", MAC_MASK, 0),
    ("arp_tha", "arp_tha", "arp", MAC_MASK, 0),
    ("ipv6_src", "ipv6_src", "ipv6", V6_MASK, 0),
    ("ipv6_dst", "ipv6_dst", "ipv6", V6_MASK, 0),
    ("ipv6_flabel", "ipv6_flabel", "ipv6", 0xFFFF0, 0),
    ("icmpv6_type", "icmpv6_type", "icmpv6", None, 0),
    ("icmpv6_code", "icmpv6_code", "icmpv6", None, 0),
    ("ipv6_nd_target", "nd_target", "nd", None, 0),
    ("ipv6_nd_sll", "nd_ll", "ns", None, 0),
    ("ipv6_nd_tll", "nd_ll", "na", None, 0),
    ("mpls_label", "mpls_label", "label", None, 0),
    ("mpls_tc", "mpls_tc", "label", None, 0),
    ("pbb_isid", "pbb_isid", "itag", 0xFFFFF0, 0),
]

FRAMES = [
    *itertools.product(("ipv4",), ("tcp", "udp", "sctp", "icmp")),
    *itertools.product(("ipv6",), ("tcp", "udp", "sctp", "icmpv6", "ns", "na")),
    ("arp", None),
]
CARRIERS = ("plain", "vlan", "qinq", "mpls", "pbb")


def carries(what: str, network: str, transport: str | None, carrier: str) -> bool:
    """Whether a frame has the header that a field is in."""
    return {
        "any": True,
        "tag": carrier in ("vlan", "qinq"),
        "label": carrier == "mpls",
        "itag": carrier == "pbb",
        "ip": network != "arp",
        "nd": transport in ("ns", "na"),
    }.get(what, what in (network, transport))


def outermost(carrier: str) -> str:
    """The header that a carrier's own fields are in; they are matched before it is taken off."""
    return {"vlan": "tag", "qinq": "tag", "mpls": "label", "pbb": "itag"}.get(carrier, "")


def transport_layer(transport: str, v: dict) -> list[str]:
    if transport in ("tcp", "udp"):
        return [f"{transport}(src_port={v['l4_src']}, dst_port={v['l4_dst']})", "bytes(b'\\x5a' * 21)"]
    if transport == "sctp":
        chunk = "chunk_data(payload_data=b'\\x01\\x23\\x45\\x67\\x89\\xab\\xcd\\xef')"
        return [f"sctp(src_port={v['l4_src']}, dst_port={v['l4_dst']}, chunks=[{chunk}])"]
    if transport == "icmp":
        return [
            f"icmp(type_={v['icmp_type']}, code={v['icmp_code']}, data=echo(id_=7, seq=9, data=b'\\x01\\x23\\x45'))"
        ]
    if transport == "icmpv6":
        data = "icmpv6echo(id_=7, seq=9, data=b'\\x01\\x23\\x45')"
        return [f"icmpv6(type_={v['icmpv6_type']}, code={v['icmpv6_code']}, data={data})"]
    option, kind = ("nd_option_sla", 135) if transport == "ns" else ("nd_option_tla", 136)
    data = f"nd_neighbor(option={option}(hw_src='{v['nd_ll']}'), dst='{v['nd_target']}')"
    return [f"icmpv6(type_={kind}, code=0, data={data})"]


def inside(network: str, transport: str | None, v: dict) -> list[str]:
    """The network layer and what is above it."""
    tos = v["ip_dscp"] << 2 | v["ip_ecn"]
    if network == "ipv4":
        addresses = f"src='{v['ipv4_src']}', dst='{v['ipv4_dst']}'"
        ip = f"ipv4({addresses}, tos={tos}, ttl={v.get('ttl', 64)}, proto={PROTOCOLS[transport]})"
    elif network == "ipv6":
        addresses = f"src='{v['ipv6_src']}', dst='{v['ipv6_dst']}', flow_label={v['ipv6_flabel']}"
        headers = f", ext_hdrs=[{v['exthdr']}]" if "exthdr" in v else ""
        proto = v.get("exthdr_type", PROTOCOLS[transport])
        ip = f"ipv6({addresses}, traffic_class={tos}, hop_limit={v.get('ttl', 64)}, nxt={proto}{headers})"
    else:
        addresses = f"src_mac='{v['arp_sha']}', dst_mac='{v['arp_tha']}'"
        addresses += f", src_ip='{v['arp_spa']}', dst_ip='{v['arp_tpa']}'"
        return [f"arp(opcode={v['arp_op']}, {addresses})", "bytes(b'\\x00' * 18)"]
    return [ip, *transport_layer(transport, v)]


def ethernet(v: dict, ethertype: int) -> str:
    return f"ethernet(dst='{v['eth_dst']}', src='{v['eth_src']}', ethertype={ethertype})"


def frame(network: str, transport: str | None, carrier: str, **other) -> list[str]:
    """The frame's layers in the tester's language, with the usual values but for `other`."""
    v = {**{name: values[0] for name, values in VALUES.items()}, **other}
    inner_type = TYPES[network]
    tag = f"pcp={v['vlan_pcp']}, vid={v['vlan_vid']}"
    label = f"label={v['mpls_label']}, exp={v['mpls_tc']}, ttl={v.get('mpls_ttl', 64)}"
    front = {
        "plain": [ethernet(v, inner_type)],
        "vlan": [ethernet(v, VLAN), f"vlan({tag}, ethertype={inner_type})"],
        "qinq": [
            ethernet(v, SVLAN),
            f"svlan({tag}, ethertype={VLAN})",
            f"vlan(pcp=1, vid=7, ethertype={inner_type})",
        ],
        "mpls": [ethernet(v, MPLS), f"mpls({label}, bsb=1)"],
        "mpls2": [
            ethernet(v, MPLS),
            f"mpls({label}, bsb=0)",
            f"mpls(label=9, exp=1, ttl={v.get('ttl2', 32)}, bsb=1)",
        ],
        "pbb": [ethernet(v, PBB), f"itag(sid={v['pbb_isid']})", ethernet(v, inner_type)],
    }[carrier]
    return front + inside(network, transport, v)


def oxm(field: str, value, mask=None) -> dict:
    tlv = {"field": field, "value": value}
    return {"OXMTlv": {**tlv, "mask": mask} if mask is not None else tlv}


def flow(
    fields: list[dict], actions: list[dict], *, table: int = 0, goto: int | None = None, more=()
) -> dict:
    instructions = [*more, {"OFPInstructionActions": {"actions": actions, "type": 4}}]
    if goto is not None:
        instructions.append({"OFPInstructionGotoTable": {"table_id": goto}})
    match = {"OFPMatch": {"oxm_fields": fields}}
    return {"OFPFlowMod": {"table_id": table, "match": match, "instructions": instructions}}


def output(port) -> dict:
    return {"OFPActionOutput": {"port": port, "max_len": 0xFFFF if port == CONTROLLER else 0}}


def set_field(field: str, value) -> dict:
    return {"OFPActionSetField": {"field": oxm(field, value)}}


def case(name: str, entries: list[dict], ingress, **outcome) -> dict:
    test = {
        "ingress": ingress,
        **{key.replace("_", "-") if key == "table_miss" else key: value for key, value in outcome.items()},
    }
    return {"description": name, "prerequisite": entries, "tests": [test]}


def prerequisites(field: str, network: str, transport: str | None, carrier: str, what: str) -> list[dict]:
    """What a match needs before the field."""
    if what == "any":
        return []
    if what == "tag":
        return [oxm("vlan_vid", 0x1000, 0x1000)] if field == "vlan_pcp" else []
    if what in ("label", "itag"):
        return [oxm("eth_type", MPLS if what == "label" else PBB)]
    fields = [oxm("eth_type", TYPES[network])]
    if what not in ("ip", "ipv4", "ipv6", "arp"):
        fields.append(oxm("ip_proto", PROTOCOLS[transport]))
        if field.startswith("ipv6_nd"):
            fields.append(oxm("icmpv6_type", 135 if transport == "ns" else 136))
    return fields


def stripped(carrier: str, network: str) -> tuple[list[dict], int]:
    """The first table's entry that takes a label or a PBB header off, and the table that comes then."""
    if carrier == "mpls":
        pop = {"OFPActionPopMpls": {"ethertype": TYPES[network]}}
        return [flow([oxm("eth_type", MPLS)], [pop], goto=1)], 1
    if carrier == "pbb":
        return [flow([oxm("eth_type", PBB)], [{"OFPActionPopPbb": {}}], goto=1)], 1
    return [], 0


def placed(what: str, network: str, carrier: str) -> tuple[list[dict], int, str]:
    """Entries that come first, the table that matches, and how the frame looks there."""
    if what == outermost(carrier) or (what == "any" and carrier == "mpls"):
        return [], 0, carrier
    first, table = stripped(carrier, network)
    return first, table, "plain" if table else carrier


def field_cases() -> Iterator[tuple[str, dict]]:
    """Every field on every frame that has it."""
    for field, key, what, mask, extra in FIELDS:
        usual, other = VALUES[key]
        for (network, transport), carrier in itertools.product(FRAMES, CARRIERS):
            if not carries(what, network, transport, carrier):
                continue
            first, table, after = placed(what, network, carrier)
            needed = prerequisites(field, network, transport, carrier, what)
            name = f"{carrier}/{network}/{transport or 'request'}: {field}"
            ingress, missed = frame(network, transport, carrier), frame(
                network, transport, carrier, **{key: other}
            )
            egress = frame(network, transport, after)
            for masked in ("", " masked")[: 1 if mask is None else 2]:
                given = masked_value(usual, mask) if masked else usual
                value = given | extra if extra else given
                fields = [*needed, oxm(field, value, mask if masked else None)]
                for port, outcome in ((2, "egress"), (CONTROLLER, "PACKET_IN")):
                    entries = [*first, flow(fields, [output(port)], table=table)]
                    yield "match", case(f"{name}{masked} {outcome}", entries, ingress, **{outcome: egress})
                entries = [*first, flow(fields, [output(2)], table=table)]
                yield "match", case(f"{name}{masked} missed", entries, missed, table_miss=[table])
            changed = frame(network, transport, after, **{key: other})
            setting = [*needed, oxm(field, usual | extra if extra else usual)]
            actions = [set_field(field, other | extra if extra else other), output(2)]
            yield "action", case(
                f"{name} set", [*first, flow(setting, actions, table=table)], ingress, egress=changed
            )


def masked_value(value, mask):
    """The value where the mask has ones: all masks here end at whole groups of an address's text."""
    if isinstance(value, int):
        return value & mask
    if ":" in value and "::" not in value:
        return ":".join(
            part if keep == "ff" else "00" for part, keep in zip(value.split(":"), mask.split(":"))
        )
    if "::" in value:
        return value.split("::")[0] + "::"
    return ".".join(part if keep == "255" else "0" for part, keep in zip(value.split("."), mask.split(".")))


def beside_cases() -> Iterator[tuple[str, dict]]:
    """Fields that are not in the header of one protocol: ports, registers, types, extension headers."""
    for network, transport in FRAMES:
        bytes_in = frame(network, transport, "plain")
        name = f"{network}/{transport or 'request'}"
        yield "match", case(
            f"{name}: in_port", [flow([oxm("in_port", 1)], [output(2)])], bytes_in, egress=bytes_in
        )
        typed = [flow([oxm("eth_type", TYPES[network])], [output(2)])]
        yield "match", case(f"{name}: eth_type", typed, bytes_in, egress=bytes_in)
        wrong = [flow([oxm("eth_type", 0x88CC)], [output(2)])]
        yield "match", case(f"{name}: eth_type missed", wrong, bytes_in, table_miss=[0])
        if network != "arp":
            proto = oxm("ip_proto", PROTOCOLS[transport])
            fields = [oxm("eth_type", TYPES[network]), proto]
            yield "match", case(f"{name}: ip_proto", [flow(fields, [output(2)])], bytes_in, egress=bytes_in)
        for register, mask in itertools.product(("metadata", "tunnel_id"), (None, 0xFF00)):
            if register == "metadata":
                write = {"OFPInstructionWriteMetadata": {"metadata": 0x1234, "metadata_mask": 0xFFFF}}
                first = flow([], [], goto=1, more=[write])
            else:
                first = flow([], [set_field("tunnel_id", 0x1234)], goto=1)
            second = flow([oxm(register, 0x1200 if mask else 0x1234, mask)], [output(2)], table=1)
            title = f"{name}: {register}{' masked' if mask else ''}"
            yield "match", case(title, [first, second], bytes_in, egress=bytes_in)
            missed = flow([oxm(register, 0x4300 if mask else 0x4321, mask)], [output(2)], table=1)
            yield "match", case(f"{title} missed", [first, missed], bytes_in, table_miss=[1])
    # Hop-by-hop, then authentication: bits HOP and AUTH; the transport is still seen behind them.
    behind = {"exthdr": "hop_opts(nxt=51), auth(nxt=6)", "exthdr_type": 0}
    bytes_in = frame("ipv6", "tcp", "plain", **behind)
    for value, mask, outcome in ((0x44, None, "egress"), (0x04, 0x04, "egress"), (0x08, 0x08, "table_miss")):
        fields = [oxm("eth_type", IPV6), oxm("ipv6_exthdr", value, mask)]
        expected = bytes_in if outcome == "egress" else [0]
        title = f"ipv6: ipv6_exthdr {value}/{mask}"
        yield "match", case(title, [flow(fields, [output(2)])], bytes_in, **{outcome: expected})
    fields = [oxm("eth_type", IPV6), oxm("ip_proto", 6), oxm("tcp_dst", VALUES["l4_dst"][0])]
    name = "ipv6 with extension headers: tcp_dst"
    yield "match", case(name, [flow(fields, [output(2)])], bytes_in, egress=bytes_in)


def action_cases() -> Iterator[tuple[str, dict]]:
    """Pushes, pops and TTLs: the frame before, the actions, the frame after."""
    for network, transport in (("ipv4", "tcp"), ("ipv6", "tcp"), ("arp", None)):
        pick = lambda carrier, **other: frame(network, transport, carrier, **other)  # noqa: E731
        of_type = [oxm("eth_type", TYPES[network])]
        labelled, tagged = [oxm("eth_type", MPLS)], [oxm("vlan_vid", 0x1000, 0x1000)]
        ttl = 0 if network == "arp" else 64
        plain, vlan, mpls, pbb = pick("plain"), pick("vlan"), pick("mpls"), pick("pbb")
        body = plain[1:]
        untagged = pick("vlan", vlan_vid=0, vlan_pcp=0)
        fresh_label = [mpls[0], f"mpls(label=0, exp=0, ttl={ttl}, bsb=1)", *body]
        double_tag = [
            untagged[0].replace(str(VLAN), str(SVLAN)),
            vlan[1].replace("vlan(", "svlan(").replace(str(TYPES[network]), str(VLAN)),
            vlan[1],
            *body,
        ]
        stacked = [mpls[0], mpls[1].replace("bsb=1", "bsb=0"), mpls[1], *body]
        rows = [
            ("output", [], [], plain, plain),
            ("push_vlan", of_type, [{"OFPActionPushVlan": {"ethertype": VLAN}}], plain, untagged),
            ("push_vlan on a tag", tagged, [{"OFPActionPushVlan": {"ethertype": SVLAN}}], vlan, double_tag),
            ("pop_vlan", tagged, [{"OFPActionPopVlan": {}}], vlan, plain),
            ("push_mpls", of_type, [{"OFPActionPushMpls": {"ethertype": MPLS}}], plain, fresh_label),
            ("push_mpls on a label", labelled, [{"OFPActionPushMpls": {"ethertype": MPLS}}], mpls, stacked),
            ("pop_mpls", labelled, [{"OFPActionPopMpls": {"ethertype": TYPES[network]}}], mpls, plain),
            ("pop_mpls of two", labelled, [{"OFPActionPopMpls": {"ethertype": MPLS}}], stacked, mpls),
            ("push_pbb", of_type, [{"OFPActionPushPbb": {"ethertype": PBB}}], plain, pick("pbb", pbb_isid=0)),
            ("pop_pbb", [oxm("eth_type", PBB)], [{"OFPActionPopPbb": {}}], pbb, plain),
            (
                "set_mpls_ttl",
                labelled,
                [{"OFPActionSetMplsTtl": {"mpls_ttl": 9}}],
                mpls,
                pick("mpls", mpls_ttl=9),
            ),
            ("dec_mpls_ttl", labelled, [{"OFPActionDecMplsTtl": {}}], mpls, pick("mpls", mpls_ttl=63)),
            (
                "copy_ttl_out 2",
                labelled,
                [{"OFPActionCopyTtlOut": {}}],
                pick("mpls2"),
                pick("mpls2", mpls_ttl=32),
            ),
            ("copy_ttl_in 2", labelled, [{"OFPActionCopyTtlIn": {}}], pick("mpls2"), pick("mpls2", ttl2=64)),
        ]
        if network != "arp":
            rows += [
                ("set_nw_ttl", of_type, [{"OFPActionSetNwTtl": {"nw_ttl": 9}}], plain, pick("plain", ttl=9)),
                ("dec_nw_ttl", of_type, [{"OFPActionDecNwTtl": {}}], plain, pick("plain", ttl=63)),
                (
                    "copy_ttl_out",
                    labelled,
                    [{"OFPActionCopyTtlOut": {}}],
                    pick("mpls", ttl=9),
                    pick("mpls", ttl=9, mpls_ttl=9),
                ),
                (
                    "copy_ttl_in",
                    labelled,
                    [{"OFPActionCopyTtlIn": {}}],
                    pick("mpls", mpls_ttl=9),
                    pick("mpls", ttl=9, mpls_ttl=9),
                ),
            ]
        for name, fields, actions, before, after in rows:
            for port, outcome in ((2, "egress"), (CONTROLLER, "PACKET_IN")):
                entries = [flow(fields, [*actions, output(port)])]
                yield "action", case(f"{network}: {name} {outcome}", entries, before, **{outcome: after})


def window(layers: list[str], pps: int, seconds: float, rates: list[dict]) -> dict:
    """A stream of one frame, and what has to come out of which port a second."""
    ingress = {"packets": {"data": layers, "pktps": pps, "duration_time": seconds}}
    out = [{"OFPMatch": {"oxm_fields": [oxm("in_port", 2)]}, **rates[0]}]
    out += [{"OFPMatch": {"oxm_fields": [oxm("in_port", 3)]}, **rate} for rate in rates[1:]]
    return {"ingress": ingress, "egress": {"throughput": out}}


def rate_cases(seconds: float, rates: list[int], kilobits: list[int]) -> Iterator[tuple[str, dict]]:
    """Meters: offered twice their rate they pass it; remarks change the drop precedence of all above it."""
    long = "bytes(b'\\x11' * 1446)"
    stack = [frame("ipv4", "tcp", "plain", ip_dscp=18, ip_ecn=0)[0], "ipv4(proto=6, tos=72)", "tcp()"]
    # Twice the rate: frames of 1,500 bytes are 12 kbit each.
    offered = [(rate, rate * 2, stack, "pktps", 2) for rate in rates]
    offered += [(rate, rate * 2 // 12 + 1, [*stack, long], "kbps", 1) for rate in kilobits]
    for rate, pps, layers, unit, flags in offered:
        for kind in ("OFPMeterBandDrop", "OFPMeterBandDscpRemark"):
            band = {"rate": rate} if kind == "OFPMeterBandDrop" else {"rate": rate, "prec_level": 1}
            meter = {"OFPMeterMod": {"meter_id": 1, "flags": flags, "bands": [{kind: band}]}}
            metered = [{"OFPInstructionMeter": {"meter_id": 1}}]
            if kind == "OFPMeterBandDrop":
                entries = [meter, flow([oxm("in_port", 1)], [output(2)], more=metered)]
                outcome = [{unit: rate}]
            else:
                entries = [meter, flow([oxm("in_port", 1)], [], goto=1, more=metered)]
                kept, marked = ([oxm("eth_type", IPV4), oxm("ip_dscp", dscp)] for dscp in (18, 20))
                entries += [flow(kept, [output(2)], table=1), flow(marked, [output(3)], table=1)]
                outcome = [{unit: rate}, {unit: rate}]
            body = {"description": f"{kind} {rate} {unit}", "prerequisite": entries}
            yield "meter", {**body, "tests": [window(layers, pps, seconds, outcome)]}


def group_cases(seconds: float) -> Iterator[tuple[str, dict]]:
    """Groups: all copies, a select group's shares by weight, indirect."""
    plain = frame("ipv4", "udp", "plain")
    random = [
        ethernet({"eth_dst": "22:22:22:22:22:22", "eth_src": "12:11:11:11:11:11"}, IPV4),
        "ipv4(proto=17, dst=netaddr.IPAddress(randint(0, 2 ** 32 - 1)))",
        "udp(src_port=randint(0, 2 ** 16 - 1))",
    ]
    bucket = lambda port, weight=0: {"OFPBucket": {"weight": weight, "actions": [output(port)]}}  # noqa: E731
    rows = [
        ("all", 0, [bucket(2), bucket(3)], plain, [300, 300]),
        ("indirect", 2, [bucket(2)], plain, [300]),
        ("select 1 to 1", 1, [bucket(2, 1), bucket(3, 1)], random, [150, 150]),
        ("select 2 to 1", 1, [bucket(2, 2), bucket(3, 1)], random, [200, 100]),
    ]
    for name, kind, buckets, layers, rates in rows:
        group = {"OFPGroupMod": {"group_id": 0, "type": kind, "buckets": buckets}}
        entries = [group, flow([oxm("in_port", 1)], [{"OFPActionGroup": {"group_id": 0}}])]
        test = window(layers, 300, seconds, [{"pktps": rate} for rate in rates])
        yield "group", {"description": f"group {name}", "prerequisite": entries, "tests": [test]}


def save(folder: pathlib.Path, cases: Iterator[tuple[str, dict]], stride: int = 1) -> dict[str, int]:
    """Writes every `stride`th case of each kind as the tester's files; returns how many of each there are."""
    kinds: dict[str, list[dict]] = {}
    for kind, one in cases:
        kinds.setdefault(kind, []).append(one)
    kinds = {kind: cases[::stride] for kind, cases in kinds.items()}
    for kind, cases in kinds.items():
        (folder / kind).mkdir(parents=True)
        (folder / kind / "cases.json").write_text(json.dumps([kind, *cases], indent=1))
    return {kind: len(cases) for kind, cases in kinds.items()}


def write(folder: pathlib.Path, stride: int) -> dict[str, int]:
    """Writes the cases of fields and actions; a stride that 2 and 3 do not divide leaves some of each outcome."""
    return save(folder, itertools.chain(field_cases(), beside_cases(), action_cases()), stride)


def write_rates(
    folder: pathlib.Path, seconds: float, rates: list[int], kilobits: list[int]
) -> dict[str, int]:
    """Writes the cases of groups and meters, each a stream of `seconds`."""
    return save(folder, itertools.chain(group_cases(seconds), rate_cases(seconds, rates, kilobits)))


def pick(folder: pathlib.Path, names: list[str]) -> pathlib.Path:
    """Writes those of a folder's cases that have one of the names to a folder of their own."""
    kind, *cases = json.loads((folder / "cases.json").read_text())
    picked = folder.with_name(f"{folder.name}-again")
    picked.mkdir()
    chosen = [one for one in cases if one["description"] in names]
    (picked / "cases.json").write_text(json.dumps([kind, *chosen], indent=1))
    return picked
