//! Whole answers: status, headers and body, through the client that asks.

use std::sync::Arc;

use bytes::Bytes;
use freshbooks::{ApiError, Budget, Client, FixedToken, Identity, Request};
use http::{HeaderValue, StatusCode};
use model::{AccountId, BusinessId, ErrorKind, Unit};
use tables::Family;

use crate::stage::{LoadedDice, OneAnswer, PatientClock, run};

const STATUSES: [u16; 12] = [200, 200, 400, 401, 403, 404, 422, 429, 500, 503, 302, 204];

/// A client does not wait longer for one page: eight tries of two minutes at most.
const LONGEST_WAIT_MS: u64 = 8 * 120_000;

/// Finds an error in any text.
pub(crate) fn error_body(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = ApiError::find(&text);
    assert_eq!(found, ApiError::find(&text));
    if let Some(error) = found {
        let _ = error.to_string();
    }
    let mut status = vec![3];
    status.extend_from_slice(b"\n\n");
    status.extend_from_slice(data);
    answer(&status);
}

/// A byte for the status, a line for `Retry-After`, a line for `Date`, then the body.
pub(crate) fn answer(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let (Some(retry_after), Some(told_at), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let status = STATUSES[usize::from(first & 15) % STATUSES.len()];
    let table = tables::ALL[usize::from(first >> 4) % tables::ALL.len()];
    let mut response = http::Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in [("retry-after", retry_after), ("date", told_at)] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_bytes(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    let transport = Arc::new(OneAnswer::new(response));
    let clock = Arc::new(PatientClock::default());
    let client = Client::new(
        "https://api.freshbooks.test".parse().unwrap(),
        transport.clone(),
        clock.clone(),
        Arc::new(LoadedDice),
        Arc::new(FixedToken("token".into())),
        Arc::new(Budget::new(4)),
    );
    let unit = match table.family {
        Family::Identity => Unit::Identity(1),
        Family::Accounting | Family::Report => Unit::Account(AccountId("A1".to_owned())),
        _ => Unit::Business(BusinessId(1)),
    };
    let fetched = run(client.fetch(&Request::new(table, &unit)));
    assert_eq!(client.requests(), transport.asked());
    assert!((1..=9).contains(&transport.asked()), "{} requests for one page", transport.asked());
    assert!(clock.waited() <= LONGEST_WAIT_MS, "{} ms for one page", clock.waited());
    match fetched {
        Ok(answer) => assert_eq!((status, answer.page.rows().count()), (200, answer.page.len())),
        Err(error) => {
            assert!(!error.message().is_empty());
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
        }
    }
}

/// Who the token belongs to.
pub(crate) fn identity(data: &[u8]) {
    let Ok(identity) = Identity::parse(data) else { return };
    assert_eq!(identity, Identity::parse(data).unwrap());
    for (at, business) in identity.businesses.iter().enumerate() {
        let others = identity.businesses.get(at + 1..).unwrap();
        assert!(
            others.iter().all(|other| other.business_id != business.business_id),
            "a business came twice"
        );
    }
}
