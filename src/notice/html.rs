//! A sheet as one page of HTML: its style within it, no script, nothing fetched from anywhere. Every text of a
//! configuration is data, and is escaped.

use super::qr;
use super::style::STYLE;
use crate::words::notice::{Block, Door, Section, Sheet};

/// The page.
pub fn page(sheet: &Sheet<String>) -> String {
    let (language, title) = (sheet.language.word(), escaped(&sheet.title));
    let top = sheet.door.as_ref().map_or_else(|| head(sheet), |door| at_the_door(door, &sheet.title));
    let contents = sheet.door.as_ref().map(|door| contents(&door.more, &sheet.sections)).unwrap_or_default();
    let sections: String = sheet.sections.iter().map(section).collect();
    let version = sheet.version.as_ref().map(|version| paragraph(version)).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<div class=\"awning\"></div>\n\
         {top}<main>\n{contents}{sections}</main>\n<footer>\n{version}</footer>\n</body>\n</html>\n"
    )
}

/// The top of a sheet that does not hang at a door.
fn head(sheet: &Sheet<String>) -> String {
    let lead = sheet.lead.as_ref().map(|lead| paragraph(lead)).unwrap_or_default();
    format!("<header class=\"door sheet\">\n<h1 class=\"title\">{}</h1>\n{lead}</header>\n", escaped(&sheet.title))
}

fn at_the_door(door: &Door<String>, title: &str) -> String {
    let class = size(door);
    let what: String = door.what.iter().map(|text| paragraph(text)).collect();
    let of_box = |(heading, text): &(String, String)| {
        format!("<section class=\"box\">\n<h2>{}</h2>\n{}</section>\n", escaped(heading), paragraph(text))
    };
    let boxes: String = door.boxes.iter().map(of_box).collect();
    let drawn = door.url.as_deref().and_then(qr::drawing);
    let code = drawn.unwrap_or_else(|| format!("<div class=\"room\">{}</div>", escaped(&door.room)));
    let url = door.url.as_deref().map(|url| format!("<br>{}", linked(url))).unwrap_or_default();
    format!(
        "<header class=\"{class}\">\n<p class=\"shop\">{}</p>\n<h1>{}</h1>\n{what}<div class=\"boxes\">\n{boxes}</div>\n\
         <div class=\"code\">\n{code}\n<p class=\"more\">{}{url}</p>\n</div>\n<p class=\"responsible\">{}</p>\n</header>\n",
        escaped(title),
        escaped(&door.head),
        escaped(&door.more),
        linked(&door.responsible)
    )
}

/// Up to so many characters the door sheet is set in which of the style's sizes, so that it is one page of A4: as many as
/// filled it, in the longest language, with a little to spare.
const SIZES: [(usize, &str); 3] = [(820, "door"), (980, "door long"), (1_300, "door longer")];

/// The class of the door, by how much has to fit on one page.
fn size(door: &Door<String>) -> &'static str {
    let boxes = door.boxes.iter().flat_map(|(heading, text)| [heading, text]);
    let all = door.what.iter().chain(boxes).chain([&door.head, &door.responsible]).chain(&door.url);
    let length: usize = all.map(|text| text.chars().count()).sum();
    SIZES.iter().find(|(most, _)| length <= *most).map_or("door longest", |(_, class)| class)
}

fn contents(heading: &str, sections: &[Section<String>]) -> String {
    let link = |section: &Section<String>| {
        let heading = section.heading.as_ref()?;
        Some(format!("<a href=\"#{}\">{}</a>\n", section.anchor, escaped(heading)))
    };
    let links: String = sections.iter().filter_map(link).collect();
    format!("<nav aria-labelledby=\"contents\">\n<p id=\"contents\">{}</p>\n{links}</nav>\n", escaped(heading))
}

fn section(section: &Section<String>) -> String {
    let heading = section.heading.as_ref().map(|heading| format!("<h2>{}</h2>\n", escaped(heading)));
    // Without a heading above them, questions are the headings.
    let question = if heading.is_some() { "h3" } else { "h2" };
    let blocks: String = section.blocks.iter().map(|block| of_block(block, question)).collect();
    format!("<section id=\"{}\">\n{}{blocks}</section>\n", section.anchor, heading.unwrap_or_default())
}

fn of_block(block: &Block<String>, question: &str) -> String {
    match block {
        Block::Text(text) => paragraph(text),
        Block::Example(text) => format!("<p class=\"example\">{}</p>\n", linked(text)),
        Block::Items(items) => {
            let items: String = each(items, |item| format!("<li>{}</li>\n", linked(item)));
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table(head, rows) => table(head, rows),
        Block::Question(ask, answer) => format!("<{question}>{}</{question}>\n{}", escaped(ask), paragraph(answer)),
    }
}

/// On a phone each row is a paragraph, which would take the table from those who hear the page: the roles give it back.
fn table(head: &[String; 3], rows: &[[String; 3]]) -> String {
    let heads: String = each(head, |head| format!("<th role=\"columnheader\" scope=\"col\">{}</th>", escaped(head)));
    let cell = |(head, text): (&String, &String)| {
        format!("<td role=\"cell\" data-head=\"{}\">{}</td>", escaped(head), linked(text))
    };
    let row =
        |row: &[String; 3]| format!("<tr role=\"row\">{}</tr>\n", head.iter().zip(row).map(cell).collect::<String>());
    let rows: String = rows.iter().map(row).collect();
    format!(
        "<table role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">{heads}</tr></thead>\n\
         <tbody role=\"rowgroup\">\n{rows}</tbody>\n</table>\n"
    )
}

/// All of them, each as it is set.
fn each<T>(items: impl IntoIterator<Item = T>, set: impl Fn(T) -> String) -> String {
    items.into_iter().map(set).collect()
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", linked(text))
}

/// A text as it may stand anywhere in a page, within quotes too.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The same, where addresses can be followed: of the web, and of mail.
fn linked(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words.map(|word| link(word).unwrap_or_else(|| escaped(word))).collect()
}

/// A word that is an address, as a link; what follows it is not a part of it.
fn link(word: &str) -> Option<String> {
    let address = word.trim_end().trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
    let rest = word.get(address.len()..)?;
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    let scheme = if is_web { "" } else { "mailto:" };
    (is_web || is_mail(address)).then(|| format!("<a href=\"{scheme}{0}\">{0}</a>{1}", escaped(address), escaped(rest)))
}

/// Whether it can be nothing but an address of mail.
fn is_mail(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    word.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && name.chars().all(plain) && host.contains('.') && host.chars().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_says_is_data() {
        assert_eq!(linked("<b>\"A\" & 'B'</b>"), "&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;");
        assert_eq!(
            linked("https://a.example/?q=\"onclick=x, or"),
            "<a href=\"https://a.example/?q=&quot;onclick=x\">https://a.example/?q=&quot;onclick=x</a>, or"
        );
        assert_eq!(linked("javascript:alert(1)"), "javascript:alert(1)");
    }

    #[test]
    fn addresses_can_be_followed() {
        assert_eq!(linked("Ask me@shop.example."), "Ask <a href=\"mailto:me@shop.example\">me@shop.example</a>.");
        assert_eq!(linked("@shop or a@b"), "@shop or a@b");
    }
}
