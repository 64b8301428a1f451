"""Run the learning application under os-ken: `osken_run.py PORT EVENTS [ROLE GENERATION]...`.

os-ken 4 has no command of its own. EVENTS is a file that gets one JSON object a line for what the test wants
to know: the switch's arrival, packet-ins, role replies, errors. ROLE is `master`, `slave`, `equal` or
`nochange`; they are asked for in turn, each after the reply (or error) to the one before; after the last one
a flow-mod is sent that a slave may not send, then a barrier.
"""

import json
import sys

from os_ken import cfg
from os_ken.base import app_manager
from os_ken.base.app_manager import OSKenApp
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, HANDSHAKE_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_3

PORT, EVENTS = int(sys.argv[1]), sys.argv[2]
CLAIMS = [(sys.argv[at], int(sys.argv[at + 1])) for at in range(3, len(sys.argv), 2)]
PROBE_COOKIE = 0x5AFE


class Learning(OSKenApp):
    """A learning switch with one table-miss entry and one entry for each pair of addresses."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ports = {}
        self.claims = []

    def tell(self, **event):
        with open(EVENTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def arrived(self, event):
        datapath = event.msg.datapath
        self.tell(event="switch", id=datapath.id, tables=event.msg.n_tables)
        self.claims = list(CLAIMS)
        if self.claims:
            self.claim(datapath)
        else:
            self.table_miss(datapath)

    def claim(self, datapath):
        """The next role to ask for; the probe after the last one."""
        ofproto, parser = datapath.ofproto, datapath.ofproto_parser
        if self.claims:
            role, generation = self.claims.pop(0)
            number = getattr(ofproto, f"OFPCR_ROLE_{role.upper()}")
            datapath.send_msg(parser.OFPRoleRequest(datapath, number, generation))
            return
        match = parser.OFPMatch(eth_type=0x88B5)
        datapath.send_msg(
            parser.OFPFlowMod(datapath, cookie=PROBE_COOKIE, priority=1, match=match, instructions=[])
        )
        datapath.send_msg(parser.OFPBarrierRequest(datapath))

    def table_miss(self, datapath):
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        actions = [parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, ofproto.OFPCML_NO_BUFFER)]
        self.add(datapath, 0, parser.OFPMatch(), actions)

    def add(self, datapath, priority, match, actions, **more):
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        instructions = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)]
        datapath.send_msg(
            parser.OFPFlowMod(datapath, priority=priority, match=match, instructions=instructions, **more)
        )

    @set_ev_cls(ofp_event.EventOFPRoleReply, MAIN_DISPATCHER)
    def role(self, event):
        names = {0: "nochange", 1: "equal", 2: "master", 3: "slave"}
        role = names.get(event.msg.role, event.msg.role)
        self.tell(event="role", role=role, generation=event.msg.generation_id)
        if role != "slave":
            self.table_miss(event.msg.datapath)
        self.claim(event.msg.datapath)

    @set_ev_cls(ofp_event.EventOFPErrorMsg, [HANDSHAKE_DISPATCHER, CONFIG_DISPATCHER, MAIN_DISPATCHER])
    def error(self, event):
        self.tell(event="error", type=event.msg.type, code=event.msg.code)
        if event.msg.type == ofproto_v1_3.OFPET_ROLE_REQUEST_FAILED:
            self.claim(event.msg.datapath)

    @set_ev_cls(ofp_event.EventOFPBarrierReply, MAIN_DISPATCHER)
    def barrier(self, _event):
        self.tell(event="barrier")

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def removed(self, event):
        self.tell(event="removed", reason=event.msg.reason)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, event):
        message = event.msg
        datapath, parser, ofproto = (
            message.datapath,
            message.datapath.ofproto_parser,
            message.datapath.ofproto,
        )
        in_port = message.match["in_port"]
        frame = packet.Packet(message.data).get_protocol(ethernet.ethernet)
        self.tell(
            event="packet-in",
            port=in_port,
            reason=message.reason,
            total=message.total_len,
            length=len(message.data),
        )
        self.ports[frame.src] = in_port
        out = self.ports.get(frame.dst, ofproto.OFPP_FLOOD)
        actions = [parser.OFPActionOutput(out)]
        if out != ofproto.OFPP_FLOOD:
            match = parser.OFPMatch(in_port=in_port, eth_src=frame.src, eth_dst=frame.dst)
            self.add(datapath, 10, match, actions, idle_timeout=3, flags=ofproto.OFPFF_SEND_FLOW_REM)
        datapath.send_msg(
            parser.OFPPacketOut(datapath, ofproto.OFP_NO_BUFFER, in_port, actions, data=message.data)
        )


if __name__ == "__main__":
    cfg.CONF(
        ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", str(PORT)],
        project="os_ken",
        version="test",
    )
    # The application is loaded by the name of this module, which must not run the controller again.
    app_manager.AppManager.run_apps(["os_ken.controller.ofp_handler", "osken_run"])
