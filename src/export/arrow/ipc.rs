//! Arrow's own formats (Arrow Columnar Format 1.5, "Serialization and Interprocess Communication"): the file, which is also
//! Feather version 2, and the stream.
//!
//! A file is read from its end, where the places of all batches stand, so a reader may take any of them first. It may have
//! one dictionary a column only (some readers know no other), and what names will come is not known before the end.
//! So the dictionaries stand behind the batches, as the format allows. A stream is read as it comes: there each batch
//! follows its own dictionaries.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message,
};
use arrow_ipc::{Block, CompressionType, FooterBuilder, MetadataVersion};
use arrow_schema::{ArrowError, SchemaRef};
use flatbuffers::FlatBufferBuilder;

use crate::error::{Error, Result};
use crate::export::Exporter;
use crate::flow::FlowRecord;

use super::Columns;
use super::pieces::{Piece, Pieces};

/// Writes records as Arrow's batches, compressed with Zstandard.
///
/// Batches have 65,536 rows, fewer where texts or lists are very long, and the last one has the rest. No more than one is
/// held in memory. The types of [`Columns`] are kept, dictionaries as such, with unit and description of every column. A
/// metric of the user's own code that yields another type than in the first batch is an [`Error::Column`] naming it.
pub struct IpcExporter<W> {
    name: String,
    out: W,
    pieces: Pieces,
    layout: Layout,
    /// What is there as soon as something was written.
    open: Option<Open>,
    finished: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layout {
    File,
    Stream,
}

/// A file or stream that has its beginning.
struct Open {
    schema: SchemaRef,
    options: IpcWriteOptions,
    /// Which dictionaries a reader knows.
    known: DictionaryTracker,
    context: IpcWriteContext,
    /// Bytes written.
    offset: usize,
    batches: Vec<Block>,
    /// Memory of the latest message.
    bytes: Vec<u8>,
}

impl<W: Write> IpcExporter<W> {
    /// Writes the format of files (`.arrow`, `.feather`) to `out`, which stands as `name` in errors. It need not be
    /// seekable.
    pub fn file(name: impl Into<String>, out: W, columns: Columns) -> Self {
        let mut exporter = Self::new(name.into(), out, columns, Layout::File);
        exporter.pieces.keep_names();
        exporter
    }

    /// Writes the format of streams (`.arrows`), which can be read while it is written: what is there goes out as a batch
    /// with every [`flush`](Exporter::flush).
    pub fn stream(name: impl Into<String>, out: W, columns: Columns) -> Self {
        Self::new(name.into(), out, columns, Layout::Stream)
    }

    fn new(name: String, out: W, columns: Columns, layout: Layout) -> Self {
        Self { name, out, pieces: Pieces::new(columns), layout, open: None, finished: false }
    }

    /// How many rows a batch has, at least 1. 65,536 by default.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.pieces.set_rows(rows);
        self
    }

    fn write_piece(&mut self, batch: &Piece) -> Result<()> {
        let written = self.begin(batch.schema()).and_then(|()| self.write_batch(batch));
        written.map_err(|source| self.failed(source))
    }

    /// The beginning, if that is not there: the magic of files, and the schema.
    fn begin(&mut self, schema: SchemaRef) -> io::Result<()> {
        if self.open.is_some() {
            return Ok(());
        }
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::ZSTD))
            .and_then(|options| options.try_with_compression_level(Some(ZSTD_LEVEL)))
            .map_err(told)?;
        let mut known = DictionaryTracker::new(false);
        let message =
            IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(&schema, &mut known, &options);
        let (context, batches) = (IpcWriteContext::default(), Vec::new());
        let open = Open { schema, options, known, context, offset: 0, batches, bytes: Vec::new() };
        let open = self.open.insert(open);
        if self.layout == Layout::File {
            self.out.write_all(&MAGIC)?;
            open.offset = MAGIC.len();
        }
        open.write(&mut self.out, message).map(drop)
    }

    fn write_batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let encoded = IpcDataGenerator::default().encode(batch, &mut open.known, &open.options, &mut open.context);
        let (dictionaries, message) = encoded.map_err(told)?;
        if self.layout == Layout::Stream {
            dictionaries.into_iter().try_for_each(|message| open.write(&mut self.out, message).map(drop))?;
        }
        let block = open.write(&mut self.out, message)?;
        if self.layout == Layout::File {
            open.batches.push(block);
        }
        Ok(())
    }

    /// The end; of a file the dictionaries, which this batch of no rows has, and where everything lies.
    fn end(&mut self, last: Option<&RecordBatch>) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let dictionaries = last.map(|last| open.write_dictionaries(&mut self.out, last)).transpose()?;
        self.out.write_all(&END)?;
        if let Some(dictionaries) = dictionaries {
            self.out.write_all(&open.footer(&dictionaries)?)?;
        }
        self.out.flush()
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl Open {
    /// Writes a message, and tells where it lies.
    fn write(&mut self, out: &mut impl Write, message: EncodedData) -> io::Result<Block> {
        self.bytes.clear();
        let (head, body) = write_message(&mut self.bytes, message, &self.options).map_err(told)?;
        out.write_all(&self.bytes)?;
        let too_large = |_| io::Error::other("it became too large");
        let offset = i64::try_from(self.offset).map_err(too_large)?;
        let block =
            Block::new(offset, i32::try_from(head).map_err(too_large)?, i64::try_from(body).map_err(too_large)?);
        self.offset += self.bytes.len();
        Ok(block)
    }

    fn write_dictionaries(&mut self, out: &mut impl Write, last: &RecordBatch) -> io::Result<Vec<Block>> {
        // One that knows none, and gives them the same numbers.
        let (generator, mut none) = (IpcDataGenerator::default(), DictionaryTracker::new(false));
        generator.schema_to_bytes_with_dictionary_tracker(&self.schema, &mut none, &self.options);
        let encoded = generator.encode(last, &mut none, &self.options, &mut self.context).map_err(told)?;
        encoded.0.into_iter().map(|message| self.write(out, message)).collect()
    }

    fn footer(&self, dictionaries: &[Block]) -> io::Result<Vec<u8>> {
        let mut builder = FlatBufferBuilder::new();
        let (dictionaries, batches) = (builder.create_vector(dictionaries), builder.create_vector(&self.batches));
        let mut numbers = DictionaryTracker::new(false);
        let schema = IpcSchemaEncoder::new()
            .with_dictionary_tracker(&mut numbers)
            .schema_to_fb_offset(&mut builder, &self.schema);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(dictionaries);
        footer.add_recordBatches(batches);
        let root = footer.finish();
        builder.finish(root, None);
        let footer = builder.finished_data();
        let len = i32::try_from(footer.len()).map_err(|_| io::Error::other("it became too large"))?;
        Ok([footer, &len.to_le_bytes(), &MAGIC[..6]].concat())
    }
}

impl<W: Write> Exporter for IpcExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.export_many(std::slice::from_ref(record))
    }

    fn export_many(&mut self, mut records: &[FlowRecord]) -> Result<()> {
        if self.finished {
            return Err(self.failed(io::Error::other("it has its end already")));
        }
        while let Some(batch) = self.pieces.next(&mut records)? {
            self.write_piece(&batch)?;
        }
        Ok(())
    }

    /// Hands on what is there: of a stream everything so far, of a file its full batches.
    fn flush(&mut self) -> Result<()> {
        if self.layout == Layout::Stream && !self.finished {
            if !self.pieces.is_empty() {
                let batch = self.pieces.take(false)?;
                self.write_piece(&batch)?;
            } else if let Some(schema) = self.pieces.schema() {
                // Whoever reads along sees what columns there will be.
                self.begin(schema).map_err(|source| self.failed(source))?;
            }
        }
        self.out.flush().map_err(|source| self.failed(source))
    }

    fn finish(&mut self) -> Result<()> {
        if self.finished {
            return Ok(());
        }
        self.finished = true;
        if !self.pieces.is_empty() {
            let batch = self.pieces.take(true)?;
            self.write_piece(&batch)?;
        }
        let last = self.pieces.take(true)?;
        let ended = self.begin(last.schema()).and_then(|()| {
            let last = (self.layout == Layout::File).then_some(&last);
            self.end(last)
        });
        ended.map_err(|source| self.failed(source))
    }
}

impl<W> std::fmt::Debug for IpcExporter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IpcExporter").field("name", &self.name).field("layout", &self.layout).finish_non_exhaustive()
    }
}

fn told(error: ArrowError) -> io::Error {
    io::Error::other(error)
}

/// What a file begins with, filled up to where messages may begin; it ends with the first six of it.
const MAGIC: [u8; 64] = {
    let mut magic = [0; 64];
    let mut index = 0;
    while index < 6 {
        magic[index] = b"ARROW1"[index];
        index += 1;
    }
    magic
};
/// A message of no length.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
/// Half of what there is to save, for little time.
const ZSTD_LEVEL: i32 = 1;
