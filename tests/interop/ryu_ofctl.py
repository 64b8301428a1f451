"""ryu's ofctl_rest: every statistic of OpenFlow 1.3 asked for by REST, and what it says compared."""

from __future__ import annotations

import hosts as plain
import switches
from harness import Context, Host, test
from ryu_control import Ryu

DPID = switches.DATAPATH_ID
CONTENT = dict[str, object]

FLOWS = [
    {
        "priority": 1000,
        "table_id": 1,
        "cookie": 0x51,
        "cookie_mask": 0,
        "idle_timeout": 300,
        "hard_timeout": 3000,
        "flags": 1,
        "match": {
            "dl_type": 2048,
            "nw_proto": 6,
            "nw_dst": "10.0.0.0/255.0.0.0",
            "tcp_dst": 80,
            "in_port": 1,
        },
        "actions": [
            {"type": "SET_FIELD", "field": "eth_dst", "value": "02:00:00:00:00:99"},
            {"type": "DEC_NW_TTL"},
            {"type": "OUTPUT", "port": 2},
        ],
    },
    {
        "priority": 20,
        "table_id": 1,
        "match": {"dl_vlan": 5, "dl_type": 34525, "ipv6_src": "fd00::/ffff::"},
        "actions": [{"type": "POP_VLAN"}, {"type": "GROUP", "group_id": 1}],
    },
    {
        "priority": 21,
        "table_id": 2,
        "match": {"eth_type": 34887, "mpls_label": 7},
        "actions": [{"type": "METER", "meter_id": 1}, {"type": "GOTO_TABLE", "table_id": 9}],
    },
    {
        "priority": 22,
        "table_id": 2,
        "match": {"dl_src": "02:00:00:00:00:00/ff:ff:ff:00:00:00"},
        "actions": [
            {"type": "WRITE_METADATA", "metadata": "0x55", "metadata_mask": "0xff"},
            {
                "type": "WRITE_ACTIONS",
                "actions": [{"type": "PUSH_VLAN", "ethertype": 33024}, {"type": "OUTPUT", "port": 1}],
            },
        ],
    },
]

# How ryu prints the entries of FLOWS again.
PRINTED = {
    1000: (
        {"dl_type": 2048, "nw_proto": 6, "nw_dst": "10.0.0.0/255.0.0.0", "tp_dst": 80, "in_port": 1},
        ["SET_FIELD: {eth_dst:02:00:00:00:00:99}", "DEC_NW_TTL", "OUTPUT:2"],
    ),
    20: ({"dl_vlan": "5", "dl_type": 34525, "ipv6_src": "fd00::/ffff::"}, ["POP_VLAN", "GROUP:1"]),
    21: ({"dl_type": 34887, "mpls_label": 7}, ["METER:1", "GOTO_TABLE:9"]),
    22: (
        {"dl_src": "02:00:00:00:00:00/ff:ff:ff:00:00:00"},
        ["WRITE_METADATA:0x55/0xff", {"WRITE_ACTIONS": ["PUSH_VLAN:33024", "OUTPUT:1"]}],
    ),
}

METER = {
    "meter_id": 1,
    "flags": ["KBPS", "BURST", "STATS"],
    "bands": [{"type": "DROP", "rate": 1000, "burst_size": 100}],
}

GROUPS = [
    {
        "group_id": 1,
        "type": "SELECT",
        "buckets": [
            {"weight": 3, "actions": [{"type": "OUTPUT", "port": 1}]},
            {"weight": 7, "actions": [{"type": "OUTPUT", "port": 2}]},
        ],
    },
    {
        "group_id": 2,
        "type": "FF",
        "buckets": [
            {
                "watch_port": 3,
                "actions": [
                    {"type": "SET_FIELD", "field": "ip_dscp", "value": 9},
                    {"type": "OUTPUT", "port": 3},
                ],
            }
        ],
    },
]


class OfctlRest:
    """The REST interface of ofctl_rest for one switch."""

    def __init__(self, context: Context, ryu: Ryu):
        self.context = context
        self.ryu = ryu

    def get(self, what: str, tail: str = "", body: object = None) -> list[CONTENT]:
        got = self.ryu.rest(f"/stats/{what}/{DPID}{tail}", body)
        self.context.expect(isinstance(got, dict) and list(got) == [str(DPID)], f"{what}: {str(got)[:300]}")
        return got.get(str(DPID), []) if isinstance(got, dict) else []

    def change(self, what: str, body: CONTENT) -> None:
        self.ryu.rest(f"/stats/{what}", {"dpid": DPID, **body})

    def expect(self, got: object, wanted: object, what: str) -> None:
        self.context.expect(got == wanted, f"{what}: {str(got)[:500]}, not {str(wanted)[:500]}")


def descriptions(rest: OfctlRest, hosts: list[Host]) -> None:
    desc = rest.get("desc")
    for word in ("mfr_desc", "hw_desc", "sw_desc", "serial_num", "dp_desc"):
        rest.context.expect(word in desc, f"no {word} in the description {desc}")
    rest.context.expect(desc["mfr_desc"] and desc["sw_desc"], f"an empty description: {desc}")

    ports = {port["port_no"]: port for port in rest.get("portdesc")}
    for host in hosts:
        port = ports.get(host.port, {})
        rest.context.expect(
            port.get("name") == host.interface and port.get("state", 9) & 1 == 0,
            f"port {host.port} is described as {port}",
        )
    counted = {port["port_no"]: port for port in rest.get("port")}
    for host in hosts:
        port = counted.get(host.port, {})
        rest.context.expect(
            port.get("rx_packets", 0) > 3 and port.get("tx_packets", 0) > 3 and port.get("rx_bytes", 0) > 300,
            f"port {host.port} has counted {port}",
        )
    one = rest.get("port", "/2")
    rest.expect([port["port_no"] for port in one], [2], "statistics of one port")


def flows(rest: OfctlRest) -> None:
    for flow in FLOWS:
        rest.change("flowentry/add", flow)
    listed = {flow["priority"]: flow for flow in rest.get("flow") if flow["table_id"] in (1, 2)}
    rest.expect(sorted(listed), sorted(PRINTED), "the priorities listed")
    for priority, (match, actions) in PRINTED.items():
        flow = listed.get(priority, {})
        rest.expect(flow.get("match"), match, f"the match of entry {priority}")
        # Open vSwitch lists instructions in an order of its own.
        rest.expect(
            sorted(map(str, flow.get("actions", []))) if priority == 22 else flow.get("actions"),
            sorted(map(str, actions)) if priority == 22 else actions,
            f"the actions of entry {priority}",
        )
    first = listed.get(1000, {})
    got = [first.get(word) for word in ("cookie", "idle_timeout", "hard_timeout", "flags", "packet_count")]
    rest.expect(got, [0x51, 300, 3000, 1, 0], "cookie, timeouts, flags and packets of entry 1000")

    # Filters: by table, by cookie, by output port, by match.
    for what, body, wanted in (
        ("a table", {"table_id": 2}, [21, 22]),
        ("a cookie", {"cookie": 0x51, "cookie_mask": 0xFF}, [1000]),
        ("an output port in a table", {"table_id": 1, "out_port": 2}, [1000]),
        ("a group", {"table_id": 1, "out_group": 1}, [20]),
        ("a match", {"table_id": 1, "match": {"dl_type": 2048}}, [1000]),
    ):
        rest.expect(
            sorted(flow["priority"] for flow in rest.get("flow", "", body)),
            wanted,
            f"entries filtered by {what}",
        )
        counted = rest.get("aggregateflow", "", body)
        rest.expect([sum_["flow_count"] for sum_ in counted], [len(wanted)], f"the aggregate of {what}")

    tables = {table["table_id"]: table for table in rest.get("table")}
    rest.expect([tables[n]["active_count"] for n in (1, 2, 3)], [2, 2, 0], "active entries of tables 1, 2, 3")
    rest.context.expect(
        tables[0]["lookup_count"] > 0 and tables[0]["matched_count"] > 0, f"table 0 has counted {tables[0]}"
    )

    # Modify, delete, clear.
    rest.change("flowentry/modify_strict", {**FLOWS[0], "actions": [{"type": "OUTPUT", "port": 3}]})
    got = rest.get("flow", "", {"table_id": 1, "match": {"dl_type": 2048}})
    rest.expect([flow["actions"] for flow in got], [["OUTPUT:3"]], "the actions after modify_strict")
    rest.change("flowentry/delete_strict", {**FLOWS[1], "actions": []})
    rest.expect(
        sorted(flow["priority"] for flow in rest.get("flow", "", {"table_id": 1})),
        [1000],
        "after delete_strict",
    )
    rest.change("flowentry/delete", {"table_id": 2, "match": {}})
    rest.expect(rest.get("flow", "", {"table_id": 2}), [], "table 2 after delete")


def meters(rest: OfctlRest) -> None:
    rest.change("meterentry/add", METER)
    config = rest.get("meterconfig")
    rest.expect(
        config,
        [
            {
                "meter_id": 1,
                "flags": ["KBPS", "BURST", "STATS"],
                "bands": [{"type": "DROP", "rate": 1000, "burst_size": 100}],
            }
        ],
        "the meter's configuration",
    )
    rest.expect(rest.get("meterconfig", "/1"), config, "the configuration of one meter")
    counted = rest.get("meter")
    got = [(meter["meter_id"], meter["packet_in_count"], len(meter["band_stats"])) for meter in counted]
    rest.expect(got, [(1, 0, 1)], "the meter's statistics")
    features = rest.get("meterfeatures")
    rest.context.expect(
        features
        and features[0]["max_meter"] > 0
        and "DROP" in features[0]["band_types"]
        and {"KBPS", "PKTPS"} <= set(features[0]["capabilities"]),
        f"meter features: {features}",
    )
    rest.change("meterentry/modify", {**METER, "flags": ["PKTPS"], "bands": [{"type": "DROP", "rate": 7}]})
    config = rest.get("meterconfig", "/1")
    rest.expect(
        [(meter["flags"], meter["bands"][0]["rate"]) for meter in config],
        [(["PKTPS"], 7)],
        "a modified meter",
    )


def groups(rest: OfctlRest) -> None:
    for group in GROUPS:
        rest.change("groupentry/add", group)
    described = {group["group_id"]: group for group in rest.get("groupdesc")}
    rest.expect(
        {number: group["type"] for number, group in described.items()}, {1: "SELECT", 2: "FF"}, "groups"
    )
    buckets = {
        number: [(bucket["weight"], bucket["actions"]) for bucket in group["buckets"]]
        for number, group in described.items()
    }
    rest.expect(buckets.get(1), [(3, ["OUTPUT:1"]), (7, ["OUTPUT:2"])], "the buckets of group 1")
    bucket = described.get(2, {}).get("buckets", [{}])[0]
    rest.expect(
        (bucket.get("watch_port"), bucket.get("actions")),
        (3, ["SET_FIELD: {ip_dscp:9}", "OUTPUT:3"]),
        "the bucket of group 2",
    )
    counted = {group["group_id"]: group for group in rest.get("group")}
    rest.expect(
        {number: (group["packet_count"], len(group["bucket_stats"])) for number, group in counted.items()},
        {1: (0, 2), 2: (0, 1)},
        "group statistics",
    )
    rest.expect([group["group_id"] for group in rest.get("group", "/2")], [2], "statistics of one group")
    features = rest.get("groupfeatures")
    rest.context.expect(
        features
        and set(features[0]["types"]) == {"ALL", "SELECT", "INDIRECT", "FF"}
        and {"SELECT_WEIGHT", "CHAINING"} & set(features[0]["capabilities"])
        and all("OUTPUT" in actions for each in features[0]["actions"] for actions in each.values()),
        f"group features: {features}",
    )
    # Watching is for groups that choose: the same bucket without it.
    buckets = [{"actions": GROUPS[1]["buckets"][0]["actions"]}]
    rest.change("groupentry/modify", {"group_id": 2, "type": "ALL", "buckets": buckets})
    described = {group["group_id"]: group["type"] for group in rest.get("groupdesc")}
    rest.expect(described, {1: "SELECT", 2: "ALL"}, "the groups after a modify")


def tables(rest: OfctlRest) -> None:
    listed = rest.get("tablefeatures")
    rest.context.expect(len(listed) >= 254, f"{len(listed)} tables have features")
    first = next((table for table in listed if table["table_id"] == 0), {"properties": []})
    properties = {part["type"]: part for part in first["properties"]}
    needed = {
        "INSTRUCTIONS",
        "NEXT_TABLES",
        "WRITE_ACTIONS",
        "APPLY_ACTIONS",
        "MATCH",
        "WILDCARDS",
        "APPLY_SETFIELD",
    }
    rest.context.expect(needed <= set(properties), f"the features of table 0 lack {needed - set(properties)}")
    if needed <= set(properties):
        fields = {oxm["type"] for oxm in properties["MATCH"]["oxm_ids"]}
        rest.context.expect(
            {"in_port", "eth_dst", "ipv4_src", "ipv6_dst", "tcp_dst", "vlan_vid", "metadata"} <= fields,
            f"table 0 matches {sorted(fields)}",
        )
        rest.context.expect(len(properties["NEXT_TABLES"]["table_ids"]) >= 253, "next tables of table 0")
        actions = {action["type"] for action in properties["APPLY_ACTIONS"]["action_ids"]}
        rest.context.expect({0, 17, 18, 22, 24, 25} <= actions, f"table 0 applies {sorted(actions)}")


def roles(rest: OfctlRest) -> None:
    got = rest.get("role")
    rest.expect([role["role"] for role in got], ["EQUAL"], "the role before one is taken")
    rest.change("role", {"role": "MASTER"})
    rest.expect([role["role"] for role in rest.get("role")], ["MASTER"], "the role after MASTER")


def port_mod(rest: OfctlRest) -> None:
    rest.change("portdesc/modify", {"port_no": 3, "config": 1, "mask": 1})
    config = {port["port_no"]: port["config"] for port in rest.get("portdesc")}
    rest.expect(config.get(3), 1, "the configuration of port 3 after PORT_DOWN")
    rest.change("portdesc/modify", {"port_no": 3, "config": 0, "mask": 1})
    config = {port["port_no"]: port["config"] for port in rest.get("portdesc")}
    rest.expect(config.get(3), 0, "the configuration of port 3 after it is up again")


def queues(rest: OfctlRest) -> None:
    """What is asked of a switch whose ports have no queues: lists without entries, no error."""
    listed = rest.get("queue")
    rest.context.expect(isinstance(listed, list), f"queue statistics: {listed}")
    config = rest.get("queueconfig")
    rest.context.expect(
        len(config) == 1 and isinstance(config[0].get("queues"), list), f"queue configuration: {config}"
    )


@test("ryu-ofctl-rest", tools=plain.HOST_TOOLS, venvs=("ryu",), limit=240)
def ryu_ofctl_rest(context: Context) -> None:
    """ryu's ofctl_rest: all multiparts, changes, roles and ports by REST, beside simple_switch_13"""
    hosts = plain.three_hosts(context)
    ryu = Ryu(context, "ryu.app.simple_switch_13", "ryu.app.ofctl_rest", "ryu_patience")
    switches.start(context, hosts, controllers=[ryu.tap.port])
    ryu.wait_web()
    ryu.wait_switches()
    context.expect(ryu.rest("/stats/switches") == [DPID], "the list of switches")
    plain.all_pings(context, hosts)
    rest = OfctlRest(context, ryu)
    descriptions(rest, hosts)
    meters(rest)
    groups(rest)
    flows(rest)
    tables(rest)
    roles(rest)
    port_mod(rest)
    queues(rest)
    rest.change("groupentry/delete", {"group_id": 1})
    rest.change("meterentry/delete", {"meter_id": 1})
    rest.expect([group["group_id"] for group in rest.get("groupdesc")], [2], "the groups after a delete")
    rest.expect(rest.get("meterconfig"), [], "the meters after a delete")
    ryu.rest(f"/stats/flowentry/clear/{DPID}", method="DELETE")
    rest.expect(rest.get("flow"), [], "the flow entries after a clear")
    kinds = {seen.message.raw[9] for seen in ryu.tap.messages("MULTIPART_REQUEST", False)}
    context.expect(kinds >= set(range(14)), f"multiparts not asked for: {set(range(14)) - kinds}")
    ryu.check()
