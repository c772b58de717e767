//! The words and signs of a condition.

use super::Operator;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Number(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
}

impl Token {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Number(word) => word.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Operator(_) => "a comparison".to_owned(),
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::Comma => "a comma".to_owned(),
        }
    }
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' | ')' | ',' => {
                tokens.push(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
                1
            }
            '\'' => {
                let (value, length) = quoted(rest).ok_or("a text is not closed by '")?;
                tokens.push(Token::Text(value));
                length
            }
            '=' | '!' | '<' | '>' => {
                let known = [
                    ("!=", Operator::Unequal),
                    ("<>", Operator::Unequal),
                    ("<=", Operator::AtMost),
                    (">=", Operator::AtLeast),
                    ("=", Operator::Equal),
                    ("<", Operator::Less),
                    (">", Operator::Greater),
                ];
                let found = known.iter().find(|(word, _)| rest.starts_with(word));
                let (word, operator) = found.ok_or("! is no comparison: write !=")?;
                tokens.push(Token::Operator(*operator));
                word.len()
            }
            'a'..='z' | 'A'..='Z' | '_' | '0'..='9' | '-' | '+' | '.' => {
                let part = |c: char| c.is_ascii_alphanumeric() || ['_', '.', '-', '+'].contains(&c);
                let word = rest.split(|c| !part(c)).next().unwrap_or_default();
                let number = first.is_ascii_digit() || ['-', '+', '.'].contains(&first);
                let word_ = word.to_owned();
                tokens.push(if number { Token::Number(word_) } else { Token::Word(word_) });
                word.len()
            }
            other => return Err(format!("{other} means nothing here; texts are written 'so'")),
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// The text between quotes, where two stand for one, and the length of it all.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            value.push(c);
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            value.push('\'');
        } else {
            return Some((value, at + 1));
        }
    }
    None
}
