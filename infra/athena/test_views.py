"""The views are SQL that Athena and DuckDB read alike; over the demo's books they add up."""

import re
import subprocess
import sys
from decimal import Decimal

import pytest
import sqlglot
from sqlglot import exp

from books import CREATE_VIEWS, GENERATE, HERE, declared, demo_lake, empty_lake, every_table, rows

TEXTS = CREATE_VIEWS.texts() | CREATE_VIEWS.prepared()
PARAMETERS = {"receivables_aging_as_of": ["2026-06-30"]}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return demo_lake(tmp_path_factory.mktemp("athena") / "demo")


def sources(text):
    """The tables and views that a text reads, with the schema where one is named."""
    tree = sqlglot.parse_one(text, read="athena")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return {(table.db, table.name) for table in tree.find_all(exp.Table) if table.db or table.name not in own}


def test_what_is_generated_is_what_the_declarations_say():
    assert {name: text for name, text in GENERATE.views(declared())} == {
        file.stem: file.read_text() for file in (HERE / "tables").glob("*.sql")}


@pytest.mark.parametrize("name", TEXTS)
def test_a_view_is_one_query_that_both_dialects_read(name, demo):
    answers = []
    for dialect in ("athena", "trino"):
        [tree] = sqlglot.parse(TEXTS[name], read=dialect)
        assert isinstance(tree, exp.Query)
        answers.append(demo.execute(tree.sql(dialect="duckdb"), PARAMETERS.get(name)).fetchall())
    as_it_is = demo.execute(TEXTS[name], PARAMETERS.get(name)).fetchall()
    assert sorted(map(repr, answers[0])) == sorted(map(repr, answers[1])) == sorted(map(repr, as_it_is))


@pytest.mark.parametrize("name", TEXTS)
def test_a_view_says_what_it_is_and_fits_the_page(name):
    assert TEXTS[name].startswith(f"-- {name}: ")
    # Not even in a comment: programs that cut a script into statements may not know what a comment is.
    assert ";" not in TEXTS[name]
    assert max(map(len, TEXTS[name].splitlines())) <= 120


@pytest.mark.parametrize("name", TEXTS)
def test_no_view_has_a_float_a_star_or_an_instant_with_a_zone(name, demo):
    """A float would round money; a star goes stale in Athena; Athena makes no view of an instant with a zone."""
    code = CREATE_VIEWS.code(TEXTS[name])
    assert not re.search(r"\b(DOUBLE|FLOAT|REAL)\b", code, re.IGNORECASE)
    assert not any(isinstance(column, exp.Star) for column in sqlglot.parse_one(code, read="athena").selects)
    if name in PARAMETERS:
        code = code.replace("?", "'2026-06-30'")
    types = {str(row[1]) for row in demo.execute(f"DESCRIBE {code}").fetchall()}
    plain = {"BIGINT", "INTEGER", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"}
    assert all(kind in plain or kind.startswith("DECIMAL(") for kind in types), types


@pytest.mark.parametrize("name", CREATE_VIEWS.texts())
def test_a_statement_names_the_database_of_everything_it_reads(name):
    known = CREATE_VIEWS.tables() | set(CREATE_VIEWS.texts())
    read = sources(TEXTS[name])
    assert read <= {("", each) for each in known} | {("raw", each) for each in CREATE_VIEWS.tables()}
    text = CREATE_VIEWS.qualified(TEXTS[name], "books", "books_raw", known)
    assert sources(text) == {("books_raw" if schema else "books", each) for schema, each in read}
    in_one = CREATE_VIEWS.qualified(TEXTS[name], "books", None, known)
    assert sources(in_one) == {("books", f"raw_{each}" if schema else each) for schema, each in read}


def test_every_table_has_its_two_views_and_their_columns(demo):
    for table, _ in every_table():
        columns = [column["name"] for column in table["columns"]]
        assert columns.pop() == "_raw"
        for name, expected in [("active", columns), ("history", [*columns, "valid_from", "valid_to", "_raw"])]:
            described = demo.execute(f"DESCRIBE {table['name']}_{name}").fetchall()
            assert [row[0] for row in described] == expected


def test_the_views_of_today_and_of_a_day_differ_in_the_day_alone(demo):
    today, then = (CREATE_VIEWS.code(TEXTS[name]).splitlines() for name in ("receivables_aging", *PARAMETERS))
    assert [pair for pair in zip(today, then, strict=True) if pair[0] != pair[1]] == [
        ("    SELECT current_date AS day", "    SELECT CAST(? AS DATE) AS day")]
    [[day]] = demo.execute("SELECT CAST(current_date AS VARCHAR)").fetchall()
    prepared = rows(demo, TEXTS["receivables_aging_as_of"], [day])
    assert prepared and sorted(map(repr, prepared)) == sorted(map(repr, rows(demo, "FROM receivables_aging")))


def test_views_are_made_after_what_they_are_made_of():
    command = [sys.executable, HERE / "create_views", "--database", "main", "--raw-database", "raw"]
    asked = subprocess.run([*command, "days_sales_outstanding"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"VIEW \"main\".\"(\w+)\"", asked) == ["receivable_movements", "days_sales_outstanding"]
    # The whole output is a script; the test of the demo runs it statement by statement.
    everything = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    empty_lake().execute(everything)
    wrong = subprocess.run([*command, "invoices_activ"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "no such view: invoices_activ" in wrong.stderr


def test_athena_is_asked_for_one_view_after_the_other(tmp_path):
    """With a stand-in for the AWS CLI: it takes every statement but one."""
    aws = tmp_path / "aws"
    aws.write_text(f"""#!/bin/sh
case "$*" in
*start-query-execution*) for last; do :; done
    n=$(ls {tmp_path}/*.sql 2>/dev/null | wc -l)
    while [ $# -gt 1 ]; do [ "$1" = --query-string ] && printf %s "$2" >{tmp_path}/$n.sql; shift; done
    echo "query-$n" ;;
*query-1*) printf 'FAILED\\tno such table\\n' ;;
*) printf 'SUCCEEDED\\tNone\\n' ;;
esac
""")
    aws.chmod(0o755)
    done = subprocess.run([sys.executable, HERE / "create_views", "--database", "books", "--run", "primary",
                           "receivables_aging", "unbilled_time"],
                          capture_output=True, text=True, check=False, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (1, "receivables_aging: FAILED\tno such table\n")
    asked = [(tmp_path / f"{n}.sql").read_text().splitlines()[0] for n in range(3)]
    assert asked == [f'CREATE OR REPLACE VIEW "books"."{name}" AS'
                     for name in ("receivable_movements", "receivables_aging", "unbilled_time")]


def test_a_query_is_prepared_for_athena():
    [(name, statement)] = CREATE_VIEWS.preparations("books", None)
    assert statement.startswith("PREPARE receivables_aging_as_of FROM\n") and statement.count("?") == 1
    body = statement.split("\n", 1)[1]
    assert sources(body) == {("books", "receivable_movements"), ("books", "clients")}


def test_in_the_demo_the_living_rows_and_the_present_versions_are_the_lake_s(demo):
    deleted = 0
    for table, _ in every_table():
        name = table["name"]
        columns = ", ".join(f'"{column["name"]}"' for column in table["columns"][:-1]
                            if not column["type"].startswith("TIMESTAMP"))
        for view, where in [(f"{name}_active", "NOT _is_deleted"), (f"{name}_history WHERE valid_to IS NULL", "TRUE")]:
            seen = demo.execute(f"SELECT {columns} FROM {view}").fetchall()
            there = demo.execute(f"SELECT {columns} FROM {name} WHERE {where}").fetchall()
            assert (there or name == "bill_attachments") and sorted(map(repr, seen)) == sorted(map(repr, there)), view
        deleted += demo.execute(f"SELECT count(*) FROM {name} WHERE _is_deleted").fetchone()[0]
    assert deleted > 20


def by_currency(db, query):
    return {row["currency"]: row["total"] for row in rows(db, query)}


def test_in_the_demo_receivables_are_what_freshbooks_says_is_outstanding(demo):
    told = by_currency(demo, """
        SELECT amount_code AS currency, sum(outstanding) AS total FROM invoices
        WHERE NOT _is_deleted AND v3_status <> 'draft' GROUP BY ALL HAVING sum(outstanding) > 0""")
    summed = by_currency(demo, "SELECT currency, sum(outstanding) AS total FROM receivables_aging GROUP BY ALL")
    assert len(told) > 3 and summed == told
    assert rows(demo, "FROM receivables_differences") == []
    buckets = "not_due + days_1_to_30 + days_31_to_60 + days_61_to_90 + days_over_90"
    assert rows(demo, f"FROM receivables_aging WHERE {buckets} <> outstanding") == []


def test_in_the_demo_revenue_is_what_was_invoiced_and_paid(demo):
    for column, source, where in [
            ("invoiced", "invoices", "NOT _is_deleted AND v3_status <> 'draft'"), ("paid", "payments", "NOT _is_deleted")]:
        there = by_currency(demo, f"SELECT amount_code AS currency, sum(amount) AS total FROM {source} "
                                  f"WHERE {where} GROUP BY ALL")
        assert len(there) > 3
        assert there == by_currency(
            demo, f"SELECT currency, sum({column}) AS total FROM revenue_by_client GROUP BY ALL")
    # No tax is negative, all lines are there, and some invoice is taxed.
    assert rows(demo, "FROM revenue_by_client WHERE coalesce(invoiced_before_tax > invoiced, TRUE)") == []
    assert rows(demo, "FROM revenue_by_client WHERE invoiced_before_tax < invoiced")


def test_in_the_demo_unbilled_hours_are_those_of_the_entries(demo):
    [there] = rows(demo, """
        SELECT CAST(sum(duration) AS BIGINT) AS seconds, count(*) AS entries FROM time_entries
        WHERE billable AND NOT billed AND NOT internal AND is_logged AND active""")
    [seen] = rows(demo, """
        SELECT CAST(sum(seconds) AS BIGINT) AS seconds, CAST(sum(entries) AS BIGINT) AS entries FROM unbilled_time""")
    assert seen == there and seen["entries"] > 100
    for row in rows(demo, "FROM unbilled_time"):
        assert row["hours"] == (Decimal(row["seconds"]) / 3600).quantize(Decimal("0.0001"))
        assert row["value"] is None or abs(row["value"] - row["hours"] * row["rate"]) <= Decimal("0.005")


def test_in_the_demo_the_last_month_s_receivable_is_that_of_its_last_day(demo):
    [[month, last]] = demo.execute("""
        SELECT max(month), CAST(max(month) + INTERVAL 1 MONTH - INTERVAL 1 DAY AS VARCHAR)
        FROM days_sales_outstanding""").fetchall()
    then = {}
    for row in rows(demo, TEXTS["receivables_aging_as_of"], [last[:10]]):
        key = row["account_id"], row["currency"]
        then[key] = then.get(key, 0) + row["outstanding"]
    seen = {(row["account_id"], row["currency"]): row["receivable"]
            for row in rows(demo, "FROM days_sales_outstanding WHERE month = ?", [month])}
    assert len(seen) > 3 and {key: total for key, total in seen.items() if total} == then
