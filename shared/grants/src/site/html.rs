//! The frame of every page, its style, and the escaping of everything that is put into it.

use std::fmt::{self, Display, Write};

/// A text as HTML shows it: nothing in it can open a tag or end an attribute.
pub(super) struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaper<'a, 'f>(&'a mut fmt::Formatter<'f>);
        impl Write for Escaper<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    '<' => self.0.write_str("&lt;"),
                    '>' => self.0.write_str("&gt;"),
                    '&' => self.0.write_str("&amp;"),
                    '"' => self.0.write_str("&quot;"),
                    '\'' => self.0.write_str("&#39;"),
                    c => self.0.write_char(c),
                })
            }
        }
        write!(Escaper(f), "{}", self.0)
    }
}

/// A whole page around `main`, which is HTML.
pub(super) fn document(title: &str, main: &str) -> String {
    let title = Escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} – freshlake</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><span class=\"brand\">freshlake</span></header>\n<main>\n{main}\n</main>\n\
         <footer>freshlake copies FreshBooks books into your own data lake. It only reads.</footer>\n\
         </body>\n</html>\n"
    )
}

/// The style of all pages. Its hash is in the content security policy, so the browser takes no other.
pub(super) const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escaped_can_act_as_html() {
        let text = Escaped("<b a='1' c=\"2\">&amp;").to_string();
        assert_eq!(text, "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;");
    }
}
