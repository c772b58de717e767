#![doc = include_str!("../README.md")]

mod anew;
pub mod catalog;
mod columns;
mod declaration;
mod decode;
pub mod json;
pub mod report;
mod row;
pub mod rules;
mod schema;
mod value;

pub use anew::Anew;
pub use catalog::{ALL, GROUPS, Group, UNREACHABLE, USERS_ME, Unreachable, find, nearest};
pub use declaration::{
    Child, Column, Confidence, CursorRule, DeleteRule, Each, Family, Form, Kind, Layout, Owner, Period, Rows,
    SCALE, Table,
};
pub use decode::{Context, Decoder, Facts, RawText, Rejected, Verdict};
pub use rules::Rules;
pub use schema::{arrow_schema, child_schema, rejected_schema, table_schema};
