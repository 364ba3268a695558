//! Many requests at once, without a runtime.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs futures, at most `limit` at the same time, and returns what they return in their order.
pub(super) async fn concurrently<F>(limit: usize, futures: impl Iterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send,
    F::Output: Send + Unpin,
{
    let mut waiting = futures.enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let mut done: Vec<Option<F::Output>> = Vec::new();
    poll_fn(|context| {
        loop {
            while running.len() < limit.max(1) {
                let Some((index, future)) = waiting.next() else { break };
                done.push(None);
                running.push((index, Box::pin(future)));
            }
            if running.is_empty() {
                return Poll::Ready(());
            }
            let before = running.len();
            running.retain_mut(|(index, future)| match future.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(output) => {
                    if let Some(slot) = done.get_mut(*index) {
                        *slot = Some(output);
                    }
                    false
                }
            });
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    #[test]
    fn no_more_than_the_limit_run_and_the_order_is_kept() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (now, most) = (&now, &most);
        let task = |index: usize| async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let mut polls = 1 + index % 3;
            poll_fn(|_| {
                if polls == 0 {
                    return Poll::Ready(());
                }
                polls -= 1;
                Poll::Pending
            })
            .await;
            now.fetch_sub(1, Ordering::SeqCst);
            index
        };
        let mut all = Box::pin(concurrently(4, (0..20).map(task)));
        let mut context = Context::from_waker(Waker::noop());
        let found = loop {
            if let Poll::Ready(found) = all.as_mut().poll(&mut context) {
                break found;
            }
        };
        assert_eq!(found, (0..20).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 4);
    }
}
