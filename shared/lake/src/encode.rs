//! Record batches to Parquet: zstd 3, dictionaries, page statistics.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use model::{Error, ErrorKind, Result};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// A file is closed once it is about this large, in bytes: small enough to hold in memory and to rewrite on a small
/// worker, large enough that a query opens few.
pub const FILE_TARGET: usize = 16 << 20;

/// Wide tables have a buffer, a dictionary and a compressor per column: these bounds keep a hundred columns small.
const ROWS_PER_GROUP: usize = 32_768;
const ROWS_PER_PAGE: usize = 8_192;
const PAGE_BYTES: usize = 64 << 10;
/// After so many rows it is looked whether a page is full: those of a kilobyte or more would make it far too large.
const ROWS_AT_ONCE: usize = 256;
const DICTIONARY_BYTES: usize = 64 << 10;

/// The text of a row as it came. A file that has it is read whole, so no reader plans with its texts.
const RAW: &str = "_raw";

/// How the pages of a file are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// zstd, level 3.
    #[default]
    Zstd,
    /// Not at all: a compressor per page costs more than the page where files have a few rows, as in simulations.
    None,
}

/// A whole Parquet file.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its rows.
    pub rows: u64,
}

/// Encodes one file in memory.
#[derive(Debug)]
pub struct Encoder {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl Encoder {
    /// An encoder for batches of `schema`.
    pub fn new(schema: SchemaRef, packing: Packing) -> Result<Self> {
        let compression = match packing {
            Packing::Zstd => Compression::ZSTD(ZstdLevel::try_new(3).map_err(failed)?),
            Packing::None => Compression::UNCOMPRESSED,
        };
        let mut properties = WriterProperties::builder()
            .set_compression(compression)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
            .set_data_page_row_count_limit(ROWS_PER_PAGE)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_write_batch_size(ROWS_AT_ONCE)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_column_dictionary_enabled(RAW.into(), false)
            .set_created_by(concat!("freshlake ", env!("CARGO_PKG_VERSION")).to_owned());
        if schema.field_with_name(RAW).is_ok() {
            for text in schema.fields().iter().filter(|field| *field.data_type() == DataType::Utf8) {
                let name = text.name().as_str().into();
                properties = properties.set_column_statistics_enabled(name, EnabledStatistics::None);
            }
        }
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties.build())).map_err(failed)?;
        Ok(Self { writer, rows: 0 })
    }

    /// Adds a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(failed)
    }

    /// About how large the file would be if it were closed now, in bytes.
    pub fn size(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Closes the file; tells its metadata, too, which has the statistics of its columns.
    pub(crate) fn finish_with_metadata(mut self) -> Result<(Encoded, ParquetMetaData)> {
        let metadata = self.writer.finish().map_err(failed)?;
        let bytes = std::mem::take(self.writer.inner_mut());
        Ok((Encoded { bytes: bytes.into(), rows: self.rows }, metadata))
    }

    /// Closes the file.
    pub fn finish(self) -> Result<Encoded> {
        let bytes = self.writer.into_inner().map_err(failed)?;
        Ok(Encoded { bytes: bytes.into(), rows: self.rows })
    }
}

pub(crate) fn failed(error: ParquetError) -> Error {
    Error::new(ErrorKind::Internal, "cannot encode Parquet").because(error)
}
