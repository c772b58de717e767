//! The query of a request, with `search[key]` both plain and percent-encoded.

/// Its pairs, decoded, in order.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(text.as_bytes()).into_owned().collect() }
    }

    /// The last value of `key`.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All values of `key`.
    pub(crate) fn values(&self, key: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of `search[key]`.
    pub(crate) fn search(&self, key: &str) -> Option<&str> {
        self.value(&format!("search[{key}]"))
    }

    /// The values of `search[key][]`.
    pub(crate) fn search_list(&self, key: &str) -> Vec<&str> {
        self.values(&format!("search[{key}][]"))
    }

    /// A flag of the project-like families; `Err` for what is neither true nor false.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, ()> {
        match self.value(key).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "1" | "yes") => Ok(Some(true)),
            Some("false" | "0" | "no") => Ok(Some(false)),
            Some(_) => Err(()),
        }
    }

    /// The names in `include[]`, and the bare flags of the project-like families as names.
    pub(crate) fn includes(&self) -> Vec<String> {
        let mut names: Vec<String> = self.values("include[]").into_iter().map(str::to_owned).collect();
        if self.flag("skip_group") != Ok(Some(true)) {
            names.push("group".to_owned());
        }
        if self.flag("include_task_id") == Ok(Some(true)) {
            names.push("task_id".to_owned());
        }
        names
    }
}
