//! The LZ4 block format: literals and matches, in sequences of a token, literal bytes, an offset of 16
//! bits. The last sequence is literals alone.

/// The shortest match, and how far back one may begin.
const SHORTEST: usize = 4;
const WINDOW: usize = 65_535;

/// What the format asks of an end: the last bytes are literals, and no match begins near it.
const LAST_LITERALS: usize = 5;
const LAST_MATCH: usize = 12;

/// Earlier places that are looked at for a match.
const DEPTH: usize = 256;

/// Chains of places with the same first four bytes.
struct Places {
    newest: Vec<u32>,
    before: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Places {
    fn hash(bytes: &[u8], at: usize) -> usize {
        let word = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        (word.wrapping_mul(2_654_435_761) >> 16) as usize
    }

    fn insert(&mut self, bytes: &[u8], at: usize) {
        let newest = &mut self.newest[Places::hash(bytes, at)];
        self.before[at] = std::mem::replace(newest, at as u32);
    }

    /// The longest match at `at`: where it begins and its length.
    fn longest(&self, bytes: &[u8], at: usize) -> (usize, usize) {
        let end = bytes.len() - LAST_LITERALS;
        let (mut best, mut place) = ((0, 0), self.newest[Places::hash(bytes, at)]);
        for _ in 0..DEPTH {
            if place == NONE || at - place as usize > WINDOW {
                break;
            }
            let from = place as usize;
            let same = bytes[from..].iter().zip(&bytes[at..end]).take_while(|(a, b)| a == b);
            let len = same.count();
            if len > best.1 {
                best = (from, len);
            }
            place = self.before[from];
        }
        best
    }
}

/// Compresses.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut places = Places { newest: vec![NONE; 1 << 16], before: vec![NONE; bytes.len()] };
    let (mut at, mut literals) = (0, 0);
    while at + LAST_MATCH < bytes.len() {
        let (from, len) = places.longest(bytes, at);
        places.insert(bytes, at);
        if len < SHORTEST {
            at += 1;
            continue;
        }
        // A longer match one byte on is worth a literal.
        if at + 1 + LAST_MATCH < bytes.len() && places.longest(bytes, at + 1).1 > len + 1 {
            at += 1;
            continue;
        }
        sequence(&mut out, &bytes[literals..at], Some((at - from, len)));
        (at + 1..(at + len).min(bytes.len() - LAST_MATCH)).for_each(|at| places.insert(bytes, at));
        at += len;
        literals = at;
    }
    sequence(&mut out, &bytes[literals..], None);
    out
}

fn sequence(out: &mut Vec<u8>, literals: &[u8], found: Option<(usize, usize)>) {
    let more = found.map_or(0, |(_, len)| len - SHORTEST);
    out.push((literals.len().min(15) << 4 | more.min(15)) as u8);
    count(out, literals.len());
    out.extend_from_slice(literals);
    if let Some((offset, _)) = found {
        out.extend_from_slice(&(offset as u16).to_le_bytes());
        count(out, more);
    }
}

/// What of a count did not go into the token.
fn count(out: &mut Vec<u8>, count: usize) {
    let Some(mut rest) = count.checked_sub(15) else { return };
    while rest >= 255 {
        out.push(255);
        rest -= 255;
    }
    out.push(rest as u8);
}

/// Expands, as the image does; `None` for what is no block.
pub(crate) fn decompress(block: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = block.iter().copied();
    let more = |bytes: &mut dyn Iterator<Item = u8>, mut len: usize| {
        if len == 15 {
            loop {
                let byte = bytes.next()?;
                len += usize::from(byte);
                if byte != 255 {
                    break;
                }
            }
        }
        Some(len)
    };
    loop {
        let token = usize::from(bytes.next()?);
        for _ in 0..more(&mut bytes, token >> 4)? {
            out.push(bytes.next()?);
        }
        let Some(low) = bytes.next() else { return Some(out) };
        let offset = usize::from(u16::from_le_bytes([low, bytes.next()?]));
        for _ in 0..more(&mut bytes, token & 15)? + SHORTEST {
            out.push(*out.get(out.len().checked_sub(offset)?)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        let mut random = 1u32;
        for len in [0, 1, 12, 13, 100, 70_000, 300_000] {
            for alphabet in [1, 2, 4, 256] {
                let bytes: Vec<u8> = (0..len)
                    .map(|_| {
                        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        ((random >> 16) % alphabet) as u8
                    })
                    .collect();
                let block = compress(&bytes);
                assert!(decompress(&block).is_some_and(|again| again == bytes), "{len} {alphabet}");
            }
        }
    }
}
