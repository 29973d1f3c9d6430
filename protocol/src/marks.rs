//! Which marks a conversation can have, and how a call names them: a number, a decimal string, or an array of bits.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error, SeqAccess, Unexpected, Visitor},
};
use std::fmt;

/// Bits that the SDK keeps for itself, 2^4 to 2^31.
const RESERVED: u64 = 0xFFFF_FFF0;

/// One or several marks: 1 star, 2 unread, 4 fold, 8 hide, 2^32 to 2^63 the app's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marks(u64);

impl Marks {
    /// The single bits of a row's markList with these marks set or removed, by rising value.
    pub fn apply_to(self, mark_list: &[u64], is_set: bool) -> Vec<u64> {
        let before = mark_list.iter().fold(0, |bits, bit| bits | bit);
        let bits = if is_set { before | self.0 } else { before & !self.0 };
        (0..u64::BITS).map(|place| 1 << place).filter(|bit| bits & bit != 0).collect()
    }
}

impl From<Marks> for u64 {
    fn from(marks: Marks) -> Self {
        marks.0
    }
}

impl TryFrom<u64> for Marks {
    type Error = String;
    fn try_from(bits: u64) -> Result<Self, String> {
        if bits == 0 || bits & RESERVED != 0 {
            return Err(format!("expected 1, 2, 4, 8 or 2^32 to 2^63, or a sum of them, got {bits}"));
        }
        Ok(Self(bits))
    }
}

/// A JSON number as its nearest double: what a JavaScript client writes for 2^63 is 9223372036854776000.
fn of_number(number: f64) -> Result<u64, String> {
    /// 2^64, the first that no longer fits.
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    if number.fract() != 0.0 || !(0.0..LIMIT).contains(&number) {
        return Err(format!("expected a whole number below 2^64, got {number}"));
    }
    Ok(number as u64)
}

/// A decimal string, exact up to 2^64 − 1.
fn of_string(text: &str) -> Result<u64, String> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| is_decimal)
        .ok_or_else(|| format!("expected a decimal number below 2^64, got {text:?}"))
}

/// The bits that a number, a decimal string or an array of them names; checked by nobody yet.
pub(crate) struct Bits(pub(crate) u64);

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { is_inside: false }).map(Self)
    }
}

/// Reads the sum of one value, or of an array of values, each of which is checked.
#[derive(Clone, Copy)]
struct Reader {
    /// Within an array, in which there is no other.
    is_inside: bool,
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_inside {
            "a number or a decimal string"
        } else {
            "a number, a decimal string or an array of them"
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        of_number(number as f64).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        of_number(number as f64).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        of_number(number).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        of_string(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<u64, A::Error> {
        if self.is_inside {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut sum = 0;
        while let Some(bits) = values.next_element_seed(Self { is_inside: true })? {
            sum |= u64::from(Marks::try_from(bits).map_err(A::Error::custom)?);
        }
        Marks::try_from(sum).map(u64::from).map_err(A::Error::custom)
    }
}

impl Serialize for Marks {
    /// A single mark as a number and several as an array of them, since a sum need not be exact in a double.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.apply_to(&[], true).as_slice() {
            [single] => serializer.serialize_u64(*single),
            several => serializer.collect_seq(several),
        }
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bits(bits) = Bits::deserialize(deserializer)?;
        Self::try_from(bits).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<u64> {
        serde_json::from_str::<Marks>(json).ok().map(u64::from)
    }

    #[test]
    fn a_number_a_string_and_an_array_name_the_same_marks() {
        for json in ["3", "3.0", "\"3\"", "[1,2]", "[\"1\",2]", "[2,\"1\",1]", "[3]", " [ 1 , 2 ] "] {
            assert_eq!(read(json), Some(3), "{json}");
        }
        assert_eq!(read("[8,\"4294967296\"]"), Some(8 | 1 << 32));
        assert_eq!(read("\"9223372036854775809\""), Some(1 << 63 | 1), "a string is exact");
    }

    #[test]
    fn a_number_of_2_53_or_more_is_its_nearest_double() {
        let of_2_63 = [
            "9223372036854775808",
            "9223372036854776000",
            "9.223372036854776e18",
            "9.223372036854775808e18",
            "9223372036854775809",
        ];
        for json in of_2_63 {
            assert_eq!(read(json), Some(1 << 63), "{json}");
        }
        assert_eq!(read("4611686018427388000"), Some(1 << 62));
        assert_eq!(read("9007199254740992"), Some(1 << 53));
    }

    #[test]
    fn several_marks_are_written_so_that_they_are_read_again() {
        for bits in [1, 3, 1 << 63, 1 << 63 | 1, 1 << 53 | 1 << 32 | 8] {
            let json = serde_json::to_string(&Marks(bits)).unwrap();
            assert_eq!(read(&json), Some(bits), "{json}");
        }
    }

    #[test]
    fn none_and_reserved_bits_and_what_is_no_number_are_refused() {
        for place in 4..32 {
            assert_eq!(read(&(1_u64 << place).to_string()), None, "2^{place}");
            assert_eq!(read(&format!("[1,\"{}\"]", 1_u64 << place)), None, "2^{place}");
        }
        for json in [
            "0",
            "-0",
            "-1",
            "1.5",
            "1e400",
            "1.8446744073709552e19",
            "18446744073709551616",
            "\"18446744073709551616\"",
            "\"\"",
            "\"+1\"",
            "\" 1\"",
            "\"0x1\"",
            "\"star\"",
            "[]",
            "[0]",
            "[1,0]",
            "[[1]]",
            "[null]",
            "null",
            "true",
            "{}",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
        for place in (0..4).chain(32..64) {
            assert_eq!(read(&format!("\"{}\"", 1_u64 << place)), Some(1 << place), "2^{place}");
        }
    }

    #[test]
    fn a_mark_list_has_single_bits_by_rising_value() {
        let marks = Marks::try_from(1 << 63 | 1 | 4).unwrap();
        assert_eq!(marks.apply_to(&[2], true), [1, 2, 4, 1 << 63]);
        assert_eq!(marks.apply_to(&[1, 2, 1 << 63], false), [2]);
    }
}
