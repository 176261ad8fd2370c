//! stub
use crate::capture::*;
pub enum Input {
    Path(std::path::PathBuf),
    Stdin,
    Bytes(Vec<u8>),
    Reader { name: String, reader: Box<dyn std::io::Read + Send> },
}
pub struct FileSource;
impl FileSource {
    pub fn open(_: Vec<Input>, _: StopFlag) -> Result<Self> {
        Ok(Self)
    }
}
impl PacketSource for FileSource {
    fn next_batch(&mut self, _: &mut FrameBatch) -> Result<Captured> {
        Ok(Captured::End)
    }
}
