#![doc = include_str!("../README.md")]

mod catalog;
mod commit;
mod contract;
mod encode;
mod files;
pub mod glue;
mod layout;
mod maintain;
mod merge;
mod publish;
mod runs;
mod seen;
mod table;
mod verify;

pub use commit::{Commit, Draft, Habits, Loading, Published};
pub use contract::Contract;
pub use encode::{Encoded, Encoder, FILE_TARGET, Packing};
pub use files::DataFile;
pub use maintain::{Leftover, Swept, Tended, Upkeep};
pub use publish::{Replayed, Untyped};
pub use runs::{Run, RunOfTable};
pub use seen::{KeyHash, Seen, Sight};
pub use verify::{Damage, Verified};

use std::sync::Arc;

use model::port::ObjectStore;
use tables::{Rules, Table};

use catalog::{Catalog, Glue, Keeper, Kind, Pointer};
use glue::GlueTables;

/// One lake: a folder or a bucket, and the database its tables are in.
#[derive(Clone, Debug)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    database: String,
    packing: Packing,
    catalog: Arc<dyn Catalog>,
    keeper: Arc<Keeper>,
    contract: Contract,
    rules: Option<Arc<Rules>>,
}

impl Lake {
    /// The lake in `store` whose tables are in `database`.
    pub fn new(store: Arc<dyn ObjectStore>, database: impl Into<String>) -> Self {
        let database = database.into();
        let catalog = Arc::new(Pointer::new(Arc::clone(&store), database.clone()));
        Self::kept(store, database, catalog, Kind::Pointers)
    }

    /// The lake in `store` whose tables are in `database` of the Glue Data Catalog.
    pub fn in_glue(
        store: Arc<dyn ObjectStore>,
        database: impl Into<String>,
        tables: Arc<dyn GlueTables>,
    ) -> Self {
        let database = database.into();
        let catalog = Arc::new(Glue::new(Arc::clone(&store), database.clone(), tables));
        Self::kept(store, database, catalog, Kind::Glue)
    }

    fn kept(store: Arc<dyn ObjectStore>, database: String, catalog: Arc<dyn Catalog>, kind: Kind) -> Self {
        let keeper = Arc::new(Keeper::new(catalog, Arc::clone(&store), database.clone(), kind));
        let catalog = Arc::clone(&keeper) as Arc<dyn Catalog>;
        let (packing, contract) = (Packing::default(), Contract::default());
        Self { store, database, packing, catalog, keeper, contract, rules: None }
    }

    /// The same lake, whose new files are packed in another way.
    #[must_use]
    pub fn packed(self, packing: Packing) -> Self {
        Self { packing, ..self }
    }

    /// The same lake, whose tables follow their source so far.
    #[must_use]
    pub fn under(self, contract: Contract) -> Self {
        Self { contract, ..self }
    }

    /// The same lake, where the table of `rules` and its children have the columns that these want.
    #[must_use]
    pub fn obeying(self, rules: Arc<Rules>) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// What is wanted of `family`.
    fn rules(&self, family: &Table) -> Option<&Arc<Rules>> {
        self.rules.as_ref().filter(|rules| rules.family().name == family.name)
    }

    /// How far its tables follow their source.
    pub fn contract(&self) -> Contract {
        self.contract
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
