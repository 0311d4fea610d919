//! Reliable messages numbered by their sender: each once, in order.

use std::collections::BTreeMap;

/// Of one receiver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    senders: BTreeMap<String, Sender>,
}

/// Of one sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) first: u64,
    pub(crate) highest: u64,
    pub(crate) received: u64,
    pub(crate) double: u64,
    pub(crate) disordered: u64,
    missing: std::collections::BTreeSet<u64>,
}

impl Sender {
    /// Numbers between the first and the highest that did not come.
    pub(crate) fn missing(&self) -> u64 {
        self.missing.len() as u64
    }
}

impl Order {
    /// Something that is no number is not ours.
    pub(crate) fn take(&mut self, from: &str, payload: &[u8]) {
        let Some(number) = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<u64>().ok()) else {
            return;
        };
        let sender = self.senders.entry(from.to_owned()).or_default();
        if sender.received == 0 {
            (sender.first, sender.highest, sender.received) = (number, number, 1);
        } else if number > sender.highest {
            sender.missing.extend(sender.highest + 1..number);
            sender.highest = number;
            sender.received += 1;
        } else if sender.missing.remove(&number) {
            sender.received += 1;
            sender.disordered += 1;
        } else {
            sender.double += 1;
        }
    }

    /// Forgets what was: the next number of each sender is the first.
    pub(crate) fn mark(&mut self) {
        self.senders.clear();
    }

    pub(crate) fn of(&self, from: &str) -> Sender {
        self.senders.get(from).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_double_and_late_is_told_apart() {
        let mut order = Order::default();
        for number in ["7", "8", "10", "11", "9", "11", "x"] {
            order.take("kim", number.as_bytes());
        }
        let kim = order.of("kim");
        assert_eq!((kim.received, kim.double, kim.disordered, kim.missing()), (5, 1, 1, 0));
        order.take("kim", b"20");
        assert_eq!(order.of("kim").missing(), 8);
        order.mark();
        order.take("kim", b"99");
        assert_eq!(order.of("kim").missing(), 0);
    }
}
