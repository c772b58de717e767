//! How fast pages become columns, and columns Parquet: MB of JSON per second of one thread.

#![allow(clippy::panic, missing_docs, reason = "a bench says so by failing")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use freshbooks::{Page, Request};
use lake::Encoder;
use model::port::{Clock, Transport};
use model::{AccountId, BusinessId, Timestamp, Unit};
use simulator::{Options, Simulator};
use tables::{Context, Decoder, Family, RawText, Table, Verdict};

#[derive(Debug)]
struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_774_958_400).unwrap_or_default()
    }

    async fn sleep(&self, _: Duration) {}
}

/// The first ten full pages of a table.
fn pages(simulator: &Simulator, table: &'static Table) -> Vec<Bytes> {
    let business = simulator.businesses().into_iter().next().unwrap_or_else(|| unreachable!("it has two"));
    let unit = match table.family {
        Family::Accounting => Unit::Account(AccountId(business.account_id)),
        _ => Unit::Business(BusinessId(business.business_id)),
    };
    let base = "http://127.0.0.1:1".parse().unwrap_or_else(|_| unreachable!("an address"));
    let token = format!("Bearer {}", simulator.bearer_token(&[]));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap_or_else(|e| panic!("{e}"));
    let fetch = |number: u64| {
        let url = Request::new(table, &unit).at_page(number).url(&base).unwrap_or_else(|e| panic!("{e}"));
        let request = http::Request::get(url.as_str()).header("authorization", &token).body(Bytes::new());
        let answer = runtime.block_on(simulator.transport().send(request.unwrap_or_else(|e| panic!("{e}"))));
        answer.unwrap_or_else(|e| panic!("{e}")).into_body()
    };
    (1..=10).map(fetch).collect()
}

fn decode_all(decoder: &mut Decoder, table: &'static Table, pages: &[Bytes]) {
    for body in pages {
        let page = Page::parse(table, body.clone()).unwrap_or_else(|e| panic!("{e}"));
        decoder.rows(page.rows(), Timestamp::UNIX_EPOCH, &mut |_| Verdict::Write);
    }
}

fn bench(criterion: &mut Criterion) {
    let simulator = Simulator::new(Options { scale: 5000, ..Options::default() }, Arc::new(Noon));
    for name in ["clients", "invoices", "expenses", "payments", "time_entries"] {
        let Some(table) = tables::find(name) else { continue };
        let pages = pages(&simulator, table);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).throughput(Throughput::Bytes(pages.iter().map(|p| p.len() as u64).sum()));
        group.bench_function("envelope", |b| {
            b.iter(|| {
                pages.iter().map(|p| Page::parse(table, p.clone()).map_or(0, |p| p.len())).sum::<usize>()
            });
        });
        group.bench_function("decode", |b| {
            b.iter(|| {
                let mut decoder = Decoder::new(table, Context::default(), RawText::Drop);
                decode_all(&mut decoder, table, &pages);
                black_box(decoder.take())
            });
        });
        let mut decoder = Decoder::new(table, Context::default(), RawText::Drop);
        decode_all(&mut decoder, table, &pages);
        let batches = decoder.take().unwrap_or_default();
        group.bench_function("encode", |b| {
            b.iter(|| {
                for (_, batch) in &batches {
                    let mut encoder =
                        Encoder::new(batch.schema(), lake::Packing::Zstd).unwrap_or_else(|e| panic!("{e}"));
                    encoder.write(batch).unwrap_or_else(|e| panic!("{e}"));
                    black_box(encoder.finish().unwrap_or_else(|e| panic!("{e}")));
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
