//! JSON in another layout: the same keys, texts and digits of numbers, with other whitespace between them.

/// On one line.
pub(crate) fn compact(json: &str) -> String {
    laid_out(json, None)
}

/// A line a value, indented.
pub(crate) fn indented(json: &str) -> String {
    laid_out(json, Some(2))
}

fn laid_out(json: &str, indent: Option<usize>) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let line = |text: &mut String, depth: usize| {
        if let Some(indent) = indent {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    for character in json.chars() {
        if quoted {
            text.push(character);
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\t' | '\n' | '\r' => continue,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !text.ends_with(['{', '[']) {
                    line(&mut text, depth);
                }
            }
            _ if text.ends_with(['{', '[']) => line(&mut text, depth),
            _ => {}
        }
        text.push(character);
        match character {
            '"' => quoted = true,
            '{' | '[' => depth += 1,
            ',' if indent.is_some() => line(&mut text, depth),
            ':' | ',' => text.push(' '),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{ \"a\":[1.50,\n{}, [ ],\"x, \\\" {y: é\"], \"b\" : null }";

    #[test]
    fn a_line_has_all_and_no_more() {
        assert_eq!(compact(JSON), "{\"a\": [1.50, {}, [], \"x, \\\" {y: é\"], \"b\": null}");
        assert_eq!(compact(" \"\\\\\" "), "\"\\\\\"");
    }

    #[test]
    fn lines_are_indented() {
        let lines = [
            "{",
            "  \"a\": [",
            "    1.50,",
            "    {},",
            "    [],",
            "    \"x, \\\" {y: é\"",
            "  ],",
            "  \"b\": null",
            "}",
        ];
        assert_eq!(indented(JSON), lines.join("\n"));
    }
}
