use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field, Row};
use ::parquet::schema::types::Type;
use serde_json::{Map, Number, Value};

use super::{Source, open, told};
use crate::EvaluationError;
use crate::dataset::{Columns, Example, columns};

/// Rows of a Parquet file; compressed by snappy, gzip or lz4, or not at all.
pub(super) struct Parquet {
    file: PathBuf,
    rows: RowIter<'static>,
    columns: Option<Columns>,
    row: usize,
}

impl Parquet {
    pub(super) fn open(file: PathBuf, columns: Option<Columns>) -> Result<Self, EvaluationError> {
        let opened = open(&file)?;
        let format =
            |message: String| EvaluationError::Format { file: file.clone(), message: told(&message) };
        let rows = guarded(|| {
            let reader = SerializedFileReader::new(opened).map_err(|e| explain(&e))?;
            let schema = reader.metadata().file_metadata().schema().clone();
            let header: Vec<String> = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
            columns::check_header(&header, columns.as_ref())?;
            let wanted = columns.as_ref().map(|c| only(&schema, c)).transpose()?;
            RowIter::from_file_into(Box::new(reader)).project(wanted).map_err(|e| explain(&e))
        });
        let rows = rows.map_err(format)?;
        Ok(Self { file, rows, columns, row: 0 })
    }
}

impl Source for Parquet {
    fn next_row(&mut self) -> Result<Option<Example>, EvaluationError> {
        self.row += 1;
        let rows = &mut self.rows;
        let columns = self.columns.as_ref();
        let row = guarded(|| match rows.next() {
            None => Ok(None),
            Some(row) => columns::example(object(row.map_err(|e| explain(&e))?)?, columns).map(Some),
        });
        row.map_err(|message| {
            let (file, message) = (self.file.clone(), told(&message));
            EvaluationError::Row { file, row: self.row, message }
        })
    }
}

/// What `read` gives, or why not. A damaged file can make the decoder panic; that is a fault of the file, not of the
/// program, and the reader is not used again.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the Parquet data is damaged".into()))
}

fn explain(error: &ParquetError) -> String {
    let text = crate::error::one_line(&error.to_string(), 200);
    format!("not readable as Parquet: {text}. Save it with snappy, gzip, lz4 or no compression")
}

/// The part of the schema that is read.
fn only(schema: &Type, columns: &Columns) -> Result<Type, String> {
    let fields = schema.get_fields().iter().filter(|f| columns.names().any(|n| n == f.name()));
    let group = Type::group_type_builder(schema.name()).with_fields(fields.cloned().collect());
    group.build().map_err(|e| explain(&e))
}

fn object(row: Row) -> Result<Map<String, Value>, String> {
    row.into_columns()
        .into_iter()
        .map(|(name, field)| {
            let value = value(&field).map_err(|fault| format!("column '{name}': {fault}"))?;
            Ok((name, value))
        })
        .collect()
}

fn value(field: &Field) -> Result<Value, String> {
    let float = |x: f64| {
        Number::from_f64(x)
            .map(Value::Number)
            .ok_or_else(|| format!("{x} is no value. Allowed: finite numbers"))
    };
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(b) => Value::from(*b),
        Field::Byte(n) => Value::from(*n),
        Field::Short(n) => Value::from(*n),
        Field::Int(n) => Value::from(*n),
        Field::Long(n) => Value::from(*n),
        Field::UByte(n) => Value::from(*n),
        Field::UShort(n) => Value::from(*n),
        Field::UInt(n) => Value::from(*n),
        Field::ULong(n) => Value::from(*n),
        Field::Float16(x) => float(f64::from(*x))?,
        // The shortest decimal that is this number, not its double: 0.1 stays 0.1.
        Field::Float(x) => float(x.to_string().parse().unwrap_or(f64::from(*x)))?,
        Field::Double(x) => float(*x)?,
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes.data());
            Value::from(text.map_err(|_| "bytes that are not UTF-8. Allowed: text")?)
        }
        Field::Group(row) => {
            let fields = row.get_column_iter().map(|(name, field)| Ok((name.clone(), value(field)?)));
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
        Field::ListInternal(list) => {
            Value::Array(list.elements().iter().map(value).collect::<Result<_, _>>()?)
        }
        Field::MapInternal(map) => {
            let fields = map.entries().iter().map(|(key, field)| {
                let key = match value(key)? {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                Ok((key, value(field)?))
            });
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
        // Dates, times and decimals as they are written.
        other => Value::from(other.to_string()),
    })
}
