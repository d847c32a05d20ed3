//! HTML, element by element. Names of elements and attributes are ours; every text and value is escaped on its way in.

use fabric_model::protection::{Protection, stands};

use crate::report::is_deceptive;

/// Attributes of an element.
type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A document that is being written.
#[derive(Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    /// What is written so far.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// An element with elements in it, on lines of its own.
    pub(crate) fn within(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        fill: impl FnOnce(&mut Self),
    ) {
        self.open(tag, attributes);
        fill(self);
        self.close(tag);
        self.0.push('\n');
    }

    /// An element with a text in it.
    pub(crate) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close(tag);
    }

    /// An element that holds nothing.
    pub(crate) fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
        self.0.push('\n');
    }

    /// A text.
    pub(crate) fn text(&mut self, raw: &str) {
        escape(&mut self.0, raw);
    }

    /// Markup of our own, such as a style sheet or a chart.
    pub(crate) fn ours(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(&mut self.0, value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    fn close(&mut self, tag: &'static str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }
}

/// Text from outside, on one line, as HTML and as XML.
pub(crate) fn escape(out: &mut String, raw: &str) {
    if !stands(Protection::PlainReports) {
        return out.push_str(raw);
    }
    for c in raw.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_deceptive(c) => {}
            // XML 1.0 has no such characters.
            '\u{fffe}' | '\u{ffff}' => {}
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_text_or_the_attribute_in_which_it_stands() {
        let mut page = Markup::default();
        let hostile = "</p><script>\"'&\u{202e}\u{0}\n\u{ffff}";
        page.within("section", &[("title", hostile)], |page| page.element("p", &[], hostile));
        let escaped = "&lt;/p&gt;&lt;script&gt;&quot;&#39;&amp; ";
        assert_eq!(page.finish(), format!("<section title=\"{escaped}\"><p>{escaped}</p></section>\n"));
    }
}
