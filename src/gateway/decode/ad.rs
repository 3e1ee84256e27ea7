//! AD structures: the framing of advertising data (Core 5.4, Vol 3 Part C, section 11): length, type, data.

/// AD type of service data with a 16-bit UUID (Assigned Numbers, 2.3).
pub const SERVICE_DATA_16: u8 = 0x16;

/// AD type of manufacturer specific data (Assigned Numbers, 2.3).
pub const MANUFACTURER_DATA: u8 = 0xff;

/// One AD structure.
#[derive(Clone, Copy)]
pub struct AdStructure<'a> {
    /// What `data` is.
    pub ad_type: u8,
    /// What follows the type; may be empty.
    pub data: &'a [u8],
}

/// The AD structures of one payload, in order.
///
/// A length of 0 ends them early, as the specification says. So does one that points past the end: what is there is
/// not the structure that was sent, and where the next one would start nobody knows.
#[derive(Clone)]
pub struct AdStructures<'a> {
    rest: &'a [u8],
}

impl<'a> AdStructures<'a> {
    /// Those of `payload`, advertising data as on air.
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for AdStructures<'a> {
    type Item = AdStructure<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&len, after) = self.rest.split_first()?;
        // The length counts the type and the data, so 0 fails to split below and ends the walk.
        let split = after.split_at_checked(usize::from(len));
        let Some((structure, rest)) = split else {
            self.rest = &[];
            return None;
        };
        let Some((&ad_type, data)) = structure.split_first() else {
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        Some(AdStructure { ad_type, data })
    }
}

/// Reads `N` bytes from the front of `data`: what is read, and what follows.
#[inline]
pub(super) fn take<const N: usize>(data: &[u8]) -> Option<([u8; N], &[u8])> {
    data.split_first_chunk::<N>().map(|(head, rest)| (*head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(payload: &[u8]) -> Vec<(u8, &[u8])> {
        AdStructures::new(payload).map(|ad| (ad.ad_type, ad.data)).collect()
    }

    #[test]
    fn structures_come_in_order() {
        assert_eq!(walk(&[2, 0x01, 0x06, 3, 0x03, 0xaa, 0xfe]), [(0x01, &[0x06][..]), (0x03, &[0xaa, 0xfe])]);
    }

    #[test]
    fn a_type_without_data_is_a_structure() {
        assert_eq!(walk(&[1, 0xff, 2, 0x0a, 4]), [(0xff, &[][..]), (0x0a, &[4])]);
    }

    #[test]
    fn a_length_of_zero_ends_early() {
        assert_eq!(walk(&[2, 0x01, 0x06, 0, 2, 0x0a, 4]), [(0x01, &[0x06][..])]);
    }

    #[test]
    fn a_length_past_the_end_ends() {
        assert_eq!(walk(&[2, 0x01, 0x06, 3, 0x0a, 4]), [(0x01, &[0x06][..])]);
        assert!(walk(&[]).is_empty());
        assert!(walk(&[1]).is_empty());
    }
}
