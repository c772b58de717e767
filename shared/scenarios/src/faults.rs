//! What goes wrong, at which call, and who decides it.

use std::fmt;
use std::str::FromStr;

use crate::scenario::dice;

/// Which way to the outside a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// FreshBooks' API.
    Api,
    /// FreshBooks' token endpoint.
    Token,
    /// The object store.
    Store,
    /// The secret store.
    Secrets,
    /// The queue.
    Queue,
    /// The clock: sleeping.
    Clock,
}

impl Port {
    /// Its name in traces and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Token => "token",
            Self::Store => "store",
            Self::Secrets => "secrets",
            Self::Queue => "queue",
            Self::Clock => "clock",
        }
    }
}

/// One call, before it gets its number.
#[derive(Clone, Copy, Debug)]
pub struct Point<'p> {
    /// Which way.
    pub port: Port,
    /// What is asked: `GET`, `put_if_absent`, `receive`.
    pub verb: &'static str,
    /// Of what: a key, a path.
    pub of: &'p str,
}

/// How an answer tells when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetryAfter {
    /// So many seconds.
    Seconds(u32),
    /// The date that lies so many seconds ahead.
    Date(u32),
}

/// What goes wrong at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Fails without an effect, and the caller can know that.
    ErrorBefore,
    /// Takes effect; the answer is lost.
    ErrorAfterEffect,
    /// A minute of silence, then an error; the effect is a coin.
    Timeout,
    /// Takes effect after a while.
    Slow,
    /// The process dies without an effect.
    CrashBefore,
    /// The process dies once the effect is there.
    CrashAfter,
    /// Carried out twice.
    Duplicate,
    /// Another message than the oldest; tasks sent in another order.
    Reorder,
    /// Takes effect; the answer is not what it should be.
    Garbled,
    /// Answered with this status, without an effect.
    Status(u16, Option<RetryAfter>),
    /// The process's clock jumps, by up to a day.
    ClockJump,
    /// The source is written to at this moment.
    SourceWrite,
    /// At this moment a row leaves a list of the source, and another joins it. Only where a scenario asks for it.
    SourceSwap,
    /// FreshBooks ends access tokens or the whole grant at this moment.
    TokenRevoked,
}

impl Fault {
    /// Every kind that may strike anywhere; a status in its several looks.
    pub const ALL: [Self; 17] = [
        Self::ErrorBefore,
        Self::ErrorAfterEffect,
        Self::Timeout,
        Self::Slow,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Duplicate,
        Self::Reorder,
        Self::Garbled,
        Self::Status(429, Some(RetryAfter::Seconds(7))),
        Self::Status(429, Some(RetryAfter::Date(30))),
        Self::Status(429, Some(RetryAfter::Seconds(600))),
        Self::Status(500, None),
        Self::Status(503, None),
        Self::ClockJump,
        Self::SourceWrite,
        Self::TokenRevoked,
    ];

    /// Whether it can happen at such a call.
    pub fn fits(self, port: Port, verb: &str) -> bool {
        let writes = !matches!(verb, "get" | "list" | "read" | "receive" | "GET");
        match self {
            Self::CrashBefore | Self::CrashAfter | Self::ClockJump | Self::SourceWrite => true,
            // A timer that is late by a minute leaves no margin to keep.
            Self::ErrorBefore | Self::Timeout | Self::Slow => port != Port::Clock,
            Self::ErrorAfterEffect => match port {
                Port::Api | Port::Token => true,
                Port::Store | Port::Secrets | Port::Queue => writes,
                Port::Clock => false,
            },
            // A store put that is carried out twice is refused by its own object. A token request is never doubled on
            // the way.
            Self::Duplicate => matches!(
                (port, verb),
                (Port::Api, "GET")
                    | (Port::Store, "put_if_absent" | "create" | "update")
                    | (Port::Queue, "receive" | "send")
            ),
            Self::Reorder => matches!((port, verb), (Port::Queue, "receive" | "send")),
            Self::Garbled | Self::Status(..) => matches!(port, Port::Api | Port::Token),
            Self::SourceSwap => port == Port::Api,
            Self::TokenRevoked => matches!(port, Port::Api | Port::Token | Port::Secrets | Port::Clock),
        }
    }

    /// The name without details, for counters.
    pub fn kind(self) -> &'static str {
        match self {
            Self::ErrorBefore => "error-before",
            Self::ErrorAfterEffect => "error-after-effect",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::CrashBefore => "crash-before",
            Self::CrashAfter => "crash-after",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Garbled => "garbled",
            Self::Status(..) => "status",
            Self::ClockJump => "clock-jump",
            Self::SourceWrite => "source-write",
            Self::SourceSwap => "source-swap",
            Self::TokenRevoked => "token-revoked",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Status(code, None) => write!(f, "-{code}"),
            Self::Status(code, Some(RetryAfter::Seconds(s))) => write!(f, "-{code}-after-{s}"),
            Self::Status(code, Some(RetryAfter::Date(s))) => write!(f, "-{code}-date-{s}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is not a fault; one is {:?}", Self::CrashAfter.kind());
        let Some(status) = text.strip_prefix("status-") else {
            let plain = Self::ALL.into_iter().filter(|fault| !matches!(fault, Self::Status(..)));
            return plain.chain([Self::SourceSwap]).find(|fault| fault.kind() == text).ok_or_else(unknown);
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown());
        let (code, after) = match status.split('-').collect::<Vec<_>>().as_slice() {
            [code] => (number(code)?, None),
            [code, "after", s] => (number(code)?, Some(RetryAfter::Seconds(number(s)?))),
            [code, "date", s] => (number(code)?, Some(RetryAfter::Date(number(s)?))),
            _ => return Err(unknown()),
        };
        Ok(Self::Status(u16::try_from(code).map_err(|_| unknown())?, after))
    }
}

/// Who decides what goes wrong.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Nothing does.
    Quiet,
    /// These faults at the calls with these numbers.
    List(Vec<(u64, Fault)>),
    /// Chance, from the seed, until the storm ends.
    Storm(Storm),
}

/// How often which faults strike.
#[derive(Clone, Debug)]
pub struct Storm {
    dice: fastrand::Rng,
    /// Calls in a million, of those that are not rarer or more telling than others.
    per_million: u32,
    kinds: Vec<Fault>,
}

impl Storm {
    /// A storm whose strength and whose kinds of faults `seed` decides: one with few kinds goes deeper than one with
    /// all of them. Only faults that `wanted` wants.
    pub fn new(seed: u64, wanted: impl Fn(Fault) -> bool) -> Self {
        let mut dice = dice(seed, "storm");
        let per_million = [500, 2_000, 6_000, 15_000, 40_000][dice.usize(..5)];
        let share = dice.u32(2..=6);
        let mut kinds: Vec<_> =
            Fault::ALL.into_iter().filter(|f| wanted(*f) && dice.u32(..6) < share).collect();
        if kinds.is_empty() {
            kinds.push(Fault::CrashAfter);
        }
        Self { dice, per_million, kinds }
    }

    /// One kind of fault, at one call in twenty, ten or four.
    pub fn heavy(seed: u64, fault: Fault) -> Self {
        let mut dice = dice(seed, "storm");
        let per_million = [50_000, 100_000, 250_000][dice.usize(..3)];
        Self { dice, per_million, kinds: vec![fault] }
    }

    fn strike(&mut self, point: Point<'_>) -> Option<Fault> {
        // What is rare is struck more often, or it would hardly ever be.
        let times = match (point.port, point.verb) {
            (Port::Token, _) => 8,
            (Port::Secrets, "make_current" | "put_pending") => 4,
            (Port::Store, "put_if_absent") if point.of.contains("/catalog/") => 6,
            (Port::Store, "create" | "update") => 6,
            (Port::Store, "put_if_absent") | (Port::Queue, _) => 2,
            _ => 1,
        };
        if self.dice.u32(..1_000_000) >= self.per_million.saturating_mul(times) {
            return None;
        }
        let fault = *self.dice.choice(&self.kinds)?;
        fault.fits(point.port, point.verb).then_some(fault)
    }
}

/// Numbers the calls of a run and lets faults strike them.
#[derive(Debug)]
pub struct Injector {
    plan: Plan,
    calm: bool,
    calls: u64,
    points: Vec<(u64, Port, &'static str)>,
    struck: Vec<(u64, Fault)>,
}

impl Injector {
    /// Goes by `plan`.
    pub fn new(plan: Plan) -> Self {
        Self { plan, calm: true, calls: 0, points: Vec::new(), struck: Vec::new() }
    }

    /// Begins or ends the storm.
    pub fn set_calm(&mut self, calm: bool) {
        self.calm = calm;
    }

    /// Whether nothing can strike just now.
    pub fn is_calm(&self) -> bool {
        self.calm
    }

    /// The number of the next call, and what strikes it.
    pub fn next(&mut self, point: Point<'_>) -> (u64, Option<Fault>) {
        self.calls += 1;
        let number = self.calls;
        if !self.calm && matches!(self.plan, Plan::Quiet) {
            self.points.push((number, point.port, point.verb));
        }
        let fault = match &mut self.plan {
            _ if self.calm => None,
            Plan::Quiet => None,
            Plan::Storm(storm) => storm.strike(point),
            Plan::List(list) => list
                .iter()
                .find(|(at, fault)| *at == number && fault.fits(point.port, point.verb))
                .map(|(_, fault)| *fault),
        };
        if let Some(fault) = fault {
            self.struck.push((number, fault));
        }
        (number, fault)
    }

    /// Every call that could have been struck by number, where nothing was planned to strike.
    pub fn points(&self) -> &[(u64, Port, &'static str)] {
        &self.points
    }

    /// What has struck, by the number of its call.
    pub fn struck(&self) -> &[(u64, Fault)] {
        &self.struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_written_as_it_is_read() {
        for fault in Fault::ALL.into_iter().chain([Fault::SourceSwap]) {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        assert!("status-x".parse::<Fault>().is_err());
        assert!("crash".parse::<Fault>().is_err());
    }
}
