//! Files: receipts of expenses and pictures, fetched by a key. What was uploaded is held in memory.

use http::header;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Call, Root, USUAL, View, flat};
use crate::answer::Answer;
use crate::book::State;
use crate::changes::Business;
use crate::refusal::Refusal;
use crate::resources::{Family, Kind, expenses};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "uploads_attachments",
        family: Family::Uploads,
        root: Root::Uploads,
        path: "attachments/{}",
        scope: "uploads",
        answer: attachment,
        ..USUAL
    },
    View {
        name: "uploads_images",
        family: Family::Uploads,
        root: Root::Uploads,
        path: "images/{}",
        scope: "uploads",
        answer: image,
        ..USUAL
    },
    View {
        name: "uploads_attachments",
        family: Family::Uploads,
        root: Root::UploadsTo,
        path: "attachments",
        scope: "uploads",
        post: Some(|business, _, body| Ok(upload(business, body, "attachment"))),
        ..USUAL
    },
    View {
        name: "uploads_images",
        family: Family::Uploads,
        root: Root::UploadsTo,
        path: "images",
        scope: "uploads",
        post: Some(|business, _, body| Ok(upload(business, body, "image"))),
        ..USUAL
    },
];

fn file(media: &str, bytes: Vec<u8>) -> Answer {
    let mut answer = Answer::ok(bytes);
    answer.headers = vec![(header::CONTENT_TYPE, media.to_owned())];
    answer
}

/// Some bytes that belong to a key, with the right beginning for their media type.
fn bytes_of(media: &str, key: &str) -> Vec<u8> {
    let start: &[u8] = match media {
        "image/png" => b"\x89PNG\r\n\x1a\n",
        "application/pdf" => b"%PDF-1.4\n",
        _ => b"\xff\xd8\xff\xe0",
    };
    let mut bytes = start.to_vec();
    for n in 0_u8..16 {
        bytes.extend_from_slice(&Sha256::digest([key.as_bytes(), &[n]].concat()));
    }
    bytes
}

fn not_found() -> Refusal {
    Refusal::NotFound { object: "file", field: "jwt", value: String::new() }
}

fn attachment(call: &Call<'_>) -> Result<Answer, Refusal> {
    if let Some((media, bytes)) = call.business.uploads.get(call.id) {
        return Ok(file(media, bytes.clone()));
    }
    let book = &call.business.book;
    let of_expense = |index: &u64| {
        let change = call.business.change_of(Kind::Expenses, *index);
        let there = change.is_none_or(|change| !change.gone && change.state != State::Deleted);
        there && expenses::has_receipt(book, *index) && expenses::jwt(book, *index) == call.id
    };
    let index = (0..book.count(Kind::Expenses)).find(of_expense).ok_or_else(not_found)?;
    let media = expenses::media_type(book, index);
    Ok(file(media, bytes_of(media, call.id)))
}

fn image(call: &Call<'_>) -> Result<Answer, Refusal> {
    if let Some((media, bytes)) = call.business.uploads.get(call.id) {
        return Ok(file(media, bytes.clone()));
    }
    // what the presentation of every invoice points at
    if matches!(call.id, "simulated_banner" | "simulated_logo") {
        return Ok(file("image/png", bytes_of("image/png", call.id)));
    }
    Err(not_found())
}

/// Keeps the body as it came; a multipart body is not taken apart.
fn upload(business: &mut Business, body: &[u8], key: &str) -> Answer {
    let number = business.uploads.len();
    let hash = Sha256::digest([body, number.to_string().as_bytes()].concat());
    let start = hash.iter().take(16).fold(0_u128, |start, byte| start << 8 | u128::from(*byte));
    let (jwt, media) = (format!("uploaded.{start:032x}.jwt"), "image/jpeg");
    business.uploads.insert(jwt.clone(), (media.to_owned(), body.to_vec()));
    let uuid = crate::dice::Dice::new(business.book.seed, "upload", number as u64).uuid("uuid");
    let mut answer = json!({key: {
        "filename": format!("upload-{}", 12_345 + number), "public_id": jwt, "jwt": jwt, "media_type": media,
        "uuid": uuid,
    }});
    if key == "image" {
        answer["link"] = format!("https://my.freshbooks.example/service/uploads/images/{jwt}").into();
    }
    flat(&answer)
}
