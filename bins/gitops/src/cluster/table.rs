//! Tables as Flux prints them: upper-case titles, columns as wide as their widest cell, a tab between columns.

use std::fmt::Write;

/// Prints rows below a header; no header where it is empty.
///
/// Every cell is padded to its column's width (in characters) and followed by a tab, the last title by a space; a cell of
/// several lines goes on in the next lines of its row.
pub(crate) fn print(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(header.len());
    let mut widths = vec![0; columns];
    for (width, title) in widths.iter_mut().zip(header) {
        *width = title.chars().count();
    }
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.lines().map(|line| line.chars().count()).max().unwrap_or(0));
        }
    }
    let mut text = String::new();
    if !header.is_empty() {
        let titles: Vec<String> = header.iter().map(|title| title.to_uppercase()).collect();
        line(&mut text, &widths, titles.iter().map(String::as_str));
        text.truncate(text.len() - 2);
        text.push_str(" \n");
    }
    for row in rows {
        let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
        for index in 0..height {
            line(&mut text, &widths, row.iter().map(|cell| cell.lines().nth(index).unwrap_or_default()));
        }
    }
    text
}

fn line<'a>(text: &mut String, widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    for (width, cell) in widths.iter().zip(cells) {
        // Writing to a string does not fail.
        let _ = write!(text, "{cell:<width$}\t");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            vec![vec!["a".to_owned(), "long message".to_owned()], vec!["longer".to_owned(), "é".to_owned()]];
        assert_eq!(
            print(&["Name", "Message"], &rows),
            "NAME  \tMESSAGE      \na     \tlong message\t\nlonger\té           \t\n"
        );
        assert_eq!(print(&[], &[vec!["x".to_owned()]]), "x\t\n");
    }
}
