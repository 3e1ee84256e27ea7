//! Codes that are computed from an offer's id under a key, so that a till that has the key can verify them offline. The
//! layout is in `docs/coupons.md`: 20 characters of Crockford's base32, a day, a number and a mark of 45 bits.

use std::fmt;

use jiff::civil::{Date, date};

use crate::config::Name;
use crate::config::offers::CouponKey;
use crate::gateway::key::Key;

/// Crockford's base32: no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What the number and the mark are computed for: no other use of the same key makes one of them.
const NUMBER: &[u8] = b"emma coupon number";
const MARK: &[u8] = b"emma coupon mark";

/// Characters of five bits each: the last day, the number that makes a code its own, the mark that makes it true. Of 10,000
/// codes of one campaign and day two are the same once in 20,000 such days; a guess at a till is right once in 35 million
/// millions.
const DAY_LEN: usize = 3;
const NUMBER_LEN: usize = 8;
const MARK_LEN: usize = 9;
const CODE_LEN: usize = DAY_LEN + NUMBER_LEN + MARK_LEN;

/// Days are counted from here, up to the year 2109.
const FIRST_DAY: Date = date(2020, 1, 1);

/// The last day that 15 bits can count.
const MAX_DAY: i64 = (1 << (5 * DAY_LEN)) - 1;

/// Why a code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has another length, in characters without spaces and dashes.
    Length(usize),
    /// No code has this character.
    Character(char),
    /// It was not made with this key for this campaign, or there is a slip in it.
    Forged,
    /// It was good until this day, the day included.
    Over(Date),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "a code has {CODE_LEN} characters, and this has {length}"),
            Self::Character(character) => write!(f, "no code has the character `{}`", character.escape_debug()),
            Self::Forged => f.write_str("it was not made with this key for this campaign, or there is a slip in it"),
            Self::Over(last) => write!(f, "it was good until {last}"),
        }
    }
}

/// The code of one recipient's copy of an offer, `offer_id`, that is good until `last_day`: four groups of five.
pub(super) fn code(key: &CouponKey, campaign: &str, offer_id: &str, last_day: Date) -> Name {
    let days = i64::from(FIRST_DAY.until(last_day).map_or(0, |span| span.get_days())).clamp(0, MAX_DAY);
    let digest = Key::new(key.0).digest(&[NUMBER, offer_id.as_bytes()]);
    let mut code = base32(days.unsigned_abs(), DAY_LEN);
    code.push_str(&base32(first_bits(&digest, 5 * NUMBER_LEN), NUMBER_LEN));
    code.push_str(&mark(key, campaign, &code));
    let groups: Vec<&str> = [0, 5, 10, 15].iter().filter_map(|start| code.get(*start..start + 5)).collect();
    groups.join("-").into()
}

/// Whether a till may take `code` for `campaign` on the day `today`: until which day it may, that day included.
///
/// # Errors
/// Why not. Capitals do not count, nor do spaces and dashes; O is read as 0, I and L as 1.
pub fn verify(key: &CouponKey, campaign: &str, code: &str, today: Date) -> Result<Date, Why> {
    let code = canonical(code)?;
    let (said, marked) = code.split_at(DAY_LEN + NUMBER_LEN);
    if mark(key, campaign, said) != marked {
        return Err(Why::Forged);
    }
    let digit = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap_or_default();
    let days = said.bytes().take(DAY_LEN).fold(0, |days, byte| days * 32 + digit(byte));
    let last = i32::try_from(days).ok().and_then(|days| FIRST_DAY.checked_add(jiff::Span::new().days(days)).ok());
    let last = last.ok_or(Why::Forged)?;
    if today > last { Err(Why::Over(last)) } else { Ok(last) }
}

/// The code as it was made, without its dashes.
fn canonical(code: &str) -> Result<String, Why> {
    let typed = code.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2014}'));
    let read: String = typed
        .map(|typed| match typed.to_ascii_uppercase() {
            'O' => Ok('0'),
            'I' | 'L' => Ok('1'),
            known if u8::try_from(known).is_ok_and(|byte| ALPHABET.contains(&byte)) => Ok(known),
            _ => Err(Why::Character(typed)),
        })
        .collect::<Result<_, _>>()?;
    if read.len() == CODE_LEN { Ok(read) } else { Err(Why::Length(read.len())) }
}

/// What makes day and number true for this campaign: nobody without the key can compute it.
fn mark(key: &CouponKey, campaign: &str, said: &str) -> String {
    let digest = Key::new(key.0).digest(&[MARK, campaign.as_bytes(), said.as_bytes()]);
    base32(first_bits(&digest, 5 * MARK_LEN), MARK_LEN)
}

/// The first `count` bits, at most 64.
fn first_bits(digest: &[u8; 16], count: usize) -> u64 {
    let first = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    first >> (64 - count)
}

/// The lowest bits of `bits` in so many characters, the highest first.
fn base32(bits: u64, characters: usize) -> String {
    let digit = |place: usize| usize::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
    (0..characters).rev().filter_map(|place| ALPHABET.get(digit(place))).map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "8af92c5a2e606f4a7937aa458c9e4fc5";
    const LAST: Date = date(2026, 11, 2);

    fn made() -> Name {
        code(&CouponKey([7; 32]), "boots-autumn", OFFER, LAST)
    }

    fn verified(campaign: &str, code: &str, today: Date) -> Result<Date, Why> {
        verify(&CouponKey([7; 32]), campaign, code, today)
    }

    #[test]
    fn a_code_is_good_until_its_last_day() {
        assert_eq!(verified("boots-autumn", &made(), date(2026, 10, 1)), Ok(LAST));
        assert_eq!(verified("boots-autumn", &made(), LAST), Ok(LAST));
        assert_eq!(verified("boots-autumn", &made(), date(2026, 11, 3)), Err(Why::Over(LAST)));
    }

    #[test]
    fn a_code_is_for_one_campaign_and_one_key() {
        assert_eq!(verified("boots-winter", &made(), LAST), Err(Why::Forged));
        assert_eq!(verify(&CouponKey([8; 32]), "boots-autumn", &made(), LAST), Err(Why::Forged));
    }

    #[test]
    fn two_offers_have_two_codes() {
        let codes: std::collections::BTreeSet<Name> =
            (0..1_000).map(|n| code(&CouponKey([7; 32]), "boots-autumn", &format!("{n:032x}"), LAST)).collect();
        assert_eq!(codes.len(), 1_000);
    }

    #[test]
    fn what_people_type_is_read_as_they_mean_it() {
        let text = made();
        let typed = [
            text.to_lowercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            format!("  {} ", text.replace('-', "–")),
            text.replace('0', "o").replace('1', "l"),
            text.replace('0', "O").replace('1', "I"),
        ];
        for typed in typed {
            assert_eq!(verified("boots-autumn", &typed, LAST), Ok(LAST), "{typed}");
        }
    }

    #[test]
    fn every_slip_is_noticed() {
        let text = made();
        for (place, right) in text.char_indices().filter(|(_, c)| *c != '-') {
            for wrong in ALPHABET.iter().map(|byte| char::from(*byte)).filter(|wrong| *wrong != right) {
                let mut slip = text.to_string();
                slip.replace_range(place..=place, &wrong.to_string());
                assert_eq!(verified("boots-autumn", &slip, LAST), Err(Why::Forged), "{slip}");
            }
        }
    }

    #[test]
    fn what_is_no_code_is_told() {
        for (code, why) in [
            ("", "a code has 20 characters, and this has 0"),
            ("BOOTS10", "a code has 20 characters, and this has 7"),
            ("ABCDU", "no code has the character `U`"),
            ("ABCDé", "no code has the character `é`"),
            ("A\u{1b}[31m", "no code has the character `\\u{1b}`"),
        ] {
            assert_eq!(verified("boots-autumn", code, LAST).unwrap_err().to_string(), why);
        }
        assert!(matches!(verified("boots-autumn", &"ab".repeat(50_000), LAST), Err(Why::Length(100_000))));
    }

    #[test]
    fn days_that_cannot_be_counted_are_the_nearest_that_can() {
        for (day, counted) in
            [(date(1999, 1, 1), FIRST_DAY), (Date::MAX, date(2109, 9, 18)), (date(2109, 9, 18), date(2109, 9, 18))]
        {
            let code = code(&CouponKey([7; 32]), "a", OFFER, day);
            assert_eq!(verified("a", &code, FIRST_DAY), Ok(counted));
        }
    }
}
