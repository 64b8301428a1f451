"""simple_switch_13 one table later: the application that rest_qos wants behind it."""

from ryu.app import simple_switch_13
from ryu.ofproto import ofproto_v1_3


class SimpleSwitchTable1(simple_switch_13.SimpleSwitch13):
    """Entries go to table 1, where the rules of rest_qos send what they have seen."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    def add_flow(self, datapath, priority, match, actions, buffer_id=None):
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        instructions = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)]
        datapath.send_msg(
            parser.OFPFlowMod(datapath, table_id=1, priority=priority, match=match, instructions=instructions)
        )
