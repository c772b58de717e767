//! Faults carried out: answers that take the place of the real one, and what happens to a real one on its way.

use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use crate::answer::{Answer, Delivery};
use crate::exchange::Simulator;
use crate::faults::{FaultBody, FaultKind};
use crate::options::RetryAfter;
use crate::refusal::Refusal;
use crate::resources::Family;
use crate::{moment, spoil};

impl Simulator {
    /// The answer of a fault that keeps a request from having any effect.
    pub(crate) fn instead(&self, fault: &FaultKind, family: Family) -> Option<Answer> {
        match fault {
            FaultKind::Status { code, body, retry_after } => {
                let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let refusal = match status {
                    StatusCode::UNAUTHORIZED => Refusal::Unauthenticated,
                    StatusCode::TOO_MANY_REQUESTS => Refusal::RateLimited,
                    StatusCode::NOT_FOUND => Refusal::nothing_here(),
                    status => Refusal::Status(status),
                };
                let answer = match body {
                    FaultBody::Json => refusal.answer(family, false),
                    FaultBody::Html => Answer::html(status, GATEWAY_PAGE.to_owned()),
                    FaultBody::Empty => Answer::empty(status),
                };
                Some(match retry_after {
                    Some((form, seconds)) => self.with_retry_after(answer, *form, *seconds),
                    None => answer,
                })
            }
            FaultKind::Html200 => Some(Answer::html(StatusCode::OK, GATEWAY_PAGE.to_owned())),
            FaultKind::Reset => Some(undelivered(Delivery::Lost)),
            FaultKind::Refused => Some(undelivered(Delivery::Refused)),
            _ => None,
        }
    }

    /// What a fault does to an answer whose request had its effect.
    pub(crate) async fn afterwards(&self, fault: &FaultKind, is_token: bool, answer: &mut Answer) {
        match fault {
            FaultKind::CutBody if answer.delivery == Delivery::Whole => answer.delivery = Delivery::Cut,
            FaultKind::AnswerLost if answer.delivery == Delivery::Whole => answer.delivery = Delivery::Lost,
            FaultKind::TokenConsumedAnswerLost if is_token && answer.status == StatusCode::OK => {
                answer.delivery = Delivery::Lost;
            }
            FaultKind::UnknownKey { key } => spoil::unknown_key(&mut answer.body, key),
            FaultKind::TypeChanged { key, row } => spoil::type_changed(&mut answer.body, key, *row),
            FaultKind::Garbled => {
                answer.body.truncate(answer.body.len() / 2);
                answer.body.extend_from_slice(b"\x00}}<<");
            }
            FaultKind::Slow { ms } => self.wait(*ms).await,
            _ => {}
        }
    }

    pub(crate) fn with_retry_after(&self, answer: Answer, form: RetryAfter, seconds: u64) -> Answer {
        let value = match form {
            RetryAfter::Absent => return answer,
            RetryAfter::Seconds => seconds.to_string(),
            RetryAfter::HttpDate => {
                let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
                moment::http_date(self.now().checked_add(seconds).unwrap_or(Timestamp::MAX))
            }
        };
        answer.with(header::RETRY_AFTER, value)
    }
}

fn undelivered(delivery: Delivery) -> Answer {
    Answer { delivery, ..Answer::empty(StatusCode::OK) }
}

const GATEWAY_PAGE: &str = "<html>\r\n<head><title>Service unavailable</title></head>\r\n<body>\r\n\
    <center><h1>Something went wrong</h1></center>\r\n<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n";
