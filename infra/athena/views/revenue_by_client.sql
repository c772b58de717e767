-- revenue_by_client: what each client was invoiced in a month, and what it paid in that month (cash basis). One row per
-- account, client, currency and month in which there was either.
--
-- Assumptions
-- * invoiced counts in the month of the date printed on the invoice: total, taxes included, discount taken off. Drafts
--   (status 1) and deleted invoices do not count, archived ones do.
-- * invoiced_before_tax is the sum of the lines, which are before tax, and the discount, which is negative. It is null
--   where an invoice of the month over another amount than zero has no lines in the lake.
-- * paid counts in the month of the date of the payment, taxes included, whatever became of its invoice. Deleted
--   payments do not count. It is money: what a credit paid is in paid_from_credit. Money that made a credit (a
--   prepayment) is not among the payments when it comes in: it shows in paid_from_credit when the credit is used.
-- * Refunds and fees of gateways are not known.
WITH lines AS (
    SELECT _account_id AS account_id, invoiceid AS invoice_id, amount_code AS currency, sum(amount) AS before_tax
    FROM invoice_lines
    WHERE NOT _is_deleted
    GROUP BY _account_id, invoiceid, amount_code
),
counted AS (
    SELECT
        invoices._account_id AS account_id,
        invoices.customerid AS client_id,
        invoices.amount_code AS currency,
        CAST(date_trunc('month', invoices.create_date) AS DATE) AS month,
        invoices.amount AS invoiced,
        CASE
            WHEN lines.before_tax IS NOT NULL THEN lines.before_tax + coalesce(invoices.discount_total, 0)
            WHEN invoices.amount = 0 THEN 0
        END AS invoiced_before_tax,
        invoices.id AS invoice_id,
        CAST(0 AS DECIMAL(38, 12)) AS paid,
        CAST(0 AS DECIMAL(38, 12)) AS paid_from_credit,
        CAST(NULL AS BIGINT) AS payment_id
    FROM invoices
    LEFT JOIN lines
        ON lines.account_id = invoices._account_id
        AND lines.invoice_id = invoices.id
        AND lines.currency = invoices.amount_code
    WHERE NOT invoices._is_deleted AND invoices.status IS DISTINCT FROM 1
    UNION ALL
    SELECT
        _account_id,
        clientid,
        amount_code,
        CAST(date_trunc('month', "date") AS DATE),
        0,
        0,
        CAST(NULL AS BIGINT),
        CASE WHEN from_credit OR creditid <> 0 THEN 0 ELSE amount END,
        CASE WHEN from_credit OR creditid <> 0 THEN amount ELSE 0 END,
        id
    FROM payments
    WHERE NOT _is_deleted
)
SELECT
    counted.month,
    counted.account_id,
    counted.client_id,
    coalesce(nullif(clients.organization, ''), nullif(concat_ws(' ', clients.fname, clients.lname), '')) AS client,
    counted.currency,
    count(counted.invoice_id) AS invoices,
    sum(counted.invoiced) AS invoiced,
    -- Unknown for one invoice is unknown for the month.
    CASE WHEN count(*) = count(counted.invoiced_before_tax) THEN sum(counted.invoiced_before_tax) END
        AS invoiced_before_tax,
    count(counted.payment_id) AS payments,
    sum(counted.paid) AS paid,
    sum(counted.paid_from_credit) AS paid_from_credit
FROM counted
LEFT JOIN clients ON clients._account_id = counted.account_id AND clients.id = counted.client_id
GROUP BY
    counted.month, counted.account_id, counted.client_id, counted.currency,
    clients.organization, clients.fname, clients.lname
