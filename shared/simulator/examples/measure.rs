use std::sync::Arc;
use std::time::{Duration, Instant};
use bytes::Bytes;
use model::port::{Clock, Transport};
use simulator::{Options, Simulator};
#[derive(Debug)]
struct Still;
#[async_trait::async_trait]
impl Clock for Still {
    fn now(&self) -> jiff::Timestamp { "2026-11-22T15:00:00Z".parse().unwrap() }
    async fn sleep(&self, _: Duration) {}
}
#[tokio::main]
async fn main() {
    for scale in [120, 1_000_000] {
        let sim = Simulator::new(Options { scale, ..Options::default() }, Arc::new(Still));
        let token = sim.bearer_token(&[]);
        for (path, n) in [
            ("accounting/account/qX4mRt/invoices/invoices?per_page=100&include[]=lines", 300u32),
            ("accounting/account/qX4mRt/invoices/invoices?per_page=100&include[]=lines&include[]=presentation&page=9000", 300),
            ("accounting/account/qX4mRt/invoices/invoices?per_page=100&search[updated_min]=2026-01-01", 300),
            ("accounting/account/qX4mRt/users/clients?per_page=100", 300),
            ("accounting/account/qX4mRt/expenses/expenses?per_page=100", 300),
            ("accounting/account/qX4mRt/payments/payments?per_page=100", 300),
            ("projects/business/610001/projects?per_page=100", 300),
            ("timetracking/business/610001/time_entries?per_page=100", 300),
            ("accounting/account/qX4mRt/invoices/invoices?per_page=100&search[customerid]=204001", 3),
            ("accounting/account/qX4mRt/invoices/invoices?per_page=100&search[v3_status]=paid", 1),
            ("accounting/account/qX4mRt/reports/accounting/profitloss_entity", 3),
        ] {
            let mut size = 0;
            let begin = Instant::now();
            for _ in 0..n {
                let request = http::Request::get(format!("http://x/{path}")).header("authorization", format!("Bearer {token}")).body(Bytes::new()).unwrap();
                let answer = sim.transport().send(request).await.unwrap();
                assert_eq!(answer.status(), 200, "{path}");
                size = answer.body().len();
            }
            println!("{scale:>8} {:>9.3} ms {size:>8} B {path}", begin.elapsed().as_secs_f64() * 1e3 / f64::from(n));
        }
        let begin = Instant::now();
        let truth = sim.control().truth("qX4mRt", "invoices", false).unwrap();
        println!("{scale:>8} {:>9.3} s truth of {} invoices", begin.elapsed().as_secs_f64(), truth.rows);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS")).collect::<Vec<_>>().join(" "));
}
