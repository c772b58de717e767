use super::*;
use crate::declaration::Period;

fn flatten(report: &str, sections: &'static [&'static str]) -> Result<Vec<String>, Error> {
    let (below, names): (&[&str], &[&str]) = (&["children"], &["description"]);
    let layout = Layout { key: None, sections, below, names, period: Period::Range, variants: &[] };
    super::flatten(report, &layout, &[])
}

/// The JSON text under `key`, which is there once.
fn field<'r>(row: &'r str, key: &str) -> &'r str {
    let mut found = Vec::new();
    json::entries(row, |name, value| found.extend((name == key).then_some(value))).unwrap();
    let [value] = found[..] else { panic!("{key} is there {} times in {row}", found.len()) };
    value
}

#[test]
fn each_line_of_the_tree_becomes_a_row_with_its_place() {
    let report = r#"{"currency_code":"CAD","download_token":"secret","income":[{"description":"Sales","total":
        {"amount":"12.00","code":"CAD"},"children":[{"description":"Goods","children":[]}]}],
        "net_profit":{"description":"Net","children":null},"gross_margin":null}"#;
    let rows = flatten(report, &["income", "gross_margin", "net_profit"]).unwrap();
    let places: Vec<_> =
        rows.iter().map(|r| (field(r, "line"), field(r, "path"), field(r, "depth"))).collect();
    assert_eq!(
        places,
        [
            (r#""income.0""#, r#""Sales""#, "0"),
            (r#""income.0.0""#, r#""Sales / Goods""#, "1"),
            (r#""net_profit""#, r#""Net""#, "0"),
        ]
    );
    assert!(rows.iter().all(|r| !r.contains("secret") && field(r, "currency_code") == r#""CAD""#));
}

#[test]
fn numbers_keep_their_own_text() {
    let report = r#"{"rate":0.10,"income":[{"total":12345678901234567.89,"data":[1e2,-0]}]}"#;
    let [row] = &flatten(report, &["income"]).unwrap()[..] else { panic!() };
    assert_eq!(field(row, "total"), "12345678901234567.89");
    assert_eq!((field(row, "data"), field(row, "rate")), ("[1e2,-0]", "0.10"));
}

#[test]
fn an_amount_reaches_its_column_exactly_and_a_hidden_key_reaches_extra() {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Decimal128Type;

    let report = r#"{"currency_code":"CAD","start_date":"2026-01-01","end_date":"2026-12-31","cash_based":false,
        "income":[{"total":12345678901234567.89,"path":1.10},7.10]}"#;
    let rows = flatten(report, &["income"]).unwrap();
    let table = crate::find("report_profitloss_entity").unwrap();
    let mut decoder = crate::Decoder::new(table, crate::Context::default(), crate::RawText::Drop);
    decoder
        .rows(rows.iter().map(String::as_str), model::Timestamp::UNIX_EPOCH, &mut |_| crate::Verdict::Write);
    assert_eq!(decoder.rejected(), []);
    let (_, batch) = decoder.take().unwrap().remove(0);
    let totals = batch.column_by_name("total").unwrap().as_primitive::<Decimal128Type>();
    assert_eq!(totals.value(0), 12_345_678_901_234_567_890_000_000_000);
    let extra = batch.column_by_name("_extra").unwrap().as_string::<i32>();
    assert_eq!([extra.value(0), extra.value(1)], [r#"{"node.path":1.10}"#, r#"{"node":7.10}"#]);
}

#[test]
fn what_is_no_line_is_kept_as_one() {
    let report = r#"{"income":[7.10,{"children":{"a":1.50}},["x"]],"net_profit":"none"}"#;
    let rows = flatten(report, &["income", "net_profit"]).unwrap();
    let lines: Vec<_> = rows.iter().map(|row| field(row, "line")).collect();
    assert_eq!(lines, [r#""income.0""#, r#""income.1""#, r#""income.2""#, r#""net_profit""#]);
    assert_eq!(field(&rows[0], "node"), "7.10");
    assert_eq!(field(&rows[1], "children"), r#"{"a":1.50}"#);
    assert_eq!((field(&rows[2], "node"), field(&rows[3], "node")), (r#"["x"]"#, r#""none""#));
}

#[test]
fn a_total_is_a_line_with_an_amount() {
    let report = r#"{"total":{"code":"CAD","amount":"1.50"},"totals":[{"amount":"2","code":null}]}"#;
    let rows = flatten(report, &["total", "totals"]).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (field(row, "line"), field(row, "amount"))).collect();
    let (one, other) = (r#"{"code":"CAD","amount":"1.50"}"#, r#"{"amount":"2","code":null}"#);
    assert_eq!(told, [(r#""total""#, one), (r#""totals.0""#, other)]);
}

#[test]
fn what_was_asked_is_told_where_the_answer_does_not_say_it() {
    let layout = Layout {
        key: None,
        sections: &["accounts"],
        below: &["sub_accounts"],
        names: &[],
        period: Period::Range,
        variants: &[],
    };
    let report = r#"{"accounts":[{"currency_code":"EUR","sub_accounts":[{"balance":"1"}]}]}"#;
    let rows = super::flatten(report, &layout, &[("currency_code", "CAD".to_owned())]).unwrap();
    let told: Vec<_> = rows.iter().map(|row| field(row, "currency_code")).collect();
    assert_eq!(told, [r#""EUR""#, r#""CAD""#]);
}

#[test]
fn a_report_of_another_shape_is_kept_whole() {
    let rows = flatten(r#"{"currency_code":"CAD","data":[1.10],"download_token":"t"}"#, &["income"]).unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let told = ["line", "currency_code", "data"].map(|key| field(row, key));
    assert_eq!(told, [r#""report""#, r#""CAD""#, "[1.10]"]);
    assert!(flatten("{}", &["income"]).unwrap().is_empty());
}

#[test]
fn keys_of_freshbooks_are_never_overwritten() {
    let report = r#"{"line":"of the report","total":"all","income":
        [{"line":5.0,"depth":"deep","path":null,"section":[],"total":"one"}]}"#;
    let [row] = &flatten(report, &["income"]).unwrap()[..] else { panic!() };
    let told = ["line", "node.line", "report.line", "total", "report.total"].map(|key| field(row, key));
    assert_eq!(told, [r#""income.0""#, "5.0", r#""of the report""#, r#""one""#, r#""all""#]);
    let told = ["node.depth", "node.path", "node.section"].map(|key| field(row, key));
    assert_eq!(told, [r#""deep""#, "null", "[]"]);
}

#[test]
fn what_is_there_twice_or_too_deep_is_no_report() {
    let fails = |report: &str| flatten(report, &["income"]).unwrap_err().to_string();
    assert_eq!(fails(r#"{"income":[{}],"income":[]}"#), "the report has income twice");
    let children = r#"{"income":[{"children":[{}],"children":[]}]}"#;
    assert_eq!(fails(children), "the line income.0 has children twice");
    let deep = format!(
        r#"{{"income":{}{}}}"#,
        r#"[{"children":"#.repeat(10_000),
        "[]".to_owned() + &"}]".repeat(10_000)
    );
    assert_eq!(fails(&deep), "the report has more than 64 levels");
}

#[test]
fn lines_below_repeat_the_names_above_and_never_an_amount() {
    let layout = Layout {
        key: None,
        sections: &["items"],
        below: &["invoices", "taxes"],
        names: &["name", "invoice_number"],
        period: Period::Range,
        variants: &[],
    };
    let report = r#"{"end_date":null,"items":[{"name":"Advice","total":"9.00",
        "invoices":[{"invoice_number":"A-1"}],"taxes":[{"name":"HST"},null]}]}"#;
    let asked = [("start_date", "2026-01-01".to_owned()), ("end_date", "2026-01-31".to_owned())];
    let rows = super::flatten(report, &layout, &asked).unwrap();
    let told: Vec<_> =
        rows.iter().map(|row| ["line", "name", "path", "end_date"].map(|key| field(row, key))).collect();
    let day = r#""2026-01-31""#;
    assert_eq!(
        told,
        [
            [r#""items.0""#, r#""Advice""#, r#""Advice""#, day],
            [r#""items.0.invoices.0""#, r#""Advice""#, r#""Advice / A-1""#, day],
            [r#""items.0.taxes.0""#, r#""HST""#, r#""Advice / HST""#, day],
        ]
    );
    assert!(!rows[1].contains("9.00"));
}
