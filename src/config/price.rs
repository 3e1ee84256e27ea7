//! A price as people write it: `"129 CHF"`, `"12.50 EUR"`.

use super::Name;

/// An amount in one currency. Prices of two currencies are not compared: no rate is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// In hundredths of the currency's unit.
    pub hundredths: u64,
    /// Its three capital letters (ISO 4217).
    pub currency: Name,
}

impl Price {
    /// The price that `text` says: digits, more behind a point of which two count, a space, and three capital letters.
    pub fn parse(text: &str) -> Option<Self> {
        let (amount, currency) = text.trim().rsplit_once(' ')?;
        let (whole, part) = amount.trim().split_once('.').unwrap_or((amount.trim(), ""));
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        if whole.is_empty() || whole.len() > 9 || part.len() > 9 || !is_number(whole) || !is_number(part) {
            return None;
        }
        let is_currency = currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_uppercase());
        let hundredths = whole.parse::<u64>().ok()? * 100 + format!("{part:0<2}").get(..2)?.parse::<u64>().ok()?;
        is_currency.then(|| Self { hundredths, currency: currency.into() })
    }

    /// Whether it is no more than `limit`, in the same currency.
    pub fn is_within(&self, limit: &Self) -> bool {
        self.currency == limit.currency && self.hundredths <= limit.hundredths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_an_amount_and_a_currency() {
        let price = |text| Price::parse(text).map(|price| (price.hundredths, price.currency.to_string()));
        assert_eq!(price("129 CHF"), Some((12_900, "CHF".to_owned())));
        assert_eq!(price("12.5 EUR"), Some((1_250, "EUR".to_owned())));
        assert_eq!(price("12.509 EUR"), Some((1_250, "EUR".to_owned())));
        for wrong in ["129", "CHF", "129CHF", "-1 CHF", "129 chf", "12,50 EUR", "1e3 EUR", ""] {
            assert_eq!(price(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn currencies_are_not_compared() {
        let price = |text| Price::parse(text).unwrap();
        assert!(price("150 CHF").is_within(&price("150 CHF")));
        assert!(!price("150.01 CHF").is_within(&price("150 CHF")));
        assert!(!price("1 EUR").is_within(&price("150 CHF")));
    }
}
