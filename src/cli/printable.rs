//! What others wrote, as it may be shown on a terminal.

/// The first `most` characters; what is longer ends in an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if text.chars().count() > most {
        shown.push('…');
    }
    shown
}

/// The same, of what must neither move the cursor of whoever reads it nor turn the line around.
pub(super) fn printable(text: &str, most: usize) -> String {
    cut(text, most).chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }).collect()
}

/// The marks that make a terminal write from right to left (Unicode, annex 9), so that a line seems to say something else.
fn turns(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_moves_the_cursor_or_turns_the_line_around() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c\n\u{202e}d", 99), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\u{fffd}d");
        assert_eq!(printable("Grüezi, 東京", 7), "Grüezi,…");
    }
}
