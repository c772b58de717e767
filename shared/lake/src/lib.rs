#![doc = include_str!("../README.md")]

mod catalog;
mod commit;
mod encode;
mod files;
mod layout;
mod maintain;
mod merge;
mod publish;
mod seen;
mod table;
mod verify;

pub use commit::{Commit, Draft, Habits, Loading, Published};
pub use encode::{Encoded, Encoder, FILE_TARGET, Packing};
pub use files::DataFile;
pub use maintain::{Maintained, Swept, Upkeep};
pub use seen::{KeyHash, Seen};
pub use verify::{Damage, Verified};

use std::sync::Arc;

use model::port::ObjectStore;

use catalog::{Catalog, Pointer};

/// One lake: a folder or a bucket, and the database its tables are in.
#[derive(Clone, Debug)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    database: String,
    packing: Packing,
    catalog: Arc<dyn Catalog>,
}

impl Lake {
    /// The lake in `store` whose tables are in `database`.
    pub fn new(store: Arc<dyn ObjectStore>, database: impl Into<String>) -> Self {
        let database = database.into();
        let catalog = Arc::new(Pointer::new(Arc::clone(&store), database.clone()));
        Self { store, database, packing: Packing::default(), catalog }
    }

    /// The same lake, whose new files are packed in another way.
    #[must_use]
    pub fn packed(self, packing: Packing) -> Self {
        Self { packing, ..self }
    }

    /// How new files are packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Where its objects are.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }
}
