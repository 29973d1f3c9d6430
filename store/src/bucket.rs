//! Into which of 4,096 buckets does a user fall? Fixed for ever: keys of data and lanes of the queue depend on it.

use conversation_protocol::UserId;

/// Buckets.
pub(crate) const BUCKETS: u16 = 4_096;

/// The CRC-16 that Redis Cluster uses (XMODEM: polynomial 0x1021, start 0).
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    })
}

/// The bucket of a user: the low 12 bits of the CRC-16 of the userID.
pub(crate) fn of(user: &UserId) -> u16 {
    crc16(user.as_str().as_bytes()) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_one_of_redis_cluster() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    #[test]
    fn numbered_users_spread_over_the_buckets() {
        let mut users = vec![0; usize::from(BUCKETS)];
        for number in 0..409_600 {
            users[usize::from(of(&format!("user{number}").parse().unwrap()))] += 1;
        }
        let (least, most) = (users.iter().min().unwrap(), users.iter().max().unwrap());
        assert!(*least > 50 && *most < 200, "between {least} and {most} users where 100 are expected");
    }
}
