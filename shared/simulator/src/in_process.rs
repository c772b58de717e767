//! The simulator as a [`Transport`]: the same answers without a socket.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use model::port::{Transport, TransportError};

use crate::answer::Delivery;
use crate::exchange::Simulator;

impl Simulator {
    /// A transport that asks this simulator without a socket. Waits only on the clock.
    pub fn transport(&self) -> InProcess {
        InProcess { simulator: self.clone() }
    }
}

/// Asks a simulator in process.
#[derive(Clone, Debug)]
pub struct InProcess {
    simulator: Simulator,
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let base = match (request.uri().scheme_str(), request.uri().authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => "http://127.0.0.1".to_owned(),
        };
        let answer = self.simulator.answer(&request, &base).await;
        let failed = |may_have_arrived, message: &str| TransportError {
            may_have_arrived,
            message: message.to_owned(),
        };
        match answer.delivery {
            Delivery::Whole => {}
            Delivery::Cut => return Err(failed(true, "connection closed before the end of the body")),
            Delivery::Lost => return Err(failed(true, "connection closed without an answer")),
            Delivery::Refused => return Err(failed(false, "connection refused")),
        }
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response.body(Bytes::from(answer.body)).map_err(|error| failed(true, &error.to_string()))
    }
}
