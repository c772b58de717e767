"""The simulator judged by FreshBooks' own Python SDK.

The SDK was written against the real API and knows nothing of this project: what it reads here, it reads there.
Needs `freshbooks-sdk` and `pytest` (versions are pinned where this is run), and a running simulator whose base URL is
in FRESHLAKE_SIMULATOR_URL. Start one with `cargo run -p simulator --example serve`; its default seed and scale do.
"""

import os
from datetime import date, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

# Read by the SDK at the time a client is made; there is no default on purpose: without it, everything fails at once.
SIMULATOR = os.environ["FRESHLAKE_SIMULATOR_URL"].rstrip("/")
os.environ["FRESHBOOKS_API_URL"] = SIMULATOR
os.environ["FRESHBOOKS_AUTH_URL"] = SIMULATOR

from freshbooks import (  # noqa: E402  (the variables above come first)
    Client,
    FilterBuilder,
    FreshBooksError,
    IncludesBuilder,
    PaginateBuilder,
    SortBuilder,
    VisState,
)
from freshbooks.api.accounting import AccountingResource  # noqa: E402
from freshbooks.api.events import EventsResource  # noqa: E402

REDIRECT = "https://example.com/callback"


def control(path, **body):
    """Posts to the simulator's control API."""
    answer = requests.post(f"{SIMULATOR}/_simulator/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def simulator():
    answer = requests.get(f"{SIMULATOR}/_simulator", timeout=30)
    answer.raise_for_status()
    return answer.json()


def client_of(simulator, **settings):
    # The SDK retries 400 and 5xx by itself; errors are to be seen here, not retried.
    settings.setdefault("auto_retry", False)
    return Client(
        client_id=simulator["client_id"],
        client_secret=simulator["client_secret"],
        redirect_uri=REDIRECT,
        **settings,
    )


@pytest.fixture
def books(simulator):
    return client_of(simulator, access_token=control("token")["access_token"])


@pytest.fixture
def account(simulator):
    return simulator["businesses"][0]["account_id"]


@pytest.fixture
def business(simulator):
    return simulator["businesses"][0]["business_id"]


def consent(client, scopes=None, decision="allow"):
    """Presses a button on the consent page, and gives the query of the redirect."""
    url = client.get_auth_request_url(scopes)
    page = requests.get(url, timeout=30)
    assert page.status_code == 200 and "Allow" in page.text
    form = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
    form["decision"] = decision
    answer = requests.post(url.split("?")[0], data=form, allow_redirects=False, timeout=30)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(REDIRECT)
    return parse_qs(urlsplit(answer.headers["Location"]).query)


# identity


def test_the_current_user_has_two_businesses(books, account, business):
    me = books.current_user()
    assert me.identity_id > 0
    assert me.full_name.strip()
    memberships = list(me.business_memberships)
    assert len(memberships) == 2
    assert memberships[0].business.id == business
    assert memberships[0].business.account_id == account
    # the second one is only found through the roles
    assert memberships[1].business.account_id is None
    assert [role.accountid for role in me.roles if role.role == "admin"][0] == account


# tokens


def test_a_consent_is_exchanged_and_refreshed_with_the_sdks_own_methods(simulator):
    client = client_of(simulator)
    scopes = ["user:profile:read", "user:clients:read"]
    first = client.get_access_token(consent(client, scopes)["code"][0])
    assert client.access_token == first.access_token
    assert len(first.refresh_token) == 64
    now = datetime.fromisoformat(simulator["now"].replace("Z", "+00:00")[:26].rstrip("+") + "+00:00")
    assert abs(first.access_token_expires_at - now - timedelta(hours=12)) < timedelta(hours=1)
    assert client.current_user().identity_id > 0

    second = client.refresh_access_token()
    assert second.refresh_token != first.refresh_token
    assert client.current_user().identity_id > 0
    with pytest.raises(FreshBooksError) as spent:
        client.refresh_access_token(first.refresh_token)
    assert spent.value.status_code == 400


def test_a_denied_consent_gives_no_code(simulator):
    query = consent(client_of(simulator), decision="deny")
    assert query["error"] == ["access_denied"] and "code" not in query


def test_a_wrong_secret_is_refused(simulator):
    client = client_of(simulator)
    code = consent(client)["code"][0]
    client.client_secret = "wrong"
    with pytest.raises(FreshBooksError) as error:
        client.get_access_token(code)
    assert error.value.status_code == 401


def test_a_missing_scope_is_a_403(simulator, account):
    token = control("token", scopes=["user:profile:read"])["access_token"]
    with pytest.raises(FreshBooksError) as error:
        client_of(simulator, access_token=token).invoices.list(account)
    assert error.value.status_code == 403
    assert "user:invoices:read" in str(error.value)


# lists


def test_every_accounting_list_reads(books, account):
    for resource in (
        books.clients,
        books.invoices,
        books.estimates,
        books.expenses,
        books.payments,
        books.items,
        books.taxes,
        books.credit_notes,
        books.bills,
    ):
        rows = resource.list(account)
        assert 0 < len(rows) <= 15
        assert rows.pages.page == 1 and rows.pages.per_page == 15
        assert rows.pages.total >= len(rows)
        assert rows[0].id > 0


def every_list(books):
    """Every resource of the SDK that says it can list, by its name."""
    properties = [name for name, what in vars(Client).items() if isinstance(what, property)]
    resources = {name: getattr(books, name) for name in properties if not name.startswith("_")}
    lists = {name: resource for name, resource in resources.items() if hasattr(resource, "list")}
    return {name: resource for name, resource in lists.items()
            if "list" not in getattr(resource, "missing_endpoints", [])}


# What the pinned SDK can list; a newer one that knows more fails here, and says what.
LISTS = """bill_payments bill_vendors bills callbacks clients credit_notes estimates expenses expenses_categories gateways
invoice_profiles invoices items ledger_accounts other_income payments projects service_rates services staff tasks
taxes time_entries""".split()


def test_the_lists_below_are_all_that_the_sdk_has(books):
    assert sorted(every_list(books)) == LISTS


# How a row is told apart where it is not by its `id`.
KEYS = {"bill_vendors": "vendorid", "callbacks": "callbackid", "other_income": "incomeid", "service_rates": "service_id"}


def unit_of(resource, account, business):
    return account if isinstance(resource, (AccountingResource, EventsResource)) else business


def test_every_list_is_read_to_its_end(books, account, business):
    for name in set(LISTS) - {"ledger_accounts", "service_rates", "staff"}:
        resource, paginator = every_list(books)[name], PaginateBuilder(1, 100)
        unit = unit_of(resource, account, business)
        rows = resource.list(unit, builders=[paginator])
        while rows.pages.page < rows.pages.pages:
            paginator.page(rows.pages.page + 1)
            rows = rows + resource.list(unit, builders=[paginator])
        keys = [row.data[KEYS.get(name, "id")] for row in rows]
        assert 0 < len(keys) == len(set(keys)) == rows.pages.total, name


def test_lists_that_have_no_pages_are_whole(books, business):
    rates = books.service_rates.list(business)
    assert rates.pages is None and len(rates) >= books.services.list(business).pages.total > 0
    uuid = next(each.business.business_uuid for each in books.current_user().business_memberships
                if each.business.id == business)
    accounts = [row.data["uuid"] for row in books.ledger_accounts.list(uuid)]
    assert 0 < len(accounts) == len(set(accounts))


def test_staff_is_listed_under_either_name(books, account):
    # The SDK looks under `staffs`, which was not there when it was tried on FreshBooks.
    seen = books.staff.list(account)
    assert len(seen) == 0 and len(seen.data["staff"]) == seen.pages.total > 0
    control("options", staff_key="staffs")
    try:
        assert len(books.staff.list(account)) == seen.pages.total
    finally:
        control("options", staff_key="staff")


def test_a_row_of_every_list_has_an_address_of_its_own(books, account, business):
    for name in set(LISTS) - {"ledger_accounts", "staff"}:
        resource = every_list(books)[name]
        unit, key = unit_of(resource, account, business), KEYS.get(name, "id")
        if "get" not in getattr(resource, "missing_endpoints", []):
            first = resource.list(unit)[0].data[key]
            assert resource.get(unit, first).data.get(key, first) == first, name


def test_payment_options_of_invoices_read(books, account):
    for invoice in books.invoices.list(account):
        options = books.invoice_payment_options.get(account, invoice.id)
        assert (options.entity_id, options.entity_type) == (str(invoice.id), "invoice")


def test_paging_covers_every_row_once(books, account):
    paginator = PaginateBuilder(1, 7)
    rows = books.clients.list(account, builders=[paginator])
    assert len(rows) == 7
    while rows.pages.page < rows.pages.pages:
        paginator.page(rows.pages.page + 1)
        rows = rows + books.clients.list(account, builders=[paginator])
    ids = [client.id for client in rows]
    assert len(ids) == len(set(ids)) == rows.pages.total


def test_pages_are_capped_and_end(books, account):
    assert PaginateBuilder(1, 500).per_page() == 100  # the SDK caps by itself
    full = requests.get(
        f"{SIMULATOR}/accounting/account/{account}/invoices/invoices",
        params={"per_page": 500},
        headers={"Authorization": f"Bearer {books.access_token}"},
        timeout=30,
    ).json()["response"]["result"]
    assert full["per_page"] == 100 and len(full["invoices"]) == 100
    assert len(books.invoices.list(account, builders=[PaginateBuilder(99, 100)])) == 0


def test_includes_bring_lines(books, account):
    plain = books.invoices.list(account)
    assert plain[0].lines is None
    rows = books.invoices.list(account, builders=[IncludesBuilder().include("lines")])
    line = rows[0].lines[0]
    assert line.lineid == 1 and line.invoiceid == rows[0].id
    assert isinstance(line.amount.amount, str) and len(line.amount.code) == 3
    single = books.invoices.get(account, rows[0].id, includes=IncludesBuilder().include("lines"))
    assert single.data == rows[0].data


def test_filters_select(books, account):
    invoice = books.invoices.list(account)[0]
    by_customer = books.invoices.list(account, builders=[FilterBuilder().equals("customerid", invoice.customerid)])
    assert invoice.id in [row.id for row in by_customer]
    assert {row.customerid for row in by_customer} == {invoice.customerid}

    some = [client.id for client in books.clients.list(account)][:3]
    listed = books.clients.list(account, builders=[FilterBuilder().in_list("userids", some)])
    assert sorted(row.id for row in listed) == sorted(some)

    deleted = books.clients.list(account, builders=[FilterBuilder().equals("vis_state", VisState.DELETED.value)])
    assert len(deleted) > 0
    assert {client.vis_state for client in deleted} == {VisState.DELETED}
    assert VisState.DELETED not in {client.vis_state for client in books.clients.list(account)}


def test_updated_min_and_max_cut_the_list_by_days(books, account):
    # the SDK tells times in UTC; the day is cut in Eastern, in which the row is written
    rows = books.expenses.list(account, builders=[PaginateBuilder(1, 100)])
    middle = date.fromisoformat(rows[50].data["updated"][:10])
    newer = books.expenses.list(account, builders=[FilterBuilder().between("updated_min", min=middle)])
    older = books.expenses.list(account, builders=[FilterBuilder().between("updated_max", max=middle)])
    assert newer.pages.total + older.pages.total == rows.pages.total
    assert min(row["updated"] for row in newer.data["expenses"])[:10] >= middle.isoformat()
    assert max(row["updated"] for row in older.data["expenses"])[:10] < middle.isoformat()


def test_an_unknown_filter_is_silently_ignored(books, account):
    everything = books.invoices.list(account).pages.total
    assert books.invoices.list(account, builders=[FilterBuilder().equals("nonsense", 1)]).pages.total == everything


def test_sort_orders_by_what_is_known(books, account):
    up = books.clients.list(account, builders=[SortBuilder().ascending("client_id"), PaginateBuilder(1, 100)])
    down = books.clients.list(account, builders=[SortBuilder().descending("client_id"), PaginateBuilder(1, 100)])
    ids = [client.id for client in up]
    assert ids == sorted(ids) == [client.id for client in down][::-1]


def test_times_are_read_as_eastern_and_utc(books, account, business):
    client = books.clients.list(account)[0]
    wall = datetime.fromisoformat(client.data["updated"])
    offset = wall.replace(tzinfo=timezone.utc) - client.updated
    assert offset in (timedelta(hours=-4), timedelta(hours=-5))
    project = books.projects.list(business)[0]
    assert project.updated_at == datetime.fromisoformat(project.data["updated_at"]).replace(tzinfo=timezone.utc)


# errors


def test_what_is_not_there_is_a_404_with_its_errno(books, account, business):
    with pytest.raises(FreshBooksError) as error:
        books.clients.get(account, 999_999_999)
    assert error.value.status_code == 404
    assert error.value.error_code == 1012
    assert str(error.value) == "Client not found."
    with pytest.raises(FreshBooksError) as error:
        books.projects.get(business, 999_999_999)
    assert error.value.status_code == 404
    assert str(error.value) == "Requested resource could not be found."
    with pytest.raises(FreshBooksError) as error:
        books.clients.list(business)  # the wrong kind of id
    assert error.value.status_code == 404


def test_a_bad_token_is_a_401_in_every_family(simulator, account, business):
    client = client_of(simulator, access_token="nonsense")
    with pytest.raises(FreshBooksError) as error:
        client.current_user()
    assert (error.value.status_code, error.value.error_code) == (401, "unauthenticated")
    for call in (lambda: client.clients.list(account), lambda: client.projects.list(business)):
        with pytest.raises(FreshBooksError) as error:
            call()
        assert error.value.status_code == 401


def test_the_sdk_retries_a_fault_away(simulator, account):
    books = client_of(simulator, access_token=control("token")["access_token"], auto_retry=True)
    control("options", faults=[{"resource": "clients", "times": 2, "kind": {"status": {"code": 503}}}])
    try:
        assert len(books.clients.list(account)) == 15
    finally:
        control("options", faults=[])


# writes


def test_a_client_is_created_updated_and_deleted(books, account):
    before = books.clients.list(account).pages.total
    made = books.clients.create(account, {"organization": "Ünited Files", "email": "u@example.com"})
    assert (made.organization, made.email) == ("Ünited Files", "u@example.com")
    assert books.clients.list(account).pages.total == before + 1
    assert books.clients.get(account, made.id).data == made.data

    changed = books.clients.update(account, made.id, {"organization": "United"})
    assert (changed.organization, changed.email) == ("United", "u@example.com")

    gone = books.clients.delete(account, made.id)
    assert gone.vis_state == VisState.DELETED
    assert books.clients.list(account).pages.total == before


def test_a_tax_is_deleted_for_good(books, account):
    made = books.taxes.create(account, {"name": "Toll", "amount": "3"})
    assert made.name == "Toll"
    books.taxes.delete(account, made.id)
    with pytest.raises(FreshBooksError) as error:
        books.taxes.get(account, made.id)
    assert error.value.status_code == 404


# projects, time, services


def test_the_project_family_reads(books, business):
    projects = books.projects.list(business)
    assert projects.pages.per_page == 30
    one = books.projects.get(business, projects[0].id)
    assert one.title == projects[0].title
    assert one.group.members[0].first_name
    up = books.projects.list(business, builders=[SortBuilder().ascending("title")])
    assert [row.title for row in up] == sorted(row.title for row in projects)
    inactive = books.projects.list(business, builders=[FilterBuilder().boolean("active", False)])
    assert {row.active for row in inactive} == {False}

    services = books.services.list(business)
    service = books.services.get(business, services[0].id)
    assert service.name == services[0].name
    assert books.service_rates.get(business, service.id).rate
    assert len(books.service_rates.list(business)) >= len(services)


def test_a_project_is_created_and_deleted(books, business):
    with pytest.raises(FreshBooksError) as error:
        books.projects.create(business, {"description": "no title"})
    assert (error.value.status_code, error.value.error_code) == (422, 2001)
    made = books.projects.create(business, {"title": "From the SDK"})
    assert made.title == "From the SDK"
    assert books.projects.update(business, made.id, {"title": "Renamed"}).title == "Renamed"
    books.projects.delete(business, made.id)
    with pytest.raises(FreshBooksError):
        books.projects.get(business, made.id)


def test_time_entries_show_more_with_each_flag(books, business):
    own = books.time_entries.list(business)
    team = books.time_entries.list(business, builders=[FilterBuilder().boolean("team", True)])
    assert 0 < own.pages.total < team.pages.total
    assert len({entry.identity_id for entry in own}) == 1
    entry = own[0]
    assert books.time_entries.get(business, entry.id).data == entry.data
    assert entry.started_at.tzinfo == timezone.utc

    made = books.time_entries.create(
        business, {"is_logged": True, "duration": 7200, "identity_id": entry.identity_id, "note": "SDK"}
    )
    assert (made.duration, made.note) == (7200, "SDK")
    since = FilterBuilder().date_time("updated_since", datetime.fromisoformat(simulator_now()))
    assert made.id in [row.id for row in books.time_entries.list(business, builders=[since])]
    books.time_entries.delete(business, made.id)
    assert books.time_entries.list(business).pages.total == own.pages.total

    with pytest.raises(FreshBooksError) as error:
        books.time_entries.list(business, builders=[FilterBuilder().date_time("updated_since", "soon")])
    assert (error.value.status_code, error.value.error_code) == (422, 2001)


def simulator_now():
    """An hour before the simulator's now, without a zone: UTC."""
    now = requests.get(f"{SIMULATOR}/_simulator", timeout=30).json()["now"]
    return (datetime.fromisoformat(now[:19]) - timedelta(hours=1)).isoformat()
