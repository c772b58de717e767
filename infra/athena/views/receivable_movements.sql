-- receivable_movements: what raised or lowered the balance of an invoice, and on which day. One row per invoice, and
-- one per payment of it. The balance of an invoice at the end of a day is the sum of its movements until then.
--
-- Assumptions
-- * Drafts (status 1) and deleted invoices are not owed, nor is anything that was paid for them. Archived and disputed
--   invoices are owed.
-- * An invoice is owed from the date printed on it, with the amount, currency and client that it has now.
-- * Without a due date it is due due_offset_days after its date, and without that, on its date.
-- * A payment lowers the balance on its own date, but not before the invoice is there. Deleted payments never happened.
--   A credit is applied by a payment with from_credit or a creditid. Credits that nobody applied lower nothing.
-- * A payment in another currency than its invoice has no place here: receivables_differences shows the invoice.
WITH owed AS (
    SELECT
        _account_id AS account_id,
        id AS invoice_id,
        customerid AS client_id,
        amount_code AS currency,
        amount,
        create_date,
        coalesce(due_date, CAST(create_date + due_offset_days * INTERVAL '1' DAY AS DATE), create_date) AS due_date
    FROM invoices
    WHERE NOT _is_deleted AND status IS DISTINCT FROM 1 AND create_date IS NOT NULL AND amount IS NOT NULL
)
SELECT
    account_id,
    client_id,
    invoice_id,
    currency,
    due_date,
    create_date AS day,
    'invoice' AS kind,
    CAST(NULL AS BIGINT) AS payment_id,
    amount
FROM owed
UNION ALL
SELECT
    owed.account_id,
    owed.client_id,
    owed.invoice_id,
    owed.currency,
    owed.due_date,
    greatest(paid."date", owed.create_date) AS day,
    CASE WHEN paid.from_credit OR paid.creditid <> 0 THEN 'credit' ELSE 'payment' END AS kind,
    paid.id AS payment_id,
    -paid.amount AS amount
FROM payments AS paid
JOIN owed
    ON paid._account_id = owed.account_id
    AND paid.invoiceid = owed.invoice_id
    AND paid.amount_code = owed.currency
WHERE NOT paid._is_deleted AND paid."date" IS NOT NULL
