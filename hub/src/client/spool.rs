//! The spool: every message that is not dealt with, in order.
//!
//! Messages fly (they were handed to this connection) or wait. Without a connection none flies. What is acknowledged leaves at
//! the front; where there is no room, the oldest that does not fly leaves, counted. With a folder, what memory does not hold
//! waits there, and while something does, all that comes waits behind it: order is kept, since a hub takes a number that is not
//! above the last for one that it has.

use std::collections::VecDeque;

use tungstenite::Utf8Bytes;

use crate::client::folder::Folder;
use crate::client::item::{Counts, Item, Window};
use crate::client::publisher_counters::{Lost, PublisherCounters, REFUSED};
use crate::client::segment::record_bytes;

/// All messages of a publisher. Locks nothing, and waits for nobody.
#[derive(Debug)]
pub(crate) struct Spool {
    messages: usize,
    bytes: usize,
    /// What the folder held when it was opened, and what it holds when all is closed.
    found: u64,
    left: Option<u64>,
    flying: VecDeque<Item>,
    flying_bytes: usize,
    waiting: VecDeque<Item>,
    folder: Option<Folder>,
    /// What waits behind the folder, because it failed.
    behind: VecDeque<Item>,
    /// Of those in memory.
    held_bytes: usize,
    /// Frames of this connection that are dealt with: the first that flies is the one behind.
    dealt: u64,
    refusals: u64,
    counts: Counts,
}

impl Spool {
    pub(crate) fn new(messages: usize, bytes: usize, folder: Option<Folder>) -> Self {
        let torn = folder.as_ref().map_or(0, Folder::torn);
        let mut counts = Counts::default();
        counts.lost[Lost::Damaged as usize] = torn;
        Self {
            found: folder.as_ref().map_or(0, Folder::unread) + torn,
            left: None,
            messages,
            bytes,
            flying: VecDeque::new(),
            flying_bytes: 0,
            waiting: VecDeque::new(),
            folder,
            behind: VecDeque::new(),
            held_bytes: 0,
            dealt: 0,
            refusals: 0,
            counts,
        }
    }

    /// Takes a message; what is too much leaves, the oldest first.
    pub(crate) fn push(&mut self, text: Utf8Bytes) {
        self.counts.made += 1;
        let on_disk = self.unread() > 0;
        if self.behind.is_empty() && (on_disk || !self.fits(1, text.len())) {
            let (added, lost) = self.folder.as_mut().map_or((false, 0), |folder| folder.append(&text));
            self.counts.lost[Lost::Full as usize] += lost;
            if added {
                return;
            }
        }
        self.held_bytes += text.len();
        let item = Item { text, sent: false, file: None, refused: None };
        if self.unread() > 0 {
            self.behind.push_back(item)
        } else {
            self.waiting.push_back(item)
        }
        while !self.fits(0, 0) {
            let Some(oldest) = self.waiting.pop_front().or_else(|| self.behind.pop_front()) else { break };
            self.leave(oldest, |counts, item| counts.lose(item, Lost::Full));
        }
    }

    /// Whether a message of this length can come without another leaving.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let on_disk = self.behind.is_empty() && self.folder.as_ref().is_some_and(|folder| folder.has_room(bytes));
        on_disk || (self.unread() == 0 || !self.behind.is_empty()) && self.fits(1, bytes)
    }

    /// The next messages for this connection, up to `messages` of `bytes`, at least one: none while `window` fly. Those longer
    /// than `longest` are lost.
    pub(crate) fn take(&mut self, batch: Window, window: Window, longest: usize) -> Vec<Utf8Bytes> {
        let (mut texts, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.next() {
            let len = next.text.len();
            let full = |window: Window, messages: usize, bytes: usize| {
                messages > 0 && (messages >= window.messages || bytes + len > window.bytes)
            };
            if len <= longest && (full(batch, texts.len(), bytes) || full(window, self.flying.len(), self.flying_bytes))
            {
                break;
            }
            let Some(mut item) = self.waiting.pop_front() else { break };
            if len > longest {
                self.leave(item, |counts, item| counts.lose(item, Lost::TooLongForHub));
                continue;
            }
            item.sent = true;
            item.refused = None;
            bytes += len;
            self.flying_bytes += len;
            texts.push(item.text.clone());
            self.flying.push_back(item);
        }
        texts
    }

    /// The hub has dealt with so many frames of this connection.
    ///
    /// # Errors
    ///
    /// It cannot have, as fewer were sent.
    pub(crate) fn acknowledge(&mut self, frames: u64) -> Result<(), &'static str> {
        let more = frames.saturating_sub(self.dealt);
        if more > self.flying.len() as u64 {
            return Err("the hub acknowledges what was not sent");
        }
        for _ in 0..more {
            self.land(|counts, item| match item.refused {
                Some(reason) => counts.refused[reason] += 1,
                None => counts.acknowledged += 1,
            });
        }
        Ok(())
    }

    /// The hub does not take this frame of the connection, which is counted when it is acknowledged. Gives how often a hub
    /// said so.
    pub(crate) fn refuse(&mut self, frame: u64, reason: &str) -> u64 {
        let at = frame.checked_sub(self.dealt + 1).and_then(|at| usize::try_from(at).ok());
        if let Some(item) = at.and_then(|at| self.flying.get_mut(at)) {
            item.refused = Some(REFUSED.iter().position(|known| *known == reason).unwrap_or(REFUSED.len() - 1));
        }
        self.refusals += 1;
        self.refusals
    }

    /// The system took all that flies, and nobody will ever acknowledge it.
    pub(crate) fn leave_unconfirmed(&mut self) {
        while !self.flying.is_empty() {
            self.land(|counts, _| counts.unconfirmed += 1);
        }
    }

    /// The hub gave the connection up over a message that is too long, without saying which: the longest it must be.
    pub(crate) fn lose_longest(&mut self) {
        let longest = self.flying.iter().enumerate().max_by_key(|(_, item)| item.text.len());
        let Some(item) = longest.map(|(at, _)| at).and_then(|at| self.flying.remove(at)) else { return };
        self.flying_bytes -= item.text.len();
        self.leave(item, |counts, _| counts.lost[Lost::TooLongForHub as usize] += 1);
    }

    /// The connection is gone: what flew waits again, in front.
    pub(crate) fn disconnected(&mut self) {
        while let Some(item) = self.flying.pop_back() {
            self.waiting.push_front(item);
        }
        self.flying_bytes = 0;
        self.dealt = 0;
    }

    /// Whether nothing waits and nothing flies.
    pub(crate) fn is_empty(&self) -> bool {
        self.flying.is_empty() && self.waiting.is_empty() && self.behind.is_empty() && self.unread() == 0
    }

    /// Whether anything waits.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty() || self.unread() > 0
    }

    /// The end: nothing is sent any more. What the folder can keep stays there.
    pub(crate) fn close(&mut self) {
        self.disconnected();
        let folder = self.folder.take();
        self.left = Some(0);
        if let Some(mut folder) = folder {
            self.left = Some(self.keep(&mut folder));
            self.folder = Some(folder);
        }
        while let Some(item) = self.waiting.pop_front().or_else(|| self.behind.pop_front()) {
            self.leave(item, |counts, item| counts.lose(item, Lost::Closing));
        }
    }

    /// The numbers that the spool knows.
    pub(crate) fn counters(&self) -> PublisherCounters {
        PublisherCounters {
            found: self.found,
            memory_messages: self.held() as u64,
            memory_bytes: self.held_bytes as u64,
            disk_messages: if self.left.is_some() { 0 } else { self.unread() },
            disk_bytes: self.folder.as_ref().map_or(0, Folder::bytes),
            left: self.left.unwrap_or(0),
            disk_errors: self.folder.as_ref().map_or(0, Folder::errors),
            ..self.counts.told()
        }
    }

    /// The next that waits, from the folder when there is none in memory.
    fn next(&mut self) -> Option<&Item> {
        if self.waiting.is_empty() {
            self.read_on();
        }
        self.waiting.front()
    }

    fn read_on(&mut self) {
        let Some(folder) = &mut self.folder else { return };
        let (most, mut bytes) = (READ.messages.min(self.messages / 2).max(1), 0);
        while self.waiting.len() < most && bytes < READ.bytes {
            match folder.read() {
                None => break,
                Some(Ok((text, file))) => {
                    bytes += text.len();
                    self.held_bytes += text.len();
                    self.waiting.push_back(Item { text, sent: false, file: Some(file), refused: None });
                }
                Some(Err(spoiled)) => self.counts.lost[Lost::Damaged as usize] += spoiled,
            }
        }
        if folder.unread() == 0 {
            self.waiting.append(&mut self.behind);
        }
    }

    /// Leaves what can be left in the folder: all of it, in order. Gives how many messages are there.
    fn keep(&mut self, folder: &mut Folder) -> u64 {
        self.counts.lost[Lost::Damaged as usize] += folder.forget_missing();
        // What was read of a file of which the rest was not is there still, in its place.
        let half = folder.half_read();
        let (there, mut front): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|item| item.file.is_some() && item.file == half);
        let mut bytes: u64 = front.iter().map(|item| record_bytes(&item.text)).sum();
        while bytes > folder.room_in_front() {
            let Some(oldest) = front.pop_front() else { break };
            bytes -= record_bytes(&oldest.text);
            self.held_bytes -= oldest.text.len();
            self.counts.lose(&oldest, Lost::Full);
        }
        let mut left = there.len() as u64;
        let put = folder.put_first(front.iter().map(|item| item.text.as_str())).is_ok();
        for item in there.into_iter().chain(front) {
            // Where the disk takes nothing, what was read from it is there still.
            if put || item.file.is_some_and(|file| folder.holds(file)) {
                self.held_bytes -= item.text.len();
                left += u64::from(!put && item.file != half);
            } else {
                self.waiting.push_back(item);
            }
        }
        while let Some(item) = self.behind.front() {
            if !put || !folder.has_room(item.text.len()) || !folder.append(&item.text).0 {
                break;
            }
            self.held_bytes -= item.text.len();
            self.behind.pop_front();
        }
        left + folder.unread()
    }

    fn unread(&self) -> u64 {
        self.folder.as_ref().map_or(0, Folder::unread)
    }

    fn held(&self) -> usize {
        self.flying.len() + self.waiting.len() + self.behind.len()
    }

    fn fits(&self, messages: usize, bytes: usize) -> bool {
        self.held() + messages <= self.messages && self.held_bytes + bytes <= self.bytes
    }

    /// The first that flies is dealt with.
    fn land(&mut self, count: impl FnOnce(&mut Counts, &Item)) {
        if let Some(item) = self.flying.pop_front() {
            self.dealt += 1;
            self.flying_bytes -= item.text.len();
            self.leave(item, count);
        }
    }

    /// A message is dealt with, one way or another.
    fn leave(&mut self, item: Item, count: impl FnOnce(&mut Counts, &Item)) {
        self.held_bytes -= item.text.len();
        if let (Some(file), Some(folder)) = (item.file, &mut self.folder) {
            folder.dealt(file);
        }
        count(&mut self.counts, &item);
    }
}

/// What is read from the folder at once.
const READ: Window = Window { messages: 512, bytes: 256 << 10 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Name;

    fn text(number: u64) -> Utf8Bytes {
        format!("{number:>200}").into()
    }

    /// Numbers that look random and are the same each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }
    }

    #[test]
    fn whatever_happens_nothing_goes_missing_and_order_is_kept() {
        for seed in 0..60 {
            let folder = tempfile::TempDir::new().unwrap();
            let path = folder.path().join("spool");
            let sensor = Name::try_from("lab".to_owned()).unwrap();
            let open = || (seed % 3 != 0).then(|| Folder::open(&path, &sensor, "b", 65_536 + 1000 * seed).unwrap());
            let mut dice = Dice(seed);
            let mut spool = Spool::new(40, 100_000, open());
            let (mut made, mut flying, mut last, mut frames) = (0, VecDeque::new(), 0, 0);
            for _ in 0..1500 {
                match dice.roll(20) {
                    0..12 => {
                        for _ in 0..=dice.roll(8) {
                            made += 1;
                            spool.push(text(made));
                        }
                    }
                    12..16 => {
                        let most = 1 + dice.roll(30) as usize;
                        let (batch, window) =
                            (Window { messages: most, bytes: 1 << 20 }, Window { messages: 20, bytes: 5000 });
                        for text in spool.take(batch, window, 1 << 20) {
                            let number: u64 = text.trim().parse().unwrap();
                            assert!(number > last, "{number} behind {last}");
                            last = number;
                            flying.push_back(number);
                        }
                        assert!(flying.len() <= 20);
                    }
                    16..18 if !flying.is_empty() => {
                        let taken = 1 + dice.roll(flying.len() as u64);
                        if dice.roll(4) == 0 {
                            spool.refuse(frames + 1, "malformed");
                        }
                        frames += taken;
                        spool.acknowledge(frames).unwrap();
                        flying.drain(..taken as usize);
                    }
                    18 => {
                        spool.disconnected();
                        // What flew comes again.
                        last = flying.pop_front().map_or(last, |first: u64| first - 1);
                        flying.clear();
                        frames = 0;
                    }
                    _ if dice.roll(60) == 0 => std::fs::remove_dir_all(&path).unwrap_or_default(),
                    _ => {}
                }
                spool.counters().check().unwrap();
                assert_eq!(spool.counters().made, made);
            }
            assert!(spool.acknowledge(frames + flying.len() as u64 + 1).is_err());
            spool.close();
            let counters = spool.counters();
            counters.check().unwrap();
            assert_eq!(counters.waiting(), 0);
            drop(spool);
            // The next start finds what was left, and with it at most what was dealt with of a file that was half read.
            let found = Spool::new(40, 100_000, open()).counters();
            assert!(found.found >= counters.left, "{counters:?} {found:?}");
            found.check().unwrap();
        }
    }

    #[test]
    fn what_is_too_long_for_the_hub_does_not_hold_up_what_waits_on_disk() {
        let folder = tempfile::TempDir::new().unwrap();
        let sensor = Name::try_from("lab".to_owned()).unwrap();
        let mut spool = Spool::new(2, 100_000, Some(Folder::open(folder.path(), &sensor, "b", 1 << 20).unwrap()));
        (1..=50).for_each(|number| spool.push(text(number)));
        spool.push("short".into());
        let all = Window { messages: 100, bytes: 1 << 20 };
        assert_eq!(spool.take(all, all, 100), ["short"]);
        spool.counters().check().unwrap();
        assert_eq!(spool.counters().lost.of("too_long_for_hub"), 50);
    }
}
