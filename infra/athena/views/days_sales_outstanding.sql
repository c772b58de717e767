-- days_sales_outstanding: how many days of a month's sales were unpaid at its end. One row per account, currency and
-- month, from the first invoice to the last month that has ended (in UTC).
--
-- Assumptions
-- * Those of receivable_movements. receivable is the sum of all balances above zero at the end of the month's last day,
--   invoiced is the total of the invoices dated in the month. Both are with taxes.
-- * dso_days = receivable / invoiced * days of the month, null for a month without invoices. A month is a short time:
--   for a quarter, take the receivable of its last month, and add up invoiced and days.
-- * What a past day cannot tell of itself: see receivables_aging.
WITH spans AS (
    SELECT account_id, currency, CAST(date_trunc('month', min(day)) AS DATE) AS first_month
    FROM receivable_movements
    GROUP BY account_id, currency
),
digits AS (
    SELECT digit FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS ten (digit)
),
numbers AS (
    SELECT 100 * c.digit + 10 * x.digit + i.digit AS number
    FROM digits AS c
    CROSS JOIN digits AS x
    CROSS JOIN digits AS i
),
months AS (
    SELECT
        spans.account_id,
        spans.currency,
        CAST(spans.first_month + numbers.number * INTERVAL '1' MONTH AS DATE) AS month,
        CAST(spans.first_month + (numbers.number + 1) * INTERVAL '1' MONTH AS DATE) AS next_month
    FROM spans
    CROSS JOIN numbers
),
balances AS (
    SELECT
        months.account_id,
        months.currency,
        months.month,
        months.next_month,
        sum(movement.amount) AS balance,
        sum(CASE WHEN movement.kind = 'invoice' AND movement.day >= months.month THEN movement.amount ELSE 0 END)
            AS invoiced
    FROM months
    JOIN receivable_movements AS movement
        ON movement.account_id = months.account_id
        AND movement.currency = months.currency
        AND movement.day < months.next_month
    WHERE months.next_month <= current_date
    GROUP BY months.account_id, months.currency, months.month, months.next_month, movement.invoice_id
),
summed AS (
    SELECT
        account_id,
        currency,
        month,
        date_diff('day', month, next_month) AS days,
        sum(CASE WHEN balance > 0 THEN balance ELSE 0 END) AS receivable,
        sum(invoiced) AS invoiced
    FROM balances
    GROUP BY account_id, currency, month, next_month
)
SELECT
    month,
    account_id,
    currency,
    days,
    receivable,
    invoiced,
    CASE WHEN invoiced > 0 THEN CAST(receivable * days / invoiced AS DECIMAL(38, 1)) END AS dso_days
FROM summed
