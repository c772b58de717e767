//! What clients meet online: links to documents, and ways to pay.

use crate::declaration::{
    Confidence, DeleteRule, Each, Family, Layout, Period, Rows, Table, flag, int, json, text, utc,
};

pub(crate) const INVOICE_SHARE_LINK: Table = Table {
    name: "invoice_share_link",
    doc: "That an invoice has a link which shows it to whoever holds the link; the link itself is masked.",
    path: "/accounting/account/{account_id}/invoices/invoices/{invoice_id}/share_link",
    rows: Rows::Object(Some("share_link")),
    key: &["resourceid"],
    columns: &[
        int("resourceid", "The invoice: invoices.id"),
        text("resource_type", "invoice"),
        int("clientid", "The client: clients.id"),
        text("share_method", "How it is shared: share_link"),
    ],
    secrets: &["share_link"],
    parameters: &[("share_method", "share_link")],
    deleted: DeleteRule::Vanishes,
    scope: "user:invoices:read",
    each: Some(Each { parent: "invoices", placeholder: "{invoice_id}" }),
    on_request: true,
    ..Table::MOST
};

pub(crate) const INVOICE_PAYMENT_OPTIONS: Table = Table {
    name: "invoice_payment_options",
    doc: "How an invoice may be paid online.",
    family: Family::Payments,
    path: "/payments/account/{account_id}/invoice/{invoice_id}/payment_options",
    rows: Rows::Object(Some("payment_options")),
    key: &["entity_id"],
    columns: &[
        int("entity_id", "The invoice: invoices.id"),
        text("entity_type", "invoice"),
        text("gateway_name", "The online gateway"),
        flag("allow_partial_payments", "Whether a part may be paid"),
        flag("has_credit_card", "Whether credit cards are taken"),
        flag("has_ach_transfer", "Whether bank transfers within the United States are taken"),
        flag("has_acss_debit", "Whether Canadian pre-authorised debits are taken"),
        flag("has_bacs_debit", "Whether British direct debits are taken"),
        flag("has_sepa_debit", "Whether European direct debits are taken"),
        flag("has_paypal_smart_checkout", "Whether PayPal is taken"),
        json("stripe_acss_payment_options", "How Canadian debits are set up").unseen(),
        text("gateway_id", "The gateway's connection").from("gateway_info.id"),
        text("gateway_account", "The business's number at the gateway").from("gateway_info.account_id"),
        text("gateway_info_name", "The gateway as its connection says it").from("gateway_info.gateway_name"),
        text("gateway_country", "Country of the gateway's account").from("gateway_info.country"),
        json("gateway_currencies", "Currencies that it takes").from("gateway_info.currencies"),
        flag("gateway_can_process_payments", "Whether it works").from("gateway_info.can_process_payments"),
        flag("gateway_bank_transfer_enabled", "Whether it takes bank transfers")
            .from("gateway_info.bank_transfer_enabled"),
    ],
    secrets: &["gateway_info.user_publishable_key"],
    deleted: DeleteRule::Vanishes,
    scope: "user:online_payments:read",
    each: Some(Each { parent: "invoices", placeholder: "{invoice_id}" }),
    // One request per invoice.
    on_request: true,
    ..Table::MOST
};

pub(crate) const DEFAULT_PAYMENT_OPTIONS: Table = Table {
    name: "default_payment_options",
    doc: "How new invoices may be paid online.",
    family: Family::Payments,
    path: "/payments/account/{account_id}/payment_options",
    rows: Rows::Object(Some("payment_options")),
    key: &["entity_type"],
    columns: &[
        text("entity_type", "invoice"),
        text("entity_id", "What the answer says it is of; not an invoice"),
        flag("allow_partial_payments", "Whether a part may be paid"),
        flag("has_credit_card", "Whether credit cards are taken"),
        flag("has_ach_transfer", "Whether bank transfers within the United States are taken"),
        flag("has_bacs_debit", "Whether British direct debits are taken"),
        flag("has_sepa_debit", "Whether European direct debits are taken"),
        flag("has_paypal_smart_checkout", "Whether PayPal is taken"),
    ],
    parameters: &[("entity_type", "invoice")],
    deleted: DeleteRule::Never,
    scope: "user:online_payments:read",
    ..Table::MOST
};

pub(crate) const GATEWAYS: Table = Table {
    name: "gateways",
    doc: "An online gateway, as the accounting part of FreshBooks knows it.",
    path: "/accounting/account/{account_id}/systems/gateways",
    rows: Rows::List { list: "gateways", single: "gateway" },
    columns: &[
        int("id", "The gateway, within the account").or("gatewayid"),
        int("gatewayid", "The gateway under its other name").unseen(),
        text("gateway_name", "Name").unseen(),
        int("sgid", "A number that no document explains").unseen(),
    ],
    deleted: DeleteRule::Vanishes,
    scope: "user:online_payments:read",
    confidence: Confidence::Low,
    ..Table::MOST
};

/// A connection has no key of its own: it is told by its place in the list, as a line of a report is. It is never asked
/// for by month.
pub(crate) const PAYMENT_GATEWAY_CONNECTIONS: Table = Table {
    name: "payment_gateway_connections",
    doc: "A connection to the companies that take payments online.",
    family: Family::Payments,
    path: "/payments/account/{account_id}/gateway",
    rows: Rows::Report(Layout {
        key: None,
        sections: &["gateway_connections"],
        below: &[],
        names: &[],
        period: Period::Range,
        variants: &[],
    }),
    key: &["line"],
    columns: &[
        text("line", "The place of the connection in the list"),
        text("section", "gateway_connections"),
        int("depth", "Always 0"),
        text("path", "Always empty"),
        text("paypal_id", "The connection to PayPal").from("paypal.id").unseen(),
        text("stripe_older_id", "The older connection to Stripe").from("stripe.id").unseen(),
        text("stripe_id", "The connection to Stripe").from("stripe_unified.id"),
        text("stripe_account_id", "The business's number at Stripe").from("stripe_unified.stripe_account_id"),
        text("stripe_email", "The e-mail address known to Stripe").from("stripe_unified.stripe_email"),
        text("country", "Country, ISO 3166").from("stripe_unified.country"),
        text("account_status", "fully_enabled and others").from("stripe_unified.account_status"),
        flag("charges_enabled", "Whether clients can pay").from("stripe_unified.stripe_charges_enabled"),
        flag("payouts_enabled", "Whether money is paid out").from("stripe_unified.stripe_payouts_enabled"),
        text("payouts_interval", "daily and others").from("stripe_unified.stripe_payouts_schedule_interval"),
        int("payouts_delay_days", "Days until money is paid out")
            .from("stripe_unified.stripe_payouts_schedule_delay_days"),
        flag("has_currently_due_requirements", "Whether Stripe waits for something")
            .from("stripe_unified.has_currently_due_requirements"),
        flag("has_pending_verifications", "Whether Stripe still checks something")
            .from("stripe_unified.has_pending_verifications"),
        text("requirements_deadline", "Until when Stripe waits")
            .from("stripe_unified.stripe_requirements_current_deadline")
            .unseen(),
        int("onboarding_percent", "How much of the set-up is done, in percent")
            .from("stripe_unified.onboarding_completion_percent"),
        json("onboarding_strategies", "Ways to set it up")
            .from("stripe_unified.available_onboarding_strategies"),
        json("capabilities", "What it can do: capability and is_active").from("stripe_unified.capabilities"),
        json("configuration", "Settings").from("stripe_unified.configuration"),
        utc("terms_accepted_at", "When Stripe's terms were accepted")
            .from("stripe_unified.stripe_tos_accepted_date"),
        utc("charges_first_enabled_at", "When clients could first pay")
            .from("stripe_unified.charges_first_enabled_at"),
        utc("payouts_first_enabled_at", "When money was first paid out")
            .from("stripe_unified.payouts_first_enabled_at"),
        utc("account_updated_at", "When Stripe's account last changed")
            .from("stripe_unified.stripe_account_updated_at"),
    ],
    secrets: &["stripe_unified.publishable_key", "stripe.publishable_key", "paypal.publishable_key"],
    deleted: DeleteRule::Vanishes,
    scope: "user:online_payments:read",
    ..Table::MOST
};
