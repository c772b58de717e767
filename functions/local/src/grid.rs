//! Text in aligned columns.

use console::{measure_text_width, truncate_str};

/// Rows under a header. Numbers go to the right.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    header: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

/// Where a column's texts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Grid {
    pub(crate) fn new(header: &[(&'static str, Side)]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, header first. Columns are two spaces apart; nothing trails.
    pub(crate) fn lines(&self) -> Vec<String> {
        let names: Vec<String> = self.header.iter().map(|(name, _)| (*name).to_owned()).collect();
        let all = || std::iter::once(&names).chain(&self.rows);
        let width_of = |at: usize| {
            all().filter_map(|row| row.get(at)).map(|cell| measure_text_width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width_of).collect();
        all()
            .map(|row| {
                let mut line = String::new();
                for ((cell, width), (_, side)) in row.iter().zip(&widths).zip(&self.header) {
                    if !line.is_empty() {
                        line.push_str("  ");
                    }
                    let pad = " ".repeat(width.saturating_sub(measure_text_width(cell)));
                    match side {
                        Side::Left => line.extend([cell.as_str(), &pad]),
                        Side::Right => line.extend([pad.as_str(), cell]),
                    }
                }
                line.truncate(line.trim_end().len());
                line
            })
            .collect()
    }
}

/// `text` on one line of at most `width` places.
pub(crate) fn clip(text: &str, width: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    truncate_str(&line, width, "…").into_owned()
}

/// `text` in lines of at most `width` places, broken between words; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.extend([" ", word]);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `12345678` as `12,345,678`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as people read them: `17.3 kB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut tenths = u128::from(number) * 10;
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths /= 1000;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{number} B") } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let mut grid = Grid::new(&[("name", Side::Left), ("rows", Side::Right), ("", Side::Left)]);
        grid.row(["Sørensen".to_owned(), "1,234".to_owned(), String::new()]);
        grid.row(["x".to_owned(), "7".to_owned(), "ok".to_owned()]);
        assert_eq!(grid.lines(), ["name       rows", "Sørensen  1,234", "x             7  ok"]);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([999, 1_000, 17_349, 2_000_000].map(bytes), ["999 B", "1.0 kB", "17.3 kB", "2.0 MB"]);
        assert_eq!(clip("two\nlines of text", 9), "two line…");
        assert_eq!(wrap("a note of übermäßig many words", 11), ["a note of", "übermäßig", "many words"]);
    }
}
