//! The queue of one process.

use async_trait::async_trait;
use model::{Error, ErrorKind, Result, Task};
use sync::Queue;
use tokio::sync::mpsc;

/// Tasks that may wait before the dispatcher does.
const WAITING: usize = 256;

/// Delivers each task exactly once, as long as the process lives.
#[derive(Debug)]
pub(crate) struct Channel(mpsc::Sender<Task>);

/// A queue and the end at which its tasks come out. They end when the queue is dropped.
pub(crate) fn channel() -> (Channel, mpsc::Receiver<Task>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Channel(sender), receiver)
}

#[async_trait]
impl Queue for Channel {
    async fn send(&self, tasks: &[Task]) -> Result<()> {
        for task in tasks {
            let sent = self.0.send(task.clone()).await;
            sent.map_err(|_| Error::new(ErrorKind::Internal, format!("nobody takes the task {}", task.id)))?;
        }
        Ok(())
    }
}
