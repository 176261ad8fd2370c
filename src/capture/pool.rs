//! Blocks on their way back: memory is allocated for the first few batches of a capture and used again after that.

use std::sync::Arc;

use crate::capture::Block;

/// Remembers blocks that were handed out, and takes one back once nobody looks at it any more.
#[derive(Debug, Default)]
pub(super) struct Pool {
    blocks: Vec<Arc<Block>>,
}

impl Pool {
    /// A block that nobody else holds, with whatever it held before; `None` when all are still in use.
    pub(super) fn take(&mut self) -> Option<Arc<Block>> {
        let free = self.blocks.iter_mut().position(|block| Arc::get_mut(block).is_some())?;
        Some(self.blocks.swap_remove(free))
    }

    /// Remembers `block`, which goes out now. Blocks grown for a huge frame are left to their users.
    pub(super) fn lend(&mut self, block: &Arc<Block>) {
        if block.bytes.capacity() > MAX_BYTES {
            return;
        }
        if self.blocks.len() == MAX_BLOCKS {
            self.blocks.swap_remove(0);
        }
        self.blocks.push(Arc::clone(block));
    }
}

/// As many blocks as the queues of a busy streamer hold; beyond it a block is freed by its last user.
const MAX_BLOCKS: usize = 32;

/// Blocks above this size are not kept: 32 of them would be too much for a quiet process.
const MAX_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_only_when_its_last_user_is_gone() {
        let mut pool = Pool::default();
        let block = Arc::new(Block::new(vec![7; 16]));
        pool.lend(&block);
        assert!(pool.take().is_none());
        drop(block);
        assert_eq!(pool.take().unwrap().bytes(), [7; 16]);
        assert!(pool.take().is_none());
    }

    #[test]
    fn huge_blocks_and_too_many_blocks_are_forgotten() {
        let mut pool = Pool::default();
        pool.lend(&Arc::new(Block::new(vec![0; MAX_BYTES + 1])));
        assert!(pool.take().is_none());
        for _ in 0..2 * MAX_BLOCKS {
            pool.lend(&Arc::new(Block::new(Vec::new())));
        }
        assert_eq!(pool.blocks.len(), MAX_BLOCKS);
    }
}
