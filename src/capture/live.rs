//! stub
use crate::capture::*;
pub struct LiveSource;
impl LiveSource {
    pub fn open(_: &str, _: &crate::streamer::LiveOptions, _: Option<&str>, _: StopFlag) -> Result<Self> {
        Ok(Self)
    }
}
impl PacketSource for LiveSource {
    fn next_batch(&mut self, _: &mut FrameBatch) -> Result<Captured> {
        Ok(Captured::End)
    }
}
