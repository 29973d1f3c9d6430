//! How inputs are made from others: small changes, mostly several at once, all drawn from one seed.

use rand::{
    Rng,
    seq::{IndexedMutRandom, IndexedRandom},
};

/// What readers of JSON, numbers, UTF-8 and frames stumble over.
const WORDS: [&[u8]; 46] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\\",
    b"\n",
    b"\r\n",
    b" ",
    b"\0",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e9",
    b"1.5",
    b"9007199254740991",
    b"9007199254740992",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775808",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\xff",
    b"\xc3",
    b"\xe2\x82\xac",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"{}",
    b"[]",
    b"\"\"",
    b"c2c_",
    b"group_",
    b".",
    b"..",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":",
    b"\x81\x80\0\0\0\0",
    b"\x89\x80\0\0\0\0",
    b"\x01\xfe\xff\xff",
    b"\x80\xff",
];

/// An input like one of the seeds, at most so many bytes long.
pub fn mutated(seeds: &[Vec<u8>], bytes_max: usize, random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seeds.choose(random).cloned().unwrap_or_default();
    for _ in 0..1 << random.random_range(0..5) {
        change(&mut bytes, seeds, random);
    }
    bytes.truncate(bytes_max);
    bytes
}

fn range(bytes: &[u8], random: &mut impl Rng) -> std::ops::Range<usize> {
    let start = random.random_range(0..=bytes.len());
    let length = 1 << random.random_range(0..8);
    start..(start + random.random_range(0..=length)).min(bytes.len())
}

fn insert(bytes: &mut Vec<u8>, piece: &[u8], random: &mut impl Rng) {
    let at = random.random_range(0..=bytes.len());
    bytes.splice(at..at, piece.iter().copied());
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut impl Rng) {
    let word = *WORDS.choose(random).expect("there are words");
    match random.random_range(0..9) {
        0 => insert(bytes, word, random),
        1 => {
            let range = range(bytes, random);
            bytes.splice(range, word.iter().copied());
        }
        2 => {
            let range = range(bytes, random);
            bytes.drain(range);
        }
        3 => {
            let piece = bytes[range(bytes, random)].to_vec();
            insert(bytes, &piece, random);
        }
        4 => {
            if let Some(byte) = bytes.choose_mut(random) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        5 => {
            if let Some(byte) = bytes.choose_mut(random) {
                *byte = random.random();
            }
        }
        6 => {
            let other = seeds.choose(random).expect("there are seeds");
            let piece = other[range(other, random)].to_vec();
            insert(bytes, &piece, random);
        }
        7 => {
            let length = random.random_range(0..=bytes.len());
            bytes.truncate(length);
        }
        _ => {
            let piece = word.repeat(1 << random.random_range(0..10));
            insert(bytes, &piece, random);
        }
    }
}
