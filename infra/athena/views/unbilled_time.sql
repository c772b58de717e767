-- unbilled_time: work that may be billed and was not. One row per business, client, project, service and person.
--
-- Assumptions
-- * What may be billed: billable, not billed, not internal, not deleted, and logged: a timer that still runs is left
--   out.
-- * The rate is known where a project bills by the hour (project_type hourly_rate) at a rate of its own
--   (billing_method project_rate). Rates of services and of team members are not in the lake, fixed prices are not per
--   hour, and a retainer pays for its time another way: there rate and value are null, and the hours stand alone.
-- * The rate of a project has no currency in FreshBooks' data: it is in the base currency of the business, which the
--   lake does not hold. Never add values of different businesses.
-- * client is found through business_memberships.account_id, which is null where only the person's older roles tell it.
WITH unbilled AS (
    SELECT
        entry._business_id AS business_id,
        coalesce(nullif(entry.client_id, 0), project.client_id) AS client_id,
        entry.project_id,
        entry.service_id,
        entry.identity_id,
        project.title AS project,
        CASE
            WHEN project.project_type = 'hourly_rate' AND project.billing_method = 'project_rate'
                AND coalesce(entry.retainer_id, project.retainer_id, 0) = 0 THEN project.rate
        END AS rate,
        entry.duration,
        CAST(entry.started_at AT TIME ZONE 'UTC' AS TIMESTAMP(6)) AS started_at
    FROM time_entries AS entry
    LEFT JOIN projects AS project ON project._business_id = entry._business_id AND project.id = entry.project_id
    WHERE entry.billable AND NOT entry._is_deleted AND entry.is_logged
        AND NOT coalesce(entry.billed, FALSE) AND NOT coalesce(entry.internal, FALSE)
),
summed AS (
    SELECT
        business_id, client_id, project_id, project, service_id, identity_id, rate,
        count(*) AS entries,
        min(started_at) AS oldest_started_at,
        sum(duration) AS seconds,
        -- To a ten-thousandth: a third of a second.
        CAST(CAST(sum(duration) AS DECIMAL(18, 4)) / 3600 AS DECIMAL(18, 4)) AS hours
    FROM unbilled
    GROUP BY business_id, client_id, project_id, project, service_id, identity_id, rate
),
memberships AS (
    SELECT business_id, max(account_id) AS account_id
    FROM business_memberships
    WHERE NOT _is_deleted
    GROUP BY business_id
)
SELECT
    summed.business_id,
    summed.client_id,
    coalesce(nullif(clients.organization, ''), nullif(concat_ws(' ', clients.fname, clients.lname), '')) AS client,
    summed.project_id,
    summed.project,
    summed.service_id,
    services.name AS service,
    summed.identity_id,
    summed.entries,
    summed.oldest_started_at,
    CAST(summed.seconds AS BIGINT) AS seconds,
    summed.hours,
    summed.rate,
    CAST(summed.hours * CAST(summed.rate AS DECIMAL(20, 6)) AS DECIMAL(38, 2)) AS value
FROM summed
LEFT JOIN services ON services._business_id = summed.business_id AND services.id = summed.service_id
LEFT JOIN memberships ON memberships.business_id = summed.business_id
LEFT JOIN clients ON clients._account_id = memberships.account_id AND clients.id = summed.client_id
