//! Messages there and back, by hand.

use rumpswitch_ofp_codec::*;

fn round_trip(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(0x1234, &mut bytes).unwrap();
    let (header, decoded) = Message::decode(&bytes).unwrap();
    assert_eq!(header.xid, 0x1234);
    assert_eq!(&decoded, message);
    bytes
}

#[test]
fn a_flow_mod_there_and_back() {
    let fields = [
        Oxm::new(OxmField::InPort, 1),
        Oxm::new(OxmField::EthType, 0x0800),
        Oxm::masked(OxmField::Ipv4Dst, 0x0a000000, 0xff000000),
    ];
    let message = Message::FlowMod(FlowMod {
        matching: Match::new(fields).unwrap(),
        instructions: vec![
            Instruction::ApplyActions(vec![
                Action::SetField(Oxm::new(OxmField::EthDst, 0x0200_0000_0001)),
                Action::DecNwTtl,
                Action::controller(),
            ]),
            Instruction::GotoTable(TableId(3)),
        ],
        ..FlowMod::default()
    });
    let bytes = round_trip(&message);
    assert_eq!(bytes.len(), 48 + 32 + 8 + 16 + 8 + 16 + 8);
}

#[test]
fn empty_requests_are_a_header() {
    for message in [
        Message::FeaturesRequest,
        Message::GetConfigRequest,
        Message::BarrierRequest,
        Message::GetAsyncRequest,
    ] {
        let mut bytes = round_trip(&message);
        bytes.extend([0; 4]);
        bytes[3] += 4;
        let error = Message::decode(&bytes).unwrap_err();
        assert_eq!(error.error, OfpError::BadRequest(BadRequestCode::BadLen));
    }
}
