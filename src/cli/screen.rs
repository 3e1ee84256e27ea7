//! A page that is shown again and again in the same place of a terminal.

/// To the upper left; the rest of the line, and of the screen, away (ECMA-48).
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// A page over the one before, of which nothing is left; what scrolled away stays.
pub(super) fn redrawn(page: &str) -> String {
    let lines = page.replace('\n', &format!("{REST_OF_LINE}\n"));
    format!("{HOME}{lines}{REST_OF_SCREEN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_page_leaves_nothing_of_the_longer_one() {
        assert_eq!(redrawn("a\nb\n"), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
    }
}
