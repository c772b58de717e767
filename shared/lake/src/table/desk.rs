//! Where Iceberg's own reader and writer work: a desk in memory. What lies on it comes from the object store and goes
//! there through our port, so that every call is ours to send, to retry, to count and to fail.

use bytes::Bytes;
use iceberg::io::{FileIO, FileWrite};
use iceberg::spec::{
    Manifest, ManifestFile, ManifestListWriter, ManifestWriter, ManifestWriterBuilder, PartitionSpecRef,
    SchemaRef,
};
use model::Result;

use super::{avro, failed};

#[derive(Clone, Debug)]
pub(super) struct Desk(FileIO);

impl Desk {
    pub(super) fn new() -> Self {
        Self(FileIO::new_with_memory())
    }

    /// Reads the manifest that `file` is about from its bytes.
    pub(super) async fn manifest(&self, file: &ManifestFile, bytes: Bytes) -> Result<Manifest> {
        let place = self.0.new_output(&file.manifest_path).map_err(failed)?;
        place.write(bytes).await.map_err(failed)?;
        let manifest = file.load_manifest(&self.0).await.map_err(failed);
        self.0.delete(&file.manifest_path).await.map_err(failed)?;
        manifest
    }

    /// A manifest to be written to `path`.
    pub(super) fn writer(
        &self,
        path: &str,
        snapshot: i64,
        schema: SchemaRef,
        spec: &PartitionSpecRef,
    ) -> Result<ManifestWriter> {
        let output = self.0.new_output(path).map_err(failed)?;
        let spec = spec.as_ref().clone();
        Ok(ManifestWriterBuilder::new(output, Some(snapshot), schema, spec).build_v2_data())
    }

    /// Takes what was written to `path` off the desk: equal contents are equal bytes.
    pub(super) async fn take(&self, path: &str) -> Result<Bytes> {
        let bytes = self.0.new_input(path).map_err(failed)?.read().await.map_err(failed)?;
        self.0.delete(path).await.map_err(failed)?;
        avro::canonical(&bytes)
    }

    /// Writes a manifest list to `path`.
    pub(super) async fn list(
        &self,
        path: &str,
        snapshot: i64,
        parent: Option<i64>,
        sequence: i64,
        manifests: Vec<ManifestFile>,
    ) -> Result<Bytes> {
        let output: Box<dyn FileWrite> =
            self.0.new_output(path).map_err(failed)?.writer().await.map_err(failed)?;
        let mut list = ManifestListWriter::v2(output, snapshot, parent, sequence);
        list.add_manifests(manifests.into_iter()).map_err(failed)?;
        list.close().await.map_err(failed)?;
        self.take(path).await
    }
}
