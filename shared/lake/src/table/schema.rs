//! Schemas: from the declarations to Iceberg, from Iceberg to Arrow, and from one version to the next.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use iceberg::spec::{NestedField, PrimitiveType, Schema, Type};
use model::{Error, ErrorKind, Result};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::failed;
use super::plan::Plan;

/// The schema of a new table.
pub(super) fn fresh(plan: &Plan) -> Result<Schema> {
    let fields = (1..).zip(plan.columns.fields()).map(|(id, field)| declared(id, field, plan).map(Arc::new));
    let fields: Vec<_> = fields.collect::<Result<_>>()?;
    // A null tells nothing apart, so what may be null is no part of the identity.
    let named = |field: &NestedField| field.name == plan.unit || plan.key.contains(&&*field.name);
    let identity: Vec<i32> = fields.iter().filter(|f| f.required && named(f)).map(|f| f.id).collect();
    Schema::builder().with_fields(fields).with_identifier_field_ids(identity).build().map_err(failed)
}

/// What became of a table's schema when it met its declaration.
#[derive(Debug, Default)]
pub(super) struct Evolution {
    /// The schema that holds both, if the table's own does not.
    pub(super) schema: Option<Schema>,
    /// What the declaration has and the table had not, in words.
    pub(super) differences: Vec<String>,
    /// Columns whose declared type holds values that the table's does not, in words: the table keeps its own, and these
    /// values go into `_extra`.
    pub(super) kept_apart: Vec<String>,
}

/// Unites the schema of a table with its declaration: new columns are added, nullable; types are widened. Unless the table
/// is to `grow`, only what columns mean follows the declaration.
pub(super) fn evolve(current: &Schema, last_column_id: i32, plan: &Plan, grow: bool) -> Result<Evolution> {
    let mut evolution = Evolution::default();
    let mut changed = false;
    let mut fields = Vec::new();
    for field in current.as_struct().fields() {
        let mut field = NestedField::clone(field);
        if let Ok(declaration) = plan.columns.field_with_name(&field.name) {
            let (name, declared) = (&field.name, iceberg_type(declaration.data_type())?);
            match widened(&field.field_type, &declared) {
                Some(wide) if wide == *field.field_type => {}
                Some(wide) if grow => {
                    evolution.differences.push(format!("{name} is {declared}, not {}", field.field_type));
                    field.field_type = Box::new(wide);
                    changed = true;
                }
                _ => evolution.kept_apart.push(format!("{name} is {declared}, not {}", field.field_type)),
            }
            let doc = declaration.metadata().get("comment").cloned();
            if doc != field.doc {
                field.doc = doc;
                changed = true;
            }
        }
        fields.push(Arc::new(field));
    }
    let added = plan.columns.fields().iter().filter(|field| current.field_by_name(field.name()).is_none());
    for (id, field) in (last_column_id + 1..).zip(added) {
        // Files that are there already do not have it.
        let new = NestedField { required: false, ..declared(id, field, plan)? };
        evolution.differences.push(format!("{} ({}) is new", new.name, new.field_type));
        if grow {
            fields.push(Arc::new(new));
            changed = true;
        }
    }
    if changed {
        let identity: Vec<i32> = current.identifier_field_ids().collect();
        let schema = Schema::builder().with_fields(fields).with_identifier_field_ids(identity);
        evolution.schema = Some(schema.build().map_err(failed)?);
    }
    Ok(evolution)
}

/// The type that holds the values of both without a loss.
fn widened(current: &Type, declared: &Type) -> Option<Type> {
    use PrimitiveType::{Decimal, Int, Long};
    if current == declared {
        return Some(current.clone());
    }
    let (Type::Primitive(current), Type::Primitive(declared)) = (current, declared) else { return None };
    let wide = match (current, declared) {
        (Int | Long, Int | Long) => Long,
        (Decimal { precision: a, scale }, Decimal { precision: b, scale: same }) if scale == same => {
            Decimal { precision: *a.max(b), scale: *scale }
        }
        // As many digits before the point, and more behind it.
        (Decimal { precision: a, scale: more }, Decimal { precision: b, scale })
            if more >= scale && i64::from(*a) - i64::from(*more) >= i64::from(*b) - i64::from(*scale) =>
        {
            current.clone()
        }
        _ => return None,
    };
    Some(Type::Primitive(wide))
}

/// The columns of `schema` for Arrow, with the ids by which Iceberg finds them in a file.
pub(super) fn arrow(schema: &Schema) -> Result<SchemaRef> {
    let fields = schema.as_struct().fields().iter().map(|field| {
        let id = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), field.id.to_string())]);
        Ok(Field::new(&field.name, arrow_type(&field.field_type)?, !field.required).with_metadata(id))
    });
    Ok(Arc::new(ArrowSchema::new(fields.collect::<Result<Vec<_>>>()?)))
}

fn declared(id: i32, field: &Field, plan: &Plan) -> Result<NestedField> {
    let required = !field.is_nullable() || field.name() == plan.unit;
    let declared = NestedField::new(id, field.name(), iceberg_type(field.data_type())?, required);
    Ok(NestedField { doc: field.metadata().get("comment").cloned(), ..declared })
}

fn iceberg_type(arrow: &DataType) -> Result<Type> {
    Ok(Type::Primitive(match arrow {
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Int32 => PrimitiveType::Int,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Utf8 => PrimitiveType::String,
        DataType::Date32 => PrimitiveType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => PrimitiveType::Timestamptz,
        DataType::Decimal128(precision, scale) => {
            let scale = u32::try_from(*scale).map_err(|_| unknown(arrow))?;
            PrimitiveType::Decimal { precision: u32::from(*precision), scale }
        }
        _ => return Err(unknown(arrow)),
    }))
}

fn arrow_type(iceberg: &Type) -> Result<DataType> {
    let Type::Primitive(primitive) = iceberg else { return Err(unknown(iceberg)) };
    Ok(match primitive {
        PrimitiveType::Boolean => DataType::Boolean,
        PrimitiveType::Int => DataType::Int32,
        PrimitiveType::Long => DataType::Int64,
        PrimitiveType::String => DataType::Utf8,
        PrimitiveType::Date => DataType::Date32,
        PrimitiveType::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        PrimitiveType::Decimal { precision, scale } => {
            let precision = u8::try_from(*precision).map_err(|_| unknown(iceberg))?;
            DataType::Decimal128(precision, i8::try_from(*scale).map_err(|_| unknown(iceberg))?)
        }
        _ => return Err(unknown(iceberg)),
    })
}

pub(super) fn unknown(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Storage, format!("the lake's tables have no columns of type {what}"))
        .next("another program has changed the table: undo that, or restore its metadata from a backup")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_that_the_table_holds_changes_nothing_and_one_that_it_does_not_is_kept_apart() {
        let table = tables::find("taxes").unwrap();
        let plan = Plan::family(table).remove(0);
        let current = fresh(&plan).unwrap();
        let last = current.highest_field_id();
        for (kind, apart) in [
            (DataType::Decimal128(38, 12), None),
            (DataType::Decimal128(10, 2), None),
            (DataType::Decimal128(20, 12), None),
            (DataType::Decimal128(38, 2), Some("amount is decimal(38, 2), not decimal(38, 12)")),
            (DataType::Decimal128(38, 13), Some("amount is decimal(38, 13), not decimal(38, 12)")),
            (DataType::Utf8, Some("amount is string, not decimal(38, 12)")),
            (DataType::Int64, Some("amount is long, not decimal(38, 12)")),
        ] {
            let of_kind = |field: &Arc<Field>| match field.name().as_str() {
                "amount" => Arc::new(Field::clone(field).with_data_type(kind.clone())),
                _ => Arc::clone(field),
            };
            let columns = ArrowSchema::new(plan.columns.fields().iter().map(of_kind).collect::<Vec<_>>());
            let declared = Plan { columns: Arc::new(columns), ..plan.clone() };
            for grow in [true, false] {
                let evolution = evolve(&current, last, &declared, grow).unwrap();
                assert!(evolution.schema.is_none() && evolution.differences.is_empty(), "{evolution:?}");
                assert_eq!(evolution.kept_apart, apart.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
