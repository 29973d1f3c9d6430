//! JSON Schemas of what serde is told by hand: ids, numbers with meanings, marks, cursors, error codes.

use crate::{
    conversation::ConversationType,
    cursor::Cursor,
    error::ErrorKind,
    filter::MarkCondition,
    ids::{ConversationId, UserId},
    limits::ID_BYTES_MAX,
    marks::Marks,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeSet};

/// What an id may hold: anything but control characters and white space.
const ID_CHARACTERS: &str = r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+";

/// 2^64, which no integer type holds, as JSON writes it.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// The text of a doc comment, whose first line begins with a space.
fn text(doc: &str) -> &str {
    doc.trim()
}

/// An id of at most so many bytes, in UTF-8, behind a prefix.
pub(crate) fn id(doc: &str, prefix: &str, bytes_max: usize) -> Schema {
    json_schema!({
        "type": "string",
        "description": text(doc),
        "minLength": 1,
        "maxLength": bytes_max,
        "pattern": format!("^{prefix}{ID_CHARACTERS}$"),
    })
}

/// A number of a few, each with its meaning.
pub(crate) fn numbers(doc: &str, meanings: &[(u8, &str)]) -> Schema {
    let values: Vec<Value> =
        meanings.iter().map(|(number, meaning)| json!({ "const": number, "description": text(meaning) })).collect();
    json_schema!({ "type": "integer", "description": text(doc), "oneOf": values })
}

impl JsonSchema for ConversationId {
    fn schema_name() -> Cow<'static, str> {
        "ConversationId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc =
            "A conversation as one user sees it: `c2c_<userID>` or `group_<groupID>`; split it at the first `_` only.";
        id(doc, "(c2c|group)_", "group_".len() + ID_BYTES_MAX)
    }
}

impl JsonSchema for Cursor {
    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a client stands in its user's changes. Opaque: a client hands back what it was given.",
            "minLength": 1,
        })
    }
}

/// One mark: a single bit.
pub(crate) struct MarkBit;

impl JsonSchema for MarkBit {
    fn schema_name() -> Cow<'static, str> {
        "MarkBit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let bits: Vec<u64> =
            (0..u64::BITS).map(|place| 1 << place).filter(|bit| Marks::try_from(*bit).is_ok()).collect();
        json_schema!({
            "type": "integer",
            "description": "One mark: 1 star, 2 unread, 4 fold, 8 hide, 2^32 to 2^63 the app's own. Each is exact in a double.",
            "enum": bits,
        })
    }
}

/// A number or a decimal string, of at least `least`.
fn number_or_text(least: u8) -> [Value; 2] {
    let text = if least == 0 { "^[0-9]+$" } else { "^0*[1-9][0-9]*$" };
    [
        json!({
            "type": "integer", "minimum": least, "exclusiveMaximum": TWO_TO_64,
            "description": "A number; from 2^53 on it is read as its nearest double.",
        }),
        json!({ "type": "string", "pattern": text, "description": "A decimal number below 2^64; exact." }),
    ]
}

/// Marks as a call may name them, of at least `least` as a sum.
fn marks(least: u8, description: &str) -> Schema {
    let [number, text] = number_or_text(least);
    json_schema!({
        "description": description,
        "anyOf": [
            number,
            text,
            { "type": "array", "minItems": 1, "items": { "anyOf": number_or_text(1) }, "description": "Their sum." },
        ],
    })
}

impl JsonSchema for Marks {
    fn schema_name() -> Cow<'static, str> {
        "Marks".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        marks(
            1,
            "One or several marks: 1 star, 2 unread, 4 fold, 8 hide, 2^32 to 2^63 the app's own. Bits 2^4 to 2^31 are refused.",
        )
    }
}

impl JsonSchema for MarkCondition {
    fn schema_name() -> Cow<'static, str> {
        "MarkCondition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        marks(
            0,
            "With any of these marks; 0: with no mark. In an event a single mark is a number, several are an array of single bits.",
        )
    }
}

/// A mark of an imported row.
pub(crate) struct ImportedMark;

impl JsonSchema for ImportedMark {
    fn schema_name() -> Cow<'static, str> {
        "ImportedMark".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Marks::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A filter's condition on the type, of which 0 is none.
pub(crate) struct TypeCondition;

impl JsonSchema for TypeCondition {
    fn schema_name() -> Cow<'static, str> {
        "TypeCondition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let of_a_type = generator.subschema_for::<ConversationType>();
        json_schema!({ "anyOf": [{ "const": 0, "description": "No condition." }, of_a_type] })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// What a clean-unread is about.
pub(crate) struct ReadScope;

impl JsonSchema for ReadScope {
    fn schema_name() -> Cow<'static, str> {
        "ReadScope".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<ConversationId>();
        json_schema!({ "anyOf": [one, { "enum": ["c2c", "group", ""] }] })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The number of an [`ErrorKind`].
pub(crate) struct ErrorCode;

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: BTreeSet<u32> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        json_schema!({
            "type": "integer",
            "description": "What went wrong; the codes of this version.",
            "enum": codes,
        })
    }
}

/// 0, or the number of an [`ErrorKind`].
pub(crate) struct ResultCode;

impl JsonSchema for ResultCode {
    fn schema_name() -> Cow<'static, str> {
        "ResultCode".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let code = generator.subschema_for::<ErrorCode>();
        json_schema!({ "anyOf": [{ "const": 0, "description": "Done." }, code] })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The params of a client's method with the user's id beside them.
pub(crate) struct OfUser<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OfUser<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("User{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut user = generator.subschema_for::<UserId>();
        user.insert("description".to_owned(), "Whose list it is about.".into());
        let mut schema = T::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("userID".to_owned(), user.into());
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.insert(0, "userID".into());
        }
        schema
    }
}
