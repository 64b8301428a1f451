//! Messages of other people's programs: each decodes, and encodes to the same bytes.

use std::collections::BTreeSet;

use rumpswitch_ofp_codec::Message;

const RECORDED: &str = include_str!("data/recorded.txt");

fn messages() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let mut what = "";
    RECORDED.lines().filter_map(move |line| {
        if let Some(comment) = line.strip_prefix("# ") {
            what = comment;
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
        let bytes =
            line.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1]));
        Some((what, bytes.collect()))
    })
}

#[test]
fn what_others_sent_comes_back_the_same() {
    let mut kinds = BTreeSet::new();
    for (what, bytes) in messages() {
        let (header, message) =
            Message::decode(&bytes).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let mut again = Vec::new();
        message.encode(header.xid, &mut again).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(again, bytes, "{what}: {message:?}");
        kinds.insert(header.kind);
    }
    // All of the thirty but TABLE_MOD, which none of these programs sends.
    assert!(kinds.len() == 29, "only types {kinds:?}");
}
