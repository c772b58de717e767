//! Expense details, in groups.
//!
//! [?] No source shows a body. Known is that `data[]` holds groups with `expenses[]`; the rest is as in the other
//! reports.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, TOKEN, report};
use crate::answer::Answer;
use crate::papers::{self, Paper};
use crate::refusal::Refusal;
use crate::resources::{Kind, expense_categories};
use crate::views::Call;
use crate::words::CATEGORIES;

pub(super) fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::read(call)?;
    let group_by = call.query.value("group_by").unwrap_or("category");
    if !matches!(group_by, "category" | "vendor" | "client") {
        return Err(Refusal::filter(1009, "group_by", group_by));
    }
    let group_of = |paper: &Paper| match group_by {
        "vendor" => paper.person[2].clone(),
        "client" if paper.party == 0 => String::new(),
        "client" => papers::client(call.business, paper.party)[2].clone(),
        _ => category(paper).to_owned(),
    };
    let mut groups: BTreeMap<String, (i128, i128, Vec<Value>)> = BTreeMap::new();
    for expense in papers::of(call.business, Kind::Expenses) {
        if !asked.holds(expense.date) || expense.code != asked.code {
            continue;
        }
        let group = groups.entry(group_of(&expense)).or_default();
        group.0 += expense.amount;
        group.1 += expense.tax();
        let id = expense
            .category
            .map(|place| Kind::ExpenseCategories.id(expense_categories::FIRST + place as u64));
        group.2.push(json!({
            "amount": asked.money(expense.amount), "category": category(&expense), "categoryid": id,
            "clientid": expense.party, "date": expense.date.to_string(), "expenseid": expense.id,
            "notes": expense.text, "tax": asked.money(expense.tax()), "vendor": expense.person[2],
        }));
    }
    let sums = groups.values().fold((0, 0), |sums, (amount, tax, _)| (sums.0 + amount, sums.1 + tax));
    let data: Vec<Value> = groups
        .into_iter()
        .map(|(name, (amount, tax, expenses))| {
            let first = expenses.first().cloned().unwrap_or_default();
            let mut group = json!({
                "description": name, "expenses": expenses, "total": asked.money(amount),
                "total_tax": asked.money(tax),
            });
            if group_by == "category" {
                group["category"] = first["category"].clone();
                group["categoryid"] = first["categoryid"].clone();
            }
            group
        })
        .collect();
    let body = json!({
        "company_name": call.business.book.name, "currency_code": asked.code, "data": data,
        "download_token": TOKEN, "end_date": asked.end.to_string(), "group_by": group_by,
        "start_date": asked.start.to_string(), "total": asked.money(sums.0), "total_tax": asked.money(sums.1),
    });
    Ok(report("expense_details", &body))
}

fn category(paper: &Paper) -> &'static str {
    paper.category.and_then(|place| CATEGORIES.get(place)).map_or("", |(_, name)| *name)
}
