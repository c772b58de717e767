-- receivables_differences: invoices whose balance, summed up from receivable_movements, is not what FreshBooks says is
-- outstanding. Empty if every payment and credit has been read and nothing is dated in a way that the sums cannot
-- follow. Reasons to look for: payments or credits outside the scopes of the connection, a run between a payment and
-- its invoice, a payment in another currency, an invoice or a payment without a date.
--
-- Assumptions: those of receivable_movements, with movements of the future included, as FreshBooks includes them.
WITH balances AS (
    SELECT account_id, invoice_id, sum(amount) AS balance
    FROM receivable_movements
    GROUP BY account_id, invoice_id
)
SELECT
    invoices._account_id AS account_id,
    invoices.id AS invoice_id,
    invoices.invoice_number,
    invoices.customerid AS client_id,
    invoices.outstanding_code AS currency,
    invoices.outstanding,
    balances.balance
FROM invoices
LEFT JOIN balances ON balances.account_id = invoices._account_id AND balances.invoice_id = invoices.id
WHERE NOT invoices._is_deleted
    AND invoices.status IS DISTINCT FROM 1
    -- Paid too much is paid: nothing is outstanding.
    AND invoices.outstanding IS DISTINCT FROM CASE WHEN balances.balance < 0 THEN 0 ELSE balances.balance END
