//! Writes drawn at random.

use model::Unit;

use super::{Source, fields};

impl Source {
    /// One write to one of the tables, or sometimes a burst of them, or the row of the last write once more.
    pub fn write(&self, dice: &mut fastrand::Rng) {
        let writes = if dice.u32(..12) == 0 { dice.u32(2..8) } else { 1 };
        for _ in 0..writes {
            self.write_once(dice);
        }
    }

    /// In one moment a row of one of the tables is deleted and another is active again: its lists are as long as before.
    pub fn swap(&self, dice: &mut fastrand::Rng) {
        let Some(table) = dice.choice(self.inner.tables.iter()).copied() else { return };
        let Some(unit) = dice.choice(self.units(table)) else { return };
        let (active, others): (Vec<i64>, Vec<i64>) = self.with(&unit, table, |rows| {
            let active = |(_, versions): &(i64, &[super::Version])| {
                versions.last().is_some_and(|version| version.state == Some(simulator::State::Active))
            };
            let (active, others): (Vec<_>, Vec<_>) = rows.iter().partition(active);
            let ids = |rows: Vec<(i64, _)>| rows.into_iter().map(|(id, _)| id).collect();
            (ids(active), ids(others))
        });
        let Some(leaves) = dice.choice(active) else { return };
        self.delete(&unit, table, leaves);
        match dice.choice(others) {
            Some(joins) => drop(self.undelete(&unit, table, joins)),
            None => drop(self.insert(&unit, table)),
        }
    }

    fn write_once(&self, dice: &mut fastrand::Rng) {
        let last = self.state().last.clone();
        if let Some((unit, table, id)) = last.filter(|_| dice.u32(..8) == 0) {
            self.touch(dice, &unit, table, id);
            return;
        }
        let Some(table) = dice.choice(self.inner.tables.iter()).copied() else { return };
        let Some(unit) = dice.choice(self.units(table)) else { return };
        if dice.u32(..5) == 0 {
            self.insert(&unit, table);
            return;
        }
        let ids: Vec<i64> = self.with(&unit, table, |rows| rows.iter().map(|(id, _)| id).collect());
        match dice.choice(ids) {
            Some(id) => self.touch(dice, &unit, table, id),
            None => drop(self.insert(&unit, table)),
        }
    }

    /// Changes one row somehow. One that is deleted is mostly brought back, so that tables do not run empty.
    fn touch(&self, dice: &mut fastrand::Rng, unit: &Unit, table: &'static str, id: i64) {
        let now = self.with(unit, table, |rows| rows.history(id).last().cloned());
        let deleted = now.as_ref().is_none_or(|v| matches!(v.state, None | Some(simulator::State::Deleted)));
        let write = self.next_write();
        // a row that is gone for good takes nothing but being brought back: then nothing happens
        let _ = match dice.u32(..20) {
            0..=2 => self.archive(unit, table, id),
            3..=6 if !deleted => self.delete(unit, table, id),
            3..=12 if deleted => self.undelete(unit, table, id),
            13 | 14 => self.put(unit, table, id, fields::amount(table, write)),
            15 => self.put(unit, table, id, fields::secret(table, write)),
            16 | 17 => {
                let text = now.and_then(|version| version.text);
                let lines = text.and_then(|text| fields::lines(&text, write));
                self.put(unit, table, id, lines)
            }
            _ => self.change(unit, table, id),
        };
    }

    /// Puts `fields` over a row, or changes it in the plain way where the table has none such.
    fn put(&self, unit: &Unit, table: &'static str, id: i64, fields: Option<serde_json::Value>) -> bool {
        match fields {
            Some(fields) => self.change_with(unit, table, id, &fields),
            None => self.change(unit, table, id),
        }
    }
}
