//! Rows under headings, for people.
//!
//! Columns are as wide as the first rows want, or the first that are there when a slow source makes a pause; later cells
//! that are wider push the rest of their row aside. On a terminal texts are cut where rows would not fit, and headings that
//! can be spared go first.

use std::io::{self, Write};

use console::measure_text_width;

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    name: String,
    kind: Kind,
    /// Lower goes earlier, where there is no room; `None` stays.
    spare: Option<u8>,
    /// What its cells usually take, where only few are known.
    usual: usize,
}

/// How the cells of a column lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// To the right.
    Number,
    /// To the left, whole.
    Name,
    /// To the left; may be cut where there is no room.
    Text,
}

/// A table that is written while its rows come.
#[derive(Debug)]
pub(crate) struct Table<W> {
    out: W,
    /// Width of the terminal, if it is one.
    room: Option<usize>,
    headings: Vec<Heading>,
    waiting: Vec<Vec<String>>,
    layout: Option<Vec<Place>>,
}

/// Where a column lies: its index, its width, and what its cells are cut to.
#[derive(Clone, Copy, Debug)]
struct Place {
    index: usize,
    width: usize,
    cut: usize,
}

impl Heading {
    pub(crate) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, spare: None, usual: 0 }
    }

    /// Makes it one that may go where there is no room.
    pub(crate) fn spare(mut self, order: u8) -> Self {
        self.spare = Some(order);
        self
    }

    pub(crate) fn usual(mut self, width: usize) -> Self {
        self.usual = width;
        self
    }
}

impl<W: Write> Table<W> {
    /// A table with these headings; `room` is the width of a terminal.
    pub(crate) fn new(out: W, room: Option<usize>, headings: Vec<Heading>) -> Self {
        Self { out, room, headings, waiting: Vec::new(), layout: None }
    }

    /// Adds a row, a cell a heading.
    pub(crate) fn push(&mut self, row: Vec<String>) -> io::Result<()> {
        if self.layout.is_some() {
            return self.write_row(&row);
        }
        self.waiting.push(row);
        if self.waiting.len() < ROWS_TO_WAIT_FOR { Ok(()) } else { self.settle(true) }
    }

    /// Writes the rows that are there, if there are any.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.settle(false)?;
        }
        self.out.flush()
    }

    /// Writes what is still held back, and the headings if there was no row.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if self.layout.is_none() {
            self.settle(true)?;
        }
        self.out.flush()
    }

    fn settle(&mut self, enough: bool) -> io::Result<()> {
        let layout = self.lay_out(enough);
        self.layout = Some(layout);
        let headings: Vec<_> = self.headings.iter().map(|heading| heading.name.clone()).collect();
        self.write_row(&headings)?;
        for row in std::mem::take(&mut self.waiting) {
            self.write_row(&row)?;
        }
        Ok(())
    }

    /// Gives every column its place.
    fn lay_out(&self, enough: bool) -> Vec<Place> {
        let place = |(index, heading): (usize, &Heading)| {
            let cells = self.waiting.iter().filter_map(|row| row.get(index)).map(|cell| measure_text_width(cell));
            let name = measure_text_width(&heading.name);
            let width = cells.chain([name, if enough { 0 } else { heading.usual }]).max().unwrap_or_default();
            let may_be_cut = heading.kind == Kind::Text && self.room.is_some();
            let cut = if may_be_cut { TEXT_WIDTH } else { usize::MAX };
            Place { index, width: width.min(cut.max(name)), cut: cut.max(name) }
        };
        let mut places: Vec<_> = self.headings.iter().enumerate().map(place).collect();
        let Some(room) = self.room else { return places };
        let too_wide = |places: &[Place]| {
            let wide = places.iter().map(|place| place.width + GAP).sum::<usize>().saturating_sub(GAP);
            wide.saturating_sub(room)
        };
        let spare = |place: &Place| self.headings[place.index].spare;
        while too_wide(&places) > 0
            && let Some(first) = places.iter().filter_map(spare).min()
        {
            places.retain(|place| spare(place) != Some(first));
        }
        // The widest text gives way first.
        loop {
            let excess = too_wide(&places);
            let texts = places.iter_mut().filter(|place| self.headings[place.index].kind == Kind::Text);
            let Some(widest) = texts.max_by_key(|place| place.width) else { return places };
            if excess == 0 || widest.width <= NARROWEST {
                return places;
            }
            widest.width -= 1;
            widest.cut = widest.width;
        }
    }

    fn write_row(&mut self, row: &[String]) -> io::Result<()> {
        let places = self.layout.as_deref().unwrap_or_default();
        let mut line = String::new();
        for (n, place) in places.iter().enumerate() {
            let cell = row.get(place.index).map_or("", String::as_str);
            let cell = cut(cell, place.cut);
            let fill = " ".repeat(place.width.saturating_sub(measure_text_width(&cell)));
            let right = self.headings[place.index].kind == Kind::Number;
            line.push_str(if n == 0 { "" } else { &SPACES[..GAP] });
            if right {
                line.push_str(&fill);
            }
            line.push_str(&cell);
            if !right && n + 1 < places.len() {
                line.push_str(&fill);
            }
        }
        line.push('\n');
        self.out.write_all(line.as_bytes())
    }
}

/// The text, or as much of it as fits before an ellipsis.
fn cut(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= width || measure_text_width(text) <= width {
        return text.into();
    }
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        if measure_text_width(&text[..next]) + 1 > width {
            break;
        }
        end = next;
    }
    format!("{}…", &text[..end]).into()
}

/// How many rows decide how wide columns are.
const ROWS_TO_WAIT_FOR: usize = 1_000;
/// What a text takes on a terminal at most.
const TEXT_WIDTH: usize = 48;
/// What it keeps where there is no room.
const NARROWEST: usize = 10;
const GAP: usize = 2;
const SPACES: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<Vec<String>> {
        texts.iter().map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }

    fn written(room: Option<usize>, headings: Vec<Heading>, texts: &[&str]) -> String {
        let mut table = Table::new(Vec::new(), room, headings);
        rows(texts).into_iter().for_each(|row| table.push(row).unwrap());
        table.finish().unwrap();
        String::from_utf8(table.out).unwrap()
    }

    fn headings() -> Vec<Heading> {
        vec![
            Heading::new("when", Kind::Name).spare(1),
            Heading::new("pkts", Kind::Number),
            Heading::new("name", Kind::Text),
        ]
    }

    #[test]
    fn numbers_lie_right_and_names_left() {
        let text = written(None, headings(), &["today|7|x", "now|12345|a longer text"]);
        assert_eq!(text, "when    pkts  name\ntoday      7  x\nnow    12345  a longer text\n");
        assert_eq!(written(None, headings(), &[]), "when  pkts  name\n");
    }

    #[test]
    fn where_there_is_no_room_spare_columns_go_and_texts_are_cut() {
        let row = ["today|7|twenty characters ab"];
        assert_eq!(written(Some(34), headings(), &row).lines().nth(1), Some("today     7  twenty characters ab"));
        assert_eq!(written(Some(30), headings(), &row).lines().nth(1), Some("   7  twenty characters ab"));
        assert_eq!(written(Some(20), headings(), &row).lines().nth(1), Some("   7  twenty charac…"));
        assert_eq!(written(Some(1), headings(), &row).lines().nth(1), Some("   7  twenty ch…"));
        let long = format!("today|7|{}", "x".repeat(500));
        assert!(written(None, headings(), &[&long]).contains(&"x".repeat(500)));
        assert!(written(Some(1_000), headings(), &[&long]).contains(&format!("  {}…\n", "x".repeat(47))));
    }

    #[test]
    fn wide_characters_count_twice_and_are_not_split() {
        assert_eq!(cut("漢字漢字", 8), "漢字漢字");
        assert_eq!((cut("漢字漢字", 7), cut("漢字漢字", 6)), ("漢字漢…".into(), "漢字…".into()));
        assert_eq!(cut("ééé", 2), "é…");
    }

    #[test]
    fn a_pause_brings_out_what_is_there() {
        let mut table = Table::new(Vec::new(), None, headings());
        table.flush().unwrap();
        assert!(table.out.is_empty());
        table.push(rows(&["now|1|x"]).remove(0)).unwrap();
        table.flush().unwrap();
        assert_eq!(table.out, b"when  pkts  name\nnow      1  x\n");
        table.push(rows(&["tomorrow|2|y"]).remove(0)).unwrap();
        table.finish().unwrap();
        assert!(table.out.ends_with(b"\ntomorrow     2  y\n"));
    }
}
