-- receivables_aging: what each client owes today, by how long it has been due. One row per account, client, currency.
-- For another day: queries/receivables_aging_as_of.sql, which differs in the day alone.
--
-- Assumptions
-- * Those of receivable_movements. Today is the day in UTC. What is dated later does not count yet.
-- * An invoice is 0 days past due on its due date, and so not overdue before the day after.
-- * An invoice that was paid too much is owed nothing. The excess is credit_balance and lowers nothing else, because
--   FreshBooks makes a credit of it, which may have paid another invoice already.
-- What the data cannot tell about a past day: which invoices were still drafts then, what has been edited or deleted
-- since, and when it was entered. invoices_history and payments_history know, from the first run on.
WITH chosen AS (
    SELECT current_date AS day
),
balances AS (
    SELECT
        chosen.day AS as_of,
        movement.account_id,
        movement.client_id,
        movement.currency,
        movement.invoice_id,
        date_diff('day', movement.due_date, chosen.day) AS days_past_due,
        sum(movement.amount) AS balance
    FROM receivable_movements AS movement
    JOIN chosen ON movement.day <= chosen.day
    GROUP BY
        chosen.day, movement.account_id, movement.client_id, movement.currency, movement.invoice_id, movement.due_date
)
SELECT
    balances.as_of,
    balances.account_id,
    balances.client_id,
    coalesce(nullif(clients.organization, ''), nullif(concat_ws(' ', clients.fname, clients.lname), '')) AS client,
    balances.currency,
    count(CASE WHEN balance > 0 THEN 1 END) AS invoices,
    sum(CASE WHEN balance > 0 AND days_past_due <= 0 THEN balance ELSE 0 END) AS not_due,
    sum(CASE WHEN balance > 0 AND days_past_due BETWEEN 1 AND 30 THEN balance ELSE 0 END) AS days_1_to_30,
    sum(CASE WHEN balance > 0 AND days_past_due BETWEEN 31 AND 60 THEN balance ELSE 0 END) AS days_31_to_60,
    sum(CASE WHEN balance > 0 AND days_past_due BETWEEN 61 AND 90 THEN balance ELSE 0 END) AS days_61_to_90,
    sum(CASE WHEN balance > 0 AND days_past_due > 90 THEN balance ELSE 0 END) AS days_over_90,
    sum(CASE WHEN balance > 0 THEN balance ELSE 0 END) AS outstanding,
    sum(CASE WHEN balance < 0 THEN -balance ELSE 0 END) AS credit_balance
FROM balances
LEFT JOIN clients ON clients._account_id = balances.account_id AND clients.id = balances.client_id
WHERE balance <> 0
GROUP BY
    balances.as_of, balances.account_id, balances.client_id, balances.currency,
    clients.organization, clients.fname, clients.lname
