//! The targets without the fuzzer: every seed, every seed damaged a little, and the worst by hand.

use std::fs;
use std::path::Path;

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_target_takes_its_seeds_whole_cut_and_damaged() {
    for (name, target) in fuzz::TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (_, seed) in &seeds {
            target(seed);
            for part in 0..24 {
                let at = seed.len() * part / 24;
                target(&seed[..at]);
                let mut damaged = seed.clone();
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= 1 << (part % 8);
                }
                target(&damaged);
            }
        }
        target(b"");
    }
}

/// Where an amount, a row or a whole answer may be, there is also this.
fn hostile() -> Vec<String> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    vec![
        deep("[", "]"),
        deep("{\"a\":", "}").replacen('}', "1}", 1),
        "[".repeat(10_000),
        "9".repeat(4_000_000),
        format!("0.{}", "1".repeat(1_000_000)),
        "1e999999999".to_owned(),
        "-1e-999999999".to_owned(),
        r#""\ud800""#.to_owned(),
        r#""\udc00\ud800""#.to_owned(),
        r#"{"id":1,"id":2,"amount":{"amount":"1","amount":"2"}}"#.to_owned(),
        r#"{"\ud800":1}"#.to_owned(),
        r#"{"../../etc/passwd":1,"__proto__":{}}"#.to_owned(),
        format!("\"{}\"", "x".repeat(4_000_000)),
        "\u{feff}{}".to_owned(),
        "null".to_owned(),
    ]
}

#[test]
fn hostile_values_are_taken_or_refused_wherever_they_stand() {
    for (at, table) in (0_u8..).zip(tables::ALL) {
        let first = |text: String| [&[at][..], text.as_bytes()].concat();
        let tables::Rows::List { list, .. } = table.rows else { continue };
        for value in hostile() {
            let row =
                format!(r#"{{"id":7,"amount":{value},"lines":[{value}],"updated":{value},"new":{value}}}"#);
            let bodies = [
                value.clone(),
                format!(r#"{{"response":{{"result":{{"{list}":[{row}],"total":{value}}}}}}}"#),
                format!(r#"{{"{list}":[{row}],"meta":{{"pages":{value}}}}}"#),
                format!(r#"{{"response":{{"errors":{value}}}}}"#),
            ];
            for body in bodies {
                target("page")(&first(body.clone()));
                if at == 1 {
                    target("error_body")(body.as_bytes());
                    target("identity")(body.as_bytes());
                    target("commit")(body.as_bytes());
                    target("grant")(body.as_bytes());
                    target("event")(body.as_bytes());
                }
            }
            target("rows")(&first(row));
        }
    }
}

fn target(name: &str) -> fn(&[u8]) {
    fuzz::TARGETS.iter().find(|(other, _)| *other == name).unwrap().1
}
