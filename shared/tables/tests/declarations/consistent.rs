use std::collections::BTreeSet;

use tables::{
    Confidence, CursorRule, DeleteRule, Form, Kind, Layout, Owner, Period, RawText, Rows, Table, arrow_schema,
};

use super::{Shown, pointers};

#[test]
fn every_declaration_is_consistent() {
    let names: Vec<_> = Shown::all().map(Shown::name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two tables share a name");
    for table in tables::ALL {
        key(table);
        rules(table);
        path(table);
        announced(table);
        sources(table);
        children(table);
        if let Rows::Report(layout) = table.rows {
            report(table, &layout);
        }
    }
    for shown in Shown::all() {
        columns(shown);
    }
}

#[test]
fn the_groups_have_every_table_once_and_in_order() {
    let grouped: Vec<_> =
        tables::GROUPS.iter().flat_map(|group| group.tables).map(|table| table.name).collect();
    assert_eq!(grouped, tables::ALL.iter().map(|table| table.name).collect::<Vec<_>>());
}

#[test]
fn what_is_not_reachable_is_no_table() {
    for unreachable in tables::UNREACHABLE {
        assert!(Shown::find(unreachable.name).is_none(), "{} is a table", unreachable.name);
        assert!(unreachable.missing.len() > 10, "{}", unreachable.name);
    }
}

/// Keys are there in every row, and of a kind that can be written as text.
fn key(table: &'static Table) {
    let schema = arrow_schema(table.name, RawText::Drop).unwrap();
    assert!(!table.key.is_empty(), "{}", table.name);
    for key in table.key {
        let column = table.column(key).unwrap_or_else(|| panic!("{}: key {key} is no column", table.name));
        assert!(!schema.field_with_name(key).unwrap().is_nullable(), "{}.{key}", table.name);
        assert!(!column.unseen, "{}.{key}: a key has to be there", table.name);
        let fits = matches!(column.kind, Kind::Int | Kind::Text | Kind::Date | Kind::Bool);
        assert!(fits, "{}.{key}: {:?} is no key", table.name, column.kind);
    }
}

/// The columns that the rules speak of are there.
fn rules(table: &'static Table) {
    let kind = |name| table.column(name).map(|column| column.kind);
    match table.deleted {
        DeleteRule::VisState => assert_eq!(kind("vis_state"), Some(Kind::Int), "{}", table.name),
        DeleteRule::Inactive(name) => assert_eq!(kind(name), Some(Kind::Bool), "{}", table.name),
        DeleteRule::Vanishes => {
            assert!(
                matches!(table.cursor, CursorRule::Whole | CursorRule::Months),
                "{}: only complete lists show it",
                table.name
            );
        }
        DeleteRule::Never => {
            assert!(matches!(table.rows, Rows::Object(_)), "{}: a list loses rows", table.name);
        }
    }
    if let CursorRule::UpdatedDay { updated, .. } = table.cursor {
        assert!(matches!(kind(updated), Some(Kind::Instant(_))), "{}", table.name);
    }
    let reads = table.scope.strip_prefix("user:").and_then(|scope| scope.strip_suffix(":read"));
    assert!(reads.is_some_and(|object| !object.is_empty()), "{}: {} is no scope", table.name, table.scope);
    if table.confidence == Confidence::Low {
        let place = ["section", "line", "depth", "path"];
        let seen = table
            .columns
            .iter()
            .filter(|c| !c.unseen && !table.key.contains(&c.name) && !place.contains(&c.name));
        assert_eq!(
            seen.map(|column| column.name).collect::<Vec<_>>(),
            [""; 0],
            "{}: nobody saw them",
            table.name
        );
    }
}

/// What announces a child is a number.
fn announced(table: &'static Table) {
    for column in table.children.iter().filter_map(|child| child.announced_by) {
        let kind = table.column(column).map(|column| column.kind);
        assert!(
            matches!(kind, Some(Kind::Int | Kind::Money(_) | Kind::Decimal(_))),
            "{}.{column}: {kind:?} announces nothing",
            table.name
        );
    }
}

/// A path has the ids of whom the rows belong to, and of the row that it is about.
fn path(table: &'static Table) {
    let holes: Vec<_> = table.path.split('/').filter(|step| step.starts_with('{')).collect();
    let mut filled: Vec<&str> = match table.family.owner() {
        Owner::Person => vec![],
        Owner::Account => vec!["{account_id}"],
        Owner::Business if table.path.contains("{business_uuid}") => vec!["{business_uuid}"],
        Owner::Business if table.path.starts_with("/accounting/ledger_accounts/") => vec![],
        Owner::Business => vec!["{business_id}"],
    };
    if let Some(each) = table.each {
        let parent = tables::find(each.parent).unwrap();
        assert_eq!(
            (parent.name, parent.family.owner()),
            (each.parent, table.family.owner()),
            "{}",
            table.name
        );
        assert_eq!(parent.key, ["id"], "{}", table.name);
        assert_eq!(table.column(table.key[0]).unwrap().kind, Kind::Int, "{}", table.name);
        assert_eq!(table.deleted, DeleteRule::Vanishes, "{}: its rows go with others", table.name);
        assert!(!matches!(table.rows, Rows::List { .. }), "{}: one answer has all", table.name);
        filled.push(each.placeholder);
    }
    if table.name == "systems" {
        // From the older roles of the person.
        filled.push("{system_id}");
    }
    assert_eq!(holes, filled, "{}: {}", table.name, table.path);
    assert!(table.path.starts_with('/') && !table.path.contains('?'), "{}", table.path);
}

/// Each key of FreshBooks' goes to one place.
fn sources(table: &'static Table) {
    let inside =
        |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    let plain: Vec<&str> =
        table.columns.iter().map(|c| c.source).chain(table.secrets.iter().copied()).collect();
    for (at, source) in plain.iter().enumerate() {
        let taken = |other: &&str| other == source || inside(source, other);
        assert!(!plain.iter().skip(at + 1).any(taken), "{}: {source} goes to two places", table.name);
        assert!(!plain.iter().take(at).any(|other| inside(source, other)), "{}: {source}", table.name);
        let child =
            table.children.iter().any(|child| child.source == *source || inside(source, child.source));
        assert!(!child, "{}: {source} is a table of its own", table.name);
    }
    for column in table.columns {
        assert!(column.alias.is_none_or(|alias| alias != column.source), "{}.{}", table.name, column.name);
    }
}

fn children(table: &'static Table) {
    for (at, child) in table.children.iter().enumerate() {
        let [key] = table.key else { panic!("{}: children are keyed by one column", table.name) };
        assert_eq!(
            table.column(key).unwrap().kind,
            Kind::Int,
            "{}: children are keyed by a number",
            table.name
        );
        assert!(
            child.own_key.is_none_or(|key| child.columns.iter().any(|c| c.name == key)),
            "{}",
            child.name
        );
        assert!(child.columns.iter().all(|c| c.name != child.parent_key), "{}", child.name);
        let own = |secret: &str| secret.strip_prefix(child.source).is_some_and(|rest| rest.starts_with('.'));
        let masked = child.form == Form::Object || !table.secrets.iter().any(|secret| own(secret));
        assert!(masked, "{}: secrets inside a list would stay in the parent's text", child.name);
        let inside = |outer: &str| child.source.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        for (place, other) in table.children.iter().enumerate() {
            assert!(place == at || other.source != child.source, "{}: two children are the same", child.name);
            if inside(other.source) {
                assert!(place < at, "{}: what it is inside of comes first", child.name);
                assert_eq!(other.form, Form::Object, "{}: lists in lists have no key", child.name);
            }
        }
    }
}

/// What a report is asked for tells one of its lines from those of other answers.
fn report(table: &'static Table, layout: &Layout) {
    assert_eq!(table.key.last(), Some(&"line"), "{}", table.name);
    for (name, kind) in
        [("section", Kind::Text), ("line", Kind::Text), ("depth", Kind::Int), ("path", Kind::Text)]
    {
        assert_eq!(table.column(name).map(|column| column.kind), Some(kind), "{}.{name}", table.name);
    }
    let sources: Vec<&str> = table.columns.iter().map(|column| column.source).collect();
    let known = |key: &&&str| sources.contains(key);
    assert!(layout.names.iter().all(|name| known(&name)), "{}: {:?}", table.name, layout.names);
    assert!(!layout.below.iter().any(|key| known(&key)), "{}: {:?}", table.name, layout.below);
    assert!(!layout.sections.is_empty(), "{}", table.name);
    if table.cursor != CursorRule::Months {
        assert_eq!(table.name, "payment_gateway_connections", "the one list that is laid out as a report");
        return;
    }
    let mut told = match layout.period {
        Period::Range => vec!["start_date", "end_date"],
        Period::Day(parameter) => vec![parameter],
    };
    if table.key.contains(&"currency_code") {
        told.push("currency_code");
    }
    if let Some(variant) = layout.variants.first() {
        told.extend(variant.iter().map(|(key, _)| *key));
    }
    told.push("line");
    let keys: Vec<&str> = table.key.iter().map(|key| table.column(key).unwrap().source).collect();
    assert_eq!(keys, told, "{}: the key is what it was asked for and the line", table.name);
    for variant in layout.variants {
        let same = variant.iter().map(|(key, _)| key).eq(layout.variants[0].iter().map(|(key, _)| key));
        assert!(same, "{}: the variants differ in what they ask", table.name);
    }
    assert_eq!(table.deleted, DeleteRule::Vanishes, "{}", table.name);
    assert!(table.secrets.contains(&"download_token"), "{}", table.name);
}

fn columns(shown: Shown) {
    let name = shown.name();
    let schema = arrow_schema(name, RawText::Keep).unwrap();
    let fields: BTreeSet<_> = schema.fields().iter().map(|field| field.name()).collect();
    assert_eq!(fields.len(), schema.fields().len(), "{name}: two columns share a name");
    // A column that the path of a file tells would be there twice.
    let partition = match shown.table.family.owner() {
        Owner::Person => "identity",
        Owner::Account => "account_id",
        Owner::Business => "business_id",
    };
    assert!(!shown.has(partition) && !shown.has("dt"), "{name}: {partition} is the partition");
    let docs = shown.columns().iter().map(|column| (column.name, column.doc));
    for (column, doc) in docs.chain([("", shown.child.map_or(shown.table.doc, |child| child.doc))]) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(column.chars().all(fits) && !column.starts_with('_'), "{name}.{column}: engines fold case");
        let long = doc.is_empty() || doc.len() > 255 || doc.contains('\n') || doc.contains('|');
        assert!(!long, "{name}.{column}: {doc:?} is no comment");
        for (target, pointed) in pointers(doc) {
            assert!(target.has(pointed), "{name}.{column} points at {}.{pointed}", target.name());
        }
    }
}
