//! Bytes of messages and of their parts, made without the codec.

/// A message of this type with this body.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + body.len()).unwrap();
    [&[4, kind][..], &len.to_be_bytes(), &[0, 0, 0, 1], body].concat()
}

/// Bytes in hexadecimal, spaces as one likes.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// Zero bytes up to a multiple of 8 behind `bytes`.
pub(crate) fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A match with these fields.
pub(crate) fn matching(fields: &[u8]) -> Vec<u8> {
    let len = u16::try_from(4 + fields.len()).unwrap();
    padded([&[0, 1][..], &len.to_be_bytes(), fields].concat())
}

/// A match field of the basic class.
pub(crate) fn oxm(field: u8, value: &str) -> Vec<u8> {
    let value = hex(value);
    let len = u8::try_from(value.len()).unwrap();
    [&[0x80, 0, field << 1, len][..], &value].concat()
}

/// A match field of the basic class with value and mask.
pub(crate) fn masked(field: u8, value: &str, mask: &str) -> Vec<u8> {
    let payload = [hex(value), hex(mask)].concat();
    let len = u8::try_from(payload.len()).unwrap();
    [&[0x80, 0, field << 1 | 1, len][..], &payload].concat()
}

/// A flow-mod: table, command, flags, then match and instructions.
pub(crate) fn flow_mod_of(
    table: u8,
    command: u8,
    flags: u16,
    matching: &[u8],
    instructions: &[u8],
) -> Vec<u8> {
    let mut body = vec![0; 16];
    body.extend([table, command, 0, 0, 0, 0, 0x80, 0]);
    body.extend([0xff; 12]);
    body.extend(flags.to_be_bytes());
    body.extend([0, 0]);
    body.extend(matching);
    body.extend(instructions);
    message(14, &body)
}

/// An ADD to table 0 with this match.
pub(crate) fn flow_mod_match(matching: &[u8]) -> Vec<u8> {
    flow_mod_of(0, 0, 0, matching, &[])
}

/// An ADD to table 0 of every packet with these instructions.
pub(crate) fn flow_mod(instructions: &[u8]) -> Vec<u8> {
    flow_mod_of(0, 0, 0, &matching(&[]), instructions)
}

/// An instruction with actions in it.
pub(crate) fn with_actions(instruction: u8, actions: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + actions.len()).unwrap();
    [&[0, instruction][..], &len.to_be_bytes(), &[0; 4], actions].concat()
}

/// An ADD to table 0 that applies these actions.
pub(crate) fn applying(actions: &[u8]) -> Vec<u8> {
    flow_mod(&with_actions(4, actions))
}

/// An output to this port.
pub(crate) fn output(port: u32) -> Vec<u8> {
    [&[0, 0, 0, 16][..], &port.to_be_bytes(), &[0xff, 0xff, 0, 0, 0, 0, 0, 0]].concat()
}

/// A set-field action of this match field, padded.
pub(crate) fn set_field(oxm: &[u8]) -> Vec<u8> {
    let len = u16::try_from((4 + oxm.len()).next_multiple_of(8)).unwrap();
    padded([&[0, 25][..], &len.to_be_bytes(), oxm].concat())
}

/// A bucket.
pub(crate) fn bucket(weight: u16, port: u32, group: u32, actions: &[u8]) -> Vec<u8> {
    let len = u16::try_from(16 + actions.len()).unwrap();
    let numbers = [&len.to_be_bytes()[..], &weight.to_be_bytes(), &port.to_be_bytes()].concat();
    [&numbers[..], &group.to_be_bytes(), &[0; 4], actions].concat()
}

/// A group-mod.
pub(crate) fn group_mod(command: u16, kind: u8, group: u32, buckets: &[u8]) -> Vec<u8> {
    let body = [&command.to_be_bytes()[..], &[kind, 0], &group.to_be_bytes(), buckets].concat();
    message(15, &body)
}

/// A meter-mod.
pub(crate) fn meter_mod(command: u16, flags: u16, meter: u32, bands: &str) -> Vec<u8> {
    let body =
        [&command.to_be_bytes()[..], &flags.to_be_bytes(), &meter.to_be_bytes(), &hex(bands)]
            .concat();
    message(29, &body)
}

/// A multipart request.
pub(crate) fn multipart(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let body = [&kind.to_be_bytes()[..], &flags.to_be_bytes(), &[0; 4], body].concat();
    message(18, &body)
}
