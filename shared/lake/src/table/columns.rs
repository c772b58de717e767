//! The columns of a table for a catalog that shows them.

use iceberg::spec::{PrimitiveType, Type};
use model::Result;

use super::metadata::Metadata;
use super::schema;
use crate::glue::GlueColumn;

impl Metadata {
    /// The current columns as Glue writes them.
    pub(crate) fn columns(&self) -> Result<Vec<GlueColumn>> {
        let fields = self.inner.current_schema().as_struct().fields().iter();
        fields
            .map(|field| {
                let doc = field.doc.as_deref().unwrap_or_default();
                Ok(GlueColumn::new(&field.name, glue_type(&field.field_type)?, doc))
            })
            .collect()
    }
}

fn glue_type(iceberg: &Type) -> Result<String> {
    let Type::Primitive(primitive) = iceberg else { return Err(schema::unknown(iceberg)) };
    Ok(match primitive {
        PrimitiveType::Boolean => "boolean".to_owned(),
        PrimitiveType::Int => "int".to_owned(),
        PrimitiveType::Long => "bigint".to_owned(),
        PrimitiveType::String => "string".to_owned(),
        PrimitiveType::Date => "date".to_owned(),
        // Hive has no type with a zone: the instant, in UTC.
        PrimitiveType::Timestamptz => "timestamp".to_owned(),
        PrimitiveType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        _ => return Err(schema::unknown(iceberg)),
    })
}
